// RUN: weft-opt %s --weft-hoist-reciprocals | FileCheck %s

// x / s = (x * k) * (1 / (s * k)): the division by a sum leaves the loop over the row.
// CHECK-LABEL: loom.kernel @normalise
// CHECK: %[[S:.*]] = loom.loop
// CHECK: arith.select
// CHECK: %[[K:.*]] = arith.select
// CHECK: %[[SK:.*]] = arith.mulf %[[S]], %[[K]]
// CHECK: %[[R:.*]] = arith.divf %{{.*}}, %[[SK]]
// CHECK: loom.loop
// CHECK: %[[X:.*]] = loom.load
// CHECK: %[[XK:.*]] = arith.mulf %[[X]], %[[K]]
// CHECK: arith.mulf %[[XK]], %[[R]]
// CHECK-NOT: arith.divf
// CHECK-LABEL: loom.kernel @exact
loom.kernel @normalise(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 8>] {
  ^bb0(%r: index):
    %zero = arith.constant 0.0 : f32
    %s = loom.loop <"c", 64> init(%zero : f32) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 64 + c)>](%r, %c) : !loom.buffer<f32>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %t = arith.addf %a, %b : f32
      loom.yield %t : f32
    }
    loom.loop <"c", 64> {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 64 + c)>](%r, %c) : !loom.buffer<f32>
      %q = arith.divf %v, %s : f32
      loom.store %q, %y[affine_map<(r, c) -> (r * 64 + c)>](%r, %c) : !loom.buffer<f32>
    }
  }
}

// A divisor from memory is divided by: those bits are promised.
// CHECK: loom.loop
// CHECK: arith.divf
// CHECK-LABEL: loom.kernel @greatest
loom.kernel @exact(%x: !loom.buffer<f32>, %s: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 8>] {
  ^bb0(%r: index):
    %d = loom.load %s[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
    loom.loop <"c", 64> {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 64 + c)>](%r, %c) : !loom.buffer<f32>
      %q = arith.divf %v, %d : f32
      loom.store %q, %y[affine_map<(r, c) -> (r * 64 + c)>](%r, %c) : !loom.buffer<f32>
    }
  }
}

// So is one that is the greatest element, whose bits no order of the loop changes.
// CHECK: loom.loop
// CHECK: loom.loop
// CHECK: arith.divf
loom.kernel @greatest(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 8>] {
  ^bb0(%r: index):
    %low = arith.constant 0xFF800000 : f32
    %m = loom.loop <"c", 64> init(%low : f32) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 64 + c)>](%r, %c) : !loom.buffer<f32>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %less = arith.cmpf olt, %a, %b : f32
      %t = arith.select %less, %b, %a : f32
      loom.yield %t : f32
    }
    loom.loop <"c", 64> {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 64 + c)>](%r, %c) : !loom.buffer<f32>
      %q = arith.divf %v, %m : f32
      loom.store %q, %y[affine_map<(r, c) -> (r * 64 + c)>](%r, %c) : !loom.buffer<f32>
    }
  }
}
