// RUN: not weft-opt %s --emit=cuda 2>&1 | FileCheck %s
// RUN: not weft-opt %s --emit=fortran 2>&1 | FileCheck %s --check-prefix=DIALECT

// A function of a library would have other bits on each device.
// CHECK: loom.kernel @library: ops must have a row in the device emitter's table, got math.exp
// DIALECT: Unknown command line argument '--loom-to-fortran'
loom.kernel @library(%x: !loom.buffer<f32>) {
  loom.part [#loom.axis<"i", 64>] {
  ^bb0(%i: index):
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    %e = math.exp %v : f32
    loom.store %e, %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
  }
}
