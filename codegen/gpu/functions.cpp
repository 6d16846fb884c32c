// Device functions for the scalar ops that are more than one C operator. Of the texts with a $
// there are two, such as one for f32 and one for f64; only what a source calls is printed, so that
// kernels without f64 compile on devices without it.
#include "codegen/gpu/dialects.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

namespace weft::gpu {
namespace {

struct Function {
  const char *name, *text;
};

// $F: f32 or f64. $T: its C type. $U: unsigned integer of its width. $fraction, $bias, $field: its
// layout. $offset = 1.5 * 2^fraction + bias. $up = 2^bias, $down = 2^(fraction + 2 - bias), as
// bits; $step = bias - fraction - 2. $H: bf16 or f16. $across, $trans: of transposed matrices.
constexpr Function kFunctions[] = {
    // error[0] is the number of the launch that raised first, error[1] its largest code. What was
    // enqueued behind that launch stores nothing, so that no value is made of refused ones. All
    // threads of a launch answer alike: while it runs, error[0] only changes to its own number.
    {"weft_is_stopped", R"(int weft_is_stopped(WEFT_GLOBAL weft_u32* error, weft_u32 launch) {
  const weft_u32 raised = error[0];
  return raised != 0 && raised != launch;
})"},
    {"weft_raise", R"(void weft_raise(WEFT_GLOBAL weft_u32* error, weft_u32 launch, weft_u32 code) {
  WEFT_FIRST(error, launch);
  WEFT_MOST(error + 1, code);
})"},
    {"weft_add", R"(weft_i64 weft_add(weft_i64 x, weft_i64 y) {
  return (weft_i64)((weft_u64)x + (weft_u64)y);
})"},
    {"weft_sub", R"(weft_i64 weft_sub(weft_i64 x, weft_i64 y) {
  return (weft_i64)((weft_u64)x - (weft_u64)y);
})"},
    {"weft_mul", R"(weft_i64 weft_mul(weft_i64 x, weft_i64 y) {
  return (weft_i64)((weft_u64)x * (weft_u64)y);
})"},
    {"weft_abs", R"(weft_i64 weft_abs(weft_i64 x) {
  return x < 0 ? weft_sub(0, x) : x;
})"},
    // Division by 0 is 0, and by -1 it wraps.
    {"weft_div_trunc", R"(weft_i64 weft_div_trunc(weft_i64 x, weft_i64 y) {
  return y == 0 ? 0 : y == -1 ? weft_sub(0, x) : x / y;
})"},
    {"weft_rem", R"(weft_i64 weft_rem(weft_i64 x, weft_i64 y) {
  return y == 0 || y == -1 ? 0 : x % y;
})"},
    {"weft_div_floor", R"(weft_i64 weft_div_floor(weft_i64 x, weft_i64 y) {
  const weft_i64 down = weft_rem(x, y) != 0 && (x < 0) != (y < 0);
  return weft_sub(weft_div_trunc(x, y), down);
})"},
    {"weft_div_ceil", R"(weft_i64 weft_div_ceil(weft_i64 x, weft_i64 y) {
  const weft_i64 up = weft_rem(x, y) != 0 && (x < 0) == (y < 0);
  return weft_add(weft_div_trunc(x, y), up);
})"},
    {"weft_mod", R"(weft_i64 weft_mod(weft_i64 x, weft_i64 y) {
  return weft_sub(x, weft_mul(weft_div_floor(x, y), y));
})"},
    {"weft_i64_of_$F", R"(weft_i64 weft_i64_of_$F($T x) {
  if (x != x) return 0;
  if (x >= ($T)9223372036854775808.0$s) return 9223372036854775807;
  return x < ($T)-9223372036854775808.0$s ? -9223372036854775807 - 1 : (weft_i64)x;
})"},
    {"weft_u64_of_$F", R"(weft_i64 weft_u64_of_$F($T x) {
  if (!(x > 0)) return 0;
  return x >= ($T)18446744073709551616.0$s ? -1 : (weft_i64)(weft_u64)x;
})"},
    {"weft_f32_of_bf16", R"(float weft_f32_of_bf16(weft_u16 x) {
  return weft_f32_of_bits((weft_u32)x << 16);
})"},
    // To nearest even; NaN stays a quiet NaN.
    {"weft_bf16_of_f32", R"(weft_u16 weft_bf16_of_f32(float x) {
  const weft_u32 bits = weft_bits_of_f32(x);
  if (x != x) return (weft_u16)(bits >> 16 | 0x40u);
  return (weft_u16)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
})"},
    // As kernels/elements.h: no device needs half precision of its own for it.
    {"weft_f32_of_f16", R"(float weft_f32_of_f16(weft_u16 x) {
  const weft_u32 magnitude = ((weft_u32)x & 0x7fffu) << 13;
  const weft_u32 sign = ((weft_u32)x & 0x8000u) << 16;
  const weft_u32 scaled = weft_bits_of_f32(weft_f32_of_bits(magnitude) * 0x1p112f);
  return weft_f32_of_bits((magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : scaled) | sign);
})"},
    {"weft_f16_of_f32", R"(weft_u16 weft_f16_of_f32(float x) {
  const weft_u32 bits = weft_bits_of_f32(x), magnitude = bits & 0x7fffffffu;
  weft_u32 result = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  if (magnitude < 0x38800000u)
    result = weft_bits_of_f32(weft_f32_of_bits(magnitude) + 0.5f) - 0x3f000000u;
  if (magnitude >= 0x477ff000u) result = 0x7c00u;
  if (magnitude > 0x7f800000u) result = 0x7e00u | (magnitude >> 13 & 0x3ffu);
  return (weft_u16)(result | (bits >> 16 & 0x8000u));
})"},
    // NaN if one is NaN; -0 is below +0.
    {"weft_maximum_$F", R"($T weft_maximum_$F($T x, $T y) {
  if (x != x || y != y) return x + y;
  return x > y || (x == y && weft_bits_of_$F(x) >> $sign == 0) ? x : y;
})"},
    {"weft_minimum_$F", R"($T weft_minimum_$F($T x, $T y) {
  if (x != x || y != y) return x + y;
  return x < y || (x == y && weft_bits_of_$F(x) >> $sign != 0) ? x : y;
})"},
    {"weft_maxnum_$F", R"($T weft_maxnum_$F($T x, $T y) {
  return x != x ? y : y != y ? x : weft_maximum_$F(x, y);
})"},
    {"weft_minnum_$F", R"($T weft_minnum_$F($T x, $T y) {
  return x != x ? y : y != y ? x : weft_minimum_$F(x, y);
})"},
    {"weft_exponent_$F", R"($T weft_exponent_$F($T x) {
  return ($T)((int)(weft_bits_of_$F(x) >> $fraction & $field) - $bias);
})"},
    {"weft_mantissa_$F", R"($T weft_mantissa_$F($T x) {
  const $U one = 1;
  return weft_$F_of_bits((weft_bits_of_$F(x) & ((one << $fraction) - 1)) | ($U)$bias << $fraction);
})"},
    // Adding 1.5 * 2^fraction leaves an integer in the low bits.
    {"weft_power_of_two_$F", R"($T weft_power_of_two_$F($T n) {
  return weft_$F_of_bits(weft_bits_of_$F(n + $offset) << $fraction);
})"},
    // x * 2^n: one product where 2^n is a normal number, else three of which only the last can
    // round (scalbn of musl libc).
    {"weft_scale2_$F", R"($T weft_scale2_$F($T x, $T n) {
  if (n >= 1 - $bias && n <= $bias)
    return x * weft_$F_of_bits(weft_bits_of_$F(n + $offset) << $fraction);
  n = n > 2 - 2 * $bias ? n : 2 - 2 * $bias;
  n = n < 2 * $bias ? n : 2 * $bias;
  for (int i = 0; i < 2; ++i) {
    if (n > $bias) {
      x *= weft_$F_of_bits($up);
      n -= $bias;
    } else if (n < 1 - $bias) {
      x *= weft_$F_of_bits($down);
      n += $step;
    }
  }
  n = n > $bias ? $bias : n < 1 - $bias ? 1 - $bias : n;
  return x * weft_$F_of_bits(($U)((int)n + $bias) << $fraction);
})"},
    // Adds the product of a 16 x 16 and a 16 x 8 matrix to a 16 x 8 one, each spread over a warp
    // (PTX ISA, mma.m16n8k16). Called where WEFT_HAS_MMA is defined.
    {"weft_mma_$H",
     R"(void weft_mma_$H(float* upper, float* lower, const weft_u32* a, const weft_u32* b) {
#ifdef WEFT_HAS_MMA
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.$H.$H.f32 {%0, %1, %2, %3}, "
               "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(upper[0]), "+f"(upper[1]), "+f"(lower[0]), "+f"(lower[1])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
})"},
    // Gives each thread of a warp its parts of four matrices of 8 x 8, as weft_mma_* takes them.
    // Thread l says where row l % 8 of matrix l / 8 lies, or that column of transposed ones.
    {"weft_matrices$across",
     R"(void weft_matrices$across(weft_u32* to, const WEFT_SHARED_POINTER weft_u16* line) {
#ifdef WEFT_HAS_MMA
  asm volatile("ldmatrix.sync.aligned.m8n8.x4$trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"((weft_u32)__cvta_generic_to_shared(line)) : "memory");
#endif
})"},
    // Starts to copy 16 bytes to shared memory. They are there for the thread once it has awaited
    // its WEFT_COMMIT_COPIES, for the others behind the next barrier.
    {"weft_copy16",
     R"(void weft_copy16(WEFT_SHARED_POINTER weft_u16* to, const WEFT_GLOBAL weft_u16* from) {
#ifdef WEFT_HAS_MMA
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;"
               :: "r"((weft_u32)__cvta_generic_to_shared(to)),
                  "l"(__cvta_generic_to_global(from)) : "memory");
#endif
})"},
    // Philox4x32-10 (Salmon et al., SC 2011).
    {"weft_philox",
     R"(weft_i64 weft_philox(weft_i64 seed, weft_i64 stream, weft_i64 counter, int word) {
  weft_u32 x0 = (weft_u32)counter, x1 = (weft_u32)((weft_u64)counter >> 32);
  weft_u32 x2 = (weft_u32)stream, x3 = (weft_u32)((weft_u64)stream >> 32);
  weft_u32 k0 = (weft_u32)seed, k1 = (weft_u32)((weft_u64)seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const weft_u64 p0 = (weft_u64)0xD2511F53u * x0, p1 = (weft_u64)0xCD9E8D57u * x2;
    x0 = (weft_u32)(p1 >> 32) ^ x1 ^ k0;
    x1 = (weft_u32)p1;
    x2 = (weft_u32)(p0 >> 32) ^ x3 ^ k1;
    x3 = (weft_u32)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return word == 0 ? x0 : word == 1 ? x1 : word == 2 ? x2 : x3;
})"},
};

std::string replaceAll(std::string text, llvm::StringRef from, llvm::StringRef to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string instance(std::string text, bool isSecond) {
  const std::pair<const char*, const char*> values[] = {
      {"$fraction", isSecond ? "52" : "23"},
      {"$field", isSecond ? "0x7ff" : "0xffu"},
      {"$bias", isSecond ? "1023" : "127"},
      {"$offset", isSecond ? "6755399441056767.0" : "12583039.0f"},
      {"$step", isSecond ? "969" : "102"},
      {"$sign", isSecond ? "63" : "31"},
      {"$up", isSecond ? "0x7fe0000000000000" : "0x7f000000u"},
      {"$down", isSecond ? "0x0360000000000000" : "0x0c800000u"},
      {"$H", isSecond ? "f16" : "bf16"},
      {"$across", isSecond ? "_transposed" : ""},
      {"$trans", isSecond ? ".trans" : ""},
      {"$F", isSecond ? "f64" : "f32"},
      {"$T", isSecond ? "double" : "float"},
      {"$U", isSecond ? "weft_u64" : "weft_u32"},
      {"$s", isSecond ? "" : "f"},
  };
  for (auto [from, to] : values)
    text = replaceAll(text, from, to);
  return text;
}

bool calls(llvm::StringRef text, const std::string& name) { return text.contains(name + "("); }

} // namespace

std::string functionsFor(llvm::StringRef text) {
  std::string all = text.str();
  llvm::SmallVector<std::string> chosen;
  // Functions call those above them only.
  for (const Function& function : llvm::reverse(kFunctions))
    for (bool isSecond : {true, false}) {
      bool both = llvm::StringRef(function.name).contains('$');
      if (isSecond && !both) continue;
      if (!calls(all, instance(function.name, isSecond))) continue;
      std::string guard = "WEFT_HAS_" + instance(function.name, isSecond);
      chosen.push_back("#ifndef " + guard + "\n#define " + guard + "\nWEFT_FUNCTION " +
                       instance(function.text, isSecond) + "\n#endif\n");
      all += chosen.back();
    }
  return llvm::join(llvm::reverse(chosen), "");
}

} // namespace weft::gpu
