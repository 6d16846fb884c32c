// Choices that are rarely made: emitted code equals the interpreter bit for bit.
#include "test/unit/loom_checks.h"

using namespace weft::test;

namespace {

const int64_t kExtents[] = {0, 1, 7, 16, 17, 63, 64, 65, 1031};
const char* kCpus[] = {"native", "x86-64-v3", "x86-64-v4"};

} // namespace

// Two choices by one condition share what is rare, one of them in two branches; a third choice is
// nested. The row's rare side depends on the row alone.
TEST_CASE("what is rarely needed is right for every tail, width and unrolling", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<f32>, %row: !loom.buffer<f32>, %y: !loom.buffer<f32>, %limit: f32) {
    loom.part [#loom.axis<"r", 3>, #loom.axis<"c", $N, lanes, unroll = $U>] {
    ^bb0(%r: index, %c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<f32>
      %w = loom.load %row[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
      %half = arith.constant 0.5 : f32
      %far = arith.cmpf ogt, %v, %limit : f32
      %deeper = arith.cmpf ogt, %v, %half : f32
      %root = math.sqrt %v : f32
      %more = arith.mulf %root, %v : f32
      %less = arith.subf %root, %half : f32
      %floor = math.floor %v : f32
      %inner = loom.rarely %deeper, %floor, %less : f32
      %a = loom.rarely %far, %more, %v : f32
      %sum = arith.addf %a, %v : f32
      %b = loom.rarely %far, %inner, %sum : f32
      %again = loom.rarely %deeper, %more, %half : f32
      %is_row = arith.cmpf olt, %w, %limit : f32
      %of_row = math.absf %w : f32
      %d = loom.rarely %is_row, %of_row, %w : f32
      %e = loom.rarely %is_row, %root, %v : f32
      %s = arith.addf %b, %again : f32
      %t = arith.addf %s, %d : f32
      %u = arith.subf %t, %e : f32
      loom.store %u, %y[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<f32>
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t n : kExtents)
      for (double limit : {-1e30, 0.25, 1.25, 1e30})
        checkEqual({text,
                    {{"f32", 3 * n}, {"f32", 3}, {"f32", 3 * n}},
                    {bitsOf(limit)},
                    {{"N", n}, {"U", n % 2 ? 2 : 1}},
                    0,
                    false,
                    cpu});
}

TEST_CASE("rare sides in loops, of f64 and of integers", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<f64>, %i: !loom.buffer<i64>, %y: !loom.buffer<f64>, %limit: f64) {
    loom.part [#loom.axis<"r", 5>] {
    ^bb0(%r: index):
      %zero = arith.constant 0.0 : f64
      %sum = loom.loop <"c", $N> init(%zero : f64) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<f64>
        %n = loom.load %i[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<i64>
        %far = arith.cmpf ogt, %v, %limit : f64
        %root = math.floor %v : f64
        %more = arith.addi %n, %n : i64
        %a = loom.rarely %far, %root, %v : f64
        %b = loom.rarely %far, %more, %n : i64
        %f = arith.sitofp %b : i64 to f64
        %z = arith.maximumf %a, %f : f64
        loom.yield %z : f64
      } combine {
      ^bb0(%p: f64, %q: f64):
        %m = arith.maximumf %p, %q : f64
        loom.yield %m : f64
      }
      loom.store %sum, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f64>
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t n : kExtents)
      for (double limit : {-1e30, 0.5, 1e30})
        checkEqual({text,
                    {{"f64", 5 * n}, {"i64", 5 * n}, {"f64", 5}},
                    {bitsOf(limit)},
                    {{"N", n}},
                    0,
                    true,
                    cpu});
}
