// RUN: weft-opt %s --weft-fuse --weft-place-outputs --weft-lower-to-loom --weft-plan-memory -split-input-file | FileCheck %s

// Temporaries that do not live at once share memory: three of 256 bytes take 512.
// CHECK-DAG: #[[ARENA:.*]] = affine_map<() -> (512)>
// CHECK-LABEL: func.func @chain
// CHECK-SAME: weft.arena = #[[ARENA]]
// CHECK: weft.launch {{.*}}buffers = [#weft.buffer<leaf 0>, #weft.buffer<temporary 0>]
// CHECK: weft.launch {{.*}}buffers = [#weft.buffer<temporary 0>, #weft.buffer<temporary 1>]
// CHECK: weft.launch {{.*}}buffers = [#weft.buffer<temporary 1>, #weft.buffer<temporary 2>]
// CHECK: weft.launch {{.*}}buffers = [#weft.buffer<temporary 2>, #weft.buffer<output 0>]
func.func @chain(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = weft.matmul %x, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = weft.matmul %0, %0 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = weft.matmul %1, %1 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = weft.matmul %2, %2 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %3 : tensor<8x8xf32>
}

// -----

// With sizes as arguments, offsets are expressions, multiples of 64.
// CHECK-DAG: #[[ARENA:.*]] = affine_map<()[s0] -> (((s0 * 16 + 63) floordiv 64) * 64)>
// CHECK-LABEL: func.func @generic
// CHECK-SAME: weft.arena = #[[ARENA]]
func.func @generic(%x: tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>, %w: tensor<4x4xf32>, %n: index) -> tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>> {
  %0 = weft.matmul %x, %w : (tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>, tensor<4x4xf32>) -> tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
  %1 = weft.matmul %0, %w : (tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>, tensor<4x4xf32>) -> tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
  return %1 : tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
}
