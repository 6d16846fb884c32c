// RUN: weft-opt %s -split-input-file --weft-pool-values --weft-simplify | FileCheck %s
// RUN: weft-opt %s -split-input-file --weft-pool-values --weft-simplify --weft-merge-equal --weft-fuse 2>/dev/null | FileCheck %s --check-prefix=FUSED

// Values at positions that nobody else reads: the greatest of what each tap sees, the least number around the image.
// CHECK-LABEL: func.func @values
// CHECK-NOT: weft.gather
// CHECK: %[[P:.*]] = weft.concatenate %{{.*}}, %{{.*}} {structure = array<i64: 2>} : (tensor<2x3x1x8xf32>, tensor<2x3x8x8xf32>) -> tensor<2x3x9x8xf32>
// CHECK: %[[Q:.*]] = weft.concatenate %{{.*}}, %[[P]] {structure = array<i64: 3>}
// CHECK: %[[A:.*]] = weft.slice {{.*}} -> tensor<2x3x4x4xf32>
// CHECK: %[[B:.*]] = weft.slice {{.*}} -> tensor<2x3x4x4xf32>
// CHECK: %[[G:.*]] = weft.gt %[[B]], %[[A]]
// CHECK: %[[N:.*]] = weft.ne %[[B]], %[[B]]
// CHECK: %[[O:.*]] = weft.logical_or %[[G]], %[[N]]
// CHECK: weft.where %[[O]], %[[B]], %[[A]]
// CHECK-COUNT-7: weft.where
// What the windows read is computed once for all of them, and the rim is theirs.
// FUSED-LABEL: func.func @values
// FUSED: weft.kernel
// FUSED: weft.exp
// FUSED-NEXT: weft.yield
// FUSED: weft.kernel
// FUSED: weft.concatenate
// FUSED: weft.where
func.func @values(%x: tensor<2x3x8x8xf32>, %z: tensor<2x3x8x8xf32>) -> tensor<2x3x4x4xf32> {
  %s = weft.add %x, %z : (tensor<2x3x8x8xf32>, tensor<2x3x8x8xf32>) -> tensor<2x3x8x8xf32>
  %r = weft.exp %s : (tensor<2x3x8x8xf32>) -> tensor<2x3x8x8xf32>
  %p = weft.max_pool_positions %r {structure = array<i64: 3, 3, 2, 1, 0, 1, 2, 1, 0, 1>, sizes = affine_map<() -> ()>} : (tensor<2x3x8x8xf32>) -> tensor<2x3x4x4xi64>
  %v = weft.view %r {sizes = affine_map<() -> (2, 3, 64)>} : (tensor<2x3x8x8xf32>) -> tensor<2x3x64xf32>
  %n = weft.view %p {sizes = affine_map<() -> (2, 3, 16)>} : (tensor<2x3x4x4xi64>) -> tensor<2x3x16xi64>
  %g = weft.gather %v, %n {structure = array<i64: 2>} : (tensor<2x3x64xf32>, tensor<2x3x16xi64>) -> tensor<2x3x16xf32>
  %y = weft.view %g {sizes = affine_map<() -> (2, 3, 4, 4)>} : (tensor<2x3x16xf32>) -> tensor<2x3x4x4xf32>
  return %y : tensor<2x3x4x4xf32>
}

// -----

// Somebody reads the positions: they are searched for.
// CHECK-LABEL: func.func @positions
// CHECK: weft.max_pool_positions
// CHECK: weft.gather
func.func @positions(%x: tensor<1x8xf32>) -> (tensor<1x4xf32>, tensor<1x4xi64>) {
  %p = weft.max_pool_positions %x {structure = array<i64: 2, 2, 0, 0, 1>, sizes = affine_map<() -> ()>} : (tensor<1x8xf32>) -> tensor<1x4xi64>
  %g = weft.gather %x, %p {structure = array<i64: 1>} : (tensor<1x8xf32>, tensor<1x4xi64>) -> tensor<1x4xf32>
  return %g, %p : tensor<1x4xf32>, tensor<1x4xi64>
}

// -----

// Integers have no NaN.
// CHECK-LABEL: func.func @integers
// CHECK: weft.number -128 : i64
// CHECK: weft.gt
// CHECK-NEXT: weft.where
// CHECK-NOT: weft.ne
func.func @integers(%x: tensor<1x8xi8>) -> tensor<1x4xi8> {
  %p = weft.max_pool_positions %x {structure = array<i64: 3, 2, 1, 0, 1>, sizes = affine_map<() -> ()>} : (tensor<1x8xi8>) -> tensor<1x4xi64>
  %g = weft.gather %x, %p {structure = array<i64: 1>} : (tensor<1x8xi8>, tensor<1x4xi64>) -> tensor<1x4xi8>
  return %g : tensor<1x4xi8>
}
