// RUN: weft-opt %s --weft-fuse --weft-place-outputs --weft-lower-to-loom --weft-join-launches --weft-write-in-place --weft-plan-memory -split-input-file | FileCheck %s

// A softmax of a product: the product lies in the output's memory, and is written over.
// CHECK-DAG: #[[ARENA:.*]] = affine_map<() -> (0)>
// CHECK-LABEL: func.func @over
// CHECK-SAME: weft.arena = #[[ARENA]]
// CHECK: weft.launch {{.*}}buffers = [#weft.buffer<leaf 0>, #weft.buffer<output 0>]
// CHECK: weft.launch {{.*}}buffers = [#weft.buffer<output 0>]{{.*}}tied = array<i64: 0>
// CHECK: loom.kernel @k1{{.*}}(%{{[^,)]*}}: !loom.buffer<f32>) {
func.func @over(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = weft.matmul %x, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = weft.max %0 {structure = array<i64: 1, 1>} : (tensor<8x8xf32>) -> tensor<8x1xf32>
  %2 = weft.sub %0, %1 : (tensor<8x8xf32>, tensor<8x1xf32>) -> tensor<8x8xf32>
  return %2 : tensor<8x8xf32>
}

// -----

// Elements that change places, or that are read again, stay where they are.
// CHECK-LABEL: func.func @apart
// CHECK-NOT: tied = array<i64: {{[0-9]}}
func.func @apart(%x: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>) {
  %0 = weft.matmul %x, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = weft.permute %0 {structure = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %2 = weft.add %0, %1 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %3 = weft.matmul %2, %2 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %4 = weft.max %3 {structure = array<i64: 1, 1>} : (tensor<8x8xf32>) -> tensor<8x1xf32>
  %5 = weft.sub %3, %4 : (tensor<8x8xf32>, tensor<8x1xf32>) -> tensor<8x8xf32>
  %6 = weft.matmul %3, %5 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %2, %6 : tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

// A view of all elements in their order is no obstacle: what is written has the size of what it is written over, not its shape.
// CHECK-DAG: #[[ARENA:.*]] = affine_map<() -> (0)>
// CHECK-LABEL: func.func @reshaped
// CHECK-SAME: weft.arena = #[[ARENA]]
// CHECK: weft.launch {{.*}}buffers = [#weft.buffer<output 0>]{{.*}}tied = array<i64: 0>
func.func @reshaped(%x: tensor<2x8x8xf32>) -> tensor<16x8xf32> {
  %0 = weft.matmul %x, %x : (tensor<2x8x8xf32>, tensor<2x8x8xf32>) -> tensor<2x8x8xf32>
  %1 = weft.view %0 {sizes = affine_map<() -> (16, 8)>} : (tensor<2x8x8xf32>) -> tensor<16x8xf32>
  %2 = weft.max %1 {structure = array<i64: 1, 1>} : (tensor<16x8xf32>) -> tensor<16x1xf32>
  %3 = weft.sub %1, %2 : (tensor<16x8xf32>, tensor<16x1xf32>) -> tensor<16x8xf32>
  return %3 : tensor<16x8xf32>
}
