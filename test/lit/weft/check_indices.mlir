// RUN: weft-opt %s --weft-check-indices -split-input-file | FileCheck %s
// RUN: weft-opt %s --weft-check-indices --weft-fuse --weft-place-outputs -split-input-file | FileCheck %s --check-prefix=PLACED

// The index of an update of a leaf is checked by an op of its own, behind the view that shows it; the update then writes the leaf itself.
// CHECK-LABEL: func.func @update
// CHECK: %[[AT:.*]] = weft.checked_index %arg1
// CHECK: %[[SHOWN:.*]] = weft.expand %[[AT]]
// CHECK: weft.scatter %arg0, %[[SHOWN]], %arg2 {checked
// PLACED-LABEL: func.func @update
// PLACED: weft.checked_index
// PLACED: %[[Y:.*]] = weft.kernel {
// PLACED: weft.scatter %arg0
// PLACED-NOT: weft.kernel
// PLACED: return %[[Y]]
func.func @update(%x: tensor<8x4xf32>, %at: tensor<1x1xi64>, %y: tensor<1x4xf32>) -> (tensor<8x4xf32> {weft.leaf = 0 : i64}) {
  %0 = weft.expand %at {sizes = affine_map<() -> (1, 4)>} : (tensor<1x1xi64>) -> tensor<1x4xi64>
  %1 = weft.scatter %x, %0, %y {structure = array<i64: 0>} : (tensor<8x4xf32>, tensor<1x4xi64>, tensor<1x4xf32>) -> tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// -----

// Updates at one index share its check, where their sizes are equal.
// CHECK-LABEL: func.func @several
// CHECK-COUNT-2: weft.checked_index
// CHECK-NOT: weft.checked_index
func.func @several(%a: tensor<8xf32>, %b: tensor<8xf32>, %c: tensor<9xf32>, %at: tensor<1xi64>, %y: tensor<1xf32>)
    -> (tensor<8xf32> {weft.leaf = 0 : i64}, tensor<8xf32> {weft.leaf = 1 : i64}, tensor<9xf32> {weft.leaf = 2 : i64}) {
  %0 = weft.scatter %a, %at, %y {structure = array<i64: 0>} : (tensor<8xf32>, tensor<1xi64>, tensor<1xf32>) -> tensor<8xf32>
  %1 = weft.scatter %b, %at, %y {structure = array<i64: 0>} : (tensor<8xf32>, tensor<1xi64>, tensor<1xf32>) -> tensor<8xf32>
  %2 = weft.scatter %c, %at, %y {structure = array<i64: 0>} : (tensor<9xf32>, tensor<1xi64>, tensor<1xf32>) -> tensor<9xf32>
  return %0, %1, %2 : tensor<8xf32>, tensor<8xf32>, tensor<9xf32>
}

// -----

// A new tensor, and a slice of indices, are left to the scatter: it writes nothing that must stay, or the check would see more than it does.
// CHECK-LABEL: func.func @others
// CHECK: weft.scatter %arg0, %arg1
// CHECK: %[[PART:.*]] = weft.slice %arg2
// CHECK: %[[CHECKED:.*]] = weft.checked_index %[[PART]]
// CHECK: weft.scatter %arg0, %[[CHECKED]]
func.func @others(%x: tensor<8xf32>, %at: tensor<1xi64>, %more: tensor<3xi64>, %y: tensor<1xf32>) -> (tensor<8xf32>, tensor<8xf32> {weft.leaf = 0 : i64}) {
  %0 = weft.scatter %x, %at, %y {structure = array<i64: 0>} : (tensor<8xf32>, tensor<1xi64>, tensor<1xf32>) -> tensor<8xf32>
  %1 = weft.slice %more {structure = array<i64: 0>, sizes = affine_map<() -> (1, 1, 1)>} : (tensor<3xi64>) -> tensor<1xi64>
  %2 = weft.scatter %x, %1, %y {structure = array<i64: 0>} : (tensor<8xf32>, tensor<1xi64>, tensor<1xf32>) -> tensor<8xf32>
  return %0, %2 : tensor<8xf32>, tensor<8xf32>
}
