// RUN: weft-opt %s -split-input-file --weft-fuse --weft-place-outputs --weft-lower-to-loom --weft-join-launches 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file %t

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

// What is as large as the reduction is a launch of its own. A small product runs beside the reduction.
// CHECK-LABEL: func.func @apart
// CHECK-COUNT-2: weft.launch
// CHECK-NOT: weft.launch
// CHECK: loom.part [#loom.axis<"d1", 300>]
// CHECK-NOT: loom.barrier
// CHECK: loom.dot
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

// -----

// Small launches without a path between them are parts of one: products of one factor, a norm of rows and a sum of everything.
// CHECK-LABEL: func.func @small
// CHECK-COUNT-1: weft.launch
// CHECK-NOT: weft.launch
// CHECK: return
// CHECK-COUNT-2: loom.dot
// CHECK-NOT: loom.barrier
// CHECK: loom.part []
// REMARK: remark: matmul runs in the launch of matmul{{.*}}: both are small, and neither waits for the other
func.func @small(%x: tensor<8x64xf32>, %q: tensor<64x64xf32>, %k: tensor<64x64xf32>, %y: tensor<16x300xf32>, %z: tensor<500xf32>) -> (tensor<8x64xf32>, tensor<8x64xf32>, tensor<16x300xf32>, tensor<f32>) {
  %0 = weft.matmul %x, %q : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  %1 = weft.matmul %x, %k : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  %2 = weft.exp %y : (tensor<16x300xf32>) -> tensor<16x300xf32>
  %3 = weft.sum %2 {structure = array<i64: 1, 1>} : (tensor<16x300xf32>) -> tensor<16x1xf32>
  %4 = weft.div %2, %3 : (tensor<16x300xf32>, tensor<16x1xf32>) -> tensor<16x300xf32>
  %5 = weft.sum %z {structure = array<i64: 0, 0>} : (tensor<500xf32>) -> tensor<f32>
  return %0, %1, %4, %5 : tensor<8x64xf32>, tensor<8x64xf32>, tensor<16x300xf32>, tensor<f32>
}

// -----

// Two chains run side by side, step by step, and no step waits for a later one: the short chain has time.
// CHECK-LABEL: func.func @chains
// CHECK-COUNT-3: weft.launch
// CHECK-NOT: weft.launch
// CHECK: return
func.func @chains(%x: tensor<8x64xf32>, %y: tensor<64x64xf32>) -> (tensor<8x64xf32>, tensor<64x64xf32>) {
  %0 = weft.matmul %x, %y : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  %1 = weft.matmul %0, %y : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  %2 = weft.matmul %1, %y : (tensor<8x64xf32>, tensor<64x64xf32>) -> tensor<8x64xf32>
  %3 = weft.matmul %y, %y : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %4 = weft.matmul %3, %y : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %2, %4 : tensor<8x64xf32>, tensor<64x64xf32>
}

// -----

// Beside large products a launch costs nothing: they stay apart, and a remark says so.
// CHECK-LABEL: func.func @large
// CHECK-COUNT-2: weft.launch
// CHECK: return
// REMARK: remark: matmul does not join matmul{{.*}}: beside their work a launch costs nothing
func.func @large(%x: tensor<1024x1024xf32>, %q: tensor<1024x1024xf32>, %k: tensor<1024x1024xf32>) -> (tensor<1024x1024xf32>, tensor<1024x1024xf32>) {
  %0 = weft.matmul %x, %q : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %1 = weft.matmul %x, %k : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %0, %1 : tensor<1024x1024xf32>, tensor<1024x1024xf32>
}

// -----

// A launch that writes a leaf comes behind one that reads its old value: they depend on each other.
// CHECK-LABEL: func.func @leaf
// CHECK-COUNT-2: weft.launch
// CHECK: return
func.func @leaf(%x: tensor<64xf32>, %y: tensor<64x64xf32>) -> (tensor<64xf32> {weft.leaf = 0 : i64}, tensor<f32>) {
  %0 = weft.mul %x, %x : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %1 = weft.sum %0 {structure = array<i64: 0, 0>} : (tensor<64xf32>) -> tensor<f32>
  %2 = weft.matmul %y, %y : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %3 = weft.max %2 {structure = array<i64: 0, 1>} : (tensor<64x64xf32>) -> tensor<64xf32>
  return %3, %1 : tensor<64xf32>, tensor<f32>
}
