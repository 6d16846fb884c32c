// RUN: weft-opt %s --emit=opencl | FileCheck %s
// RUN: weft-opt %s --emit=cuda | FileCheck %s

// A block of 128 threads computes 128 x 64 elements, a thread 8 x 8 of them, so that 128 blocks are at work. Extents are
// multiples of the tile's: nothing is masked. A warp's threads are 4 along the rows and 8 along the columns, two rows side by side.
// CHECK: WEFT_KERNEL(128) product(
// CHECK-NEXT: WEFT_SHARED weft_u64 shared[3200];
// CHECK: const weft_i64 [[ROW0:start[0-9]+]] = block / 16 % 8 * 128;
// CHECK-NEXT: const int [[TR:thread[0-9]+]] = (int)WEFT_THREAD / 32 * 4 + (int)WEFT_THREAD % 32 / 16 * 2 + (int)WEFT_THREAD % 2;
// CHECK-NEXT: float [[NA:next[0-9]+]][16];
// CHECK-NEXT: const weft_i64 [[COLUMN0:start[0-9]+]] = block % 16 * 64;
// CHECK-NEXT: const int [[TC:thread[0-9]+]] = (int)WEFT_THREAD / 32 % 1 * 8 + (int)WEFT_THREAD % 16 / 2;
// CHECK-NEXT: float [[NB:next[0-9]+]][8];
// CHECK: float [[S:sums[0-9]+]][64];
// Threads side by side fetch along k from the left factor, along the columns from the right one, 16 bytes each where the address allows.
// CHECK: const weft_i64 [[R:row[0-9]+]] = [[ROW0]] + [[AT:at[0-9]+]] / 4;
// CHECK-NEXT: const weft_i64 [[K:k[0-9]+]] = [[AT]] % 4 * 4;
// CHECK-NEXT: float [[X:x[0-9]+]][4];
// CHECK-NEXT: const weft_i64 [[I:ii_[0-9]+]] = (weft_u32)[[R]];
// CHECK-NEXT: if (WEFT_IS_ALIGNED(&b0[[[I]] * 1024 + [[K]]], 16)) {
// CHECK-NEXT: const float4 [[V:v[0-9]+]] = ((const WEFT_GLOBAL float4*)&b0[[[I]] * 1024 + [[K]]])[0];
// CHECK-NEXT: [[X]][0] = [[V]].x;
// CHECK: else {
// CHECK: [[X]][[[E:i[0-9]+]]] = (&b0[[[I]] * 1024 + [[K]]])[[[E]]];
// CHECK: const float [[V:v[0-9]+]] = [[X]][[[J:j[0-9]+]]];
// CHECK-NEXT: [[NA]][{{e[0-9]+}} * 4 + [[J]]] = [[V]];
// CHECK: const weft_i64 {{row[0-9]+}} = [[COLUMN0]] + [[AT:at[0-9]+]] % 16 * 4;
// CHECK-NEXT: const weft_i64 {{k[0-9]+}} = [[AT]] / 16;
// CHECK: WEFT_BARRIER();
// CHECK-NEXT: for (weft_i64 [[P:step[0-9]+]] = 0; [[P]] < 1024; [[P]] += 16) {
// CHECK-NEXT: if ([[P]] + 16 < 1024) {
// CHECK: const float4 [[X:v[0-9]+]] = *(const WEFT_SHARED_POINTER float4*)([[A:tile[0-9]+]] + [[HALF:half[0-9]+]] * 2112 + {{k[0-9]+}} * 132 + [[Q:i[0-9]+]] / 4 * 64 + [[TR]] * 4 + [[Q]] % 4);
// CHECK: const float4 {{.*}} = *(const WEFT_SHARED_POINTER float4*)({{.*}} + [[Q:i[0-9]+]] / 4 * 32 + [[TC]] * 4 + [[Q]] % 4);
// CHECK: [[SUM:sums[0-9]+.*]] = fma({{x.*}}, {{x.*}}, [[SUM]]);
// CHECK: [[HALF]] = 1 - [[HALF]];
// One barrier for 16 steps: the other half is written while this one is read.
// CHECK-NOT: WEFT_BARRIER
// CHECK: ([[A]] + [[HALF]] * 2112)[{{.*}}] = [[NA]][{{.*}}];
// CHECK: *(WEFT_SHARED_POINTER float4*)({{.*}}) = {{v[0-9]+}};
// CHECK: WEFT_BARRIER();
// CHECK-NEXT: }
// CHECK-NOT: WEFT_BARRIER
// Of a row of the thread's elements the loads come first and the stores last.
// CHECK: float [[X:x[0-9]+]][8];
// CHECK-NEXT: float [[Y:y[0-9]+]][8];
// CHECK: if (live) {
// CHECK: [[X]][{{i[0-9]+}}] = b2[
// CHECK: if (live) {
// CHECK: [[C:v[0-9]+]] = [[X]][
// CHECK-NEXT: [[D:v[0-9]+]] = [[S]][{{.*}}] + [[C]];
// CHECK-NEXT: [[Y]][{{i[0-9]+}}] = [[D]];
// CHECK: if (live) {
// CHECK: b3[{{.*}}] = [[Y]][
loom.kernel @product(%a: !loom.buffer<f32>, %b: !loom.buffer<f32>, %bias: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"i", 1024>, #loom.axis<"j", 1024>] {
  ^bb0(%i: index, %j: index):
    %d = loom.dot <"k", 1024> {
    ^bb0(%k: index):
      %p = loom.load %a[affine_map<(i, k) -> (i * 1024 + k)>](%i, %k) : !loom.buffer<f32>
      %q = loom.load %b[affine_map<(k, j) -> (k * 1024 + j)>](%k, %j) : !loom.buffer<f32>
      loom.yield %p, %q : f32, f32
    } : f32
    %c = loom.load %bias[affine_map<(j) -> (j)>](%j) : !loom.buffer<f32>
    %e = arith.addf %d, %c : f32
    loom.store %e, %y[affine_map<(i, j) -> (i * 1024 + j)>](%i, %j) : !loom.buffer<f32>
  }
}

// Sizes that are arguments: tiles of 64 x 64 with masked edges. bf16 is widened on its way into shared memory;
// the factor of the last axis is the one of the columns, whichever stands first.
// CHECK: WEFT_KERNEL(128) sizes(
// CHECK: const weft_i64 [[COLUMN0:start[0-9]+]] = block / ((n1 + 63) / 64) % ((n0 + 63) / 64) * 64;
// CHECK: weft_u16 [[X:x[0-9]+]][4];
// CHECK-NEXT: if ([[R:row[0-9]+]] < n0 && [[K:k[0-9]+]] + 3 < n2) {
// CHECK: const weft_u16x4
// A run that the factor's end cuts.
// CHECK: else {
// CHECK: if ([[R]] < n0 && ([[K]] + [[J:j[0-9]+]]) < n2) {
// CHECK: [[X]][[[J]]] = b1[
// CHECK: next{{[0-9]+}}[{{.*}}] = 0;
// CHECK-NEXT: if ([[R]] < n0 && ([[K]] + [[J:j[0-9]+]]) < n2) {
// CHECK: const float [[V:v[0-9]+]] = weft_f32_of_bf16([[X]][[[J]]]);
// CHECK-NEXT: const float [[W:v[0-9]+]] = [[V]] * s0;
// CHECK-NEXT: {{next.*}} = [[W]];
// CHECK: if (live && {{row[0-9]+}} < n0 && {{row[0-9]+}} < n1) {
loom.kernel @sizes(%a: !loom.buffer<bf16>, %b: !loom.buffer<bf16>, %y: !loom.buffer<bf16>, %s: f32, %m: index, %n: index, %kk: index) {
  loom.part [#loom.axis<"i", affine_map<()[s0, s1, s2] -> (s0)>>, #loom.axis<"j", affine_map<()[s0, s1, s2] -> (s1)>>] {
  ^bb0(%i: index, %j: index):
    %d = loom.dot <"k", affine_map<()[s0, s1, s2] -> (s2)>> {
    ^bb0(%k: index):
      %p = loom.load %a[affine_map<(k, j)[s0, s1, s2] -> (k * s1 + j)>](%k, %j) : !loom.buffer<bf16>
      %q = loom.load %b[affine_map<(i, k)[s0, s1, s2] -> (i * s2 + k)>](%i, %k) : !loom.buffer<bf16>
      %t = arith.mulf %q, %s : f32
      loom.yield %p, %t : f32, f32
    } : f32
    loom.store %d, %y[affine_map<(i, j)[s0, s1, s2] -> (i * s1 + j)>](%i, %j) : !loom.buffer<bf16>
  }
}

// A row alone stays a loop.
// CHECK: row(
// CHECK-NOT: next
loom.kernel @row(%a: !loom.buffer<f32>, %b: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"j", 1024>] {
  ^bb0(%j: index):
    %d = loom.dot <"k", 1024> {
    ^bb0(%k: index):
      %p = loom.load %a[affine_map<(k) -> (k)>](%k) : !loom.buffer<f32>
      %q = loom.load %b[affine_map<(k, j) -> (k * 1024 + j)>](%k, %j) : !loom.buffer<f32>
      loom.yield %p, %q : f32, f32
    } : f32
    loom.store %d, %y[affine_map<(j) -> (j)>](%j) : !loom.buffer<f32>
  }
}
