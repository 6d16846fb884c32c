// RUN: weft-opt %s --weft-fuse --weft-place-outputs --weft-lower-to-loom --weft-merge-kernels | FileCheck %s

// Two layers of one shape run one kernel.
// CHECK-LABEL: func.func @layers
// CHECK-COUNT-2: weft.launch @k0_matmul
// CHECK: loom.kernel @k0_matmul
// CHECK-NOT: loom.kernel
func.func @layers(%x: tensor<8x8xf32>, %v: tensor<8x8xf32>, %w: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = weft.matmul %x, %v : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = weft.relu %0 : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = weft.matmul %1, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = weft.relu %2 : (tensor<8x8xf32>) -> tensor<8x8xf32>
  return %3 : tensor<8x8xf32>
}
