// RUN: weft-opt %s --weft-order-reductions | FileCheck %s

#transposed = affine_map<(d0, d1) -> (d0 + d1 * 64)>

// What lies transposed is read along its lines, through what is done to each element.
// CHECK-LABEL: func.func @transposed
// CHECK: %[[X:.*]] = weft.exp %arg0
// CHECK: %[[P:.*]] = weft.permute %[[X]] {{.*}}array<i64: 1, 0>{{.*}} -> tensor<32x64xf32>
// CHECK: weft.sum %[[P]]
func.func @transposed(%x: tensor<64x32xf32> {weft.layout = #transposed}) -> tensor<f32> {
  %0 = weft.exp %x : (tensor<64x32xf32>) -> tensor<64x32xf32>
  %1 = weft.sum %0 {structure = array<i64: 0, 0, 1>} : (tensor<64x32xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}

// Kept: row-major operands, positions, sums along some dims, and what others read in its own order.
// CHECK-LABEL: func.func @kept
// CHECK-NOT: weft.permute
func.func @kept(%x: tensor<64x32xf32>, %t: tensor<64x32xf32> {weft.layout = #transposed})
    -> (tensor<f32>, tensor<i64>, tensor<64xf32>, tensor<64x32xf32>, tensor<f32>) {
  %0 = weft.sum %x {structure = array<i64: 0, 0, 1>} : (tensor<64x32xf32>) -> tensor<f32>
  %1 = weft.argmax %t {structure = array<i64: 0, 0, 1>} : (tensor<64x32xf32>) -> tensor<i64>
  %2 = weft.sum %t {structure = array<i64: 0, 1>} : (tensor<64x32xf32>) -> tensor<64xf32>
  %3 = weft.exp %t : (tensor<64x32xf32>) -> tensor<64x32xf32>
  %4 = weft.sum %3 {structure = array<i64: 0, 0, 1>} : (tensor<64x32xf32>) -> tensor<f32>
  return %0, %1, %2, %3, %4 : tensor<f32>, tensor<i64>, tensor<64xf32>, tensor<64x32xf32>, tensor<f32>
}
