// RUN: weft-opt %s --emit=opencl | FileCheck %s

// Blocks of a launch cannot wait for each other: what stands behind a barrier is a kernel of its own, with the same arguments.
// CHECK: WEFT_KERNEL({{[0-9]+}}) twice(WEFT_BUFFER(const float, b0), WEFT_BUFFER(float, b1),
// CHECK: b1[
// CHECK: WEFT_KERNEL({{[0-9]+}}) twice_phase1(WEFT_BUFFER(float, b0), WEFT_BUFFER(const float, b1),
// CHECK: b0[
loom.kernel @twice(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"i", 64, lanes>] {
  ^bb0(%i: index):
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(i) -> (63 - i)>](%i) : !loom.buffer<f32>
  }
  loom.barrier
  loom.part [#loom.axis<"i", 64, lanes>] {
  ^bb0(%i: index):
    %v = loom.load %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    loom.store %v, %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
  }
}
