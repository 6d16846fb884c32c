// RUN: weft-opt %s --emit=opencl | FileCheck %s

// A requirement raises the error word; what is not finite is printed as bits, the rest as decimals that
// read back exactly.
// CHECK: WEFT_KERNEL(256) scalars(
// CHECK: const float [[A:v[0-9]+]] = [[X:v[0-9]+]] + 0.1f;
// CHECK-NEXT: const float [[B:v[0-9]+]] = [[A]] * (-1e+20f);
// CHECK-NEXT: const float [[C:v[0-9]+]] = fma([[A]], [[B]], weft_f32_of_bits(0xff800000u));
// CHECK-NEXT: const bool [[D:v[0-9]+]] = !([[C]] >= [[X]]);
// CHECK-NEXT: if (![[D]]) weft_raise(error, launch, 7u);
// CHECK-NEXT: const float [[E:v[0-9]+]] = [[D]] ? [[C]] : 2.0f;
// CHECK-NEXT: if ([[D]]) b0[{{.*}}] = [[E]];
loom.kernel @scalars(%x: !loom.buffer<f32>) {
  loom.part [#loom.axis<"i", 64, lanes>] {
  ^bb0(%i: index):
    %tenth = arith.constant 0.1 : f32
    %far = arith.constant -1.0e20 : f32
    %low = arith.constant 0xFF800000 : f32
    %two = arith.constant 2.0 : f32
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    %a = arith.addf %v, %tenth : f32
    %b = arith.mulf %a, %far : f32
    %c = math.fma %a, %b, %low : f32
    %d = arith.cmpf ult, %c, %v : f32
    loom.require %d, 7
    %e = arith.select %d, %c, %two : f32
    loom.store %e, %x[affine_map<(i) -> (i)>](%i) if %d : !loom.buffer<f32>
  }
}
