// RUN: weft-opt %s --emit=opencl | FileCheck %s

// What only the rare side needs stands in a branch; what others read, and what a requirement does, stays in front of it.
// CHECK: WEFT_KERNEL(256) branch(
// CHECK: const float [[V:v[0-9]+]] = b0[
// CHECK-NEXT: const bool [[C:v[0-9]+]] = [[V]] > 100.0f;
// CHECK-NEXT: const float [[SHARED:v[0-9]+]] = [[V]] * [[V]];
// CHECK-NEXT: const float [[USUAL:v[0-9]+]] = [[SHARED]] + [[V]];
// CHECK-NEXT: const bool [[OK:v[0-9]+]] = [[V]] < 1000.0f;
// CHECK-NEXT: if (![[OK]]) weft_raise(
// CHECK-NEXT: float [[R:v[0-9]+]] = [[USUAL]];
// CHECK-NEXT: if ([[C]]) {
// CHECK-NEXT: const float [[ROOT:v[0-9]+]] = sqrt([[SHARED]]);
// CHECK-NEXT: const float [[A:v[0-9]+]] = [[ROOT]] * [[V]];
// CHECK-NEXT: [[R]] = [[A]];
// CHECK-NEXT: }
// CHECK-NEXT: b1[{{.*}}] = [[R]];
loom.kernel @branch(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"i", 64, lanes>] {
  ^bb0(%i: index):
    %hundred = arith.constant 100.0 : f32
    %thousand = arith.constant 1000.0 : f32
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    %c = arith.cmpf ogt, %v, %hundred : f32
    %shared = arith.mulf %v, %v : f32
    %root = math.sqrt %shared : f32
    %rare = arith.mulf %root, %v : f32
    %usual = arith.addf %shared, %v : f32
    %ok = arith.cmpf olt, %v, %thousand : f32
    loom.require %ok, 7
    %r = loom.rarely %c, %rare, %usual : f32
    loom.store %r, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
  }
}

// A rare side in a rare side is a branch in the branch; what two branches need is computed in both.
// CHECK: WEFT_KERNEL(256) nested(
// CHECK: if ([[C:v[0-9]+]]) {
// CHECK-NEXT: const float [[ROOT:v[0-9]+]] = sqrt([[V:v[0-9]+]]);
// CHECK-NEXT: float [[INNER:v[0-9]+]] = [[ROOT]];
// CHECK-NEXT: if ([[D:v[0-9]+]]) {
// CHECK-NEXT: const float [[DEEP:v[0-9]+]] = floor([[V]]);
// CHECK-NEXT: [[INNER]] = [[DEEP]];
// CHECK-NEXT: }
// CHECK-NEXT: [[A:v[0-9]+]] = [[INNER]];
// CHECK-NEXT: }
// CHECK-NEXT: float [[B:v[0-9]+]] = [[A]];
// CHECK-NEXT: if ([[D]]) {
// CHECK-NEXT: const float [[AGAIN:v[0-9]+]] = sqrt([[V]]);
// CHECK-NEXT: [[B]] = [[AGAIN]];
// CHECK-NEXT: }
loom.kernel @nested(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"i", 64, lanes>] {
  ^bb0(%i: index):
    %hundred = arith.constant 100.0 : f32
    %thousand = arith.constant 1000.0 : f32
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    %c = arith.cmpf ogt, %v, %hundred : f32
    %d = arith.cmpf ogt, %v, %thousand : f32
    %root = math.sqrt %v : f32
    %deep = math.floor %v : f32
    %inner = loom.rarely %d, %deep, %root : f32
    %a = loom.rarely %c, %inner, %v : f32
    %b = loom.rarely %d, %root, %a : f32
    loom.store %b, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
  }
}
