// RUN: weft-opt %s --weft-merge-equal | FileCheck %s

// Two equal ops are one; ops with other attributes are not.
// CHECK-LABEL: func.func @segment
// CHECK: %[[E:.*]] = weft.exp %arg0
// CHECK-NOT: weft.exp
// CHECK: %[[A:.*]] = weft.sum %[[E]] {structure = array<i64: 0, 0>}
// CHECK: %[[B:.*]] = weft.sum %[[E]] {structure = array<i64: 0, 1>}
// CHECK: return %[[E]], %[[E]], %[[A]], %[[B]]
func.func @segment(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0 = weft.exp %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = weft.exp %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = weft.sum %0 {structure = array<i64: 0, 0>} : (tensor<4x4xf32>) -> tensor<4xf32>
  %3 = weft.sum %1 {structure = array<i64: 0, 1>} : (tensor<4x4xf32>) -> tensor<4xf32>
  return %0, %1, %2, %3 : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4xf32>, tensor<4xf32>
}
