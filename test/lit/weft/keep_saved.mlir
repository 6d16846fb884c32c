// RUN: weft-opt %s --weft-keep-saved -split-input-file 2>&1 | FileCheck %s

// Of an activation that backward alone will read the operand is kept, which it reads as well: tanh is computed again.
// CHECK: remark: tanh is left to backward: it is computed again of what is kept
// CHECK-LABEL: func.func @activation
// CHECK-SAME: -> (tensor<1024x1024xf32> {weft.value = 5 : i64}, tensor<1024x1024xf32> {weft.saved, weft.value = 3 : i64}) {
// CHECK: %[[P:.*]] = weft.matmul %arg0, %arg1 :
// CHECK: %[[T:.*]] = weft.tanh %[[P]] :
// CHECK: %[[Y:.*]] = weft.matmul %[[T]], %arg2 :
// CHECK: return %[[Y]], %[[P]] :
func.func @activation(%x: tensor<1024x1024xf32>, %w: tensor<1024x1024xf32>, %v: tensor<1024x1024xf32>)
    -> (tensor<1024x1024xf32> {weft.saved, weft.value = 4}, tensor<1024x1024xf32> {weft.value = 5}, tensor<1024x1024xf32> {weft.saved, weft.value = 3}) {
  %p = weft.matmul %x, %w {weft.value = 3} : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %t = weft.tanh %p {weft.value = 4} : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %y = weft.matmul %t, %v {weft.value = 5} : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %t, %y, %p : tensor<1024x1024xf32>, tensor<1024x1024xf32>, tensor<1024x1024xf32>
}

// -----

// Nobody saved the sums of rows, but they are what is kept of a softmax that follows from a leaf.
// CHECK-LABEL: func.func @rows
// CHECK-SAME: -> (tensor<1024x1xf32> {weft.saved, weft.value = 2 : i64}) {
// CHECK: %[[S:.*]] = weft.sum
// CHECK: return %[[S]] :
func.func @rows(%x: tensor<1024x1024xf32>) -> (tensor<1024x1024xf32> {weft.saved, weft.value = 1}, tensor<1024x1024xf32> {weft.saved, weft.value = 3}) {
  %e = weft.exp %x {weft.value = 1} : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %s = weft.sum %e {structure = array<i64: 1, 1>, weft.value = 2} : (tensor<1024x1024xf32>) -> tensor<1024x1xf32>
  %y = weft.div %e, %s {weft.value = 3} : (tensor<1024x1024xf32>, tensor<1024x1xf32>) -> tensor<1024x1024xf32>
  return %e, %y : tensor<1024x1024xf32>, tensor<1024x1024xf32>
}

// -----

// Of a leaf that may hold something else by then nothing is made, nor of what an op in place has written (it has no
// number).
// CHECK-LABEL: func.func @fixed
// CHECK: %[[A:.*]] = weft.exp %arg0 :
// CHECK: %[[W:.*]] = weft.sin %arg1 :
// CHECK: %[[B:.*]] = weft.cos %[[W]] :
// CHECK: return %[[A]], %[[B]] :
func.func @fixed(%x: tensor<1024x1024xf32> {weft.fixed}, %y: tensor<1024x1024xf32>) -> (tensor<1024x1024xf32> {weft.saved, weft.value = 2}, tensor<1024x1024xf32> {weft.saved, weft.value = 4}) {
  %a = weft.exp %x {weft.value = 2} : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %w = weft.sin %y : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %b = weft.cos %w {weft.value = 4} : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %a, %b : tensor<1024x1024xf32>, tensor<1024x1024xf32>
}

// -----

// A long product is dear, and what an op may refuse is never made again.
// CHECK-LABEL: func.func @dear
// CHECK: return %{{.*}}, %{{.*}} :
func.func @dear(%x: tensor<1024x1024xf32>, %i: tensor<1024x1024xi64>) -> (tensor<1024x1024xf32> {weft.saved, weft.value = 2}, tensor<1024x1024xi64> {weft.saved, weft.value = 3}) {
  %p = weft.matmul %x, %x {weft.value = 2} : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %d = weft.floor_divide %i, %i {weft.value = 3} : (tensor<1024x1024xi64>, tensor<1024x1024xi64>) -> tensor<1024x1024xi64>
  return %p, %d : tensor<1024x1024xf32>, tensor<1024x1024xi64>
}

// -----

// Less than a MiB is not worth it where no budget asks for it.
// CHECK-LABEL: func.func @small
// CHECK: return %{{.*}} :
func.func @small(%x: tensor<128x128xf32>) -> (tensor<128x128xf32> {weft.saved, weft.value = 1}) {
  %e = weft.exp %x {weft.value = 1} : (tensor<128x128xf32>) -> tensor<128x128xf32>
  return %e : tensor<128x128xf32>
}
