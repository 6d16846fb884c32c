// RUN: weft-opt %s --emit=opencl | FileCheck %s
// RUN: weft-opt %s --emit=cuda | FileCheck %s

// Registers hold a row of 1024 elements: memory is read once, and the local is each thread's own part of it.
// CHECK: WEFT_KERNEL(64) softmax(
// CHECK: float [[TILE:tile[0-9]+]][16];
// CHECK: float [[X:x[0-9]+]][16];
// CHECK: ((const WEFT_GLOBAL float4*)&b0[
// CHECK: #endif
// CHECK-NEXT: WEFT_BARRIER();
// CHECK-NOT: WEFT_BARRIER
// CHECK-NOT: b0[
// CHECK: const float [[V:v[0-9]+]] = [[X]][{{u[0-9]+}} * 4 + {{j[0-9]+}}];
// CHECK: [[TILE]][{{u[0-9]+}} * 4 + {{j[0-9]+}}] = {{v[0-9]+}};
// The second sum has memory of its own: nothing waits until the first one is read.
// CHECK: + 256);
// CHECK: #else
// CHECK: #endif
// CHECK-NEXT: WEFT_BARRIER();
// CHECK-NOT: WEFT_BARRIER
// CHECK: const bool [[OUT:aligned[0-9]+]] = WEFT_IS_ALIGNED(&b1[
// CHECK: = [[TILE]][{{u[0-9]+}} * 4 + {{j[0-9]+}}];
// CHECK: if (live) {
// CHECK-NEXT: if ([[OUT]]) {
// CHECK: ((WEFT_GLOBAL float4*)&b1[{{.*}}])[0] = {{v[0-9]+}};
// CHECK: else {
loom.kernel @softmax(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 4096>] {
  ^bb0(%r: index):
    %t = loom.local over affine_map<() -> (1024)> : <f32>
    %low = arith.constant 0xFF800000 : f32
    %none = arith.constant 0.0 : f32
    %m = loom.loop <"c", 1024, lanes> init(%low : f32) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 1024 + c)>](%r, %c) : !loom.buffer<f32>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %z = arith.maximumf %a, %b : f32
      loom.yield %z : f32
    }
    %s = loom.loop <"c", 1024, lanes> init(%none : f32) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 1024 + c)>](%r, %c) : !loom.buffer<f32>
      %d = arith.subf %v, %m : f32
      loom.store %d, %t[affine_map<(c) -> (c)>](%c) : !loom.local<f32>
      loom.yield %d : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %z = arith.addf %a, %b : f32
      loom.yield %z : f32
    }
    loom.loop <"c", 1024, lanes> {
    ^bb0(%c: index):
      %d = loom.load %t[affine_map<(c) -> (c)>](%c) : !loom.local<f32>
      %q = arith.divf %d, %s : f32
      loom.store %q, %y[affine_map<(r, c) -> (r * 1024 + c)>](%r, %c) : !loom.buffer<f32>
    }
  }
}

// What was loaded is loaded again behind a store: it may be the same memory. A bf16 takes 8 bytes a run.
// CHECK: WEFT_KERNEL(32) stores(
// CHECK: weft_u16 {{x[0-9]+}}[16];
// CHECK: const weft_u16x4 [[V:v[0-9]+]] = ((const WEFT_GLOBAL weft_u16x4*)&b0[
// CHECK: weft_bf16_of_f32(
// CHECK: if (live) {
// CHECK: ((WEFT_GLOBAL weft_u16x4*)&b1[
// CHECK: = ((const WEFT_GLOBAL weft_u16x4*)&b0[
loom.kernel @stores(%x: !loom.buffer<bf16>, %y: !loom.buffer<bf16>) {
  loom.part [#loom.axis<"r", 64>] {
  ^bb0(%r: index):
    %none = arith.constant 0.0 : f32
    loom.loop <"c", 512, lanes> {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 512 + c)>](%r, %c) : !loom.buffer<bf16>
      %d = arith.addf %v, %v : f32
      loom.store %d, %y[affine_map<(r, c) -> (r * 512 + c)>](%r, %c) : !loom.buffer<bf16>
    }
    %s = loom.loop <"c", 512, lanes> init(%none : f32) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 512 + c)>](%r, %c) : !loom.buffer<bf16>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %z = arith.addf %a, %b : f32
      loom.yield %z : f32
    }
    loom.store %s, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<bf16>
  }
}

// A long row takes more threads if their registers hold it, else turns of 4 runs.
// CHECK: WEFT_KERNEL(1024) long(
// CHECK-NOT: for (weft_i64
// CHECK: WEFT_KERNEL(256) longer(
// CHECK: for (weft_i64 [[FIRST:first[0-9]+]] = WEFT_THREAD * 4; [[FIRST]] < 40000; [[FIRST]] += 4096) {
// CHECK-NEXT: float {{x[0-9]+}}[16];
// CHECK: const weft_i64 [[START:start[0-9]+]] = [[FIRST]] + {{u[0-9]+}} * 1024;
// CHECK-NEXT: if ([[START]] < 40000) {
loom.kernel @long(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 512>] {
  ^bb0(%r: index):
    %none = arith.constant 0.0 : f32
    %s = loom.loop <"c", 32000, lanes> init(%none : f32) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 32000 + c)>](%r, %c) : !loom.buffer<f32>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %z = arith.addf %a, %b : f32
      loom.yield %z : f32
    }
    loom.store %s, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
  }
}
loom.kernel @longer(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 512>] {
  ^bb0(%r: index):
    %none = arith.constant 0.0 : f32
    %s = loom.loop <"c", 40000, lanes> init(%none : f32) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 40000 + c)>](%r, %c) : !loom.buffer<f32>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %z = arith.addf %a, %b : f32
      loom.yield %z : f32
    }
    loom.store %s, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
  }
}

// Whether a stride that is an argument is 1 is asked when the kernel runs.
// CHECK: strided(
// CHECK: const bool [[A:aligned[0-9]+]] = WEFT_IS_ALIGNED(&b1[0], 16);
// CHECK-NEXT: const bool [[B:aligned[0-9]+]] = n1 == 1 && WEFT_IS_ALIGNED(&b0[0 * n1], 16);
// CHECK: if ([[B]] && {{start[0-9]+}} + 4 <= n0) {
// CHECK-NEXT: const float4
// CHECK: if ([[A]] && {{start[0-9]+}} + 4 <= n0) {
loom.kernel @strided(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %n: index, %stride: index) {
  loom.part [#loom.axis<"i", affine_map<()[s0, s1] -> (s0)>, lanes>] {
  ^bb0(%i: index):
    %v = loom.load %x[affine_map<(i)[s0, s1] -> (i * s1)>](%i) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(i)[s0, s1] -> (i)>](%i) : !loom.buffer<f32>
  }
}
