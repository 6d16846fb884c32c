// RUN: weft-opt %s --weft-fuse --weft-place-outputs -split-input-file | FileCheck %s

// A leaf, and one value twice, are copied: each output has memory of its own.
// CHECK-LABEL: func.func @copies
// CHECK: %[[A:.*]] = weft.kernel {
// CHECK-NEXT: weft.exp
// CHECK: %[[B:.*]] = weft.kernel {
// CHECK-NEXT: weft.view %[[A]]
// CHECK: %[[C:.*]] = weft.kernel {
// CHECK-NEXT: weft.view %arg0
// CHECK: return %[[A]], %[[B]], %[[C]]
func.func @copies(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %0 = weft.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  return %0, %0, %x : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// -----

// An update that reads its leaf element by element writes it directly.
// CHECK-LABEL: func.func @update
// CHECK: %[[A:.*]] = weft.kernel {
// CHECK-NOT: weft.kernel
// CHECK: return %[[A]]
func.func @update(%x: tensor<8x8xf32>) -> (tensor<8x8xf32> {weft.leaf = 0 : i64}) {
  %0 = weft.exp %x : (tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// -----

// One that reads it elsewhere writes a temporary, and a copy at the end moves that.
// CHECK-LABEL: func.func @transposed
// CHECK: %[[A:.*]] = weft.kernel {
// CHECK: %[[B:.*]] = weft.kernel {
// CHECK-NEXT: weft.view %[[A]]
// CHECK: return %[[B]]
func.func @transposed(%x: tensor<8x8xf32>) -> (tensor<8x8xf32> {weft.leaf = 0 : i64}) {
  %0 = weft.permute %x {structure = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = weft.add %x, %0 : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %1 : tensor<8x8xf32>
}

// -----

// Whoever reads the old value runs first.
// CHECK-LABEL: func.func @order
// CHECK: weft.kernel {
// CHECK-NEXT: weft.matmul
// CHECK: weft.kernel {
// CHECK-NEXT: weft.exp
// CHECK-NOT: weft.kernel
func.func @order(%x: tensor<8x8xf32>) -> (tensor<8x8xf32> {weft.leaf = 0 : i64}, tensor<8x8xf32>) {
  %0 = weft.exp %x : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = weft.matmul %x, %x : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %0, %1 : tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

// What may refuse its operand runs before a leaf is written, though the update comes first in the program.
// CHECK-LABEL: func.func @refuses
// CHECK: weft.kernel {
// CHECK: weft.checked_index
// CHECK: %[[U:.*]] = weft.kernel {
// CHECK-NEXT: weft.exp %arg0
// CHECK-NOT: weft.kernel
// CHECK: return %{{.*}}, %[[U]]
func.func @refuses(%x: tensor<8xf32>, %i: tensor<8xi64>, %n: i64) -> (tensor<8xi64>, tensor<8xf32> {weft.leaf = 0 : i64}) {
  %limit = weft.scalar %n : i64 -> tensor<i64>
  %1 = weft.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  %0 = weft.checked_index %i, %limit, %limit : (tensor<8xi64>, tensor<i64>, tensor<i64>) -> tensor<8xi64>
  return %0, %1 : tensor<8xi64>, tensor<8xf32>
}

// -----

// Where its operand is the leaf's new value, that is a temporary, which a copy at the end moves.
// CHECK-LABEL: func.func @refuses_update
// CHECK: %[[A:.*]] = weft.kernel {
// CHECK-NEXT: weft.add
// CHECK: weft.kernel {
// CHECK: weft.checked_index %[[A]]
// CHECK: %[[B:.*]] = weft.kernel {
// CHECK-NEXT: weft.view %[[A]]
// CHECK: return %[[B]]
func.func @refuses_update(%i: tensor<8xi64>, %n: i64) -> (tensor<8xi64> {weft.leaf = 0 : i64}) {
  %limit = weft.scalar %n : i64 -> tensor<i64>
  %0 = weft.add %i, %i : (tensor<8xi64>, tensor<8xi64>) -> tensor<8xi64>
  %1 = weft.checked_index %0, %limit, %limit : (tensor<8xi64>, tensor<i64>, tensor<i64>) -> tensor<8xi64>
  return %0 : tensor<8xi64>
}
