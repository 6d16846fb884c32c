// RUN: weft-opt %s --emit=opencl | FileCheck %s

// f16 is read and written as bits; narrow integers are C's, computed with in 64 bits.
// CHECK: WEFT_FUNCTION float weft_f32_of_f16(weft_u16 x) {
// CHECK: WEFT_FUNCTION weft_u16 weft_f16_of_f32(float x) {
// CHECK: f16_to_i8(WEFT_BUFFER(const weft_u16, b0), WEFT_BUFFER(const weft_u8, b1), WEFT_BUFFER(weft_u16, b2), WEFT_BUFFER(weft_i8, b3), WEFT_BUFFER(weft_i32, b4),
// CHECK: const float [[X:v[0-9]+]] = weft_f32_of_f16(b0[
// CHECK: const weft_i64 [[Y:v[0-9]+]] = b1[
// CHECK: b2[{{.*}}] = weft_f16_of_f32([[X]]);
// CHECK: b3[{{.*}}] = (weft_i8)[[Y]];
// CHECK: b4[{{.*}}] = (weft_i32)[[Y]];
loom.kernel @f16_to_i8(%x: !loom.buffer<f16>, %y: !loom.buffer<ui8>, %a: !loom.buffer<f16>, %b: !loom.buffer<i8>, %c: !loom.buffer<i32>) {
  loom.part [#loom.axis<"i", 64, lanes>] {
  ^bb0(%i: index):
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f16>
    %w = loom.load %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<ui8>
    loom.store %v, %a[affine_map<(i) -> (i)>](%i) : !loom.buffer<f16>
    loom.store %w, %b[affine_map<(i) -> (i)>](%i) : !loom.buffer<i8>
    loom.store %w, %c[affine_map<(i) -> (i)>](%i) : !loom.buffer<i32>
  }
}
