// RUN: weft-opt %s --weft-recompute -split-input-file 2>&1 | FileCheck %s
// RUN: weft-opt %s --weft-recompute --weft-fuse -split-input-file 2>/dev/null | FileCheck %s --check-prefix=FUSED

// %p and tanh(%p) are read behind the fullest point, by what comes back from %y: %p is kept, and tanh is computed again.
// CHECK: remark: tanh is computed again for matmul
// CHECK-LABEL: func.func @activation
// CHECK: %[[P:.*]] = weft.matmul %arg0, %arg1
// CHECK: %[[T:.*]] = weft.tanh %[[P]]
// CHECK: weft.matmul %[[T]], %arg2
// CHECK: %[[D:.*]] = weft.matmul %{{.*}}, %arg1
// CHECK: %[[AGAIN:.*]] = weft.tanh %[[P]] {weft.recomputed}
// CHECK: weft.matmul %[[AGAIN]], %[[D]]
// CHECK: weft.mul %[[D]], %[[P]]
// It does not join the kernel of the first one, which would keep it after all.
// FUSED-LABEL: func.func @activation
// FUSED: weft.kernel
// FUSED-NEXT: weft.matmul
// FUSED-NEXT: weft.tanh
// FUSED-NEXT: weft.yield %{{[0-9a-z]*}}, %{{[0-9a-z]*}} :
// FUSED: weft.matmul {{.*}}, %arg2
// FUSED: weft.matmul {{.*}}, %arg1
// FUSED: weft.tanh {{.*}} {weft.recomputed}
func.func @activation(%x: tensor<1024x1024xf32>, %w: tensor<1024x1024xf32>, %v: tensor<1024x1024xf32>) -> (tensor<1024x1024xf32>, tensor<1024x1024xf32>) {
  %p = weft.matmul %x, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %t = weft.tanh %p : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %y = weft.matmul %t, %v : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %d = weft.matmul %y, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %a = weft.matmul %t, %d : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %b = weft.mul %d, %p : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %a, %b : tensor<1024x1024xf32>, tensor<1024x1024xf32>
}

// -----

// A product is dear: its result is kept.
// CHECK-LABEL: func.func @product
// CHECK-NOT: weft.recomputed
// CHECK: return
func.func @product(%x: tensor<1024x1024xf32>, %w: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> {
  %p = weft.matmul %x, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %y = weft.matmul %p, %x : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %d = weft.matmul %y, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %a = weft.matmul %p, %d : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %a : tensor<1024x1024xf32>
}

// -----

// What the function returns has memory of its own, and what it is made of need not be kept.
// CHECK-LABEL: func.func @returned
// CHECK-NOT: weft.recomputed
// CHECK: return
func.func @returned(%x: tensor<1024x1024xf32>, %w: tensor<1024x1024xf32>) -> (tensor<1024x1024xf32>, tensor<1024x1024xf32>) {
  %p = weft.matmul %x, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %t = weft.tanh %p : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %y = weft.matmul %t, %x : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %d = weft.matmul %y, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %a = weft.matmul %t, %d : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %t, %a : tensor<1024x1024xf32>, tensor<1024x1024xf32>
}

// -----

// Of a chain the narrowest value is kept: i8 of the cast, from which the rest is made again.
// CHECK-LABEL: func.func @narrow
// CHECK: %[[C:.*]] = weft.cast %{{.*}} -> tensor<1024x1024xi8>
// CHECK: weft.cast %[[C]] {weft.recomputed} : (tensor<1024x1024xi8>) -> tensor<1024x1024xf32>
// CHECK: weft.neg %{{.*}} {weft.recomputed}
func.func @narrow(%x: tensor<1024x1024xf32>, %w: tensor<1024x1024xf32>) -> tensor<1024x1024xf32> {
  %p = weft.matmul %x, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %c = weft.cast %p : (tensor<1024x1024xf32>) -> tensor<1024x1024xi8>
  %f = weft.cast %c : (tensor<1024x1024xi8>) -> tensor<1024x1024xf32>
  %t = weft.neg %f : (tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %y = weft.matmul %t, %x : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %d = weft.matmul %y, %w : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  %a = weft.matmul %t, %d : (tensor<1024x1024xf32>, tensor<1024x1024xf32>) -> tensor<1024x1024xf32>
  return %a : tensor<1024x1024xf32>
}
