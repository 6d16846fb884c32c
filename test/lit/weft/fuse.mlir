// RUN: weft-opt %s --weft-fuse -split-input-file | FileCheck %s
// RUN: weft-opt %s --weft-fuse -split-input-file -verify-diagnostics -o %t

// A chain with two results is one kernel that writes both.
// CHECK-LABEL: func.func @fan
// CHECK: %[[K:.*]]:2 = weft.kernel {
// CHECK: weft.yield %{{.*}}, %{{.*}} : tensor<8x4xf32>, tensor<8x4xf32>
// CHECK-NOT: weft.kernel
// CHECK: return %[[K]]#0, %[[K]]#1
func.func @fan(%x: tensor<8x4xf32>, %b: tensor<4xf32>) -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %0 = weft.add %x, %b : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>
  %1 = weft.exp %0 : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %2 = weft.tanh %0 : (tensor<8x4xf32>) -> tensor<8x4xf32>
  return %1, %2 : tensor<8x4xf32>, tensor<8x4xf32>
}

// -----

// A softmax is one kernel: reductions with what they read and what reads them.
// CHECK-LABEL: func.func @softmax
// CHECK: weft.kernel {
// CHECK: weft.max
// CHECK: weft.sum
// CHECK: weft.div
// CHECK: weft.yield
// CHECK-NOT: weft.kernel
func.func @softmax(%x: tensor<64x100xf32>) -> tensor<64x100xf32> {
  %m = weft.max %x {structure = array<i64: 1, 1>} : (tensor<64x100xf32>) -> tensor<64x1xf32>
  %d = weft.sub %x, %m : (tensor<64x100xf32>, tensor<64x1xf32>) -> tensor<64x100xf32>
  %e = weft.exp %d : (tensor<64x100xf32>) -> tensor<64x100xf32>
  %s = weft.sum %e {structure = array<i64: 1, 1>} : (tensor<64x100xf32>) -> tensor<64x1xf32>
  %y = weft.div %e, %s : (tensor<64x100xf32>, tensor<64x1xf32>) -> tensor<64x100xf32>
  return %y : tensor<64x100xf32>
}

// -----

// A product takes bias and activation with it; the sum over its rows is another pass.
// CHECK-LABEL: func.func @product
// CHECK: weft.kernel {
// CHECK: weft.matmul
// CHECK: weft.gelu
// CHECK: weft.yield
// CHECK: weft.kernel {
// CHECK-NEXT: weft.sum
func.func @product(%x: tensor<32x16xf32>, %w: tensor<16x64xf32>, %b: tensor<64xf32>) -> (tensor<32x64xf32>, tensor<64xf32>) {
  %0 = weft.matmul %x, %w : (tensor<32x16xf32>, tensor<16x64xf32>) -> tensor<32x64xf32>
  %1 = weft.add %0, %b : (tensor<32x64xf32>, tensor<64xf32>) -> tensor<32x64xf32>
  %2 = weft.gelu %1 : (tensor<32x64xf32>) -> tensor<32x64xf32>
  // expected-remark @below {{a reduction and a product}}
  %3 = weft.sum %2 {structure = array<i64: 0, 0>} : (tensor<32x64xf32>) -> tensor<64xf32>
  return %2, %3 : tensor<32x64xf32>, tensor<64xf32>
}

// -----

// Updates of two parameters of different shapes are two parts of one kernel.
// CHECK-LABEL: func.func @updates
// CHECK: %[[K:.*]]:2 = weft.kernel {
// CHECK: weft.yield %{{.*}} : tensor<8x4xf32>
// CHECK-NEXT: }, {
// CHECK: weft.yield %{{.*}} : tensor<4xf32>
// CHECK-NOT: weft.kernel
func.func @updates(%p: tensor<8x4xf32>, %g: tensor<8x4xf32>, %q: tensor<4xf32>, %h: tensor<4xf32>, %lr: f64)
    -> (tensor<8x4xf32> {weft.leaf = 0 : i64}, tensor<4xf32> {weft.leaf = 2 : i64}) {
  %s = weft.scalar %lr : f64 -> tensor<f32>
  %0 = weft.mul %g, %s : (tensor<8x4xf32>, tensor<f32>) -> tensor<8x4xf32>
  %1 = weft.sub %p, %0 : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %2 = weft.mul %h, %s : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = weft.sub %q, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1, %3 : tensor<8x4xf32>, tensor<4xf32>
}

// -----

// What a product reads comes from memory; what follows it reads the maximum from there.
// CHECK-LABEL: func.func @around
// CHECK: %[[K:.*]]:2 = weft.kernel {
// CHECK: weft.max
// CHECK: weft.kernel {
// CHECK-NEXT: weft.matmul %[[K]]#0, %[[K]]#0
// CHECK-NEXT: weft.sub %{{.*}}, %[[K]]#1
func.func @around(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = weft.exp %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = weft.max %0 {structure = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<1x4xf32>
  // expected-remark @below {{a reduction and a product}}
  %2 = weft.matmul %0, %0 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = weft.sub %2, %1 : (tensor<4x4xf32>, tensor<1x4xf32>) -> tensor<4x4xf32>
  return %3 : tensor<4x4xf32>
}

// -----

// A light expression of one leaf is computed wherever it is read: that costs what reading it would.
// CHECK-LABEL: func.func @light
// CHECK: weft.kernel {
// CHECK-NEXT: weft.relu %arg0
// CHECK-NEXT: weft.sum
// CHECK: weft.kernel {
// CHECK-NEXT: weft.relu %arg0
// CHECK-NEXT: weft.max
func.func @light(%x: tensor<512x512xf32>) -> (tensor<512xf32>, tensor<512xf32>) {
  %0 = weft.relu %x : (tensor<512x512xf32>) -> tensor<512x512xf32>
  %1 = weft.sum %0 {structure = array<i64: 0, 0>} : (tensor<512x512xf32>) -> tensor<512xf32>
  %2 = weft.max %0 {structure = array<i64: 0, 1>} : (tensor<512x512xf32>) -> tensor<512xf32>
  return %1, %2 : tensor<512xf32>, tensor<512xf32>
}

// -----

// Elements are checked whichever are read: the kernel that may refuse them writes them all.
// CHECK-LABEL: func.func @checked
// CHECK: weft.kernel {
// CHECK: weft.checked_index
// CHECK: weft.yield %{{.*}} : tensor<8xi64>
// CHECK: weft.kernel {
// CHECK: weft.slice
func.func @checked(%i: tensor<8xi64>, %n: i64) -> tensor<2xi64> {
  %limit = weft.scalar %n : i64 -> tensor<i64>
  %0 = weft.checked_index %i, %limit, %limit : (tensor<8xi64>, tensor<i64>, tensor<i64>) -> tensor<8xi64>
  %1 = weft.slice %0 {structure = array<i64: 0>, sizes = affine_map<() -> (0, 2, 1)>} : (tensor<8xi64>) -> tensor<2xi64>
  // expected-remark @below {{add has another number of elements}}
  %2 = weft.add %1, %1 : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  return %2 : tensor<2xi64>
}

// -----

// An embedding, what is added to it and a norm are one kernel, which writes nothing but the norm: all of the index is read.
// CHECK-LABEL: func.func @embedding
// CHECK: weft.kernel {
// CHECK: weft.gather
// CHECK: weft.sub
// CHECK-NEXT: weft.yield %{{.*}} : tensor<32x64xf32>
// CHECK-NOT: weft.kernel
func.func @embedding(%at: tensor<32xi64>, %w: tensor<100x64xf32>, %p: tensor<32x64xf32>) -> tensor<32x64xf32> {
  %v = weft.view %at {sizes = affine_map<() -> (32, 1)>} : (tensor<32xi64>) -> tensor<32x1xi64>
  %i = weft.expand %v {sizes = affine_map<() -> (32, 64)>} : (tensor<32x1xi64>) -> tensor<32x64xi64>
  %g = weft.gather %w, %i {structure = array<i64: 0>} : (tensor<100x64xf32>, tensor<32x64xi64>) -> tensor<32x64xf32>
  %0 = weft.add %g, %p : (tensor<32x64xf32>, tensor<32x64xf32>) -> tensor<32x64xf32>
  %m = weft.mean %0 {structure = array<i64: 1, 1>} : (tensor<32x64xf32>) -> tensor<32x1xf32>
  %y = weft.sub %0, %m : (tensor<32x64xf32>, tensor<32x1xf32>) -> tensor<32x64xf32>
  return %y : tensor<32x64xf32>
}

// -----

// What nobody reads of a gather is looked at as well: it is written.
// CHECK-LABEL: func.func @part_of_a_gather
// CHECK: weft.kernel {
// CHECK-NEXT: weft.gather
// CHECK-NEXT: weft.yield
func.func @part_of_a_gather(%x: tensor<8x4xf32>, %i: tensor<6x4xi64>) -> tensor<2x4xf32> {
  %g = weft.gather %x, %i {structure = array<i64: 0>} : (tensor<8x4xf32>, tensor<6x4xi64>) -> tensor<6x4xf32>
  %s = weft.slice %g {structure = array<i64: 0>, sizes = affine_map<() -> (0, 2, 1)>} : (tensor<6x4xf32>) -> tensor<2x4xf32>
  // expected-remark @below {{neg has another number of elements than the kernel's space or points}}
  %y = weft.neg %s : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// A value that few elements are gathered of is computed where they are; one that many are gathered of is not.
// CHECK-LABEL: func.func @computed
// CHECK: weft.kernel {
// CHECK-NEXT: weft.exp
// CHECK-NEXT: weft.yield
// CHECK: weft.tanh
// CHECK-NEXT: weft.gather
// CHECK-NEXT: weft.yield
// CHECK: weft.kernel {
// CHECK-NEXT: weft.gather
func.func @computed(%x: tensor<8x4xf32>, %many: tensor<90x4xi64>, %few: tensor<2x4xi64>) -> (tensor<90x4xf32>, tensor<2x4xf32>) {
  %e = weft.exp %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
  // expected-remark @below {{it reads what is computed more often than it has elements}}
  %0 = weft.gather %e, %many {structure = array<i64: 0>} : (tensor<8x4xf32>, tensor<90x4xi64>) -> tensor<90x4xf32>
  %t = weft.tanh %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %1 = weft.gather %t, %few {structure = array<i64: 0>} : (tensor<8x4xf32>, tensor<2x4xi64>) -> tensor<2x4xf32>
  return %0, %1 : tensor<90x4xf32>, tensor<2x4xf32>
}

// -----

// A convolution is a product with its epilogue; one that is called says why.
// CHECK-LABEL: func.func @convolutions
// CHECK: weft.kernel {
// CHECK-NEXT: weft.convolution
// CHECK-NEXT: weft.relu
// CHECK-NEXT: weft.yield
// CHECK: weft.kernel {
// CHECK-NEXT: weft.convolution
// CHECK-NEXT: weft.yield
// CHECK: weft.kernel {
// CHECK-NEXT: weft.neg
func.func @convolutions(%x: tensor<1x4x9xf32>, %w: tensor<8x4x3xf32>, %i: tensor<1x4x9xi64>, %v: tensor<8x4x3xi64>) -> (tensor<1x8x7xf32>, tensor<1x8x7xi64>) {
  %0 = weft.convolution %x, %w {structure = array<i64: 1, 1, 0, 0, 1>} : (tensor<1x4x9xf32>, tensor<8x4x3xf32>) -> tensor<1x8x7xf32>
  %1 = weft.relu %0 : (tensor<1x8x7xf32>) -> tensor<1x8x7xf32>
  %2 = weft.convolution %i, %v {structure = array<i64: 1, 1, 0, 0, 1>} : (tensor<1x4x9xi64>, tensor<8x4x3xi64>) -> tensor<1x8x7xi64>
  // expected-remark @below {{convolution runs a kernel of its own, as its elements are integers}}
  %3 = weft.neg %2 : (tensor<1x8x7xi64>) -> tensor<1x8x7xi64>
  return %1, %3 : tensor<1x8x7xf32>, tensor<1x8x7xi64>
}

// -----

// What is read under a condition is computed for each of them: two that follow two are four, which
// is too many for a function that is dear.
// CHECK-LABEL: func.func @conditions
// CHECK: weft.kernel {
// CHECK: weft.exp
// CHECK: weft.exp
// CHECK: weft.kernel {
// CHECK-NOT: weft.exp
func.func @conditions(%x: tensor<7xf32>, %y: tensor<1xf32>, %z: tensor<1xf32>) -> tensor<9xf32> {
  %0 = weft.exp %x : (tensor<7xf32>) -> tensor<7xf32>
  %1 = weft.concatenate %y, %0 {structure = array<i64: 0>} : (tensor<1xf32>, tensor<7xf32>) -> tensor<8xf32>
  %2 = weft.concatenate %z, %0 {structure = array<i64: 0>} : (tensor<1xf32>, tensor<7xf32>) -> tensor<8xf32>
  %3 = weft.mul %1, %2 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %4 = weft.exp %3 : (tensor<8xf32>) -> tensor<8xf32>
  // expected-remark @below {{exp would be computed at more than two places}}
  %5 = weft.concatenate %y, %4 {structure = array<i64: 0>} : (tensor<1xf32>, tensor<8xf32>) -> tensor<9xf32>
  %6 = weft.concatenate %z, %4 {structure = array<i64: 0>} : (tensor<1xf32>, tensor<8xf32>) -> tensor<9xf32>
  %7 = weft.mul %5, %6 : (tensor<9xf32>, tensor<9xf32>) -> tensor<9xf32>
  return %7 : tensor<9xf32>
}

// What all rows share is not computed again in each row where that is dear: a kernel of its own computes it once.
// CHECK-LABEL: func.func @shared_by_rows
// CHECK: weft.kernel
// CHECK: weft.rsqrt
// CHECK: weft.kernel
// CHECK-NOT: weft.rsqrt
// CHECK: return
func.func @shared_by_rows(%x: tensor<1024x256xf32>, %v: tensor<256xf32>) -> tensor<1024x256xf32> {
  %r = weft.rsqrt %v : (tensor<256xf32>) -> tensor<256xf32>
  // expected-remark @below {{each row would compute again what all rows share}}
  %y = weft.mul %x, %r : (tensor<1024x256xf32>, tensor<256xf32>) -> tensor<1024x256xf32>
  return %y : tensor<1024x256xf32>
}

// Few rows compute it again.
// CHECK-LABEL: func.func @shared_by_few
// CHECK: weft.kernel
// CHECK-NOT: weft.kernel
// CHECK: return
func.func @shared_by_few(%x: tensor<16x256xf32>, %v: tensor<256xf32>) -> tensor<16x256xf32> {
  %r = weft.rsqrt %v : (tensor<256xf32>) -> tensor<256xf32>
  %y = weft.mul %x, %r : (tensor<16x256xf32>, tensor<256xf32>) -> tensor<16x256xf32>
  return %y : tensor<16x256xf32>
}
