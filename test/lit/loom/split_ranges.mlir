// RUN: weft-opt %s --weft-split-ranges | FileCheck %s

// Behind a concatenation each range reads its own source, without a condition.
// CHECK-LABEL: loom.kernel @concatenation
// CHECK: loom.part [#loom.axis<"d0", 100>]
// CHECK-NOT: arith.cmpi
// CHECK: %[[X:.*]] = loom.load %arg0[#{{.*}}](%{{.*}}) : !loom.buffer<f32>
// CHECK: loom.store %[[X]], %arg2[[[SAME:#.*]]](
// CHECK: loom.part [#loom.axis<"d0", 3>]
// CHECK-NOT: arith.cmpi
// CHECK: %[[Y:.*]] = loom.load %arg1[[[SAME]]](
// CHECK: loom.store %[[Y]], %arg2[#{{.*}}](
// CHECK-NOT: loom.part
loom.kernel @concatenation(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %out: !loom.buffer<f32>) {
  loom.part [#loom.axis<"d0", 103>] {
  ^bb0(%i: index):
    %n = arith.index_cast %i : index to i64
    %end = arith.constant 100 : i64
    %last = arith.constant 103 : i64
    %zero = arith.constant 0.0 : f32
    %first = arith.cmpi slt, %n, %end : i64
    %a = loom.load %x[affine_map<(i) -> (i)>](%i) if %first else %zero : f32 from : !loom.buffer<f32>
    %below = arith.cmpi slt, %n, %last : i64
    %above = arith.cmpi sge, %n, %end : i64
    %second = arith.andi %below, %above : i1
    %b = loom.load %y[affine_map<(i) -> (i - 100)>](%i) if %second else %zero : f32 from : !loom.buffer<f32>
    %v = arith.select %first, %a, %b : f32
    loom.store %v, %out[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
  }
}

// The condition 2 i + 1 <= 8 holds up to i = 3, on an axis inside of another one; what is computed with the index counts on.
// CHECK-LABEL: loom.kernel @scaled
// CHECK: loom.part [#loom.axis<"r", 5>, #loom.axis<"c", 4>]
// CHECK: arith.sitofp
// CHECK-NOT: arith.select
// CHECK: loom.part [#loom.axis<"r", 5>, #loom.axis<"c", 6>]
// CHECK: %[[C:.*]] = arith.index_cast
// CHECK: arith.constant 4 : i64
// CHECK: arith.addi %[[C]]
// CHECK-NOT: arith.select
// CHECK: arith.negf
loom.kernel @scaled(%out: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 5>, #loom.axis<"c", 10>] {
  ^bb0(%r: index, %c: index):
    %n = arith.index_cast %c : index to i64
    %one = arith.constant 1 : i64
    %two = arith.constant 2 : i64
    %eight = arith.constant 8 : i64
    %twice = arith.muli %n, %two : i64
    %more = arith.addi %twice, %one : i64
    %small = arith.cmpi sle, %more, %eight : i64
    %x = arith.sitofp %n : i64 to f32
    %y = arith.negf %x : f32
    %v = arith.select %small, %x, %y : f32
    loom.store %v, %out[affine_map<(r, c) -> (r * 10 + c)>](%r, %c) : !loom.buffer<f32>
  }
}

// A condition on two axes, and one between values, changes nowhere in particular.
// CHECK-LABEL: loom.kernel @apart
// CHECK: loom.part [#loom.axis<"r", 5>, #loom.axis<"c", 5>]
// CHECK-NOT: loom.part
loom.kernel @apart(%out: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 5>, #loom.axis<"c", 5>] {
  ^bb0(%r: index, %c: index):
    %n = arith.index_cast %c : index to i64
    %m = arith.index_cast %r : index to i64
    %lower = arith.cmpi sle, %n, %m : i64
    %x = arith.sitofp %n : i64 to f32
    %y = arith.negf %x : f32
    %v = arith.select %lower, %x, %y : f32
    loom.store %v, %out[affine_map<(r, c) -> (r * 5 + c)>](%r, %c) : !loom.buffer<f32>
  }
}

// What is read and written in place stays one part: ranges of a phase run at once.
// CHECK-LABEL: loom.kernel @in_place
// CHECK: loom.part [#loom.axis<"d0", 103>]
// CHECK-NOT: loom.part
loom.kernel @in_place(%x: !loom.buffer<f32>) {
  loom.part [#loom.axis<"d0", 103>] {
  ^bb0(%i: index):
    %n = arith.index_cast %i : index to i64
    %end = arith.constant 100 : i64
    %zero = arith.constant 0.0 : f32
    %first = arith.cmpi slt, %n, %end : i64
    %a = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    %v = arith.select %first, %a, %zero : f32
    loom.store %v, %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
  }
}

// A choice that is rarely made folds as any other.
// CHECK-LABEL: loom.kernel @rarely
// CHECK: loom.part [#loom.axis<"d0", 8>]
// CHECK-NOT: loom.rarely
// CHECK: %[[A:.*]] = arith.negf
// CHECK: loom.store %[[A]],
// CHECK: loom.part [#loom.axis<"d0", 95>]
// CHECK-NOT: loom.rarely
// CHECK: %[[V:.*]] = loom.load
// CHECK: loom.store %[[V]],
loom.kernel @rarely(%x: !loom.buffer<f32>, %out: !loom.buffer<f32>) {
  loom.part [#loom.axis<"d0", 103>] {
  ^bb0(%i: index):
    %n = arith.index_cast %i : index to i64
    %end = arith.constant 8 : i64
    %first = arith.cmpi slt, %n, %end : i64
    %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    %a = arith.negf %v : f32
    %r = loom.rarely %first, %a, %v : f32
    loom.store %r, %out[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
  }
}

// Axes that a condition kept apart are one without it.
// CHECK-LABEL: loom.kernel @joined
// CHECK: loom.part [#loom.axis<"c", 96>]
// CHECK: loom.part [#loom.axis<"c", 64>]
// CHECK-NOT: loom.part
loom.kernel @joined(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %out: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 5>, #loom.axis<"c", 32>] {
  ^bb0(%r: index, %c: index):
    %n = arith.index_cast %r : index to i64
    %end = arith.constant 3 : i64
    %zero = arith.constant 0.0 : f32
    %first = arith.cmpi slt, %n, %end : i64
    %second = arith.cmpi sge, %n, %end : i64
    %a = loom.load %x[affine_map<(r, c) -> (r * 32 + c)>](%r, %c) if %first else %zero : f32 from : !loom.buffer<f32>
    %b = loom.load %y[affine_map<(r, c) -> (r * 32 + c - 96)>](%r, %c) if %second else %zero : f32 from : !loom.buffer<f32>
    %v = arith.select %first, %a, %b : f32
    loom.store %v, %out[affine_map<(r, c) -> (r * 32 + c)>](%r, %c) : !loom.buffer<f32>
  }
}

// A condition that holds everywhere keeps nothing apart.
// CHECK-LABEL: loom.kernel @decided
// CHECK: loom.part [#loom.axis<"c", 160>]
// CHECK-NOT: arith.cmpi
// CHECK: loom.load %arg0[#{{.*}}](%{{.*}}) : !loom.buffer<f32>
loom.kernel @decided(%x: !loom.buffer<f32>, %out: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 5>, #loom.axis<"c", 32>] {
  ^bb0(%r: index, %c: index):
    %n = arith.index_cast %r : index to i64
    %end = arith.constant 5 : i64
    %zero = arith.constant 0.0 : f32
    %all = arith.cmpi slt, %n, %end : i64
    %a = loom.load %x[affine_map<(r, c) -> (r * 32 + c)>](%r, %c) if %all else %zero : f32 from : !loom.buffer<f32>
    loom.store %a, %out[affine_map<(r, c) -> (r * 32 + c)>](%r, %c) : !loom.buffer<f32>
  }
}

// A few points side by side become one point, whose stores are neighbours.
// CHECK-LABEL: loom.kernel @stacked
// CHECK: loom.part [#loom.axis<"r", 50>]
// CHECK: loom.load %arg0
// CHECK: loom.store
// CHECK: loom.load %arg1
// CHECK: loom.store
// CHECK-NOT: loom.part
loom.kernel @stacked(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %out: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 50>, #loom.axis<"c", 2>] {
  ^bb0(%r: index, %c: index):
    %n = arith.index_cast %c : index to i64
    %one = arith.constant 1 : i64
    %zero = arith.constant 0.0 : f32
    %first = arith.cmpi slt, %n, %one : i64
    %second = arith.cmpi sge, %n, %one : i64
    %a = loom.load %x[affine_map<(r) -> (r)>](%r) if %first else %zero : f32 from : !loom.buffer<f32>
    %b = loom.load %y[affine_map<(r) -> (r)>](%r) if %second else %zero : f32 from : !loom.buffer<f32>
    %v = arith.select %first, %a, %b : f32
    loom.store %v, %out[affine_map<(r, c) -> (r * 2 + c)>](%r, %c) : !loom.buffer<f32>
  }
}
