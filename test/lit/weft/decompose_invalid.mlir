// RUN: weft-opt %s --weft-decompose -split-input-file -verify-diagnostics

// What the function refuses is an error of the op.
func.func @dim(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @below {{softmax: dim must be in [-2, 1], got 2}}
  %0 = weft.softmax %x {dim = 2 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// The record says where the result has the operand's type.
func.func @type(%x: tensor<4x8xf32>) -> tensor<4x9xf32> {
  // expected-error @below {{all of {x, y} have same type}}
  %0 = weft.softmax %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x9xf32>
  return %0 : tensor<4x9xf32>
}

// -----

// Elsewhere the function does.
func.func @result(%x: tensor<4x8xf32>, %w: tensor<3x8xf32>) -> tensor<4x8xf32> {
  // expected-error @below {{the result must be 'tensor<4x3xf32>', got 'tensor<4x8xf32>'}}
  %0 = weft.linear %x, %w : (tensor<4x8xf32>, tensor<3x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// A parameter without a default must be given.
func.func @missing(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @below {{requires attribute 'dim'}}
  %0 = weft.softmax %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// A word that the function does not know.
func.func @word(%x: tensor<4xf32>) -> tensor<f32> {
  // expected-error @below {{mse_loss: reduction must be none, sum or mean, got median}}
  %0 = weft.mse_loss %x, %x {reduction = "median"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// The mean over soft targets divides by the number of rows, which is no number of the host's here.
func.func @soft(%x: tensor<?x8xf32, affine_map<()[s0] -> (s0, 8)>>, %n: index) -> tensor<f32> {
  // expected-error @below {{what the function calls must not depend on sizes that are arguments}}
  %0 = weft.cross_entropy %x, %x : (tensor<?x8xf32, affine_map<()[s0] -> (s0, 8)>>, tensor<?x8xf32, affine_map<()[s0] -> (s0, 8)>>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// A number is a 0-d tensor.
func.func @number() -> tensor<2xf32> {
  // expected-error @below {{the result must have no dims, got 'tensor<2xf32>'}}
  %0 = weft.number 1.0 : f64 -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// Tensors of the library have eight dims at most.
func.func @dims(%x: tensor<1x1x1x1x1x1x1x1x1xf32>) -> tensor<1x1x1x1x1x1x1x1x1xf32> {
  // expected-error @below {{tensors must have at most 8 dims, got 9}}
  %0 = weft.softmax %x {dim = 0 : i64} : (tensor<1x1x1x1x1x1x1x1x1xf32>) -> tensor<1x1x1x1x1x1x1x1x1xf32>
  return %0 : tensor<1x1x1x1x1x1x1x1x1xf32>
}

// -----

// Each size that is not known is tried with two primes, and there are ten of those.
#eight = affine_map<()[s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10] -> (s0, s1, s2, s3, s4, s5, s6, s7)>
#three = affine_map<()[s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10] -> (s8, s9, s10)>
func.func @sizes(%x: tensor<?x?x?x?x?x?x?x?xf32, #eight>, %y: tensor<?x?x?xf32, #three>) -> tensor<f32> {
  // expected-error @below {{must have at most 10 }}
  %0 = weft.mse_loss %x, %y : (tensor<?x?x?x?x?x?x?x?xf32, #eight>, tensor<?x?x?xf32, #three>) -> tensor<f32>
  return %0 : tensor<f32>
}
