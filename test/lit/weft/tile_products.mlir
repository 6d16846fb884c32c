// RUN: weft-opt %s --weft-tile-products --split-input-file | FileCheck %s

// softmax between two products: a function of one head and 128 rows, called 12 * 8 times.
// CHECK-LABEL: func.func @attention
// CHECK-NEXT: weft.scalar
// CHECK-NEXT: weft.tiles @tiles0(%arg0, %arg1, %arg2, %{{.*}}) counts #[[COUNTS:.*]] steps #[[STEPS:.*]] extents #[[EXTENTS:.*]] {
// CHECK-NEXT: return
// The tile starts at s0 along the heads and at s1 along the rows; keys and values are read whole.
// CHECK-LABEL: func.func private @tiles0
// CHECK-SAME: tensor<1x128x64xf32> {weft.layout = affine_map<(d0, d1, d2)[s0, s1] -> (d0 * 65536 + d1 * 64 + d2 + s0 * 65536 + s1 * 64)>}
// CHECK: %[[HEAD:.*]] = weft.slice %arg0 {{.*}}structure = array<i64: 0>{{.*}} -> tensor<1x1024x64xf32>
// CHECK: weft.slice %[[HEAD]] {{.*}}structure = array<i64: 1>{{.*}} -> tensor<1x128x64xf32>
// CHECK: weft.matmul {{.*}} -> tensor<1x128x1024xf32>
// CHECK: weft.max {{.*}} -> tensor<1x128x1xf32>
// CHECK: weft.matmul {{.*}} -> tensor<1x128x64xf32>
func.func @attention(%q: tensor<12x1024x64xf32>, %kt: tensor<12x64x1024xf32>, %v: tensor<12x1024x64xf32>, %scale: f64) -> tensor<12x1024x64xf32> {
  %f = weft.scalar %scale : f64 -> tensor<f32>
  %s = weft.matmul %q, %kt : (tensor<12x1024x64xf32>, tensor<12x64x1024xf32>) -> tensor<12x1024x1024xf32>
  %x = weft.mul %s, %f : (tensor<12x1024x1024xf32>, tensor<f32>) -> tensor<12x1024x1024xf32>
  %m = weft.max %x {structure = array<i64: 1, 2>} : (tensor<12x1024x1024xf32>) -> tensor<12x1024x1xf32>
  %d = weft.sub %x, %m : (tensor<12x1024x1024xf32>, tensor<12x1024x1xf32>) -> tensor<12x1024x1024xf32>
  %e = weft.exp %d : (tensor<12x1024x1024xf32>) -> tensor<12x1024x1024xf32>
  %t = weft.sum %e {structure = array<i64: 1, 2>} : (tensor<12x1024x1024xf32>) -> tensor<12x1024x1xf32>
  %p = weft.div %e, %t : (tensor<12x1024x1024xf32>, tensor<12x1024x1xf32>) -> tensor<12x1024x1024xf32>
  %y = weft.matmul %p, %v : (tensor<12x1024x1024xf32>, tensor<12x1024x64xf32>) -> tensor<12x1024x64xf32>
  return %y : tensor<12x1024x64xf32>
}

// -----

// A mask made of sources is made in each tile, from slices of them; a bias of the scores is sliced along the rows alone, where hidden columns would show (without a division).
// CHECK-LABEL: func.func @masked
// CHECK: weft.tiles @tiles0(%arg0, %arg1, %arg3, %arg2,
// CHECK-LABEL: func.func private @tiles0
// CHECK: weft.arange {{.*}} -> tensor<1024xi64>
// CHECK: weft.le {{.*}} -> tensor<128x1024xi1>
// CHECK: weft.slice %arg2 {{.*}} -> tensor<128x1024xf32>
// CHECK: weft.where {{.*}} -> tensor<128x1024xf32>
// CHECK-NOT: weft.slice %arg1
func.func @masked(%q: tensor<1024x64xf32>, %kt: tensor<64x1024xf32>, %v: tensor<1024x64xf32>, %bias: tensor<1024x1024xf32>, %low: f64, %zero: i64, %one: i64) -> tensor<1024x64xf32> {
  %f = weft.scalar %low : f64 -> tensor<f32>
  %a = weft.scalar %zero : i64 -> tensor<i64>
  %b = weft.scalar %one : i64 -> tensor<i64>
  %c = weft.arange %a, %b {sizes = affine_map<() -> (1024)>, structure = array<i64: 3>} : (tensor<i64>, tensor<i64>) -> tensor<1024xi64>
  %r = weft.view %c {sizes = affine_map<() -> (1024, 1)>} : (tensor<1024xi64>) -> tensor<1024x1xi64>
  %mask = weft.le %c, %r : (tensor<1024xi64>, tensor<1024x1xi64>) -> tensor<1024x1024xi1>
  %s = weft.matmul %q, %kt : (tensor<1024x64xf32>, tensor<64x1024xf32>) -> tensor<1024x1024xf32>
  %u = weft.add %s, %bias : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %x = weft.where %mask, %u, %f : (tensor<1024x1024xi1>, tensor<1024x1024xf32>, tensor<f32>) -> tensor<1024x1024xf32>
  %m = weft.max %x {structure = array<i64: 1, 1>} : (tensor<1024x1024xf32>) -> tensor<1024x1xf32>
  %d = weft.sub %x, %m : (tensor<1024x1024xf32>, tensor<1024x1xf32>) -> tensor<1024x1024xf32>
  %e = weft.exp %d : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %y = weft.matmul %e, %v : (tensor<1024x1024xf32>, tensor<1024x64xf32>) -> tensor<1024x64xf32>
  return %y : tensor<1024x64xf32>
}

// -----

// Probabilities that are returned have to be whole; two products without a reduction between them stay apart; small ones too.
// CHECK-LABEL: func.func @apart
// CHECK-NOT: weft.tiles
func.func @apart(%q: tensor<1024x64xf32>, %kt: tensor<64x1024xf32>, %v: tensor<1024x64xf32>, %w: tensor<64x64xf32>) -> (tensor<1024x1024xf32>, tensor<1024x64xf32>, tensor<1024x64xf32>, tensor<64x64xf32>) {
  %s = weft.matmul %q, %kt : (tensor<1024x64xf32>, tensor<64x1024xf32>) -> tensor<1024x1024xf32>
  %m = weft.max %s {structure = array<i64: 1, 1>} : (tensor<1024x1024xf32>) -> tensor<1024x1xf32>
  %d = weft.sub %s, %m : (tensor<1024x1024xf32>, tensor<1024x1xf32>) -> tensor<1024x1024xf32>
  %y = weft.matmul %d, %v : (tensor<1024x1024xf32>, tensor<1024x64xf32>) -> tensor<1024x64xf32>
  %h = weft.matmul %q, %kt : (tensor<1024x64xf32>, tensor<64x1024xf32>) -> tensor<1024x1024xf32>
  %g = weft.relu %h : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %z = weft.matmul %g, %v : (tensor<1024x1024xf32>, tensor<1024x64xf32>) -> tensor<1024x64xf32>
  %i = weft.matmul %w, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %n = weft.sum %i {structure = array<i64: 1, 1>} : (tensor<64x64xf32>) -> tensor<64x1xf32>
  %o = weft.div %i, %n : (tensor<64x64xf32>, tensor<64x1xf32>) -> tensor<64x64xf32>
  %k = weft.matmul %o, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %d, %y, %z, %k : tensor<1024x1024xf32>, tensor<1024x64xf32>, tensor<1024x64xf32>, tensor<64x64xf32>
}

// -----

// Rows and columns that are arguments: as many tiles as 512 KiB of scores each ask for, whose rows are the function's last size.
// CHECK: #[[COUNTS:map[0-9]*]] = affine_map<()[s0] -> (12, ((s0 * s0) * 4) floordiv 524288 + 1)>
// CHECK: #[[STEPS:map[0-9]*]] = affine_map<()[s0] -> (1, s0 ceildiv (((s0 * s0) * 4) floordiv 524288 + 1))>
// CHECK: #[[EXTENTS:map[0-9]*]] = affine_map<()[s0] -> (12, s0)>
// CHECK-LABEL: func.func @any_rows
// CHECK: weft.tiles @tiles0
// CHECK-SAME: counts #[[COUNTS]] steps #[[STEPS]] extents #[[EXTENTS]]
// CHECK-LABEL: func.func private @tiles0
func.func @any_rows(%q: tensor<12x?x64xf32, affine_map<()[s0] -> (12, s0, 64)>>, %kt: tensor<12x64x?xf32, affine_map<()[s0] -> (12, 64, s0)>>, %v: tensor<12x?x64xf32, affine_map<()[s0] -> (12, s0, 64)>>, %n: index) -> tensor<12x?x64xf32, affine_map<()[s0] -> (12, s0, 64)>> {
  %s = weft.matmul %q, %kt : (tensor<12x?x64xf32, affine_map<()[s0] -> (12, s0, 64)>>, tensor<12x64x?xf32, affine_map<()[s0] -> (12, 64, s0)>>) -> tensor<12x?x?xf32, affine_map<()[s0] -> (12, s0, s0)>>
  %m = weft.max %s {structure = array<i64: 1, 2>} : (tensor<12x?x?xf32, affine_map<()[s0] -> (12, s0, s0)>>) -> tensor<12x?x1xf32, affine_map<()[s0] -> (12, s0, 1)>>
  %d = weft.sub %s, %m : (tensor<12x?x?xf32, affine_map<()[s0] -> (12, s0, s0)>>, tensor<12x?x1xf32, affine_map<()[s0] -> (12, s0, 1)>>) -> tensor<12x?x?xf32, affine_map<()[s0] -> (12, s0, s0)>>
  %e = weft.exp %d : (tensor<12x?x?xf32, affine_map<()[s0] -> (12, s0, s0)>>) -> tensor<12x?x?xf32, affine_map<()[s0] -> (12, s0, s0)>>
  %y = weft.matmul %e, %v : (tensor<12x?x?xf32, affine_map<()[s0] -> (12, s0, s0)>>, tensor<12x?x64xf32, affine_map<()[s0] -> (12, s0, 64)>>) -> tensor<12x?x64xf32, affine_map<()[s0] -> (12, s0, 64)>>
  return %y : tensor<12x?x64xf32, affine_map<()[s0] -> (12, s0, 64)>>
}

// -----

// Rows of 5000 scores, of which a tile could have 26: 256 of them at once, in blocks of 256 columns. Blocks leave 136 columns over.
// CHECK-LABEL: func.func @long
// CHECK: weft.tiles @tiles0({{.*}} of 5000 {{.*}}weft.blocks = [256, @tiles0_none, @tiles0_block, @tiles0_rest]
// No column: the largest is -inf, sums are 0.
// CHECK-LABEL: func.func private @tiles0_none
// CHECK: weft.number 0xFFF0000000000000
// CHECK: weft.full {{.*}} -> tensor<256x1xf32>
// CHECK: weft.full {{.*}} -> tensor<256x1xf32>
// CHECK: weft.full {{.*}} -> tensor<256x64xf32>
// A block: the sums of the columns before are scaled to the new largest score.
// CHECK-LABEL: func.func private @tiles0_block
// CHECK-SAME: %[[MAX:arg4]]: tensor<256x1xf32>, %[[SUM:arg5]]: tensor<256x1xf32>, %[[VALUES:arg6]]: tensor<256x64xf32>
// CHECK: weft.slice %arg1 {{.*}} -> tensor<64x256xf32>
// CHECK: weft.max {{.*}} -> tensor<256x1xf32>
// CHECK: %[[NEW:.*]] = weft.maximum %[[MAX]]
// CHECK: %[[TERMS:.*]] = weft.exp {{.*}} -> tensor<256x256xf32>
// CHECK: %[[FACTOR:.*]] = weft.exp {{.*}} -> tensor<256x1xf32>
// CHECK: weft.mul %[[SUM]], %[[FACTOR]]
// CHECK: weft.matmul %[[TERMS]]
// CHECK: weft.mul %[[VALUES]], %[[FACTOR]]
// CHECK: return %[[NEW]]
// CHECK-LABEL: func.func private @tiles0_rest
// CHECK: weft.slice %arg1 {{.*}} -> tensor<64x136xf32>
// CHECK-LABEL: func.func private @tiles0(
// CHECK: weft.div
func.func @long(%q: tensor<1024x64xf32>, %kt: tensor<64x5000xf32>, %v: tensor<5000x64xf32>) -> tensor<1024x64xf32> {
  %x = weft.matmul %q, %kt : (tensor<1024x64xf32>, tensor<64x5000xf32>) -> tensor<1024x5000xf32>
  %m = weft.max %x {structure = array<i64: 1, 1>} : (tensor<1024x5000xf32>) -> tensor<1024x1xf32>
  %d = weft.sub %x, %m : (tensor<1024x5000xf32>, tensor<1024x1xf32>) -> tensor<1024x5000xf32>
  %e = weft.exp %d : (tensor<1024x5000xf32>) -> tensor<1024x5000xf32>
  %t = weft.sum %e {structure = array<i64: 1, 1>} : (tensor<1024x5000xf32>) -> tensor<1024x1xf32>
  %p = weft.div %e, %t : (tensor<1024x5000xf32>, tensor<1024x1xf32>) -> tensor<1024x5000xf32>
  %y = weft.matmul %p, %v : (tensor<1024x5000xf32>, tensor<5000x64xf32>) -> tensor<1024x64xf32>
  return %y : tensor<1024x64xf32>
}
