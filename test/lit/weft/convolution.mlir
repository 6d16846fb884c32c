// RUN: weft-opt %s --weft-fuse --weft-place-outputs --weft-lower-to-loom -split-input-file | FileCheck %s

// A convolution is a dot over channels and taps; rows are weights in a line, columns places of the image, of which those in the padding are 0. What
// follows it is in the same kernel.
// CHECK: #[[ROW:.*]] = affine_map<(d0, d1) -> (d0 * 576 + d1)>
// CHECK: #[[INSIDE:.*]] = affine_set<(d0, d1) : ((d1 floordiv 3) mod 3 + d0 floordiv 56 - 1 >= 0,
// CHECK-LABEL: func.func @block
// CHECK-COUNT-1: weft.launch
// CHECK-LABEL: loom.kernel
// CHECK: loom.part [#loom.axis<"d0", 64>, #loom.axis<"d1", 3136>]
// CHECK: loom.dot <"k", 576>
// CHECK: loom.load %{{.*}} within #[[INSIDE]]
// CHECK: loom.load %{{.*}}[#[[ROW]]]
// CHECK: arith.addf
// CHECK: arith.addf
func.func @block(%x: tensor<1x64x56x56xf32>, %w: tensor<64x64x3x3xf32>, %b: tensor<64x1x1xf32>, %r: tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32> {
  %0 = weft.convolution %x, %w {structure = array<i64: 1, 1, 1, 1, 1, 1, 1, 1, 1>} : (tensor<1x64x56x56xf32>, tensor<64x64x3x3xf32>) -> tensor<1x64x56x56xf32>
  %1 = weft.add %0, %b : (tensor<1x64x56x56xf32>, tensor<64x1x1xf32>) -> tensor<1x64x56x56xf32>
  %2 = weft.add %1, %r : (tensor<1x64x56x56xf32>, tensor<1x64x56x56xf32>) -> tensor<1x64x56x56xf32>
  return %2 : tensor<1x64x56x56xf32>
}

// -----

// Groups are an axis of both factors.
// CHECK: #[[ROWS:.*]] = affine_map<(d0, d1, d2) -> (d0 * 144 + d1 * 36 + d2)>
// CHECK-LABEL: loom.kernel
// CHECK: loom.part [#loom.axis<"d0", 2>, #loom.axis<"d1", 2>, #loom.axis<"d2", 4>, #loom.axis<"d3", 25>]
// CHECK: loom.load %{{.*}}[#[[ROWS]]](%{{.*}}, %{{.*}}, %{{.*}})
func.func @grouped(%x: tensor<2x8x9x9xf32>, %w: tensor<8x4x3x3xf32>) -> tensor<2x8x5x5xf32> {
  %0 = weft.convolution %x, %w {structure = array<i64: 2, 2, 1, 1, 1, 2, 1, 1, 1>} : (tensor<2x8x9x9xf32>, tensor<8x4x3x3xf32>) -> tensor<2x8x5x5xf32>
  return %0 : tensor<2x8x5x5xf32>
}

// -----

// With few rows and terms lines of the image stay apart: lanes run along them.
// CHECK-LABEL: loom.kernel
// CHECK: loom.part [#loom.axis<"d0", 2>, #loom.axis<"d1", 8>, #loom.axis<"d2", 9>, #loom.axis<"d3", 9>]
func.func @depthwise(%x: tensor<2x8x9x9xf32>, %w: tensor<8x1x3x3xf32>) -> tensor<2x8x9x9xf32> {
  %0 = weft.convolution %x, %w {structure = array<i64: 8, 1, 1, 1, 1, 1, 1, 1, 1>} : (tensor<2x8x9x9xf32>, tensor<8x1x3x3xf32>) -> tensor<2x8x9x9xf32>
  return %0 : tensor<2x8x9x9xf32>
}

// -----

// A window of one tap is the product of two matrices.
// CHECK: #[[IMAGE:.*]] = affine_map<(d0, d1, d2) -> (d0 * 648 + d1 + d2 * 81)>
// CHECK-LABEL: loom.kernel
// CHECK: loom.load %{{.*}}[#[[IMAGE]]]
// CHECK-NOT: within
func.func @one_tap(%x: tensor<2x8x9x9xf32>, %w: tensor<16x8x1x1xf32>) -> tensor<2x16x9x9xf32> {
  %0 = weft.convolution %x, %w {structure = array<i64: 1, 1, 0, 0, 1, 1, 0, 0, 1>} : (tensor<2x8x9x9xf32>, tensor<16x8x1x1xf32>) -> tensor<2x16x9x9xf32>
  return %0 : tensor<2x16x9x9xf32>
}

// -----

// Columns are one axis whatever follows: what reads lines divides.
// CHECK: #[[LINE:.*]] = affine_map<(d0) -> (d0 mod 9)>
// CHECK-LABEL: loom.kernel
// CHECK: loom.part [#loom.axis<"d0", 8>, #loom.axis<"d1", 81>]
// CHECK: loom.load %{{.*}}[#[[LINE]]]
func.func @line_after(%x: tensor<1x4x9x9xf32>, %w: tensor<8x4x3x3xf32>, %r: tensor<9xf32>) -> tensor<1x8x9x9xf32> {
  %0 = weft.convolution %x, %w {structure = array<i64: 1, 1, 1, 1, 1, 1, 1, 1, 1>} : (tensor<1x4x9x9xf32>, tensor<8x4x3x3xf32>) -> tensor<1x8x9x9xf32>
  %1 = weft.add %0, %r : (tensor<1x8x9x9xf32>, tensor<9xf32>) -> tensor<1x8x9x9xf32>
  return %1 : tensor<1x8x9x9xf32>
}

// -----

// Integers, images with gaps in their lines and sizes that are arguments are calls of the op's own kernel.
// CHECK-LABEL: func.func @called
// CHECK-COUNT-3: weft.launch @k{{[0-2]}}_convolution
// CHECK-COUNT-3: weft.routine @k{{[0-2]}}_convolution
func.func @called(%i: tensor<1x4x9xi64>, %v: tensor<8x4x3xi64>, %x: tensor<1x4x9xf32> {weft.layout = affine_map<(d0, d1, d2) -> (d1 * 18 + d2 * 2)>}, %w: tensor<8x4x3xf32>, %n: tensor<?x4x9xf32, affine_map<()[s0] -> (s0, 4, 9)>>, %s: index) -> (tensor<1x8x7xi64>, tensor<1x8x7xf32>, tensor<?x8x7xf32, affine_map<()[s0] -> (s0, 8, 7)>>) {
  %0 = weft.convolution %i, %v {structure = array<i64: 1, 1, 0, 0, 1>} : (tensor<1x4x9xi64>, tensor<8x4x3xi64>) -> tensor<1x8x7xi64>
  %1 = weft.convolution %x, %w {structure = array<i64: 1, 1, 0, 0, 1>} : (tensor<1x4x9xf32>, tensor<8x4x3xf32>) -> tensor<1x8x7xf32>
  %2 = weft.convolution %n, %w {structure = array<i64: 1, 1, 0, 0, 1>} : (tensor<?x4x9xf32, affine_map<()[s0] -> (s0, 4, 9)>>, tensor<8x4x3xf32>) -> tensor<?x8x7xf32, affine_map<()[s0] -> (s0, 8, 7)>>
  return %0, %1, %2 : tensor<1x8x7xi64>, tensor<1x8x7xf32>, tensor<?x8x7xf32, affine_map<()[s0] -> (s0, 8, 7)>>
}
