// RUN: weft-opt %s | weft-opt | FileCheck %s

// A row softmax prints as it is read: reductions carry a combine, the tile is a local.
// CHECK-LABEL: loom.kernel @softmax(%{{.*}}: !loom.buffer<f32>, %{{.*}}: !loom.buffer<bf16>)
loom.kernel @softmax(%x: !loom.buffer<f32>, %y: !loom.buffer<bf16>) {
  // CHECK: loom.part [#loom.axis<"r", 4096, chunk = 8>] {
  loom.part [#loom.axis<"r", 4096, chunk = 8>] {
  ^bb0(%r: index):
    %ninf = arith.constant 0xFF800000 : f32
    %zero = arith.constant 0.0 : f32
    // CHECK: loom.local over #{{.*}} : <f32>
    %t = loom.local over affine_map<() -> (1024)> : <f32>
    // CHECK: loom.loop <"c", 1024, lanes, unroll = 4> init(%{{.*}} : f32) {
    // CHECK: loom.yield %{{.*}} : f32
    // CHECK: } combine {
    %m = loom.loop <"c", 1024, lanes, unroll = 4> init(%ninf : f32) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 1024 + c)>](%r, %c) : !loom.buffer<f32>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %z = arith.maximumf %a, %b : f32
      loom.yield %z : f32
    }
    // CHECK: loom.loop <"c", 1024, lanes> {
    loom.loop <"c", 1024, lanes> {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 1024 + c)>](%r, %c) : !loom.buffer<f32>
      %d = arith.subf %v, %m : f32
      loom.store %d, %t[affine_map<(c) -> (c)>](%c) : !loom.local<f32>
    }
    loom.loop <"c", 1024, lanes> {
    ^bb0(%c: index):
      %in = arith.cmpi ult, %c, %r : index
      // CHECK: if %{{.*}} else %{{.*}} : f32 from : !loom.local<f32>
      %d = loom.load %t[affine_map<(c) -> (c)>](%c) if %in else %zero : f32 from : !loom.local<f32>
      // CHECK: loom.store %{{.*}}, %{{.*}}[#{{.*}}](%{{.*}}) if %{{.*}} nontemporal : !loom.buffer<bf16>
      loom.store %d, %y[affine_map<(r, c) -> (r * 1024 + c)>](%r, %c) if %in nontemporal : !loom.buffer<bf16>
    }
  }
}

// Sizes are the symbols of every map; a dot has factors inside and its epilogue after.
// CHECK-LABEL: loom.kernel @linear
loom.kernel @linear(%a: !loom.buffer<f32>, %b: !loom.buffer<f32>, %y: !loom.buffer<f32>, %s: f32, %n: index) {
  // CHECK: loom.part [#loom.axis<"m", #{{.*}}>, #loom.axis<"n", 64>] {
  loom.part [#loom.axis<"m", affine_map<()[s0] -> (s0)>>, #loom.axis<"n", 64>] {
  ^bb0(%i: index, %j: index):
    // CHECK: loom.dot <"k", 32> {
    // CHECK: loom.yield %{{.*}}, %{{.*}} : f32, f32
    // CHECK: } : f32
    %d = loom.dot <"k", 32> {
    ^bb0(%k: index):
      %p = loom.load %a[affine_map<(i, k) -> (i * 32 + k)>](%i, %k) : !loom.buffer<f32>
      %q = loom.load %b[affine_map<(k, j) -> (k * 64 + j)>](%k, %j) : !loom.buffer<f32>
      loom.yield %p, %q : f32, f32
    } : f32
    %e = arith.addf %d, %s : f32
    loom.store %e, %y[affine_map<(i, j) -> (i * 64 + j)>](%i, %j) : !loom.buffer<f32>
  }
}

// CHECK-LABEL: loom.kernel @scalars
loom.kernel @scalars(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %seed: i64) {
  loom.part [] {
    %zero = arith.constant 0 : i64
    // CHECK: loom.random %{{.*}}, %{{.*}}, %{{.*}} word 2
    %w = loom.random %seed, %zero, %zero word 2
    %f = arith.sitofp %w : i64 to f32
    %e = loom.exponent %f : f32
    %m = loom.mantissa %f : f32
    // CHECK: loom.scale2 %{{.*}}, %{{.*}} : f32
    %s = loom.scale2 %m, %e : f32
    // CHECK: loom.power_of_two %{{.*}} : f32
    %p = loom.power_of_two %e : f32
    %ok = arith.cmpf oeq, %s, %f : f32
    // CHECK: loom.require %{{.*}}, 3
    loom.require %ok, 3
    // CHECK: loom.rarely %{{.*}}, %{{.*}}, %{{.*}} : f32
    %r = loom.rarely %ok, %p, %s : f32
    loom.store %r, %y[affine_map<() -> (0)>]() : !loom.buffer<f32>
  }
}

// A walk carries values; a guarded one ends where the first is false.
// CHECK-LABEL: loom.kernel @walk
loom.kernel @walk(%x: !loom.buffer<f32>, %n: index) {
  loom.part [#loom.axis<"r", 8>] {
  ^bb0(%r: index):
    %zero = arith.constant 0.0 : f32
    %goes = arith.constant true
    // CHECK: loom.walk <"k", #{{.*}}> from(%{{.*}}, %{{.*}} : i1, f32) guarded {
    // CHECK-NEXT: ^bb0(%{{.*}}: index, %{{.*}}: i1, %{{.*}}: f32):
    %g, %sum = loom.walk <"k", affine_map<()[s0] -> (s0)>> from(%goes, %zero : i1, f32) guarded {
    ^bb0(%k: index, %on: i1, %s: f32):
      %v = loom.load %x[affine_map<(r, k)[s0] -> (r * s0 + k)>](%r, %k) : !loom.buffer<f32>
      %t = arith.addf %s, %v : f32
      %more = arith.cmpf olt, %t, %v : f32
      loom.yield %more, %t : i1, f32
    }
    // CHECK: loom.walk <"k", 4> {
    loom.walk <"k", 4> {
    ^bb0(%k: index):
      loom.store %sum, %x[affine_map<(r, k) -> (r * 4 + k)>](%r, %k) : !loom.buffer<f32>
    }
  }
}
