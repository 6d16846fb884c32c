// RUN: weft-opt %s -split-input-file --weft-decompose --weft-merge-equal | FileCheck %s
// RUN: weft-opt %s -split-input-file --weft-decompose --weft-simplify --weft-merge-equal --weft-split-reductions --weft-fuse --weft-place-outputs --weft-lower-to-loom --weft-join-launches --weft-plan-memory 2>/dev/null | FileCheck %s --check-prefix=LOOM

// A composite becomes what its function calls; the maximum only keeps exp from overflowing.
// CHECK-LABEL: func.func @softmax
// CHECK: %[[M:.*]] = weft.max %arg0 {structure = array<i64: 1, 1>}
// CHECK: %[[D:.*]] = weft.sub %arg0, %[[M]]
// CHECK: %[[E:.*]] = weft.exp %[[D]]
// CHECK: %[[S:.*]] = weft.sum %[[E]] {structure = array<i64: 1, 1>}
// CHECK: %[[Y:.*]] = weft.div %[[E]], %[[S]]
// CHECK: return %[[Y]]
// LOOM-LABEL: func.func @softmax
// LOOM-COUNT-1: weft.launch
// LOOM-NOT: weft.launch
func.func @softmax(%x: tensor<8x100xf32>) -> tensor<8x100xf32> {
  %0 = weft.softmax %x {dim = -1 : i64} : (tensor<8x100xf32>) -> tensor<8x100xf32>
  return %0 : tensor<8x100xf32>
}

// -----

// Sizes that are arguments stay arguments.
// CHECK-LABEL: func.func @any_batch
// CHECK: weft.max %arg0 {structure = array<i64: 1, 1>} : {{.*}} -> tensor<?x1xf32, #[[ROWS:.*]]>
// CHECK: weft.sum {{.*}} -> tensor<?x1xf32, #[[ROWS]]>
// CHECK: weft.log
// CHECK-NOT: 101
// LOOM-LABEL: func.func @any_batch
func.func @any_batch(%x: tensor<?x100xf32, affine_map<()[s0] -> (s0, 100)>>, %n: index) -> tensor<?x100xf32, affine_map<()[s0] -> (s0, 100)>> {
  %0 = weft.log_softmax %x {dim = 1 : i64} : (tensor<?x100xf32, affine_map<()[s0] -> (s0, 100)>>) -> tensor<?x100xf32, affine_map<()[s0] -> (s0, 100)>>
  return %0 : tensor<?x100xf32, affine_map<()[s0] -> (s0, 100)>>
}

// -----

// What is absent is not computed; a number is a constant, with its default where none is given.
// CHECK-LABEL: func.func @layer_norm
// CHECK: weft.mean
// CHECK: %[[EPS:.*]] = weft.number 1.000000e-05 : f64 -> tensor<f32>
// CHECK: weft.add %{{.*}}, %[[EPS]]
// CHECK: %[[R:.*]] = weft.rsqrt
// CHECK: %[[N:.*]] = weft.mul %{{.*}}, %[[R]]
// CHECK: %[[Y:.*]] = weft.add %[[N]], %arg1
// CHECK: return %[[Y]]
// LOOM-LABEL: func.func @layer_norm
func.func @layer_norm(%x: tensor<4x64xf32>, %b: tensor<64xf32>) -> tensor<4x64xf32> {
  %0 = weft.layer_norm %x, %b {normalized_shape = array<i64: 64>, operandSegmentSizes = array<i32: 1, 0, 1>} : (tensor<4x64xf32>, tensor<64xf32>) -> tensor<4x64xf32>
  return %0 : tensor<4x64xf32>
}

// -----

// An operand with a default is the last one, or none.
// CHECK-LABEL: func.func @linear
// CHECK: %[[T:.*]] = weft.permute %arg1
// CHECK: %[[P:.*]] = weft.matmul %arg0, %[[T]]
// CHECK: %[[A:.*]] = weft.add %[[P]], %arg2
// CHECK: %[[Q:.*]] = weft.matmul %[[A]], %[[T]]
// CHECK: return %[[Q]]
// LOOM-LABEL: func.func @linear
func.func @linear(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = weft.linear %x, %w, %b : (tensor<4x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  %1 = weft.linear %0, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

// The function branches on its attributes: a sum needs no count of valid targets. From target to loss it is one launch.
// CHECK-LABEL: func.func @cross_entropy
// CHECK: %[[I:.*]] = weft.number 7 : i64 -> tensor<i64>
// CHECK: weft.checked_index %arg1, %{{.*}}, %[[I]]
// CHECK: weft.arange
// CHECK-NOT: weft.div
// CHECK: return
// LOOM-LABEL: func.func @cross_entropy
// LOOM-COUNT-1: weft.launch
// LOOM-NOT: weft.launch
// LOOM: return
func.func @cross_entropy(%x: tensor<32x10xf32>, %t: tensor<32xi64>) -> tensor<f32> {
  %0 = weft.cross_entropy %x, %t {ignore_index = 7 : i64, reduction = "sum"} : (tensor<32x10xf32>, tensor<32xi64>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// The mean over any number of rows divides by a reduction's own count.
// CHECK-LABEL: func.func @mse_loss
// CHECK: weft.sub
// CHECK: weft.mean
func.func @mse_loss(%x: tensor<?xf64, affine_map<()[s0] -> (s0)>>, %t: tensor<?xf64, affine_map<()[s0] -> (s0)>>, %n: index) -> tensor<f64> {
  %0 = weft.mse_loss %x, %t : (tensor<?xf64, affine_map<()[s0] -> (s0)>>, tensor<?xf64, affine_map<()[s0] -> (s0)>>) -> tensor<f64>
  return %0 : tensor<f64>
}
