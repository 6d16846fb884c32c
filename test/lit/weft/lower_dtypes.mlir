// RUN: weft-opt %s --weft-fuse --weft-place-outputs --weft-lower-to-loom -split-input-file | FileCheck %s

// Narrow integers compute in i64 and wrap after each op: a shift to the left and back.
// CHECK-LABEL: loom.kernel @k0_add(%{{.*}}: !loom.buffer<i16>
// CHECK: %[[X:.*]] = loom.load {{.*}} : !loom.buffer<i16>
// CHECK: %[[S:.*]] = arith.addi %[[X]], %{{.*}} : i64
// CHECK: %[[H:.*]] = arith.shli %[[S]], %[[C:.*]] : i64
// CHECK: %[[W:.*]] = arith.shrsi %[[H]], %[[C]] : i64
// CHECK: arith.muli %[[W]], %{{.*}} : i64
// CHECK: loom.store {{.*}} : !loom.buffer<i16>
func.func @narrow(%x: tensor<8xi16>, %y: tensor<8xi16>) -> tensor<8xi16> {
  %0 = weft.add %x, %y : (tensor<8xi16>, tensor<8xi16>) -> tensor<8xi16>
  %1 = weft.mul %0, %y : (tensor<8xi16>, tensor<8xi16>) -> tensor<8xi16>
  return %1 : tensor<8xi16>
}

// -----

// Those without a sign keep their low bits.
// CHECK-LABEL: loom.kernel @k0_sub(%{{.*}}: !loom.buffer<ui8>
// CHECK: %[[D:.*]] = arith.subi
// CHECK: %[[M:.*]] = arith.constant 255 : i64
// CHECK: %[[L:.*]] = arith.andi %[[D]], %[[M]] : i64
// CHECK: arith.cmpi slt, %[[L]], %{{.*}} : i64
func.func @unsigned(%x: tensor<8xui8>, %y: tensor<8xui8>) -> tensor<8xi1> {
  %0 = weft.sub %x, %y : (tensor<8xui8>, tensor<8xui8>) -> tensor<8xui8>
  %1 = weft.lt %0, %y : (tensor<8xui8>, tensor<8xui8>) -> tensor<8xi1>
  return %1 : tensor<8xi1>
}

// -----

// f16 computes in f32 and rounds after each op.
// CHECK-LABEL: loom.kernel @k0_add(%{{.*}}: !loom.buffer<f16>
// CHECK: %[[S:.*]] = arith.addf %{{.*}} : f32
// CHECK: %[[N:.*]] = arith.truncf %[[S]] : f32 to f16
// CHECK: %[[E:.*]] = arith.extf %[[N]] : f16 to f32
// CHECK: arith.mulf %[[E]], %{{.*}} : f32
func.func @half(%x: tensor<8xf16>, %y: tensor<8xf16>) -> tensor<8xf16> {
  %0 = weft.add %x, %y : (tensor<8xf16>, tensor<8xf16>) -> tensor<8xf16>
  %1 = weft.mul %0, %y : (tensor<8xf16>, tensor<8xf16>) -> tensor<8xf16>
  return %1 : tensor<8xf16>
}

// -----

// A floating number of an integer op is a bound: it saturates. An integer wraps.
// CHECK-LABEL: loom.kernel @k0_clamp(
// CHECK: arith.fptosi
// CHECK: arith.maxsi
// CHECK: arith.minsi
func.func @bound(%x: tensor<8xi8>, %low: i64, %high: f64) -> tensor<8xi8> {
  %l = weft.scalar %low : i64 -> tensor<i8>
  %h = weft.scalar %high : f64 -> tensor<i8>
  %0 = weft.clamp %x, %l, %h : (tensor<8xi8>, tensor<i8>, tensor<i8>) -> tensor<8xi8>
  return %0 : tensor<8xi8>
}

// -----

// A product of casts that change no number loads what lies before them; i8 is summed by a dot.
// CHECK-LABEL: loom.kernel @k0_cast
// CHECK-SAME: (%[[A:.*]]: !loom.buffer<i8>, %[[B:.*]]: !loom.buffer<i8>, %{{.*}}: !loom.buffer<i32>)
// CHECK: loom.dot <"k", 4> {
// CHECK-DAG: loom.load %[[A]]
// CHECK-DAG: loom.load %[[B]]
// CHECK: } : i64
// CHECK-NOT: loom.kernel
func.func @casts(%x: tensor<8x4xi8>, %y: tensor<8x4xi8>) -> tensor<8x8xi32> {
  %0 = weft.cast %x {structure = array<i64: 6>} : (tensor<8x4xi8>) -> tensor<8x4xi32>
  %1 = weft.cast %y {structure = array<i64: 6>} : (tensor<8x4xi8>) -> tensor<8x4xi32>
  %2 = weft.permute %1 {structure = array<i64: 1, 0>} : (tensor<8x4xi32>) -> tensor<4x8xi32>
  %3 = weft.matmul %0, %2 : (tensor<8x4xi32>, tensor<4x8xi32>) -> tensor<8x8xi32>
  return %3 : tensor<8x8xi32>
}

// -----

// A factor that is read elsewhere as well is a tensor of its own, and so is the one beside it.
// CHECK-LABEL: func.func @elsewhere
// CHECK: loom.dot
// CHECK-COUNT-2: !loom.buffer<f32>
// CHECK: } : f32
func.func @elsewhere(%x: tensor<4x4xbf16>, %y: tensor<4x4xbf16>) -> (tensor<4x4xf32>, tensor<4xf32>) {
  %0 = weft.cast %x {structure = array<i64: 0>} : (tensor<4x4xbf16>) -> tensor<4x4xf32>
  %1 = weft.cast %y {structure = array<i64: 0>} : (tensor<4x4xbf16>) -> tensor<4x4xf32>
  %2 = weft.matmul %0, %1 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = weft.sum %0 {structure = array<i64: 0, 1>} : (tensor<4x4xf32>) -> tensor<4xf32>
  return %2, %3 : tensor<4x4xf32>, tensor<4xf32>
}
