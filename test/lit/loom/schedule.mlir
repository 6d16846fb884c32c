// RUN: weft-opt %s --loom-schedule | FileCheck %s
// RUN: weft-opt %s --loom-schedule="cache-bytes=1048576" | FileCheck %s --check-prefix=SMALL

// A pointwise kernel has lanes along its axis, equal chunks of whole vectors, and streams what no cache holds.
// CHECK-LABEL: loom.kernel @pointwise
// CHECK: #loom.axis<"i", 4194304, lanes, chunk = [[#]]>
// CHECK: loom.store {{.*}} nontemporal
loom.kernel @pointwise(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"i", 4194304>] {
  ^bb0(%i: index):
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
  }
}

// A small one is a single chunk; its output goes past the cache only where the cache is smaller still.
// CHECK-LABEL: loom.kernel @small
// CHECK: #loom.axis<"r", 10>, #loom.axis<"c", 1000, lanes>
// CHECK-NOT: nontemporal
loom.kernel @small(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 10>, #loom.axis<"c", 1000>] {
  ^bb0(%r: index, %c: index):
    %v = loom.load %x[affine_map<(r, c) -> (r * 1000 + c)>](%r, %c) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(r, c) -> (r * 1000 + c)>](%r, %c) : !loom.buffer<f32>
  }
}

// Lanes follow the contiguous accesses: here the first axis.
// CHECK-LABEL: loom.kernel @first_axis
// CHECK: #loom.axis<"r", 64, lanes>, #loom.axis<"c", 64>
loom.kernel @first_axis(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 64>, #loom.axis<"c", 64>] {
  ^bb0(%r: index, %c: index):
    %v = loom.load %x[affine_map<(r, c) -> (c * 64 + r)>](%r, %c) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(r, c) -> (c * 64 + r)>](%r, %c) : !loom.buffer<f32>
  }
}

// A row reduction has lanes along its loop, four vectors in flight, and rows in chunks.
// CHECK-LABEL: loom.kernel @row_sum
// CHECK: #loom.axis<"r", 4096, chunk = [[#]]>
// CHECK: loom.loop <"c", 1024, lanes, unroll = 4>
loom.kernel @row_sum(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 4096>] {
  ^bb0(%r: index):
    %z = arith.constant 0.0 : f32
    %s = loom.loop <"c", 1024> init(%z : f32) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 1024 + c)>](%r, %c) : !loom.buffer<f32>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %t = arith.addf %a, %b : f32
      loom.yield %t : f32
    }
    loom.store %s, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
  }
}

// A column reduction has lanes along the columns, long runs of a row at a time, and its loop is serial.
// CHECK-LABEL: loom.kernel @column_sum
// CHECK: #loom.axis<"c", 1024, lanes, unroll = 16, chunk = 256>
// CHECK: loom.loop <"r", 4096> init
loom.kernel @column_sum(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"c", 1024>] {
  ^bb0(%c: index):
    %z = arith.constant 0.0 : f32
    %s = loom.loop <"r", 4096> init(%z : f32) {
    ^bb0(%r: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 1024 + c)>](%r, %c) : !loom.buffer<f32>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %t = arith.addf %a, %b : f32
      loom.yield %t : f32
    }
    loom.store %s, %y[affine_map<(c) -> (c)>](%c) : !loom.buffer<f32>
  }
}

// A transposed load is gathered in tiles whose lines of memory stay in the cache.
// CHECK-LABEL: loom.kernel @transpose
// CHECK: #loom.axis<"r", 4096, chunk = 64>, #loom.axis<"c", 1024, lanes, chunk = 32>
loom.kernel @transpose(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 4096>, #loom.axis<"c", 1024>] {
  ^bb0(%r: index, %c: index):
    %v = loom.load %x[affine_map<(r, c) -> (c * 4096 + r)>](%r, %c) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(r, c) -> (r * 1024 + c)>](%r, %c) : !loom.buffer<f32>
  }
}

// With a cache of 1 MiB the middle kernel's 640 KiB of output streams as well.
// SMALL-LABEL: loom.kernel @middle
// SMALL: nontemporal
// CHECK-LABEL: loom.kernel @middle
// CHECK-NOT: nontemporal
loom.kernel @middle(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"i", 163840>] {
  ^bb0(%i: index):
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
  }
}
