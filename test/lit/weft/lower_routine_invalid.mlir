// RUN: weft-opt %s --weft-lower-to-loom -verify-diagnostics

// A routine writes its own result: nothing else is made of it in its kernel.
func.func @alone(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  // expected-error @below {{must yield the result of its routine alone}}
  %0:2 = weft.kernel {
    %1 = weft.cholesky_factor %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %2 = weft.neg %1 : (tensor<4x4xf32>) -> tensor<4x4xf32>
    weft.yield %1, %2 : tensor<4x4xf32>, tensor<4x4xf32>
  } : tensor<4x4xf32>, tensor<4x4xf32>
  return %0#0, %0#1 : tensor<4x4xf32>, tensor<4x4xf32>
}
