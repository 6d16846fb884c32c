// The rule of products with a quantised matrix.

#include "runtime/core/rules.h"

namespace weft {

void infer_quantized_matmul(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  const Meta& codes = call.operands[1]->meta;
  const Meta& scales = call.operands[2]->meta;
  const bool is_packed = codes.dtype == DType::u8;
  if (!is_floating(x.dtype) || !(is_packed || codes.dtype == DType::i8) ||
      !is_floating(scales.dtype))
    fail(call, ErrorKind::dtype,
         "x and scales must be floating and codes i8 or u8, got " + describe_operands(call));
  bool fits = x.rank >= 1 && codes.rank == 2 && scales.rank == 2;
  const int64_t steps = fits ? x.sizes[x.rank - 1] : 0;
  if (fits) {
    const int64_t blocks = scales.sizes[1];
    fits = codes.sizes[0] == scales.sizes[0] && codes.sizes[1] * (is_packed ? 2 : 1) == steps &&
           (blocks ? steps % blocks == 0 && !(is_packed && steps / blocks % 2) : steps == 0);
  }
  if (!fits)
    fail(call, ErrorKind::shape,
         std::string("x must be [..., K], codes [N, ") + (is_packed ? "K / 2" : "K") +
             "] and scales [N, blocks], with equal blocks" + (is_packed ? " of even size" : "") +
             ", got " + describe_operands(call));
  result.rank = x.rank;
  std::copy_n(x.sizes, x.rank, result.sizes);
  result.sizes[x.rank - 1] = codes.sizes[0];
  result.dtype = x.dtype;
  result.device = x.device;
  check_extent(call, result);
  result.set_contiguous();
}

} // namespace weft
