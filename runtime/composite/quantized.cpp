// quantize and dequantize: blocks of the last dim share a scale. The formats and the order of
// rounding are those of q8_0 and q4_0 in GGUF (github.com/ggml-org/ggml, docs/gguf.md).

#include "runtime/composite/composite.h"

namespace weft {

namespace {

using composite::refuse;

// [..., K] as [..., blocks, K / blocks].
Tensor in_blocks(const Tensor& t, int64_t blocks, int64_t block) {
  Shape shape = t.shape();
  shape[shape.size() - 1] = blocks;
  shape.push_back(block);
  return reshape(t, shape);
}

// 1 / d, and 0 for a block of zeros.
Tensor inverse(const Tensor& d) { return where(d == 0, 0.0, 1.0 / where(d == 0, 1.0, d)); }

// To the nearest integer, halves away from zero.
Tensor rounded(const Tensor& x) {
  Tensor magnitude = abs(x), below = floor(magnitude);
  return sign(x) * where(magnitude - below >= 0.5, below + 1, below);
}

Quantized in_bytes(const Tensor& blocks) {
  Tensor scale = amax(abs(blocks), {-1}, true) / 127;
  return {rounded(blocks * inverse(scale)).to(i8), scale};
}

Quantized in_nibbles(const Tensor& blocks) {
  Tensor largest = take_along_dim(blocks, argmax(abs(blocks), {-1}, true), -1);
  Tensor scale = largest / -8;
  Tensor codes = clamp(trunc(blocks * inverse(scale) + 8.5), 0, 15).to(u8);
  const int64_t half = codes.size(-1) / 2;
  return {slice(codes, -1, 0, half) | slice(codes, -1, half, 2 * half) << 4, scale};
}

} // namespace

Quantized quantize(const Arg& x, int64_t bits, int64_t block) {
  OpScope scope(x.loc());
  composite::require_floating("quantize", x);
  const Meta& m = x.impl()->meta;
  if (bits != 4 && bits != 8)
    refuse("quantize", ErrorKind::value, "bits must be 4 or 8, got " + std::to_string(bits),
           x.loc());
  if (block < 2 || block % 2)
    refuse("quantize", ErrorKind::value,
           "the block must be a positive even number, got " + std::to_string(block), x.loc());
  if (m.rank == 0 || m.sizes[m.rank - 1] % block)
    refuse("quantize", ErrorKind::shape,
           "the last dim must be a multiple of the block of " + std::to_string(block) + ", got " +
               describe(m),
           x.loc());
  NoGrad no_grad;
  const int64_t blocks = m.sizes[m.rank - 1] / block;
  Tensor cut = in_blocks(x.tensor().to(f32), blocks, block);
  auto [codes, scales] = bits == 8 ? in_bytes(cut) : in_nibbles(cut);
  return {flatten(codes, -2, -1), squeeze(scales, -1).to(f16)};
}

Tensor dequantize(const Arg& codes, const Tensor& scales) {
  OpScope scope(codes.loc());
  const Loc& loc = codes.loc();
  const Meta& mc = require_tensor(codes, "dequantize").meta;
  const Meta& ms = require_tensor(Arg(scales, loc), "dequantize").meta;
  const bool is_packed = mc.dtype == DType::u8;
  if (!(is_packed || mc.dtype == DType::i8) || !is_floating(ms.dtype))
    refuse("dequantize", ErrorKind::dtype,
           "codes must be i8 or u8 and scales floating, got " + describe(mc) + " and " +
               describe(ms),
           loc);
  bool fits = mc.rank >= 1 && ms.rank == mc.rank;
  for (int d = 0; fits && d < mc.rank - 1; d++)
    fits = mc.sizes[d] == ms.sizes[d];
  const int64_t bytes = fits ? mc.sizes[mc.rank - 1] : 0, blocks = fits ? ms.sizes[ms.rank - 1] : 0;
  if (!fits || (blocks ? bytes % blocks : bytes) != 0)
    refuse("dequantize", ErrorKind::shape,
           "codes and scales must agree in all dims but the last, and blocks be equal, got " +
               describe(mc) + " and " + describe(ms),
           loc);
  const DType dtype = ms.dtype == DType::f64 ? f64 : f32;
  Tensor cut = in_blocks(codes.tensor(), blocks, blocks ? bytes / blocks : 0);
  if (is_packed) cut = concatenate({cut & 15, cut >> 4}, -1);
  Tensor numbers = is_packed ? cut.to(dtype) - 8 : cut.to(dtype);
  return flatten(numbers * unsqueeze(scales.to(dtype), -1), -2, -1);
}

} // namespace weft
