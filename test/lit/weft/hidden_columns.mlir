// RUN: weft-opt %s --weft-tile-products --split-input-file | FileCheck %s

// A causal mask: the function that finds columns compares positions and -inf, and takes no score; that the elements of v are finite is found out once a head, and columns once for the same rows of all heads.
// CHECK: #[[WINDOW:map[0-9]*]] = affine_map<()[s0, s1, s2, s3] -> (s2 * 64, s3 * 64, 1)>
// CHECK-LABEL: func.func @causal
// CHECK: weft.tiles @tiles0(%arg0, %arg1, %arg2, %{{.*}}) counts #{{.*}} steps #{{.*}} extents #{{.*}} visible @tiles0_visible of 1024 {{.*}}weft.by_rows, weft.guards = @tiles0_guards
// CHECK-LABEL: func.func private @tiles0_guards
// CHECK: %[[HEAD:.*]] = weft.slice %arg2 {{.*}} -> tensor<1x1024x64xf32>
// CHECK: %[[V:.*]] = weft.abs %[[HEAD]]
// CHECK: %[[MOST:.*]] = weft.max %[[V]] {{.*}} -> tensor<1x1x1xf32>
// CHECK: %[[FINITE:.*]] = weft.lt %[[MOST]]
// CHECK: %[[HOLDS:.*]] = weft.where %[[FINITE]]
// CHECK: return %[[HOLDS]] : tensor<1x1x1xi64>
// CHECK-LABEL: func.func private @tiles0_visible
// CHECK-SAME: -> (tensor<i64>, tensor<i64>)
// CHECK-NOT: weft.matmul
// CHECK: %[[HIDDEN:.*]] = weft.logical_and {{.*}} -> tensor<128x1024xi1>
// CHECK: weft.where %[[HIDDEN]]
// CHECK: weft.max {{.*}} -> tensor<1024xf32>
// CHECK: weft.min {{.*}} -> tensor<i64>
// CHECK: weft.max {{.*}} -> tensor<i64>
// The tile reads as many columns as its last size says, from the one before it on.
// CHECK-LABEL: func.func private @tiles0(
// CHECK-SAME: weft.most = array<i64: 0, 0, 0, 16>
// CHECK: weft.slice {{.*}}sizes = #[[WINDOW]],
// CHECK: weft.matmul {{.*}} -> tensor<1x128x?xf32
// CHECK: weft.matmul {{.*}} -> tensor<1x128x64xf32>
func.func @causal(%q: tensor<12x1024x64xf32>, %kt: tensor<12x64x1024xf32>, %v: tensor<12x1024x64xf32>, %low: f64, %zero: i64, %one: i64) -> tensor<12x1024x64xf32> {
  %f = weft.scalar %low : f64 -> tensor<f32>
  %a = weft.scalar %zero : i64 -> tensor<i64>
  %b = weft.scalar %one : i64 -> tensor<i64>
  %c = weft.arange %a, %b {sizes = affine_map<() -> (1024)>, structure = array<i64: 3>} : (tensor<i64>, tensor<i64>) -> tensor<1024xi64>
  %r = weft.view %c {sizes = affine_map<() -> (1024, 1)>} : (tensor<1024xi64>) -> tensor<1024x1xi64>
  %mask = weft.le %c, %r : (tensor<1024xi64>, tensor<1024x1xi64>) -> tensor<1024x1024xi1>
  %s = weft.matmul %q, %kt : (tensor<12x1024x64xf32>, tensor<12x64x1024xf32>) -> tensor<12x1024x1024xf32>
  %x = weft.where %mask, %s, %f : (tensor<1024x1024xi1>, tensor<12x1024x1024xf32>, tensor<f32>) -> tensor<12x1024x1024xf32>
  %m = weft.max %x {structure = array<i64: 1, 2>} : (tensor<12x1024x1024xf32>) -> tensor<12x1024x1xf32>
  %d = weft.sub %x, %m : (tensor<12x1024x1024xf32>, tensor<12x1024x1xf32>) -> tensor<12x1024x1024xf32>
  %e = weft.exp %d : (tensor<12x1024x1024xf32>) -> tensor<12x1024x1024xf32>
  %t = weft.sum %e {structure = array<i64: 1, 2>} : (tensor<12x1024x1024xf32>) -> tensor<12x1024x1xf32>
  %p = weft.div %e, %t : (tensor<12x1024x1024xf32>, tensor<12x1024x1xf32>) -> tensor<12x1024x1024xf32>
  %y = weft.matmul %p, %v : (tensor<12x1024x1024xf32>, tensor<12x1024x64xf32>) -> tensor<12x1024x64xf32>
  return %y : tensor<12x1024x64xf32>
}

// -----

// A mask that is added: the largest elements of both factors bound the scores. 1000 columns are 15 granules and 40 columns.
// CHECK: #[[WINDOW:map[0-9]*]] = affine_map<()[s0, s1, s2] -> (s1 * 64, s2 * 64 + 40, 1)>
// CHECK-LABEL: func.func @added
// CHECK: visible @tiles0_visible of 1000 {{.*}}weft.guards = @tiles0_guards
// CHECK-LABEL: func.func private @tiles0_guards
// CHECK-COUNT-3: weft.max {{.*}} -> tensor<1x1xf32>
// CHECK-COUNT-2: weft.lt
// CHECK-LABEL: func.func private @tiles0_visible
// CHECK: weft.eq %{{.*}} : (tensor<{{.*}}x1000xf32>, tensor<f32>)
// CHECK-LABEL: func.func private @tiles0(
// CHECK: weft.slice {{.*}}sizes = #[[WINDOW]],
func.func @added(%q: tensor<1024x64xf32>, %kt: tensor<64x1000xf32>, %v: tensor<1000x64xf32>, %bias: tensor<1024x1000xf32>) -> tensor<1024x64xf32> {
  %s = weft.matmul %q, %kt : (tensor<1024x64xf32>, tensor<64x1000xf32>) -> tensor<1024x1000xf32>
  %x = weft.add %s, %bias : (tensor<1024x1000xf32>, tensor<1024x1000xf32>) -> tensor<1024x1000xf32>
  %m = weft.max %x {structure = array<i64: 1, 1>} : (tensor<1024x1000xf32>) -> tensor<1024x1xf32>
  %d = weft.sub %x, %m : (tensor<1024x1000xf32>, tensor<1024x1xf32>) -> tensor<1024x1000xf32>
  %e = weft.exp %d : (tensor<1024x1000xf32>) -> tensor<1024x1000xf32>
  %t = weft.sum %e {structure = array<i64: 1, 1>} : (tensor<1024x1000xf32>) -> tensor<1024x1xf32>
  %p = weft.div %e, %t : (tensor<1024x1000xf32>, tensor<1024x1xf32>) -> tensor<1024x1000xf32>
  %y = weft.matmul %p, %v : (tensor<1024x1000xf32>, tensor<1000x64xf32>) -> tensor<1024x64xf32>
  return %y : tensor<1024x64xf32>
}

// -----

// Hidden columns would show without the division by the sum, in a mean, and where the mask is put on what is reduced before.
// CHECK-LABEL: func.func @shown
// CHECK-COUNT-2: weft.tiles
// CHECK-NOT: visible
func.func @shown(%q: tensor<1024x64xf32>, %kt: tensor<64x1024xf32>, %v: tensor<1024x64xf32>, %mask: tensor<1024x1024xi1>, %low: f64) -> (tensor<1024x64xf32>, tensor<1024x64xf32>) {
  %f = weft.scalar %low : f64 -> tensor<f32>
  %s = weft.matmul %q, %kt : (tensor<1024x64xf32>, tensor<64x1024xf32>) -> tensor<1024x1024xf32>
  %x = weft.where %mask, %s, %f : (tensor<1024x1024xi1>, tensor<1024x1024xf32>, tensor<f32>) -> tensor<1024x1024xf32>
  %m = weft.max %x {structure = array<i64: 1, 1>} : (tensor<1024x1024xf32>) -> tensor<1024x1xf32>
  %d = weft.sub %x, %m : (tensor<1024x1024xf32>, tensor<1024x1xf32>) -> tensor<1024x1024xf32>
  %e = weft.exp %d : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %y = weft.matmul %e, %v : (tensor<1024x1024xf32>, tensor<1024x64xf32>) -> tensor<1024x64xf32>
  %s2 = weft.matmul %q, %kt : (tensor<1024x64xf32>, tensor<64x1024xf32>) -> tensor<1024x1024xf32>
  %m2 = weft.max %s2 {structure = array<i64: 1, 1>} : (tensor<1024x1024xf32>) -> tensor<1024x1xf32>
  %x2 = weft.where %mask, %s2, %f : (tensor<1024x1024xi1>, tensor<1024x1024xf32>, tensor<f32>) -> tensor<1024x1024xf32>
  %d2 = weft.sub %x2, %m2 : (tensor<1024x1024xf32>, tensor<1024x1xf32>) -> tensor<1024x1024xf32>
  %e2 = weft.exp %d2 : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %t2 = weft.sum %e2 {structure = array<i64: 1, 1>} : (tensor<1024x1024xf32>) -> tensor<1024x1xf32>
  %p2 = weft.div %e2, %t2 : (tensor<1024x1024xf32>, tensor<1024x1xf32>) -> tensor<1024x1024xf32>
  %z = weft.matmul %p2, %v : (tensor<1024x1024xf32>, tensor<1024x64xf32>) -> tensor<1024x64xf32>
  return %y, %z : tensor<1024x64xf32>, tensor<1024x64xf32>
}

// -----

// Rows that are an argument: those of a tile are its size behind the start, in both functions, and the columns come after it.
// CHECK: #[[STEPS:map[0-9]*]] = affine_map<()[s0] -> (s0 ceildiv ((s0 * 4096) floordiv 524288 + 1))>
// CHECK: #[[ROWS:map[0-9]*]] = affine_map<()[s0, s1, s2] -> (s1, s2, 1)>
// CHECK: #[[WINDOW:map[0-9]*]] = affine_map<()[s0, s1, s2, s3, s4] -> (s3 * 64, s4 * 64, 1)>
// CHECK-LABEL: func.func @any_rows
// CHECK: weft.tiles @tiles0({{.*}} steps #[[STEPS]] extents #{{.*}} visible @tiles0_visible of 1024
// CHECK-LABEL: func.func private @tiles0_visible
// CHECK-SAME: %{{.*}}: index, %{{.*}}: index, %{{.*}}: index) -> (tensor<i64>, tensor<i64>)
// CHECK: weft.slice {{.*}}sizes = #[[ROWS]],
// CHECK-LABEL: func.func private @tiles0(
// CHECK-SAME: weft.most = array<i64: 0, 0, 0, 0, 16>
// CHECK: weft.slice {{.*}}sizes = #[[WINDOW]],
func.func @any_rows(%q: tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>, %kt: tensor<64x1024xf32>, %v: tensor<1024x64xf32>, %mask: tensor<?x1024xi1, affine_map<()[s0] -> (s0, 1024)>>, %low: f64, %n: index) -> tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>> {
  %f = weft.scalar %low : f64 -> tensor<f32>
  %s = weft.matmul %q, %kt : (tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>, tensor<64x1024xf32>) -> tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>
  %x = weft.where %mask, %s, %f : (tensor<?x1024xi1, affine_map<()[s0] -> (s0, 1024)>>, tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>, tensor<f32>) -> tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>
  %m = weft.max %x {structure = array<i64: 1, 1>} : (tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>) -> tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>>
  %d = weft.sub %x, %m : (tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>, tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>>) -> tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>
  %e = weft.exp %d : (tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>) -> tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>
  %t = weft.sum %e {structure = array<i64: 1, 1>} : (tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>) -> tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>>
  %p = weft.div %e, %t : (tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>, tensor<?x1xf32, affine_map<()[s0] -> (s0, 1)>>) -> tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>
  %y = weft.matmul %p, %v : (tensor<?x1024xf32, affine_map<()[s0] -> (s0, 1024)>>, tensor<1024x64xf32>) -> tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
  return %y : tensor<?x64xf32, affine_map<()[s0] -> (s0, 64)>>
}
