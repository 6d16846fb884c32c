// Matrices of small integers with a scale for each block of a row: making them, reading them, products with them.
#ifndef WEFT_IR_OPS_QUANTIZED_TD
#define WEFT_IR_OPS_QUANTIZED_TD

include "ir/ops/composite.td"

def QuantizedMatmul : Structured<"quantized_matmul", (ins Weft_Tensor:$x, Weft_Tensor:$codes, Weft_Tensor:$scales)> {
  let summary = "x times the transpose of the matrix that codes and scales stand for";
  let description = "The product is that of x with `dequantize(codes, scales)`, whose numbers are exact in f32: nothing but the weights loses precision. Compiled, the matrix exists in registers only.";
  let example = "quantized_matmul(tensor({{1.f, 2.f}}), tensor({{3, 4}}).to(i8), tensor({{0.5f}}))";
  let gives = "[[5.5000]] f32[1, 1]";
  let shapes = "floating x [..., K], codes [N, K] of i8, or [N, K / 2] of u8, and floating scales [N, blocks], whose number divides K, give [..., N]";
  let formula = "y[m, n] = sum over k of x[m, k] * dequantize(codes, scales)[n, k]";
  let isOurs = 1;
  let domain = Number;
  let lowers = 1;
  let method = 0;
  let reads = ["codes scales", "", "x codes"];
}
def Quantize : Composite<"quantize", [Param<"const Arg&", "x">, Param<"int64_t", "bits", "8">, Param<"int64_t", "block", "32">]> {
  let summary = "x as small integers, its codes, and one scale in f16 for each block of the last dim";
  let description = "With 8 bits a block's scale is its largest magnitude / 127, and codes are rounded away from zero at halves: the format q8_0 of GGUF where blocks have 32 elements. With 4 bits the element of largest magnitude becomes -8, and a block's halves are the low and the high four bits of its bytes, 8 higher: the format q4_0. No gradient passes.";
  let example = "quantize(tensor({{127.f, -1.f}}), 8, 2).codes";
  let gives = "[[127, -1]] i8[1, 2]";
  let shapes = "x [..., K] gives codes [..., K] of i8, or [..., K / 2] of u8, and scales [..., K / block]";
  let dtypes = "floating";
  let gradient = "none";
  let isOurs = 1;
  let returns = "Quantized";
}
def Dequantize : Composite<"dequantize", [Param<"const Arg&", "codes">, Param<"const Tensor&", "scales">]> {
  let summary = "the numbers that codes and scales stand for";
  let description = "Codes of i8 are what `quantize` makes with 8 bits, codes of u8 with 4. In f32, or f64 where the scales are.";
  let example = "dequantize(tensor({{3, 4}}).to(i8), tensor({{0.5f}}))";
  let gives = "[[1.5000, 2.0000]] f32[1, 2]";
  let shapes = "codes [..., K] of i8, or [..., K / 2] of u8, and scales [..., blocks] give [..., K]";
  let dtypes = "codes of i8 or u8, floating scales";
  let isOurs = 1;
  let gradient = "to the scales";
}

#endif
