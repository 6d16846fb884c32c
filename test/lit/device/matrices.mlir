// RUN: weft-opt %s --emit=opencl | FileCheck %s
// RUN: weft-opt %s --emit=cuda | FileCheck %s

// Plain loads of bf16 are multiplied by tensor cores where there are any. In shared memory steps lie side by side, two in 32 bits.
// CHECK: void weft_mma_bf16(float* upper, float* lower, const weft_u32* a, const weft_u32* b) {
// CHECK-NEXT: #ifdef WEFT_HAS_MMA
// CHECK-NEXT: asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK: WEFT_KERNEL(128) product(
// CHECK: #ifdef WEFT_HAS_MMA
// CHECK: weft_u16 {{next[0-9]+}}[32];
// CHECK: float [[S:sums[0-9]+]][64];
// CHECK: for (weft_i64 {{step[0-9]+}} = 0; {{step[0-9]+}} < 1024; {{step[0-9]+}} += 32) {
// CHECK: for (int [[K:k[0-9]+]] = 0; [[K]] < 32; [[K]] += 16) {
// CHECK-NEXT: weft_u32 [[A:a[0-9]+]][16], [[B:b[0-9]+]][8];
// CHECK: [[A]][[[I:i[0-9]+]] / 2 * 4 + [[I]] % 2] = [[P:v[0-9]+]][0];
// CHECK-NEXT: [[A]][[[I]] / 2 * 4 + [[I]] % 2 + 2] = [[P]][4];
// CHECK: weft_mma_bf16(&[[S]][({{i[0-9]+}} * 2 + 0) * 8 + {{j[0-9]+}} * 2], &[[S]][({{i[0-9]+}} * 2 + 1) * 8 + {{j[0-9]+}} * 2], &[[A]][{{i[0-9]+}} * 4], &[[B]][{{j[0-9]+}} * 2]);
// Along k a run is stored at once, along columns it is transposed.
// CHECK: *(WEFT_SHARED_POINTER weft_u16x4*)&{{.*}} = {{v[0-9]+}};
// CHECK: + {{j[0-9]+}}) * 40 + {{.*}}] = {{next[0-9]+}}[
// The end is that of any product.
// CHECK: weft_bf16_of_f32([[S]][
// Elsewhere threads multiply.
// CHECK: #else
// CHECK: fma(
// CHECK: #endif
loom.kernel @product(%a: !loom.buffer<bf16>, %b: !loom.buffer<bf16>, %y: !loom.buffer<bf16>) {
  loom.part [#loom.axis<"i", 1024>, #loom.axis<"j", 1024>] {
  ^bb0(%i: index, %j: index):
    %d = loom.dot <"k", 1024> {
    ^bb0(%k: index):
      %p = loom.load %a[affine_map<(i, k) -> (i * 1024 + k)>](%i, %k) : !loom.buffer<bf16>
      %q = loom.load %b[affine_map<(k, j) -> (k * 1024 + j)>](%k, %j) : !loom.buffer<bf16>
      loom.yield %p, %q : f32, f32
    } : f32
    loom.store %d, %y[affine_map<(i, j) -> (i * 1024 + j)>](%i, %j) : !loom.buffer<bf16>
  }
}

// A factor that is computed, or types that differ, are not.
// CHECK: scaled(
// CHECK-NOT: WEFT_HAS_MMA
loom.kernel @scaled(%a: !loom.buffer<bf16>, %b: !loom.buffer<bf16>, %y: !loom.buffer<f32>, %s: f32) {
  loom.part [#loom.axis<"i", 64>, #loom.axis<"j", 64>] {
  ^bb0(%i: index, %j: index):
    %d = loom.dot <"k", 64> {
    ^bb0(%k: index):
      %p = loom.load %a[affine_map<(i, k) -> (i * 64 + k)>](%i, %k) : !loom.buffer<bf16>
      %q = loom.load %b[affine_map<(k, j) -> (k * 64 + j)>](%k, %j) : !loom.buffer<bf16>
      %t = arith.mulf %p, %s : f32
      loom.yield %t, %q : f32, f32
    } : f32
    loom.store %d, %y[affine_map<(i, j) -> (i * 64 + j)>](%i, %j) : !loom.buffer<f32>
  }
}
