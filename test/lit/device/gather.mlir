// RUN: weft-opt %s --emit=opencl | FileCheck %s

// An index that comes from memory is required to be in range, and 0 where it is not: a thread reads nothing else.
// CHECK: gather(WEFT_BUFFER(const weft_i64, b0), WEFT_BUFFER(const float, b1), WEFT_BUFFER(float, b2)
// CHECK: const weft_i64 [[I:v[0-9]+]] = b0[[[R:.*]]];
// CHECK-NEXT: const bool [[OK:v[0-9]+]] = (weft_u64)[[I]] < (weft_u64)100;
// CHECK-NEXT: if (![[OK]]) weft_raise(error, launch, 1u);
// CHECK-NEXT: const weft_i64 [[S:v[0-9]+]] = [[OK]] ? [[I]] : 0;
// CHECK-NEXT: const float [[V:v[0-9]+]] = b1[[[C:.*]] + [[S]] * 64];
// CHECK-NEXT: b2[[[R]] * 64 + [[C]]] = [[V]];
loom.kernel @gather(%at: !loom.buffer<i64>, %x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 32>, #loom.axis<"c", 64, lanes>] {
  ^bb0(%r: index, %c: index):
    %i = loom.load %at[affine_map<(r) -> (r)>](%r) : !loom.buffer<i64>
    %n = arith.constant 100 : i64
    %ok = arith.cmpi ult, %i, %n : i64
    loom.require %ok, 1
    %zero = arith.constant 0 : i64
    %s = arith.select %ok, %i, %zero : i64
    %p = arith.index_cast %s : i64 to index
    %v = loom.load %x[affine_map<(c, p) -> (c + p * 64)>](%c, %p) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(r, c) -> (r * 64 + c)>](%r, %c) : !loom.buffer<f32>
  }
}
