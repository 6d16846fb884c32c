// RUN: weft-opt %s --weft-fuse --weft-place-outputs --weft-lower-to-loom --weft-plan-memory -split-input-file | FileCheck %s

// Temporaries that do not live at once share memory, and the first lies in the result, which is written when it is dead: three of 256 bytes take 512.
// CHECK-DAG: #[[ARENA:.*]] = affine_map<() -> (512)>
// CHECK-LABEL: func.func @chain
// CHECK-SAME: weft.arena = #[[ARENA]]
// CHECK-SAME: weft.hosts = array<i64: 0, -1, -1>
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

// -----

// Results hold what dies before they are written, side by side: %a and %b lie in the result; %d, for which no room is left, and %c, which is read by
// the launch that writes it, lie in the arena.
// CHECK-DAG: #[[ARENA:.*]] = affine_map<() -> (768)>
// CHECK-DAG: #[[FIRST:.*]] = affine_map<() -> (0)>
// CHECK-DAG: #[[SECOND:.*]] = affine_map<() -> (256)>
// CHECK-LABEL: func.func @hosted
// CHECK-SAME: weft.arena = #[[ARENA]]
// CHECK-SAME: weft.hosts = array<i64: 0, 0, -1, -1>
// CHECK-SAME: weft.temporaries = [#[[FIRST]], #[[SECOND]],
func.func @hosted(%x: tensor<8x8xf32>, %w: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %a = weft.matmul %x, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %b = weft.matmul %x, %a : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %d = weft.matmul %a, %b : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %c = weft.matmul %d, %w : (tensor<8x8xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %e = weft.matmul %x, %c : (tensor<8x8xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  return %e : tensor<8x16xf32>
}

// -----

// Nothing lies in a result that is written already, or by the last launch that reads it: %b lies in the arena.
// CHECK-LABEL: func.func @early
// CHECK-SAME: weft.hosts = array<i64: -1>
func.func @early(%x: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %a = weft.matmul %x, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %b = weft.matmul %a, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %c = weft.matmul %b, %b : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %a, %c : tensor<8x8xf32>, tensor<8x8xf32>
}
