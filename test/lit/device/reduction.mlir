// RUN: weft-opt %s --emit=cuda | FileCheck %s

// Threads of a block share the lane loop of its point: 16 elements each, in runs of 4, all of them on their way before the first is added.
// CHECK: WEFT_KERNEL(64) row_sum(
// CHECK-NEXT: WEFT_SHARED weft_u64 shared[64];
// CHECK: const weft_i64 [[R:ir_[0-9]+]] = (weft_u32)block;
// CHECK-NEXT: float [[S:sum[0-9]+]] = 0.0f;
// CHECK-NEXT: const bool [[ALIGNED:aligned[0-9]+]] = WEFT_IS_ALIGNED(&b0[[[R]] * 1024 + 0], 16);
// CHECK-NEXT: float [[X:x[0-9]+]][16];
// CHECK-NEXT: if ([[ALIGNED]]) {
// CHECK-NEXT: WEFT_UNROLL_RUN
// CHECK-NEXT: for (int [[U:u[0-9]+]] = 0; [[U]] < 4; [[U]] += 1) {
// CHECK-NEXT: const weft_i64 [[AT:start[0-9]+]] = WEFT_THREAD * 4 + [[U]] * 256;
// CHECK-NEXT: const float4 [[V:v[0-9]+]] = ((const WEFT_GLOBAL float4*)&b0[[[R]] * 1024 + [[AT]]])[0];
// CHECK-NEXT: [[X]][[[U]] * 4 + 0] = [[V]].x;
// CHECK: }
// Memory that is not aligned is read element by element, by the same threads.
// CHECK: else {
// CHECK: [[X]][{{.*}}] = b0[
// CHECK: const float [[V:v[0-9]+]] = [[X]][{{u[0-9]+}} * 4 + {{j[0-9]+}}];
// CHECK-NEXT: const float [[N:v[0-9]+]] = [[S]] + [[V]];
// CHECK-NEXT: [[S]] = [[N]];
// A warp joins its sums in halves, with shuffles or without, in the same order; every thread joins those of the warps; one stores.
// CHECK: #ifdef WEFT_SHUFFLE_DOWN
// CHECK-NEXT: WEFT_UNROLL
// CHECK-NEXT: for (int [[H:half[0-9]+]] = 16; [[H]] > 0; [[H]] /= 2) {
// CHECK-NEXT: const float [[V:v[0-9]+]] = WEFT_SHUFFLE_DOWN([[S]], [[H]]);
// CHECK-NEXT: const float [[N:v[0-9]+]] = [[S]] + [[V]];
// CHECK-NEXT: [[S]] = [[N]];
// CHECK-NEXT: }
// CHECK-NEXT: if (WEFT_THREAD % 32 == 0) {
// CHECK-NEXT: [[T:tree[0-9]+]][WEFT_THREAD] = [[S]];
// CHECK-NEXT: }
// CHECK-NEXT: #else
// CHECK-NEXT: [[T]][WEFT_THREAD] = [[S]];
// CHECK-NEXT: WEFT_BARRIER();
// CHECK-NEXT: if (WEFT_THREAD < 2) {
// CHECK-NEXT: for (int [[H:half[0-9]+]] = 16; [[H]] > 0; [[H]] /= 2) {
// CHECK-NEXT: for (int [[A:at[0-9]+]] = (int)WEFT_THREAD * 32; [[A]] < (int)WEFT_THREAD * 32 + [[H]]; ++[[A]]) {
// CHECK-NEXT: [[S]] = [[T]][[[A]]];
// CHECK-NEXT: const float [[V:v[0-9]+]] = [[T]][[[A]] + [[H]]];
// CHECK-NEXT: const float [[N:v[0-9]+]] = [[S]] + [[V]];
// CHECK-NEXT: [[S]] = [[N]];
// CHECK-NEXT: [[T]][[[A]]] = [[S]];
// CHECK: #endif
// CHECK-NEXT: WEFT_BARRIER();
// CHECK-NEXT: [[S]] = [[T]][0];
// CHECK-NEXT: WEFT_UNROLL
// CHECK-NEXT: for (int [[O:other[0-9]+]] = 32; [[O]] < 64; [[O]] += 32) {
// CHECK: }
// CHECK-NEXT: if (live && WEFT_THREAD == 0) b1[[[R]]] = [[S]];
// CHECK-NEXT: }
loom.kernel @row_sum(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 64>] {
  ^bb0(%r: index):
    %zero = arith.constant 0.0 : f32
    %s = loom.loop <"c", 1024, lanes, unroll = 4> init(%zero : f32) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 1024 + c)>](%r, %c) : !loom.buffer<f32>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %z = arith.addf %a, %b : f32
      loom.yield %z : f32
    }
    loom.store %s, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
  }
}

// With lanes across the points a thread runs through its loop alone, and there is nothing to share.
// CHECK: WEFT_KERNEL(256) column_sum(
// CHECK-NOT: WEFT_SHARED
// CHECK: for (weft_i64 [[R:ir_[0-9]+]] = 0; [[R]] < 4096; [[R]]++) {
// CHECK-NOT: WEFT_BARRIER
loom.kernel @column_sum(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"c", 1024, lanes>] {
  ^bb0(%c: index):
    %zero = arith.constant 0.0 : f32
    %s = loom.loop <"r", 4096> init(%zero : f32) {
    ^bb0(%r: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 1024 + c)>](%r, %c) : !loom.buffer<f32>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %z = arith.addf %a, %b : f32
      loom.yield %z : f32
    }
    loom.store %s, %y[affine_map<(c) -> (c)>](%c) : !loom.buffer<f32>
  }
}

// A short loop takes few threads. Its tile is in shared memory; a barrier stands where another thread's
// element is read, and not where a thread reads its own buffer again.
// CHECK: WEFT_KERNEL(32) tile(
// CHECK: WEFT_SHARED_POINTER float* const [[T:tile[0-9]+]] = (WEFT_SHARED_POINTER float*)((WEFT_SHARED_POINTER weft_u8*)shared + 0);
// CHECK: WEFT_IS_ALIGNED(&[[T]][0], 16)
// CHECK: ((WEFT_SHARED_POINTER float4*)&[[T]][{{.*}}])[0] = {{.*}};
// CHECK: WEFT_BARRIER();
// CHECK: [[T]][{{i[0-9]+}} * (-1) + 99]
// CHECK-NOT: WEFT_BARRIER
// CHECK: WEFT_KERNEL
loom.kernel @tile(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 64>] {
  ^bb0(%r: index):
    %t = loom.local over affine_map<() -> (100)> : <f32>
    loom.loop <"c", 100, lanes> {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 100 + c)>](%r, %c) : !loom.buffer<f32>
      loom.store %v, %t[affine_map<(c) -> (c)>](%c) : !loom.local<f32>
    }
    loom.loop <"c", 100, lanes> {
    ^bb0(%c: index):
      %v = loom.load %t[affine_map<(c) -> (99 - c)>](%c) : !loom.local<f32>
      loom.store %v, %y[affine_map<(r, c) -> (r * 100 + c)>](%r, %c) : !loom.buffer<f32>
    }
  }
}

// What no shared memory holds lies in the block's scratch memory; then blocks take their points in turns.
// CHECK-SAME: (32) scratch(
// CHECK: for (weft_i64 turn = WEFT_BLOCK; turn < 64; turn += WEFT_BLOCKS) {
// CHECK: WEFT_GLOBAL float* const {{tile[0-9]+}} = (WEFT_GLOBAL float*)(scratch + WEFT_BLOCK * (400000) + 0);
// The next turn writes what this one still reads.
// CHECK: WEFT_BARRIER();
// CHECK: WEFT_BARRIER();
// CHECK-NEXT: }
// CHECK-NEXT: }
loom.kernel @scratch(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 64>] {
  ^bb0(%r: index):
    %t = loom.local over affine_map<() -> (100000)> : <f32>
    loom.loop <"c", 100, lanes> {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 100 + c)>](%r, %c) : !loom.buffer<f32>
      loom.store %v, %t[affine_map<(c) -> (c * 1000)>](%c) : !loom.local<f32>
    }
    loom.loop <"c", 100, lanes> {
    ^bb0(%c: index):
      %v = loom.load %t[affine_map<(c) -> (99000 - c * 1000)>](%c) : !loom.local<f32>
      loom.store %v, %y[affine_map<(r, c) -> (r * 100 + c)>](%r, %c) : !loom.buffer<f32>
    }
  }
}
