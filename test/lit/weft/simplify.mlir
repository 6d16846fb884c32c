// RUN: weft-opt %s --weft-simplify | FileCheck %s

// view(view(x)) = view(x)
// CHECK-LABEL: func.func @views
// CHECK: %[[V:.*]] = weft.view %arg0 {sizes = #{{.*}}} : (tensor<2x6xf32>) -> tensor<12xf32>
// CHECK-NEXT: return %[[V]]
func.func @views(%x: tensor<2x6xf32>) -> tensor<12xf32> {
  %0 = weft.view %x {sizes = affine_map<() -> (3, 4)>} : (tensor<2x6xf32>) -> tensor<3x4xf32>
  %1 = weft.view %0 {sizes = affine_map<() -> (12)>} : (tensor<3x4xf32>) -> tensor<12xf32>
  return %1 : tensor<12xf32>
}

// permute(permute(x)) = x where the orders are inverse
// CHECK-LABEL: func.func @permutes
// CHECK-NEXT: return %arg0
func.func @permutes(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = weft.permute %x {structure = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = weft.permute %0 {structure = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// A transpose of a square is no identity.
// CHECK-LABEL: func.func @square
// CHECK: weft.permute
func.func @square(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = weft.permute %x {structure = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// A slice of everything is its operand; one that starts later is not.
// CHECK-LABEL: func.func @slices
// CHECK: %[[S:.*]] = weft.slice %arg0
// CHECK-NEXT: return %arg0, %[[S]]
func.func @slices(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<7xf32>) {
  %0 = weft.slice %x {structure = array<i64: 0>, sizes = affine_map<() -> (0, 8, 1)>} : (tensor<8xf32>) -> tensor<8xf32>
  %1 = weft.slice %x {structure = array<i64: 0>, sizes = affine_map<() -> (1, 7, 1)>} : (tensor<8xf32>) -> tensor<7xf32>
  return %0, %1 : tensor<8xf32>, tensor<7xf32>
}

// cast(cast(x)) = cast(x) where the inner cast keeps every value: bf16 to f32 does.
// CHECK-LABEL: func.func @wider
// CHECK: %[[C:.*]] = weft.cast %arg0 {{.*}} : (tensor<4xbf16>) -> tensor<4xf64>
// CHECK-NEXT: return %[[C]]
func.func @wider(%x: tensor<4xbf16>) -> tensor<4xf64> {
  %0 = weft.cast %x {structure = array<i64: 0>} : (tensor<4xbf16>) -> tensor<4xf32>
  %1 = weft.cast %0 {structure = array<i64: 1>} : (tensor<4xf32>) -> tensor<4xf64>
  return %1 : tensor<4xf64>
}

// A cast that rounds stays.
// CHECK-LABEL: func.func @rounds
// CHECK-COUNT-2: weft.cast
func.func @rounds(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.cast %x {structure = array<i64: 2>} : (tensor<4xf32>) -> tensor<4xbf16>
  %1 = weft.cast %0 {structure = array<i64: 0>} : (tensor<4xbf16>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// What nobody reads goes.
// CHECK-LABEL: func.func @dead
// CHECK-NEXT: return
func.func @dead(%x: tensor<4xf32>) {
  %0 = weft.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = weft.neg %0 : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// An op that may refuse its operand stays.
// CHECK-LABEL: func.func @refuses
// CHECK: weft.checked_index
func.func @refuses(%i: tensor<4xi64>, %n: i64) {
  %limit = weft.scalar %n : i64 -> tensor<i64>
  %0 = weft.checked_index %i, %limit, %limit : (tensor<4xi64>, tensor<i64>, tensor<i64>) -> tensor<4xi64>
  return
}
