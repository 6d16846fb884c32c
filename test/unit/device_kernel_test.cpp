// Kernels in which the threads of a block work on one point, where a missing barrier or a wrong
// place in shared memory shows. Linked with a runner of device C.
#include "test/unit/loom_checks.h"

using namespace weft::test;

TEST_CASE("a layer norm over rows of any length, with its statistics", "[device]") {
  const char* text =
      R"(loom.kernel @layer_norm(%x: !loom.buffer<f32>, %w: !loom.buffer<bf16>, %y: !loom.buffer<f32>, %mean: !loom.buffer<f32>, %n: index) {
    loom.part [#loom.axis<"r", 5>] {
    ^bb0(%r: index):
      %zero = arith.constant 0.0 : f32
      %eps = arith.constant 1.0e-5 : f32
      %one = arith.constant 1.0 : f32
      %n64 = arith.index_cast %n : index to i64
      %count = arith.sitofp %n64 : i64 to f32
      %s = loom.loop <"c", affine_map<()[s0] -> (s0)>, lanes, unroll = 4> init(%zero : f32) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c)[s0] -> (r * s0 + c)>](%r, %c) : !loom.buffer<f32>
        loom.yield %v : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %z = arith.addf %a, %b : f32
        loom.yield %z : f32
      }
      %m = arith.divf %s, %count : f32
      loom.store %m, %mean[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
      %q = loom.loop <"c", affine_map<()[s0] -> (s0)>, lanes, unroll = 4> init(%zero : f32) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c)[s0] -> (r * s0 + c)>](%r, %c) : !loom.buffer<f32>
        %d = arith.subf %v, %m : f32
        %dd = arith.mulf %d, %d : f32
        loom.yield %dd : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %z = arith.addf %a, %b : f32
        loom.yield %z : f32
      }
      %var = arith.divf %q, %count : f32
      %shifted = arith.addf %var, %eps : f32
      %sd = math.sqrt %shifted : f32
      %rstd = arith.divf %one, %sd : f32
      loom.loop <"c", affine_map<()[s0] -> (s0)>, lanes> {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c)[s0] -> (r * s0 + c)>](%r, %c) : !loom.buffer<f32>
        %g = loom.load %w[affine_map<(c) -> (c)>](%c) : !loom.buffer<bf16>
        %d = arith.subf %v, %m : f32
        %h = arith.mulf %d, %rstd : f32
        %o = arith.mulf %h, %g : f32
        loom.store %o, %y[affine_map<(r, c)[s0] -> (r * s0 + c)>](%r, %c) : !loom.buffer<f32>
      }
    }
  })";
  for (int64_t n : {1, 31, 32, 256, 1000})
    checkEqual({text,
                {{"f32", 5 * n, 0, false}, {"bf16", n, 0, false}, {"f32", 5 * n}, {"f32", 5}},
                {n},
                {},
                1e-5,
                false});
}

TEST_CASE("a loop reads what other threads stored: shared memory, a buffer, the block's scratch",
          "[device]") {
  // Each loop reverses what the one before it left, so that a thread needs another one's element.
  const char* text = R"(loom.kernel @reverse(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"r", 7>] {
    ^bb0(%r: index):
      %t = loom.local over affine_map<() -> ($N)> : <f32>
      %u = loom.local over affine_map<() -> ($N)> : <i1>
      loom.loop <"c", $N, lanes> {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * $N + $N - 1 - c)>](%r, %c) : !loom.buffer<f32>
        %z = arith.constant 0.0 : f32
        %p = arith.cmpf ogt, %v, %z : f32
        loom.store %v, %t[affine_map<(c) -> (c)>](%c) : !loom.local<f32>
        loom.store %p, %u[affine_map<(c) -> (c)>](%c) : !loom.local<i1>
      }
      loom.loop <"c", $N, lanes> {
      ^bb0(%c: index):
        %v = loom.load %t[affine_map<(c) -> ($N - 1 - c)>](%c) : !loom.local<f32>
        %p = loom.load %u[affine_map<(c) -> ($N - 1 - c)>](%c) : !loom.local<i1>
        %two = arith.constant 2.0 : f32
        %w = arith.mulf %v, %two : f32
        %s = arith.select %p, %w, %v : f32
        loom.store %s, %x[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<f32>
      }
      loom.loop <"c", $N, lanes> {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * $N + $N - 1 - c)>](%r, %c) : !loom.buffer<f32>
        loom.store %v, %t[affine_map<(c) -> (c)>](%c) : !loom.local<f32>
      }
      loom.loop <"c", $N, lanes> {
      ^bb0(%c: index):
        %v = loom.load %t[affine_map<(c) -> (($N - 1 - c) mod $N)>](%c) : !loom.local<f32>
        loom.store %v, %y[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<f32>
      }
    }
  })";
  for (int64_t n : {1, 33, 700, 12000})
    checkEqual({text, {{"f32", 7 * n}, {"f32", 7 * n}}, {}, {{"N", n}}, 0, false});
}

TEST_CASE("what all threads compute is stored once, and seen by the loops behind it", "[device]") {
  const char* text =
      R"(loom.kernel @uniform(%x: !loom.buffer<i64>, %y: !loom.buffer<i64>, %z: !loom.buffer<i64>) {
    loom.part [#loom.axis<"r", 9>] {
    ^bb0(%r: index):
      %none = arith.constant 0 : i64
      %one = arith.constant 1 : i64
      %before = loom.load %x[affine_map<(r) -> (r)>](%r) : !loom.buffer<i64>
      // In place: every thread has to have read it.
      %after = arith.addi %before, %one : i64
      loom.store %after, %x[affine_map<(r) -> (r)>](%r) : !loom.buffer<i64>
      %s = loom.loop <"c", 300, lanes> init(%none : i64) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r) -> (r)>](%r) : !loom.buffer<i64>
        %w = loom.load %y[affine_map<(c) -> (c)>](%c) : !loom.buffer<i64>
        %q = arith.muli %v, %w : i64
        %p = arith.addi %q, %before : i64
        loom.yield %p : i64
      } combine {
      ^bb0(%a: i64, %b: i64):
        %t = arith.addi %a, %b : i64
        loom.yield %t : i64
      }
      loom.store %s, %z[affine_map<(r) -> (r)>](%r) : !loom.buffer<i64>
    }
  })";
  checkEqual({text, {{"i64", 9}, {"i64", 300}, {"i64", 9}}, {}, {}, 0, false});
}

TEST_CASE("a serial loop around loops that threads share", "[device]") {
  // Each step replaces the row by its distance to its largest element, starting from the other end.
  const char* text = R"(loom.kernel @steps(%x: !loom.buffer<f64>, %y: !loom.buffer<f64>) {
    loom.part [#loom.axis<"r", 4>] {
    ^bb0(%r: index):
      %t = loom.local over affine_map<() -> (100)> : <f64>
      %low = arith.constant 0xFFF0000000000000 : f64
      loom.loop <"c", 100, lanes> {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * 100 + c)>](%r, %c) : !loom.buffer<f64>
        loom.store %v, %t[affine_map<(c) -> (c)>](%c) : !loom.local<f64>
      }
      %sum = loom.loop <"k", 5> init(%low : f64) {
      ^bb0(%k: index):
        %m = loom.loop <"c", 100, lanes> init(%low : f64) {
        ^bb0(%c: index):
          %v = loom.load %t[affine_map<(c) -> (c)>](%c) : !loom.local<f64>
          loom.yield %v : f64
        } combine {
        ^bb0(%a: f64, %b: f64):
          %g = arith.cmpf ogt, %a, %b : f64
          %z = arith.select %g, %a, %b : f64
          loom.yield %z : f64
        }
        loom.loop <"c", 100, lanes> {
        ^bb0(%c: index):
          %v = loom.load %t[affine_map<(c) -> (c)>](%c) : !loom.local<f64>
          %d = arith.subf %m, %v : f64
          loom.store %d, %y[affine_map<(r, c) -> (r * 100 + 99 - c)>](%r, %c) : !loom.buffer<f64>
        }
        loom.loop <"c", 100, lanes> {
        ^bb0(%c: index):
          %v = loom.load %y[affine_map<(r, c) -> (r * 100 + c)>](%r, %c) : !loom.buffer<f64>
          loom.store %v, %t[affine_map<(c) -> (c)>](%c) : !loom.local<f64>
        }
        loom.yield %m : f64
      } combine {
      ^bb0(%a: f64, %b: f64):
        %z = arith.maximumf %a, %b : f64
        loom.yield %z : f64
      }
      loom.store %sum, %y[affine_map<(r) -> (400 + r)>](%r) : !loom.buffer<f64>
    }
  })";
  checkEqual({text, {{"f64", 400, 0, false}, {"f64", 404}}, {}, {}, 0, false});
}

TEST_CASE("parts of both kinds in one launch, some with memory of their own", "[device]") {
  const char* text =
      R"(loom.kernel @parts(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %out: !loom.buffer<f32>, %s: f32, %flag: i1, %n: index) {
    loom.part [#loom.axis<"r", affine_map<()[s0] -> (s0)>>] {
    ^bb0(%r: index):
      %t = loom.local over affine_map<()[s0] -> (s0 + 3)> : <f32>
      loom.loop <"c", 50, lanes> {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * 50 + c)>](%r, %c) : !loom.buffer<f32>
        loom.store %v, %y[affine_map<(r, c) -> (r * 50 + 49 - c)>](%r, %c) : !loom.buffer<f32>
      }
      loom.loop <"c", affine_map<()[s0] -> (s0)>, lanes> {
      ^bb0(%c: index):
        %v = loom.load %y[affine_map<(r, c) -> (r * 50 + (c mod 50))>](%r, %c) : !loom.buffer<f32>
        %w = arith.addf %v, %s : f32
        loom.store %w, %t[affine_map<(c) -> (c)>](%c) : !loom.local<f32>
      }
      %low = arith.constant 0xFF800000 : f32
      %m = loom.loop <"c", affine_map<()[s0] -> (s0)>, lanes> init(%low : f32) {
      ^bb0(%c: index):
        %v = loom.load %t[affine_map<(c)[s0] -> (s0 - 1 - c)>](%c) : !loom.local<f32>
        loom.yield %v : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %z = arith.maxnumf %a, %b : f32
        loom.yield %z : f32
      }
      loom.store %m, %out[affine_map<(r) -> (r)>](%r) if %flag : !loom.buffer<f32>
    }
    loom.part [#loom.axis<"r", affine_map<()[s0] -> (s0)>, lanes>, #loom.axis<"c", 3>] {
    ^bb0(%r: index, %c: index):
      %t = loom.local over affine_map<()[s0] -> (s0)> : <f32>
      loom.loop <"k", affine_map<()[s0] -> (s0)>> {
      ^bb0(%k: index):
        %i = arith.index_cast %k : index to i64
        %f = arith.sitofp %i : i64 to f32
        %g = arith.mulf %f, %s : f32
        loom.store %g, %t[affine_map<(k)[s0] -> (s0 - 1 - k)>](%k) : !loom.local<f32>
      }
      %v = loom.load %t[affine_map<(r) -> (r)>](%r) : !loom.local<f32>
      loom.store %v, %out[affine_map<(r, c)[s0] -> (s0 + r * 3 + c)>](%r, %c) : !loom.buffer<f32>
    }
  })";
  for (int64_t n : {0, 1, 70, 600})
    for (int64_t flag : {0, 1})
      checkEqual({text,
                  {{"f32", n * 50}, {"f32", n * 50}, {"f32", n * 4}},
                  {bitsOf(0.75), flag, n},
                  {},
                  0,
                  false});
}

TEST_CASE("threads share a dot and loops with several accumulators of different types",
          "[device]") {
  const char* text =
      R"(loom.kernel @several(%x: !loom.buffer<f32>, %m: !loom.buffer<i1>, %y: !loom.buffer<f32>, %k: !loom.buffer<i64>, %any: !loom.buffer<i1>) {
    loom.part [#loom.axis<"r", 6>] {
    ^bb0(%r: index):
      %low = arith.constant 0xFF800000 : f32
      %no = arith.constant false
      %last = arith.constant 9223372036854775807 : i64
      %b:3 = loom.loop <"c", 90, lanes> init(%low, %last, %no : f32, i64, i1) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * 90 + c)>](%r, %c) : !loom.buffer<f32>
        %i = arith.index_cast %c : index to i64
        %p = loom.load %m[affine_map<(r, c) -> (r * 90 + c)>](%r, %c) : !loom.buffer<i1>
        loom.yield %v, %i, %p : f32, i64, i1
      } combine {
      ^bb0(%a: f32, %i: i64, %p: i1, %v: f32, %j: i64, %q: i1):
        %g = arith.cmpf ogt, %a, %v : f32
        %e = arith.cmpf oeq, %a, %v : f32
        %l = arith.cmpi slt, %i, %j : i64
        %f = arith.andi %e, %l : i1
        %o = arith.ori %g, %f : i1
        %z = arith.select %o, %a, %v : f32
        %t = arith.select %o, %i, %j : i64
        %u = arith.ori %p, %q : i1
        loom.yield %z, %t, %u : f32, i64, i1
      }
      %d = loom.dot <"c", 90, lanes> {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * 90 + c)>](%r, %c) : !loom.buffer<f32>
        %w = loom.load %x[affine_map<(c) -> (c)>](%c) : !loom.buffer<f32>
        loom.yield %v, %w : f32, f32
      } : f32
      loom.store %d, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
      loom.store %b#1, %k[affine_map<(r) -> (r)>](%r) : !loom.buffer<i64>
      loom.store %b#2, %any[affine_map<(r) -> (r)>](%r) : !loom.buffer<i1>
    }
  })";
  checkEqual({text,
              {{"f32", 540, 0, false}, {"i1", 540}, {"f32", 6}, {"i64", 6}, {"i1", 6}},
              {},
              {},
              1e-5,
              false});
}

TEST_CASE("any schedule computes the same on a device", "[device]") {
  const char* text =
      R"(loom.kernel @drawn(%x: !loom.buffer<i64>, %y: !loom.buffer<i64>, %z: !loom.buffer<i64>) {
    loom.part [#loom.axis<"r", 11 R>, #loom.axis<"c", 13 C>] {
    ^bb0(%r: index, %c: index):
      %none = arith.constant 0 : i64
      %low = arith.constant -9223372036854775808 : i64
      %t = loom.local over affine_map<() -> (60)> : <i64>
      %s = loom.loop <"k", 60 K> init(%none : i64) {
      ^bb0(%k: index):
        %v = loom.load %x[affine_map<(r, c, k) -> (r * 780 + k * 13 + c)>](%r, %c, %k) : !loom.buffer<i64>
        %inner = loom.loop <"j", 5 J> init(%none : i64) {
        ^bb0(%j: index):
          %w = loom.load %x[affine_map<(r, j, k) -> (r * 780 + k * 13 + j)>](%r, %j, %k) : !loom.buffer<i64>
          loom.yield %w : i64
        } combine {
        ^bb0(%a: i64, %b: i64):
          %q = arith.addi %a, %b : i64
          loom.yield %q : i64
        }
        %p = arith.muli %v, %inner : i64
        loom.store %p, %t[affine_map<(k) -> (k)>](%k) : !loom.local<i64>
        loom.yield %p : i64
      } combine {
      ^bb0(%a: i64, %b: i64):
        %q = arith.addi %a, %b : i64
        loom.yield %q : i64
      }
      loom.store %s, %y[affine_map<(r, c) -> (r * 13 + c)>](%r, %c) : !loom.buffer<i64>
      %m = loom.loop <"k", 60 L> init(%low : i64) {
      ^bb0(%k: index):
        %v = loom.load %t[affine_map<(k) -> (59 - k)>](%k) : !loom.local<i64>
        %back = loom.load %y[affine_map<(r, c) -> (r * 13 + c)>](%r, %c) : !loom.buffer<i64>
        %d = arith.subi %v, %back : i64
        loom.yield %d : i64
      } combine {
      ^bb0(%a: i64, %b: i64):
        %q = arith.maxsi %a, %b : i64
        loom.yield %q : i64
      }
      loom.store %m, %z[affine_map<(r, c) -> (r * 13 + c)>](%r, %c) : !loom.buffer<i64>
    }
  })";
  // Integer sums are exact, so that every order gives the same bits.
  for (const char* lanes : {"", "R", "C", "K", "L", "J", "KL", "KLJ", "JL", "RKL"}) {
    std::string scheduled = text;
    for (std::string axis : {"R", "C", "K", "L", "J"})
      scheduled.replace(scheduled.find(" " + axis + ">"), 3,
                        std::string(lanes).find(axis) == std::string::npos ? ">" : ", lanes>");
    INFO(scheduled);
    checkEqual({scheduled, {{"i64", 11 * 780}, {"i64", 143}, {"i64", 143}}, {}, {}, 0, false});
  }
}

TEST_CASE("a walk carries values from step to step and reads what it stored", "[device]") {
  // Differences of neighbours of the running sums, which are the elements again, and the last sum.
  const char* text =
      R"(loom.kernel @walk(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %last: !loom.buffer<f32>, %n: index) {
    loom.part [#loom.axis<"c", 300, lanes>] {
    ^bb0(%c: index):
      %zero = arith.constant 0.0 : f32
      %sum, %before = loom.walk <"k", affine_map<()[s0] -> (s0)>> from(%zero, %zero : f32, f32) {
      ^bb0(%k: index, %s: f32, %b: f32):
        %v = loom.load %x[affine_map<(k, c) -> (k * 300 + c)>](%k, %c) : !loom.buffer<f32>
        %t = arith.addf %s, %v : f32
        loom.store %t, %y[affine_map<(k, c) -> (k * 300 + c)>](%k, %c) : !loom.buffer<f32>
        loom.yield %t, %s : f32, f32
      }
      loom.walk <"k", affine_map<()[s0] -> (s0 - 1)>> {
      ^bb0(%k: index):
        %a = loom.load %y[affine_map<(k, c) -> (k * 300 + c)>](%k, %c) : !loom.buffer<f32>
        %b = loom.load %y[affine_map<(k, c) -> (k * 300 + 300 + c)>](%k, %c) : !loom.buffer<f32>
        %d = arith.subf %b, %a : f32
        loom.store %d, %y[affine_map<(k, c) -> (k * 300 + c)>](%k, %c) : !loom.buffer<f32>
        loom.yield
      }
      %d = arith.subf %sum, %before : f32
      loom.store %d, %last[affine_map<(c) -> (c)>](%c) : !loom.buffer<f32>
    }
  })";
  for (int64_t n : {1, 2, 9, 100})
    checkEqual({text, {{"f32", 300 * n, 0, false}, {"f32", 300 * n}, {"f32", 300}}, {n}, {}, 0});
}

TEST_CASE("a guarded walk ends where its first value is false", "[device]") {
  // From each point along links to the next, until one is none.
  const char* text = R"(loom.kernel @chase(%link: !loom.buffer<i64>, %y: !loom.buffer<i64>) {
    loom.part [#loom.axis<"p", 500, lanes>] {
    ^bb0(%p: index):
      %none = arith.constant 1 : i64
      %goes = arith.constant true
      %first = arith.index_cast %p : index to i64
      %on, %at, %steps = loom.walk <"k", 500> from(%goes, %first, %none : i1, i64, i64) guarded {
      ^bb0(%k: index, %g: i1, %here: i64, %count: i64):
        %place = arith.index_cast %here : i64 to index
        %v = loom.load %link[affine_map<(p) -> (p)>](%place) : !loom.buffer<i64>
        %big = arith.constant 3 : i64
        %half = arith.shrsi %here, %none : i64
        %more = arith.cmpi sgt, %half, %big : i64
        %sum = arith.addi %count, %v : i64
        loom.yield %more, %half, %sum : i1, i64, i64
      }
      loom.store %steps, %y[affine_map<(p) -> (p)>](%p) : !loom.buffer<i64>
    }
  })";
  checkEqual({text, {{"i64", 500, 0, false}, {"i64", 500}}, {}, {}, 0});
}
