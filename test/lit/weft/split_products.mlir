// RUN: weft-opt %s --weft-split-products | FileCheck %s
// RUN: weft-opt %s --weft-split-products --weft-fuse | FileCheck %s --check-prefix=FUSED

// A product of one tile over a long inner axis becomes a batch of pieces, and their sum.
// CHECK-LABEL: func.func @few_tiles
// CHECK: %[[A:.*]] = weft.view %arg0 {{.*}} -> tensor<50x[[S:[0-9]+]]x[[C:[0-9]+]]xf32>
// CHECK: %[[L:.*]] = weft.permute %[[A]] {{.*}} -> tensor<[[S]]x50x[[C]]xf32>
// CHECK: %[[R:.*]] = weft.view %arg1 {{.*}} -> tensor<[[S]]x[[C]]x40xf32>
// CHECK: %[[P:.*]] = weft.matmul %[[L]], %[[R]] {{.*}} -> tensor<[[S]]x50x40xf32>
// CHECK: weft.finish_reduce "sum" %[[P]] dims [0]
// The sum takes what stands behind the product along.
// FUSED-LABEL: func.func @few_tiles
// FUSED: weft.kernel
// FUSED: weft.matmul
// FUSED: weft.kernel
// FUSED: weft.finish_reduce
// FUSED-NEXT: weft.relu
func.func @few_tiles(%a: tensor<50x4096xf32>, %b: tensor<4096x40xf32>) -> tensor<50x40xf32> {
  %0 = weft.matmul %a, %b : (tensor<50x4096xf32>, tensor<4096x40xf32>) -> tensor<50x40xf32>
  %1 = weft.relu %0 : (tensor<50x40xf32>) -> tensor<50x40xf32>
  return %1 : tensor<50x40xf32>
}

// Entries of a batch that only one factor has are kept apart.
// CHECK-LABEL: func.func @batch
// CHECK: weft.matmul {{.*}} : (tensor<[[S:[0-9]+]]x8x[[C:[0-9]+]]xf32>, tensor<3x[[S]]x[[C]]x16xf32>) -> tensor<3x[[S]]x8x16xf32>
// CHECK: weft.finish_reduce "sum" {{.*}} dims [1]
func.func @batch(%a: tensor<8x8192xf32>, %b: tensor<3x8192x16xf32>) -> tensor<3x8x16xf32> {
  %0 = weft.matmul %a, %b : (tensor<8x8192xf32>, tensor<3x8192x16xf32>) -> tensor<3x8x16xf32>
  return %0 : tensor<3x8x16xf32>
}

// A convolution of few places is cut by channels, as groups.
// CHECK-LABEL: func.func @channels
// CHECK: weft.view %arg1 {{.*}} -> tensor<96x[[S:[0-9]+]]x[[C:[0-9]+]]x3x3xf32>
// CHECK: weft.permute {{.*}} -> tensor<[[S]]x96x[[C]]x3x3xf32>
// CHECK: weft.convolution %arg0, {{.*}}structure = array<i64: [[S]], 1, 1, 1, 1, 1, 1, 1, 1>
// CHECK: weft.view {{.*}} -> tensor<2x[[S]]x96x7x7xf32>
// CHECK: weft.finish_reduce "sum" {{.*}} dims [1]
func.func @channels(%x: tensor<2x256x7x7xf32>, %w: tensor<96x256x3x3xf32>) -> tensor<2x96x7x7xf32> {
  %0 = weft.convolution %x, %w {structure = array<i64: 1, 1, 1, 1, 1, 1, 1, 1, 1>} : (tensor<2x256x7x7xf32>, tensor<96x256x3x3xf32>) -> tensor<2x96x7x7xf32>
  return %0 : tensor<2x96x7x7xf32>
}

// Many tiles, a short inner axis, or pieces that would be rounded: the product stays whole.
// CHECK-LABEL: func.func @whole
// CHECK-NOT: weft.finish_reduce
func.func @whole(%a: tensor<2048x2048xf32>, %b: tensor<2048x2048xf32>, %c: tensor<2048x32xf32>, %d: tensor<32x64xf32>,
                 %e: tensor<32x4096xbf16>, %f: tensor<4096x32xbf16>) -> (tensor<2048x2048xf32>, tensor<2048x64xf32>, tensor<32x32xbf16>) {
  %0 = weft.matmul %a, %b : (tensor<2048x2048xf32>, tensor<2048x2048xf32>) -> tensor<2048x2048xf32>
  %1 = weft.matmul %c, %d : (tensor<2048x32xf32>, tensor<32x64xf32>) -> tensor<2048x64xf32>
  %2 = weft.matmul %e, %f : (tensor<32x4096xbf16>, tensor<4096x32xbf16>) -> tensor<32x32xbf16>
  return %0, %1, %2 : tensor<2048x2048xf32>, tensor<2048x64xf32>, tensor<32x32xbf16>
}
