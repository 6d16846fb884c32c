// RUN: weft-opt %s --emit=opencl | FileCheck %s --check-prefixes=CHECK,OPENCL
// RUN: weft-opt %s --emit=cuda | FileCheck %s --check-prefixes=CHECK,CUDA

// The dialects differ in their header alone; contraction is off in both.
// OPENCL: #pragma OPENCL FP_CONTRACT OFF
// OPENCL: #define WEFT_KERNEL(threads) __kernel __attribute__((reqd_work_group_size(threads, 1, 1))) void
// CUDA-NOT: pragma
// CUDA: #define WEFT_KERNEL(threads) extern "C" __global__ void __launch_bounds__(threads)

// Only the functions that a kernel calls are printed, each in front of its uses, and once where sources are joined.
// CHECK-NOT: weft_scale2
// CHECK: #ifndef WEFT_HAS_weft_bf16_of_f32
// CHECK-NEXT: #define WEFT_HAS_weft_bf16_of_f32
// CHECK-NEXT: WEFT_FUNCTION weft_u16 weft_bf16_of_f32(float x) {
// CHECK-NOT: weft_scale2

// A thread computes one point; the lane axis is the fastest digit of its number, whatever its place.
// CHECK: WEFT_KERNEL(256) first_axis(WEFT_BUFFER(const float, b0), WEFT_BUFFER(weft_u16, b1), WEFT_GLOBAL weft_u32* error, weft_u32 launch, WEFT_GLOBAL weft_u8* scratch) {
// CHECK-NEXT: WEFT_BIND(const float, b0);
// CHECK-NEXT: WEFT_BIND(weft_u16, b1);
// Behind a launch that refused an element, nothing is stored.
// CHECK-NEXT: const bool live = !weft_is_stopped(error, launch);
// CHECK-NEXT: weft_i64 block = WEFT_BLOCK;
// CHECK-NEXT: const weft_i64 [[P:point[0-9]+]] = block * 256 + WEFT_THREAD;
// CHECK-NEXT: if (live && [[P]] < 4096) {
// CHECK-NEXT: const weft_i64 [[R:ir_[0-9]+]] = (weft_u32)[[P]] % 64;
// CHECK-NEXT: const weft_i64 [[C:ic_[0-9]+]] = (weft_u32)[[P]] / 64;
// CHECK-NEXT: const float [[V:v[0-9]+]] = b0[[[C]] * 64 + [[R]]];
// CHECK-NEXT: b1[[[C]] * 64 + [[R]]] = weft_bf16_of_f32([[V]]);
// CHECK-NEXT: }
// CHECK-NEXT: }
loom.kernel @first_axis(%x: !loom.buffer<f32>, %y: !loom.buffer<bf16>) {
  loom.part [#loom.axis<"r", 64, lanes>, #loom.axis<"c", 64>] {
  ^bb0(%r: index, %c: index):
    %v = loom.load %x[affine_map<(r, c) -> (c * 64 + r)>](%r, %c) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(r, c) -> (c * 64 + r)>](%r, %c) : !loom.buffer<bf16>
  }
}


// Sizes are arguments behind the scalars, and the bits of an i1 come as 8 bytes.
// CHECK: WEFT_KERNEL(256) sizes(WEFT_BUFFER(const weft_u8, b0), WEFT_BUFFER(double, b1), float s0, weft_i64 s1_, weft_i64 n0, weft_i64 n1,
// CHECK: const bool s1 = s1_ != 0;
// Where nobody knows how many points there are, a thread takes four that lie side by side.
// CHECK: if (live && [[P:point[0-9]+]] < n0 * ((n1 + 3) / 4)) {
// CHECK-NEXT: const weft_i64 [[C4:ic_[0-9]+]] = [[P]] % ((n1 + 3) / 4);
// CHECK-NEXT: const weft_i64 [[R:ir_[0-9]+]] = [[P]] / ((n1 + 3) / 4);
// CHECK-NEXT: const bool [[ALIGNED:aligned[0-9]+]] = WEFT_IS_ALIGNED(&b0[[[R]] * n1 + 0], 4);
// CHECK-NEXT: weft_u8 [[X:x[0-9]+]][4];
// CHECK-NEXT: const weft_i64 [[START:start[0-9]+]] = [[C4]] * 4;
// CHECK-NEXT: if ([[ALIGNED]] && [[START]] + 4 <= n1) {
// CHECK: else {
// CHECK: const weft_i64 [[C:i[0-9]+]] = {{start[0-9]+}} + {{j[0-9]+}};
// CHECK-NEXT: if ([[C]] < n1) {
// CHECK: [[X]][{{.*}}] = b0[[[R]] * n1 + [[C]]];
// CHECK: const weft_i64 [[C:i[0-9]+]] = {{start[0-9]+}} + {{j[0-9]+}};
// CHECK-NEXT: if ([[C]] < n1) {
// CHECK-NEXT: const bool [[B:v[0-9]+]] = [[X]][{{.*}}] != 0;
// A quotient of what may be negative is not C's.
// CHECK: weft_div_floor([[R]] + (-3), 2)
// CHECK: [[C]] % 5
loom.kernel @sizes(%x: !loom.buffer<i1>, %y: !loom.buffer<f64>, %s: f32, %b: i1, %n: index, %m: index) {
  loom.part [#loom.axis<"r", affine_map<()[s0, s1] -> (s0)>>, #loom.axis<"c", affine_map<()[s0, s1] -> (s1)>>] {
  ^bb0(%r: index, %c: index):
    %v = loom.load %x[affine_map<(r, c)[s0, s1] -> (r * s1 + c)>](%r, %c) : !loom.buffer<i1>
    %t = arith.select %v, %b, %v : i1
    %f = arith.uitofp %t : i1 to f32
    %g = arith.mulf %f, %s : f32
    %d = arith.extf %g : f32 to f64
    loom.store %d, %y[affine_map<(r, c)[s0, s1] -> (((r - 3) floordiv 2 + 2) * s1 + c mod 5)>](%r, %c) : !loom.buffer<f64>
  }
}


// Parts take their own of the launch's blocks.
// CHECK: WEFT_KERNEL(256) parts(
// CHECK: if (place < ((n0 + 3) / 4 + 255) / 256) {
// Integers wrap.
// CHECK: weft_add([[V:v[0-9]+]], [[V]])
// CHECK: else if (place < ((n0 + 3) / 4 + 255) / 256 + 4) {
// CHECK-NEXT: const weft_i64 block = place - (((n0 + 3) / 4 + 255) / 256 + 0);
loom.kernel @parts(%x: !loom.buffer<i64>, %y: !loom.buffer<i64>, %n: index) {
  loom.part [#loom.axis<"i", affine_map<()[s0] -> (s0)>, lanes>] {
  ^bb0(%i: index):
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<i64>
    %w = arith.addi %v, %v : i64
    loom.store %w, %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<i64>
  }
  loom.part [#loom.axis<"i", 1000, lanes>] {
  ^bb0(%i: index):
    %v = arith.index_cast %i : index to i64
    loom.store %v, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<i64>
  }
}

// Where an access divides, indices are of 32 bits.
// CHECK: WEFT_KERNEL(256) near(
// CHECK: const int block = WEFT_BLOCK;
// CHECK: const int [[R:ir_[0-9]+]] = 
// CHECK: b0[[[R]] / 3 * 7 + [[R]] % 3];
loom.kernel @near(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 3000, lanes>] {
  ^bb0(%r: index):
    %v = loom.load %x[affine_map<(r) -> ((r floordiv 3) * 7 + r mod 3)>](%r) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
  }
}

// They are of 64 bits where an extent, or what an access computes of them, needs more than 30.
// CHECK: WEFT_KERNEL(256) far(
// CHECK: const weft_i64 block = WEFT_BLOCK;
// CHECK: const weft_i64 {{ir_[0-9]+}} = 
loom.kernel @far(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 3000, lanes>] {
  ^bb0(%r: index):
    %v = loom.load %x[affine_map<(r) -> ((r floordiv 3) * 1000000 + r mod 3)>](%r) : !loom.buffer<f32>
    %w = loom.load %x[affine_map<(r) -> (r * 1000000)>](%r) : !loom.buffer<f32>
    %z = arith.addf %v, %w : f32
    loom.store %z, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
  }
}

// CHECK: WEFT_KERNEL(256) many(
// CHECK: const weft_i64 {{ir_[0-9]+}} = 
loom.kernel @many(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 2000000000, lanes>] {
  ^bb0(%r: index):
    %v = loom.load %x[affine_map<(r) -> (r mod 7)>](%r) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
  }
}
