// RUN: weft-opt %s --weft-narrow-positions | FileCheck %s

// argmax of a row: positions are f32 in the loop, and whole numbers again behind it.
// CHECK-LABEL: loom.kernel @argmax
// CHECK: %[[LAST:.*]] = arith.constant 0x7F800000 : f32
// CHECK: %[[R:.*]]:2 = loom.loop <"c", 64> init(%{{.*}}, %[[LAST]] : f32, f32)
// CHECK: %[[I:.*]] = arith.index_cast
// CHECK: %[[P:.*]] = arith.sitofp %[[I]] {loom.narrow} : i64 to f32
// CHECK: loom.yield %{{.*}}, %[[P]] : f32, f32
// CHECK: arith.cmpf olt, %{{.*}} : f32
// CHECK: arith.select %{{.*}} : f32
// CHECK: %[[W:.*]] = arith.fptosi %[[R]]#1 : f32 to i64
// CHECK: loom.store %[[W]]
loom.kernel @argmax(%x: !loom.buffer<f32>, %y: !loom.buffer<i64>) {
  loom.part [#loom.axis<"r", 8>] {
  ^bb0(%r: index):
    %least = arith.constant 0xFF800000 : f32
    %last = arith.constant 9223372036854775807 : i64
    %sums:2 = loom.loop <"c", 64> init(%least, %last : f32, i64) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 64 + c)>](%r, %c) : !loom.buffer<f32>
      %i = arith.index_cast %c : index to i64
      loom.yield %v, %i : f32, i64
    } combine {
    ^bb0(%a: f32, %i: i64, %b: f32, %j: i64):
      %more = arith.cmpf ogt, %b, %a : f32
      %same = arith.cmpf oeq, %b, %a : f32
      %before = arith.cmpi slt, %j, %i : i64
      %first = arith.andi %same, %before : i1
      %takes = arith.ori %more, %first : i1
      %m = arith.select %takes, %b, %a : f32
      %k = arith.select %takes, %j, %i : i64
      loom.yield %m, %k : f32, i64
    }
    loom.store %sums#1, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<i64>
  }
}

// f32 has no whole numbers that far, and those in memory may be anything.
// CHECK-LABEL: loom.kernel @far
// CHECK: loom.loop <"c", 16777218> init(%{{.*}}, %{{.*}} : f32, i64)
// CHECK-LABEL: loom.kernel @loaded
// CHECK: loom.loop <"c", 64> init(%{{.*}}, %{{.*}} : f32, i64)
// CHECK-LABEL: loom.kernel @summed
// CHECK: loom.loop <"c", 64> init(%{{.*}}, %{{.*}} : f32, i64)
// CHECK-LABEL: loom.kernel @wide
// CHECK: loom.loop <"c", 64> init(%{{.*}}, %{{.*}} : f64, i64)
loom.kernel @far(%x: !loom.buffer<f32>, %y: !loom.buffer<i64>) {
  loom.part [] {
    %least = arith.constant 0xFF800000 : f32
    %last = arith.constant 9223372036854775807 : i64
    %sums:2 = loom.loop <"c", 16777218> init(%least, %last : f32, i64) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(c) -> (c)>](%c) : !loom.buffer<f32>
      %i = arith.index_cast %c : index to i64
      loom.yield %v, %i : f32, i64
    } combine {
    ^bb0(%a: f32, %i: i64, %b: f32, %j: i64):
      %takes = arith.cmpf ogt, %b, %a : f32
      %m = arith.select %takes, %b, %a : f32
      %k = arith.select %takes, %j, %i : i64
      loom.yield %m, %k : f32, i64
    }
    loom.store %sums#1, %y[affine_map<() -> (0)>]() : !loom.buffer<i64>
  }
}

loom.kernel @loaded(%x: !loom.buffer<f32>, %p: !loom.buffer<i64>, %y: !loom.buffer<i64>) {
  loom.part [] {
    %least = arith.constant 0xFF800000 : f32
    %last = arith.constant 9223372036854775807 : i64
    %sums:2 = loom.loop <"c", 64> init(%least, %last : f32, i64) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(c) -> (c)>](%c) : !loom.buffer<f32>
      %i = loom.load %p[affine_map<(c) -> (c)>](%c) : !loom.buffer<i64>
      loom.yield %v, %i : f32, i64
    } combine {
    ^bb0(%a: f32, %i: i64, %b: f32, %j: i64):
      %takes = arith.cmpf ogt, %b, %a : f32
      %m = arith.select %takes, %b, %a : f32
      %k = arith.select %takes, %j, %i : i64
      loom.yield %m, %k : f32, i64
    }
    loom.store %sums#1, %y[affine_map<() -> (0)>]() : !loom.buffer<i64>
  }
}

loom.kernel @summed(%x: !loom.buffer<f32>, %y: !loom.buffer<i64>) {
  loom.part [] {
    %least = arith.constant 0xFF800000 : f32
    %zero = arith.constant 0 : i64
    %sums:2 = loom.loop <"c", 64> init(%least, %zero : f32, i64) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(c) -> (c)>](%c) : !loom.buffer<f32>
      %i = arith.index_cast %c : index to i64
      loom.yield %v, %i : f32, i64
    } combine {
    ^bb0(%a: f32, %i: i64, %b: f32, %j: i64):
      %m = arith.maximumf %b, %a : f32
      %k = arith.addi %j, %i : i64
      loom.yield %m, %k : f32, i64
    }
    loom.store %sums#1, %y[affine_map<() -> (0)>]() : !loom.buffer<i64>
  }
}

loom.kernel @wide(%x: !loom.buffer<f64>, %y: !loom.buffer<i64>) {
  loom.part [] {
    %least = arith.constant 0xFFF0000000000000 : f64
    %last = arith.constant 9223372036854775807 : i64
    %sums:2 = loom.loop <"c", 64> init(%least, %last : f64, i64) {
    ^bb0(%c: index):
      %v = loom.load %x[affine_map<(c) -> (c)>](%c) : !loom.buffer<f64>
      %i = arith.index_cast %c : index to i64
      loom.yield %v, %i : f64, i64
    } combine {
    ^bb0(%a: f64, %i: i64, %b: f64, %j: i64):
      %takes = arith.cmpf ogt, %b, %a : f64
      %m = arith.select %takes, %b, %a : f64
      %k = arith.select %takes, %j, %i : i64
      loom.yield %m, %k : f64, i64
    }
    loom.store %sums#1, %y[affine_map<() -> (0)>]() : !loom.buffer<i64>
  }
}
