// RUN: weft-opt %s -split-input-file -verify-diagnostics

// A kernel's arguments come in the order of the launch.
// expected-error @below {{must take buffers, then scalars, then sizes, got '!loom.buffer<f32>' after a later kind}}
loom.kernel @order(%s: f32, %x: !loom.buffer<f32>) {
  loom.part [] {
  }
}

// -----

// Other argument types have no place in the launch's argument array.
// expected-error @below {{an argument must be a buffer, f32, f64, i64, i1 or index, got 'i32'}}
loom.kernel @argument(%s: i32) {
  loom.part [] {
  }
}

// -----

// A kernel computes something.
// expected-error @below {{each phase must have a part, got none}}
loom.kernel @empty() {
^bb0:
}

// -----

// Work stands in parts.
// expected-error @below {{must hold only parts and barriers, got arith.constant}}
loom.kernel @loose() {
  %c = arith.constant 1.0 : f32
}

// -----

// A barrier has work on both sides.
// expected-error @below {{each phase must have a part, got none}}
loom.kernel @trailing() {
  loom.part [] {
  }
  loom.barrier
}

// -----

// Parts run at once unless a barrier keeps them apart.
loom.kernel @race(%x: !loom.buffer<f32>) {
  loom.part [] {
    %v = arith.constant 1.0 : f32
    loom.store %v, %x[affine_map<() -> (0)>]() : !loom.buffer<f32>
  }
  loom.part [] {
    // expected-error @below {{a barrier must stand between the part that writes a buffer and another one that reads it}}
    %v = loom.load %x[affine_map<() -> (0)>]() : !loom.buffer<f32>
  }
}

// -----

// Memory holds what the emitters can load.
// expected-error @below {{loom.buffer: the element must be f32, f64, bf16, f16, i64, i32, i16, i8, ui8 or i1, got 'ui32'}}
loom.kernel @element(%x: !loom.buffer<ui32>) {
}

// -----

// bf16 stays outside of locals, which hold what is computed with.
loom.kernel @local_element() {
  loom.part [] {
    // expected-error @below {{loom.local: the element must be f32, f64, i64 or i1, got 'bf16'}}
    %t = loom.local over affine_map<() -> (4)> : <bf16>
  }
}

// -----

// Every axis has its index.
loom.kernel @arguments() {
  // expected-error @below {{the body must take one index for each axis, got 1 for 2}}
  loom.part [#loom.axis<"r", 2>, #loom.axis<"c", 2>] {
  ^bb0(%r: index):
  }
}

// -----

// Two axes of one name could not be told apart in a schedule.
loom.kernel @names() {
  // expected-error @below {{axes must have different names, got "r" twice}}
  loom.part [#loom.axis<"r", 2>, #loom.axis<"r", 2>] {
  ^bb0(%r: index, %c: index):
  }
}

// -----

// Lanes run along one axis.
loom.kernel @lanes() {
  // expected-error @below {{at most one axis must have lanes, got 2}}
  loom.part [#loom.axis<"r", 2, lanes>, #loom.axis<"c", 2, lanes>] {
  ^bb0(%r: index, %c: index):
  }
}

// -----

// Extents are not negative.
loom.kernel @extent() {
  // expected-error @below {{loom.axis: the extent of 'r' must not be negative, got -2}}
  loom.part [#loom.axis<"r", -2>] {
  ^bb0(%r: index):
  }
}

// -----

// Unrolling is bounded by what registers hold.
loom.kernel @unroll() {
  // expected-error @below {{loom.axis: unroll must lie in 1 to 16, got 17}}
  loom.part [#loom.axis<"r", 2, unroll = 17>] {
  ^bb0(%r: index):
  }
}

// -----

// A map knows the kernel's sizes only.
loom.kernel @symbols(%n: index) {
  // expected-error @below {{a map must use at most the kernel's 1 sizes, got 2 symbols}}
  loom.part [#loom.axis<"r", affine_map<()[s0, s1] -> (s1)>>] {
  ^bb0(%r: index):
  }
}

// -----

// A load's map has a dimension for each index.
loom.kernel @load_map(%x: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 2>] {
  ^bb0(%r: index):
    // expected-error @below {{the map must have one dimension for each index, got 2 for 1}}
    %v = loom.load %x[affine_map<(r, c) -> (r + c)>](%r) : !loom.buffer<f32>
  }
}

// -----

// Memory is addressed by one offset.
loom.kernel @load_results(%x: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 2>] {
  ^bb0(%r: index):
    // expected-error @below {{the map must give one element offset, got 2 results}}
    %v = loom.load %x[affine_map<(r) -> (r, r)>](%r) : !loom.buffer<f32>
  }
}

// -----

// Masked points have a value of the load's type.
loom.kernel @other(%x: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 2>] {
  ^bb0(%r: index):
    %m = arith.constant true
    %o = arith.constant 1.0 : f64
    // expected-error @below {{the value of masked points must have type 'f32', got 'f64'}}
    %v = loom.load %x[affine_map<(r) -> (r)>](%r) if %m else %o : f64 from : !loom.buffer<f32>
  }
}

// -----

// Points of a parallel axis write apart.
loom.kernel @race(%y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"r", 2>, #loom.axis<"c", 3>] {
  ^bb0(%r: index, %c: index):
    %v = arith.constant 1.0 : f32
    // expected-error @below {{two points must not write one element, got a map without the parallel axis "c"}}
    loom.store %v, %y[affine_map<(r, c) -> (r)>](%r, %c) : !loom.buffer<f32>
  }
}

// -----

// A loop yields what it accumulates.
loom.kernel @loop_yield() {
  loom.part [] {
    %z = arith.constant 0.0 : f32
    // expected-error @below {{the body must yield one value of its type for each of the 1 accumulators}}
    %s = loom.loop <"c", 4> init(%z : f32) {
    ^bb0(%c: index):
    } combine {
    ^bb0(%a: f32, %b: f32):
      loom.yield %a : f32
    }
  }
}

// -----

// Accumulators are combined by a region.
loom.kernel @loop_combine() {
  loom.part [] {
    %z = arith.constant 0.0 : f32
    // expected-error @below {{a combine must be there if and only if there are accumulators}}
    %s = loom.loop <"c", 4> init(%z : f32) {
    ^bb0(%c: index):
      loom.yield %z : f32
    }
  }
}

// -----

// The combine joins accumulators and new values.
loom.kernel @combine_arguments() {
  loom.part [] {
    %z = arith.constant 0.0 : f32
    // expected-error @below {{the combine must take the 1 accumulators and then the new values}}
    %s = loom.loop <"c", 4> init(%z : f32) {
    ^bb0(%c: index):
      loom.yield %z : f32
    } combine {
    ^bb0(%a: f32):
      loom.yield %a : f32
    }
  }
}

// -----

// The combine gives back the accumulators.
loom.kernel @combine_yield() {
  loom.part [] {
    %z = arith.constant 0.0 : f32
    // expected-error @below {{the combine must yield the 1 accumulators}}
    %s = loom.loop <"c", 4> init(%z : f32) {
    ^bb0(%c: index):
      loom.yield %z : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
    }
  }
}

// -----

// A combine may run in any order, so it reads nothing.
loom.kernel @combine_memory(%x: !loom.buffer<f32>) {
  loom.part [] {
    %z = arith.constant 0.0 : f32
    // expected-error @below {{the combine must not touch memory, got loom.load}}
    %s = loom.loop <"c", 4> init(%z : f32) {
    ^bb0(%c: index):
      loom.yield %z : f32
    } combine {
    ^bb0(%a: f32, %b: f32):
      %v = loom.load %x[affine_map<() -> (0)>]() : !loom.buffer<f32>
      loom.yield %v : f32
    }
  }
}

// -----

// A dot multiplies two factors.
loom.kernel @dot_factors() {
  loom.part [] {
    %z = arith.constant 0.0 : f32
    // expected-error @below {{the body must yield two factors of type 'f32'}}
    %d = loom.dot <"k", 4> {
    ^bb0(%k: index):
      loom.yield %z : f32
    } : f32
  }
}

// -----

// A dot's factors are computed without writing.
loom.kernel @dot_store(%y: !loom.buffer<f32>) {
  loom.part [] {
    %z = arith.constant 0.0 : f32
    // expected-error @below {{the body must not write, got loom.store}}
    %d = loom.dot <"k", 4> {
    ^bb0(%k: index):
      loom.store %z, %y[affine_map<(k) -> (k)>](%k) : !loom.buffer<f32>
      loom.yield %z, %z : f32, f32
    } : f32
  }
}

// -----

// A set has a dimension for each index.
loom.kernel @set_of_more(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"i", 4>] {
  ^bb0(%i: index):
    // expected-error @below {{the set must have one dimension for each index, got 2 for 1}}
    %0 = loom.load %x[affine_map<(d0) -> (d0)>](%i) within affine_set<(d0, d1) : (d0 - d1 >= 0)> : !loom.buffer<f32>
    loom.store %0, %y[affine_map<(d0) -> (d0)>](%i) : !loom.buffer<f32>
  }
}

// -----

// A set bounds indices.
loom.kernel @set_of_equalities(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
  loom.part [#loom.axis<"i", 4>] {
  ^bb0(%i: index):
    // expected-error @below {{the set must be inequalities of the indices, got}}
    %0 = loom.load %x[affine_map<(d0) -> (d0)>](%i) within affine_set<(d0) : (d0 - 2 == 0)> : !loom.buffer<f32>
    loom.store %0, %y[affine_map<(d0) -> (d0)>](%i) : !loom.buffer<f32>
  }
}

// -----

// One condition is enough.
loom.kernel @set_and_mask(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %other: f32, %m: i1) {
  loom.part [#loom.axis<"i", 4>] {
  ^bb0(%i: index):
    // expected-error @below {{must have a mask or a set, got both}}
    %0 = loom.load %x[affine_map<(d0) -> (d0)>](%i) within affine_set<(d0) : (d0 - 2 >= 0)> if %m else %other : f32 from : !loom.buffer<f32>
    loom.store %0, %y[affine_map<(d0) -> (d0)>](%i) : !loom.buffer<f32>
  }
}

// -----

// A choice is among values of one type.
loom.kernel @rarely_of_two_types(%x: f32, %y: f64, %m: i1) {
  loom.part [#loom.axis<"i", 4>] {
  ^bb0(%i: index):
    // expected-error @below {{failed to verify that all of {rare, usual, result} have same type}}
    %0 = "loom.rarely"(%m, %x, %y) : (i1, f32, f64) -> f32
  }
}

// -----

// Halves are only ever rounded to and widened.
loom.kernel @rarely_of_halves(%x: bf16, %m: i1) {
  loom.part [#loom.axis<"i", 4>] {
  ^bb0(%i: index):
    // expected-error @below {{operand #1 must be f32, f64, i64 or i1, but got 'bf16'}}
    %0 = loom.rarely %m, %x, %x : bf16
  }
}

// -----

// Indices are indices.
loom.kernel @index_type() {
  // expected-error @below {{the body must take arguments of type index, got 'f32'}}
  loom.part [#loom.axis<"r", 2>] {
  ^bb0(%r: f32):
  }
}

// -----

// A kernel writes what it computes.
// expected-error @below {{must have no results, got 1}}
"loom.kernel"() <{function_type = () -> f32, sym_name = "results"}> ({
^bb0:
}) : () -> ()

// -----

// A part gives nothing back.
loom.kernel @yields(%x: f32) {
  // expected-error @below {{must yield nothing}}
  loom.part [] {
    loom.yield %x : f32
  }
}

// -----

// How much a local holds is one number.
loom.kernel @local_extent() {
  loom.part [] {
    // expected-error @below {{the extent must be one expression of sizes, got affine_map<() -> (4, 4)>}}
    %t = loom.local over affine_map<() -> (4, 4)> : <f32>
  }
}

// -----

// Where nothing is read there is a value.
loom.kernel @mask_alone(%x: !loom.buffer<f32>, %m: i1) {
  loom.part [] {
    // expected-error @below {{a mask must come with the value of masked points}}
    %v = "loom.load"(%x, %m) <{map = affine_map<() -> (0)>, operandSegmentSizes = array<i32: 1, 0, 1, 0>}> : (!loom.buffer<f32>, i1) -> f32
  }
}

// -----

// A walk yields what it carries.
loom.kernel @walk_yield() {
  loom.part [] {
    %z = arith.constant 0.0 : f32
    // expected-error @below {{the body must yield one value of its type for each of the 1 first ones}}
    %s = loom.walk <"k", 4> from(%z : f32) {
    ^bb0(%k: index, %a: f32):
    }
  }
}

// -----

// Its body takes an index, then what it carries.
loom.kernel @walk_body() {
  loom.part [] {
    %z = arith.constant 0.0 : f32
    // expected-error @below {{the body must take an index, then a value of its type for each of the 1 first ones}}
    %s = loom.walk <"k", 4> from(%z : f32) {
    ^bb0(%k: index):
      loom.yield %z : f32
    }
  }
}

// -----

// Lanes are independent, the steps of a walk are not.
loom.kernel @walk_lanes() {
  loom.part [] {
    // expected-error @below {{lanes must not run along the axis}}
    loom.walk <"k", 4, lanes> {
    ^bb0(%k: index):
    }
  }
}

// -----

// A guard is an i1.
loom.kernel @walk_guard() {
  loom.part [] {
    %z = arith.constant 0.0 : f32
    // expected-error @below {{a guarded walk must carry an i1 first}}
    %s = loom.walk <"k", 4> from(%z : f32) guarded {
    ^bb0(%k: index, %a: f32):
      loom.yield %a : f32
    }
  }
}
