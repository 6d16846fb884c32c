// RUN: weft-opt %s --weft-fuse --weft-place-outputs --weft-lower-to-loom -split-input-file -verify-diagnostics

// A composite that was not decomposed is refused by name.
func.func @softmax(%x: tensor<8x100xf32>) -> tensor<8x100xf32> {
  // expected-error @below {{must be one space of points: softmax has no elements that a kernel can compute}}
  %0 = weft.softmax %x {dim = -1 : i64} : (tensor<8x100xf32>) -> tensor<8x100xf32>
  return %0 : tensor<8x100xf32>
}
