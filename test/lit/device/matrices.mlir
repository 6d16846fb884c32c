// RUN: weft-opt %s --emit=opencl | FileCheck %s
// RUN: weft-opt %s --emit=cuda | FileCheck %s

// Plain loads of bf16 are multiplied by tensor cores where there are any.
// CHECK: void weft_mma_bf16(float* upper, float* lower, const weft_u32* a, const weft_u32* b) {
// CHECK-NEXT: #ifdef WEFT_HAS_MMA
// CHECK-NEXT: asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// CHECK: WEFT_KERNEL(128) product(
// CHECK: #ifdef WEFT_HAS_MMA
// CHECK-NEXT: WEFT_SHARED weft_u64 shared[6144];
// CHECK-NEXT: #else
// CHECK: #endif
// CHECK: #ifdef WEFT_HAS_MMA
// CHECK: float [[S:sums[0-9]+]][64];
// A thread knows where its chunks come from, and whether all are aligned.
// CHECK: const WEFT_GLOBAL weft_u16* [[A_FROM:from[0-9]+]][4];
// CHECK: bool [[A_WHOLE:whole[0-9]+]] = true;
// CHECK: [[A_WHOLE]] = [[A_WHOLE]] && WEFT_IS_ALIGNED([[A_FROM]][{{e[0-9]+}}], 16);
// CHECK: const WEFT_GLOBAL weft_u16* [[B_FROM:from[0-9]+]][2];
// Four stages: three stretches are on their way while one is multiplied.
// CHECK: int [[TO:to[0-9]+]] = 0;
// CHECK-NEXT: for (weft_i64 [[STEP:step[0-9]+]] = -96; [[STEP]] < 1024; [[STEP]] += 32) {
// CHECK-NEXT: const int [[FROM:from[0-9]+]] = [[TO]] + 1 == 4 ? 0 : [[TO]] + 1;
// CHECK-NEXT: WEFT_AWAIT_COPIES(2);
// CHECK-NEXT: WEFT_BARRIER();
// CHECK-NEXT: if ([[STEP]] + 96 < 1024) {
// CHECK-NEXT: if ([[A_WHOLE]]) {
// CHECK: weft_copy16({{tile[0-9]+}} + [[TO]] * 4096 + {{place[0-9]+}}[{{e[0-9]+}}], [[A_FROM]][{{e[0-9]+}}]);
// Else what is aligned is copied by 16 bytes, the rest by elements.
// CHECK: else {
// CHECK: if (WEFT_IS_ALIGNED(&[[P:b0[[].*[]]]], 16)) {
// CHECK-NEXT: weft_copy16([[AT:to[0-9]+]], &[[P]]);
// CHECK: else {
// CHECK: [[AT]][{{j[0-9]+}}] = b0[
// CHECK: [[A_FROM]][{{e[0-9]+}}] += 32;
// CHECK: weft_copy16({{tile[0-9]+}} + [[TO]] * 2048 + {{place[0-9]+}}[{{e[0-9]+}}], [[B_FROM]][{{e[0-9]+}}]);
// CHECK: [[B_FROM]][{{e[0-9]+}}] += 32768;
// CHECK: WEFT_COMMIT_COPIES();
// CHECK-NEXT: if ([[STEP]] >= 0) {
// CHECK: for (int [[K:k[0-9]+]] = 0; [[K]] < 32; [[K]] += 16) {
// CHECK-NEXT: weft_u32 [[A:a[0-9]+]][16], [[B:b[0-9]+]][8];
// Steps of the left factor lie side by side, of the right one columns do.
// CHECK: weft_matrices(&[[A]][{{i[0-9]+}} * 4], {{tile[0-9]+}} + [[FROM]] * 4096 +
// CHECK: weft_matrices_transposed(&[[B]][{{i[0-9]+}} * 4], {{tile[0-9]+}} + [[FROM]] * 2048 +
// CHECK: weft_mma_bf16(&[[S]][({{i[0-9]+}} * 2 + 0) * 8 + {{j[0-9]+}} * 2], &[[S]][({{i[0-9]+}} * 2 + 1) * 8 + {{j[0-9]+}} * 2], &[[A]][{{i[0-9]+}} * 4], &[[B]][{{j[0-9]+}} * 2]);
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
