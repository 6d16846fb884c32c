// RUN: weft-opt %s --loom-schedule | FileCheck %s
// RUN: weft-opt %s --loom-schedule="cache-bytes=1048576" | FileCheck %s --check-prefix=SMALL

// CHECK-DAG: #[[N:map[0-9]*]] = affine_map<()[s0] -> (s0)>
// CHECK-DAG: #[[BEYOND:map[0-9]*]] = affine_map<()[s0] -> (s0 * 4 - 16777216)>

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

// Points that are long chains of arithmetic have four vectors side by side: some compute while others wait.
// CHECK-LABEL: loom.kernel @long_chain
// CHECK: #loom.axis<"i", 4096, lanes, unroll = 4>
loom.kernel @long_chain(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"i", 4096>] {
  ^bb0(%i: index):
    %half = arith.constant 0.5 : f32
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    %v1 = math.fma %v, %v, %half : f32
    %v2 = math.fma %v1, %v, %half : f32
    %v3 = math.fma %v2, %v, %half : f32
    %v4 = math.fma %v3, %v, %half : f32
    %v5 = math.fma %v4, %v, %half : f32
    %v6 = math.fma %v5, %v, %half : f32
    %v7 = math.fma %v6, %v, %half : f32
    %v8 = math.fma %v7, %v, %half : f32
    %v9 = math.fma %v8, %v, %half : f32
    %v10 = math.fma %v9, %v, %half : f32
    %v11 = math.fma %v10, %v, %half : f32
    %v12 = math.fma %v11, %v, %half : f32
    %v13 = math.fma %v12, %v, %half : f32
    %v14 = math.fma %v13, %v, %half : f32
    %v15 = math.fma %v14, %v, %half : f32
    %v16 = math.fma %v15, %v, %half : f32
    %v17 = math.fma %v16, %v, %half : f32
    %v18 = math.fma %v17, %v, %half : f32
    %v19 = math.fma %v18, %v, %half : f32
    %v20 = math.fma %v19, %v, %half : f32
    %v21 = math.fma %v20, %v, %half : f32
    %v22 = math.fma %v21, %v, %half : f32
    %v23 = math.fma %v22, %v, %half : f32
    %v24 = math.fma %v23, %v, %half : f32
    %v25 = math.fma %v24, %v, %half : f32
    %v26 = math.fma %v25, %v, %half : f32
    %v27 = math.fma %v26, %v, %half : f32
    %v28 = math.fma %v27, %v, %half : f32
    %v29 = math.fma %v28, %v, %half : f32
    %v30 = math.fma %v29, %v, %half : f32
    %v31 = math.fma %v30, %v, %half : f32
    %v32 = math.fma %v31, %v, %half : f32
    %v33 = math.fma %v32, %v, %half : f32
    loom.store %v33, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
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

// An index from memory that is the same for all columns leaves rows contiguous: lanes run along the columns.
// CHECK-LABEL: loom.kernel @rows_by_index
// CHECK: #loom.axis<"c", 64, lanes>, #loom.axis<"r", 32
loom.kernel @rows_by_index(%at: !loom.buffer<i64>, %x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"c", 64>, #loom.axis<"r", 32>] {
  ^bb0(%c: index, %r: index):
    %i = loom.load %at[affine_map<(r) -> (r)>](%r) : !loom.buffer<i64>
    %p = arith.index_cast %i : i64 to index
    %v = loom.load %x[affine_map<(c, p) -> (c + p * 64)>](%c, %p) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(c, r) -> (r * 64 + c)>](%c, %r) : !loom.buffer<f32>
  }
}

// Where sizes are arguments the kernel says what its stores pass the cache for: 4 n bytes of at least 16 MiB.
// CHECK-LABEL: loom.kernel @any_size
// CHECK: loom.part [#loom.axis<"i", #[[N]], lanes, chunk = 16384>] streams #[[BEYOND]] {
// CHECK: loom.store {{.*}} nontemporal
// Rows of unknown length may be all of the work: few of them are a chunk.
// CHECK: loom.part [#loom.axis<"r", #[[N]], chunk = 2>] {
loom.kernel @any_size(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %z: !loom.buffer<f32>, %n: index) {
  loom.part [#loom.axis<"i", affine_map<()[s0] -> (s0)>>] {
  ^bb0(%i: index):
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    loom.store %v, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
  }
  loom.part [#loom.axis<"r", affine_map<()[s0] -> (s0)>>] {
  ^bb0(%r: index):
    %zero = arith.constant 0.0 : f32
    %s = loom.loop <"c", affine_map<()[s0] -> (s0)>> init(%zero : f32) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c)[s0] -> (r * s0 + c)>](%r, %c) : !loom.buffer<f32>
      loom.yield %v : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %t = arith.addf %a, %b : f32
      loom.yield %t : f32
    }
    loom.store %s, %z[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
  }
}

// Rows with gaps between them are folded with lanes along the rows, the inner loop; contiguous ones would be one loop.
// CHECK-LABEL: loom.kernel @rows_with_gaps
// CHECK: loom.loop <"r", 16> init
// CHECK: loom.loop <"c", 1024, lanes, unroll = 4>
loom.kernel @rows_with_gaps(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"p", 32>] {
  ^bb0(%p: index):
    %zero = arith.constant 0.0 : f32
    %s = loom.loop <"r", 16> init(%zero : f32) {
    ^bb0(%r: index):
      %t = loom.loop <"c", 1024> init(%zero : f32) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(p, r, c) -> (p * 32768 + r * 2048 + c)>](%p, %r, %c) : !loom.buffer<f32>
        loom.yield %v : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %d = arith.addf %a, %b : f32
        loom.yield %d : f32
      }
      loom.yield %t : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %d = arith.addf %a, %b : f32
      loom.yield %d : f32
    }
    loom.store %s, %y[affine_map<(p) -> (p)>](%p) : !loom.buffer<f32>
  }
}
