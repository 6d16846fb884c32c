// RUN: weft-opt %s --weft-fuse --weft-place-outputs --weft-lower-to-loom -split-input-file -verify-diagnostics

// A composite that was not decomposed is refused by name.
func.func @softmax(%x: tensor<8x100xf32>) -> tensor<8x100xf32> {
  // expected-error @below {{must be one space of points: softmax has no elements that a kernel can compute}}
  %0 = weft.softmax %x {dim = -1 : i64} : (tensor<8x100xf32>) -> tensor<8x100xf32>
  return %0 : tensor<8x100xf32>
}

// -----

// A routine takes numbers as arguments of the launch.
func.func @number(%x: tensor<4x4xf32>) -> tensor<4x5xf32> {
  %n = weft.number 1.0e-6 : f64 -> tensor<f32>
  // expected-error @below {{numbers must be arguments of the function}}
  %0 = weft.least_squares %x, %x, %n : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<f32>) -> tensor<4x5xf32>
  return %0 : tensor<4x5xf32>
}
