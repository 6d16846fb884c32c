// RUN: weft-opt %s --weft-split-reductions | FileCheck %s

// A sum of everything becomes sums of pieces and a sum of those.
// CHECK-LABEL: func.func @all
// CHECK: %[[V:.*]] = weft.view %arg0 {{.*}} -> tensor<[[PIECES:[0-9]+]]x[[ROWS:[0-9]+]]x1024xf32>
// CHECK: %[[P:.*]] = weft.partial_reduce "sum" %[[V]] dims [1, 2] : {{.*}} -> tensor<[[PIECES]]xf32>
// CHECK: %[[Y:.*]] = weft.finish_reduce "sum" %[[P]] dims [0]
// CHECK: return %[[Y]]
func.func @all(%x: tensor<1024x1024xf32>) -> tensor<f32> {
  %0 = weft.sum %x {structure = array<i64: 0, 0, 1>} : (tensor<1024x1024xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// Few rows are cut anywhere.
// CHECK-LABEL: func.func @few_rows
// CHECK: weft.view %arg0 {{.*}} -> tensor<{{[0-9]+}}x{{[0-9]+}}xf32>
// CHECK: weft.partial_reduce "sum" {{.*}} dims [1] :
func.func @few_rows(%x: tensor<7x20000xf32>) -> tensor<f32> {
  %0 = weft.sum %x {structure = array<i64: 0, 0, 1>} : (tensor<7x20000xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// A mean is divided once, at the end, by the number of all elements; the pieces of bf16 stay f32.
// CHECK-LABEL: func.func @mean
// CHECK: weft.partial_reduce "mean" {{.*}}xbf16>) -> tensor<[[PIECES:[0-9]+]]xf32>
// CHECK: weft.finish_reduce "mean" {{.*}} count #[[COUNT:.*]] {{.*}} : (tensor<[[PIECES]]xf32>) -> tensor<bf16>
func.func @mean(%x: tensor<131072xbf16>) -> tensor<bf16> {
  %0 = weft.mean %x {structure = array<i64: 0, 0>} : (tensor<131072xbf16>) -> tensor<bf16>
  return %0 : tensor<bf16>
}

// Tall columns are cut along the rows.
// CHECK-LABEL: func.func @columns
// CHECK: weft.view %arg0 {{.*}} -> tensor<[[PIECES:[0-9]+]]x{{[0-9]+}}x16xf32>
// CHECK: weft.partial_reduce "sum" {{.*}} dims [1] : {{.*}} -> tensor<[[PIECES]]x16xf32>
func.func @columns(%x: tensor<65536x16xf32>) -> tensor<16xf32> {
  %0 = weft.sum %x {structure = array<i64: 0, 0>} : (tensor<65536x16xf32>) -> tensor<16xf32>
  return %0 : tensor<16xf32>
}

// Many rows keep all threads busy as they are; a position is no sum of pieces; small ones are not worth a second kernel.
// CHECK-LABEL: func.func @kept
// CHECK-NOT: partial_reduce
func.func @kept(%x: tensor<4096x1024xf32>, %y: tensor<64xf32>) -> (tensor<4096xf32>, tensor<i64>, tensor<f32>) {
  %0 = weft.sum %x {structure = array<i64: 0, 1>} : (tensor<4096x1024xf32>) -> tensor<4096xf32>
  %1 = weft.argmax %x {structure = array<i64: 0, 0, 1>} : (tensor<4096x1024xf32>) -> tensor<i64>
  %2 = weft.sum %y {structure = array<i64: 0, 0>} : (tensor<64xf32>) -> tensor<f32>
  return %0, %1, %2 : tensor<4096xf32>, tensor<i64>, tensor<f32>
}
