// RUN: weft-opt %s --weft-fuse --weft-place-outputs --weft-lower-to-loom --loom-schedule --mlir-print-local-scope -split-input-file | FileCheck %s

// A product by a quantised matrix is a dot whose body makes the numbers: code times scale. What follows is its epilogue; with one row, lanes run along k.
// CHECK-LABEL: func.func @bytes
// CHECK: weft.launch @k0_quantized_matmul({{.*}}) {{.*}}summary = "quantized_matmul add"
// CHECK: loom.dot <"k", 64, lanes, unroll = 4> {
// CHECK: %[[X:.*]] = loom.load %arg0
// CHECK: %[[CODE:.*]] = loom.load %arg1[affine_map<(d0, d1) -> (d0 * 64 + d1)>]
// CHECK: %[[SCALE:.*]] = loom.load %arg2[affine_map<(d0, d1) -> (d0 * 2 + d1 floordiv 32)>]
// CHECK: %[[NUMBER:.*]] = arith.sitofp %[[CODE]]
// CHECK: %[[W:.*]] = arith.mulf %[[NUMBER]], %[[SCALE]]
// CHECK: loom.yield %[[X]], %[[W]]
// CHECK: arith.addf
func.func @bytes(%x: tensor<1x64xf32>, %codes: tensor<40x64xi8>, %scales: tensor<40x2xf16>, %b: tensor<40xf32>) -> tensor<1x40xf32> {
  %0 = weft.quantized_matmul %x, %codes, %scales : (tensor<1x64xf32>, tensor<40x64xi8>, tensor<40x2xf16>) -> tensor<1x40xf32>
  %1 = weft.add %0, %b : (tensor<1x40xf32>, tensor<40xf32>) -> tensor<1x40xf32>
  return %1 : tensor<1x40xf32>
}

// -----

// Codes of four bits lie in halves of a block's bytes, and are 8 too high.
// CHECK-LABEL: func.func @nibbles
// CHECK: loom.dot <"k", 64, lanes, unroll = 4> {
// CHECK: %[[BYTE:.*]] = loom.load %arg1[affine_map<(d0, d1) -> (d0 * 32 + (d1 floordiv 32) * 16 + d1 mod 16)>]
// CHECK: %[[LOW:.*]] = arith.andi %[[BYTE]]
// CHECK: %[[HIGH:.*]] = arith.shrui %[[BYTE]]
// CHECK: %[[CODE:.*]] = arith.select %{{.*}}, %[[LOW]], %[[HIGH]]
// CHECK: %[[NUMBER:.*]] = arith.sitofp %[[CODE]]
// CHECK: arith.subf %[[NUMBER]]
func.func @nibbles(%x: tensor<3x64xf32>, %codes: tensor<40x32xui8>, %scales: tensor<40x2xf16>) -> tensor<3x40xf32> {
  %0 = weft.quantized_matmul %x, %codes, %scales : (tensor<3x64xf32>, tensor<40x32xui8>, tensor<40x2xf16>) -> tensor<3x40xf32>
  return %0 : tensor<3x40xf32>
}

// -----

// Blocks that are no multiples of a vector are left to the eager kernel.
// CHECK-LABEL: func.func @short
// CHECK: weft.routine @k0_quantized_matmul of "quantized_matmul"
func.func @short(%x: tensor<3x64xf32>, %codes: tensor<40x64xi8>, %scales: tensor<40x8xf16>) -> tensor<3x40xf32> {
  %0 = weft.quantized_matmul %x, %codes, %scales : (tensor<3x64xf32>, tensor<40x64xi8>, tensor<40x8xf16>) -> tensor<3x40xf32>
  return %0 : tensor<3x40xf32>
}
