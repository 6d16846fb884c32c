// RUN: weft-opt %s -split-input-file --weft-fuse --weft-place-outputs --weft-lower-to-loom --weft-join-launches | FileCheck %s

// A mean over the losses of rows, and the number of them that counts, finish in the launch that computes the rows.
// CHECK-LABEL: func.func @loss
// CHECK-COUNT-1: weft.launch
// CHECK-NOT: weft.launch
// CHECK: loom.kernel
// CHECK: loom.part [#loom.axis<"d0", 64>]
// CHECK: loom.barrier
// CHECK: loom.part []
// CHECK-NOT: loom.barrier
func.func @loss(%x: tensor<64x10xf32>, %valid: tensor<64xf32>) -> tensor<f32> {
  %0 = weft.exp %x : (tensor<64x10xf32>) -> tensor<64x10xf32>
  %1 = weft.sum %0 {structure = array<i64: 0, 1>} : (tensor<64x10xf32>) -> tensor<64xf32>
  %2 = weft.log %1 : (tensor<64xf32>) -> tensor<64xf32>
  %3 = weft.sum %2 {structure = array<i64: 0, 0>} : (tensor<64xf32>) -> tensor<f32>
  %4 = weft.sum %valid {structure = array<i64: 0, 0>} : (tensor<64xf32>) -> tensor<f32>
  %5 = weft.div %3, %4 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %5 : tensor<f32>
}

// -----

// Sums that one kernel combines are parts of one phase: a norm over several tensors is one launch.
// CHECK-LABEL: func.func @norm
// CHECK-COUNT-1: weft.launch
// CHECK-NOT: weft.launch
// CHECK: loom.kernel
// CHECK-COUNT-2: loom.part []
// CHECK: loom.barrier
// CHECK: math.sqrt
func.func @norm(%x: tensor<500x70xf32>, %y: tensor<9000xf32>) -> tensor<f32> {
  %0 = weft.mul %x, %x : (tensor<500x70xf32>, tensor<500x70xf32>) -> tensor<500x70xf32>
  %1 = weft.sum %0 {structure = array<i64: 0, 0, 1>} : (tensor<500x70xf32>) -> tensor<f32>
  %2 = weft.mul %y, %y : (tensor<9000xf32>, tensor<9000xf32>) -> tensor<9000xf32>
  %3 = weft.sum %2 {structure = array<i64: 0, 0>} : (tensor<9000xf32>) -> tensor<f32>
  %4 = weft.add %1, %3 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  %5 = weft.sqrt %4 : (tensor<f32>) -> tensor<f32>
  return %5 : tensor<f32>
}

// -----

// What is as large as the reduction is a launch of its own, and so is a product.
// CHECK-LABEL: func.func @apart
// CHECK-COUNT-3: weft.launch
func.func @apart(%x: tensor<64x300xf32>, %w: tensor<64x64xf32>) -> (tensor<64x300xf32>, tensor<64x64xf32>) {
  %0 = weft.sum %x {structure = array<i64: 0, 0>} : (tensor<64x300xf32>) -> tensor<300xf32>
  %1 = weft.sub %x, %0 : (tensor<64x300xf32>, tensor<300xf32>) -> tensor<64x300xf32>
  %2 = weft.matmul %w, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %1, %2 : tensor<64x300xf32>, tensor<64x64xf32>
}

// -----

// A launch between the reduction and its finish keeps them apart: the product reads the rows' sums, and the finish reads the product.
// CHECK-LABEL: func.func @between
// CHECK-COUNT-3: weft.launch
func.func @between(%x: tensor<64x300xf32>, %w: tensor<64x2xf32>) -> tensor<f32> {
  %0 = weft.sum %x {structure = array<i64: 0, 1>} : (tensor<64x300xf32>) -> tensor<64xf32>
  %1 = weft.matmul %0, %w : (tensor<64xf32>, tensor<64x2xf32>) -> tensor<2xf32>
  %2 = weft.sum %1 {structure = array<i64: 0, 0>} : (tensor<2xf32>) -> tensor<f32>
  %3 = weft.sum %0 {structure = array<i64: 0, 0>} : (tensor<64xf32>) -> tensor<f32>
  %4 = weft.add %2, %3 : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %4 : tensor<f32>
}

// -----

// A finish that overwrites a leaf which the reduction reads comes behind the barrier, over the same buffer.
// CHECK-LABEL: func.func @overwrite
// CHECK: weft.launch @k0_mul(%arg0, %arg1 : tensor<64x10xf32>, tensor<f32>) {{.*}}tied = array<i64: -1, 1>}
// CHECK: loom.kernel @k0_mul(%[[X:.*]]: !loom.buffer<f32>, %[[R:.*]]: !loom.buffer<f32>, %[[S:.*]]: !loom.buffer<f32>)
// CHECK: loom.store {{.*}}, %[[S]]
// CHECK: loom.barrier
// CHECK: loom.store {{.*}}, %[[R]]
func.func @overwrite(%x: tensor<64x10xf32>, %running: tensor<f32>) -> (tensor<f32> {weft.leaf = 1 : i64}) {
  %0 = weft.mul %x, %running : (tensor<64x10xf32>, tensor<f32>) -> tensor<64x10xf32>
  %1 = weft.sum %0 {structure = array<i64: 0, 1>} : (tensor<64x10xf32>) -> tensor<64xf32>
  %2 = weft.sum %1 {structure = array<i64: 0, 0>} : (tensor<64xf32>) -> tensor<f32>
  %3 = weft.add %2, %running : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %3 : tensor<f32>
}

// -----

// Light folds of a step that one kernel reads, such as gradients of biases, are parts of one launch.
// CHECK-LABEL: func.func @biases
// CHECK-COUNT-2: weft.launch
// CHECK-NOT: weft.launch
// CHECK: loom.part [#loom.axis<"d1", 300>]
// CHECK-NOT: loom.barrier
// CHECK: loom.part [#loom.axis<"d1", 200>]
func.func @biases(%x: tensor<64x300xf32>, %y: tensor<100x200xf32>) -> (tensor<64x300xf32>, tensor<100x200xf32>) {
  %0 = weft.sum %x {structure = array<i64: 0, 0>} : (tensor<64x300xf32>) -> tensor<300xf32>
  %1 = weft.sum %y {structure = array<i64: 0, 0>} : (tensor<100x200xf32>) -> tensor<200xf32>
  %2 = weft.sub %x, %0 : (tensor<64x300xf32>, tensor<300xf32>) -> tensor<64x300xf32>
  %3 = weft.sub %y, %1 : (tensor<100x200xf32>, tensor<200xf32>) -> tensor<100x200xf32>
  return %2, %3 : tensor<64x300xf32>, tensor<100x200xf32>
}
