// RUN: weft-opt %s --weft-fuse --weft-place-outputs --weft-lower-to-loom -split-input-file | FileCheck %s

// Contiguous axes become one; a number is an argument of the type that it is computed in.
// CHECK-LABEL: func.func @pointwise
// CHECK: weft.launch @k0_add(%arg0, %arg1 : {{.*}}) scalars(%arg2 : f64)
// CHECK-LABEL: loom.kernel @k0_add
// CHECK-SAME: f32) {
// CHECK: loom.part [#loom.axis<"d0", 32>]
// CHECK: arith.addf
// CHECK: arith.mulf
// CHECK: loom.store
func.func @pointwise(%x: tensor<8x4xf32>, %y: tensor<8x4xf32>, %s: f64) -> tensor<8x4xf32> {
  %c = weft.scalar %s : f64 -> tensor<f32>
  %0 = weft.add %x, %y : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %1 = weft.mul %0, %c : (tensor<8x4xf32>, tensor<f32>) -> tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// -----

// What an op rarely needs, of a record's expression or of the graph, is one choice in the body.
// CHECK-LABEL: loom.kernel @k0_cos
// CHECK: %[[ROOT:.*]] = math.sqrt
// CHECK: %[[FAR:.*]] = arith.cmpf ogt, %{{.*}}, %{{.*}} : f32
// CHECK: loom.rarely %[[FAR]], %{{.*}}, %{{.*}} : f32
// CHECK: loom.rarely %{{.*}}, %[[ROOT]], %{{.*}} : f32
func.func @rarely(%x: tensor<64xf32>, %m: tensor<64xi1>) -> tensor<64xf32> {
  %0 = weft.cos %x : (tensor<64xf32>) -> tensor<64xf32>
  %1 = weft.sqrt %x : (tensor<64xf32>) -> tensor<64xf32>
  %2 = weft.rarely %m, %1, %0 : (tensor<64xi1>, tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %2 : tensor<64xf32>
}

// -----

// A view is an index of the load.
// CHECK: #[[MAP:.*]] = affine_map<(d0, d1) -> (d0 + d1 * 8)>
// CHECK-LABEL: loom.kernel
// CHECK: loom.load %{{.*}}[#[[MAP]]]
func.func @transposed(%x: tensor<4x8xf32>) -> tensor<8x4xf32> {
  %0 = weft.permute %x {structure = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %1 = weft.neg %0 : (tensor<8x4xf32>) -> tensor<8x4xf32>
  return %1 : tensor<8x4xf32>
}

// -----

// What is dear and used in two loops is kept in a local; rounding to bf16 stands between ops.
// CHECK-LABEL: loom.kernel
// CHECK: loom.part [#loom.axis<"d0", 16>]
// CHECK: %[[T:.*]] = loom.local over
// CHECK: loom.loop <"d1", 64>
// CHECK: arith.truncf %{{.*}} : f32 to bf16
// CHECK: loom.store %{{.*}}, %[[T]]
// CHECK: loom.loop <"d1", 64> {
// CHECK: loom.load %[[T]]
func.func @normalised(%x: tensor<16x64xbf16>) -> tensor<16x64xbf16> {
  %e = weft.exp %x : (tensor<16x64xbf16>) -> tensor<16x64xbf16>
  %s = weft.sum %e {structure = array<i64: 1, 1>} : (tensor<16x64xbf16>) -> tensor<16x1xbf16>
  %y = weft.div %e, %s : (tensor<16x64xbf16>, tensor<16x1xbf16>) -> tensor<16x64xbf16>
  return %y : tensor<16x64xbf16>
}

// -----

// A product is a dot whose factors are loads, transposed or not.
// CHECK-LABEL: loom.kernel
// CHECK: loom.part [#loom.axis<"d0", 32>, #loom.axis<"d2", 24>]
// CHECK: loom.dot <"k", 16> {
// CHECK-COUNT-2: loom.load
// CHECK: } : f32
// CHECK: arith.addf
func.func @product(%x: tensor<4x8x16xf32>, %w: tensor<24x16xf32>, %b: tensor<24xf32>) -> tensor<4x8x24xf32> {
  %t = weft.permute %w {structure = array<i64: 1, 0>} : (tensor<24x16xf32>) -> tensor<16x24xf32>
  %0 = weft.matmul %x, %t : (tensor<4x8x16xf32>, tensor<16x24xf32>) -> tensor<4x8x24xf32>
  %1 = weft.add %0, %b : (tensor<4x8x24xf32>, tensor<24xf32>) -> tensor<4x8x24xf32>
  return %1 : tensor<4x8x24xf32>
}

// -----

// Sizes that are arguments are symbols of the maps.
// CHECK-DAG: #[[EXTENT:.*]] = affine_map<()[s0] -> (s0 * 4)>
// CHECK-LABEL: func.func @generic
// CHECK: weft.launch {{.*}} sizes(%arg1)
// CHECK-LABEL: loom.kernel
// CHECK-SAME: index) {
// CHECK: loom.part [#loom.axis<"d0", #[[EXTENT]]>]
func.func @generic(%x: tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>, %n: index) -> tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>> {
  %0 = weft.exp %x : (tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>) -> tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
  return %0 : tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
}

// -----

// An update in place has one buffer for both.
// CHECK-LABEL: func.func @update
// CHECK: tied = array<i64: 0>
// CHECK-LABEL: loom.kernel
// CHECK-SAME: (%[[P:.*]]: !loom.buffer<f32>, %{{.*}}: !loom.buffer<f32>) {
// CHECK: loom.load %[[P]]
// CHECK: loom.store %{{.*}}, %[[P]]
func.func @update(%p: tensor<8xf32>, %g: tensor<8xf32>) -> (tensor<8xf32> {weft.leaf = 0 : i64}) {
  %0 = weft.sub %p, %g : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// A gather's index is a loaded value: required to be one of the dim, and 0 where it is none, so that nothing else is read.
// CHECK: #[[ROW:.*]] = affine_map<(d0, d1) -> (d0 + d1 * 64)>
// CHECK-LABEL: loom.kernel @k0_gather
// CHECK: %[[I:.*]] = loom.load %{{.*}} : !loom.buffer<i64>
// CHECK: %[[OK:.*]] = arith.cmpi ult, %[[I]], %{{.*}} : i64
// CHECK: loom.require %[[OK]], 1
// CHECK: %[[S:.*]] = arith.select %[[OK]], %[[I]], %{{.*}} : i64
// CHECK: %[[P:.*]] = arith.index_cast %[[S]] : i64 to index
// CHECK: loom.load %{{.*}}[#[[ROW]]](%{{.*}}, %[[P]]) : !loom.buffer<f32>
func.func @gather(%w: tensor<100x64xf32>, %at: tensor<32xi64>) -> tensor<32x64xf32> {
  %v = weft.view %at {sizes = affine_map<() -> (32, 1)>} : (tensor<32xi64>) -> tensor<32x1xi64>
  %i = weft.expand %v {sizes = affine_map<() -> (32, 64)>} : (tensor<32x1xi64>) -> tensor<32x64xi64>
  %y = weft.gather %w, %i {structure = array<i64: 0>} : (tensor<100x64xf32>, tensor<32x64xi64>) -> tensor<32x64xf32>
  return %y : tensor<32x64xf32>
}

// -----

// Where the dim may be empty, the load is masked.
// CHECK-LABEL: loom.kernel @k0_gather
// CHECK: %[[OK:.*]] = arith.cmpi ult
// CHECK: loom.load %{{.*}} if %[[OK]] else
func.func @gather_of_any_size(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>, %at: tensor<8xi64>, %s: index) -> tensor<8xf32> {
  %y = weft.gather %x, %at {structure = array<i64: 0>} : (tensor<?xf32, affine_map<()[s0] -> (s0)>>, tensor<8xi64>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

// A factor that no strides show, heads beside one another here, is copied before a product that reads it often.
// CHECK: #[[ROWS:map[0-9]*]] = affine_map<(d0, d1) -> (d0 * 12 + d1)>
// CHECK-LABEL: func.func @heads
// CHECK: %[[X:.*]] = weft.launch @k0_copy(%arg0
// CHECK: weft.launch @k1_matmul(%[[X]], %arg1
// CHECK-LABEL: loom.kernel @k1_matmul
// CHECK: loom.dot
// CHECK-NEXT: ^bb0
// CHECK-NEXT: loom.load %{{.*}}[#[[ROWS]]]
func.func @heads(%x: tensor<2x3x8x4xf32>, %w: tensor<12x16xf32>) -> tensor<2x8x16xf32> {
  %0 = weft.permute %x {structure = array<i64: 0, 2, 1, 3>} : (tensor<2x3x8x4xf32>) -> tensor<2x8x3x4xf32>
  %1 = weft.view %0 {sizes = affine_map<() -> (2, 8, 12)>} : (tensor<2x8x3x4xf32>) -> tensor<2x8x12xf32>
  %2 = weft.matmul %1, %w : (tensor<2x8x12xf32>, tensor<12x16xf32>) -> tensor<2x8x16xf32>
  return %2 : tensor<2x8x16xf32>
}

// -----

// Of a few columns each element is read a few times: no copy pays.
// CHECK-LABEL: func.func @few_columns
// CHECK-NEXT: weft.launch @k0_matmul(%arg0
func.func @few_columns(%x: tensor<2x3x8x4xf32>, %w: tensor<12x4xf32>) -> tensor<2x8x4xf32> {
  %0 = weft.permute %x {structure = array<i64: 0, 2, 1, 3>} : (tensor<2x3x8x4xf32>) -> tensor<2x8x3x4xf32>
  %1 = weft.view %0 {sizes = affine_map<() -> (2, 8, 12)>} : (tensor<2x8x3x4xf32>) -> tensor<2x8x12xf32>
  %2 = weft.matmul %1, %w : (tensor<2x8x12xf32>, tensor<12x4xf32>) -> tensor<2x8x4xf32>
  return %2 : tensor<2x8x4xf32>
}
