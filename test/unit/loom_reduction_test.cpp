// Loops, reductions, locals and products of loom kernels against the interpreter.
#include "test/unit/loom_checks.h"

using namespace weft::test;

namespace {

const char* kCpus[] = {"native", "x86-64-v3", "x86-64-v4"};

} // namespace

TEST_CASE("a row maximum keeps NaN and infinities, bit for bit", "[loom]") {
  const char* text = R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"r", 9>] {
    ^bb0(%r: index):
      %ninf = arith.constant 0xFF800000 : f32
      %m = loom.loop <"c", $N> init(%ninf : f32) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<f32>
        %a = math.absf %v : f32
        loom.yield %a : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %g = arith.cmpf ogt, %a, %b : f32
        %u = arith.cmpf une, %a, %a : f32
        %o = arith.ori %g, %u : i1
        %z = arith.select %o, %a, %b : f32
        loom.yield %z : f32
      }
      loom.store %m, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t n : {0, 1, 15, 16, 17, 63, 64, 65, 100, 1031})
      checkEqual({text, {{"f32", 9 * n}, {"f32", 9}}, {}, {{"N", n}}, 0, true, cpu});
}

TEST_CASE("what stands behind a barrier sees what all points before it wrote", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %z: !loom.buffer<f32>, %n: index) {
    loom.part [#loom.axis<"i", affine_map<()[s0] -> (s0)>>] {
    ^bb0(%i: index):
      %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      loom.store %v, %y[affine_map<(i)[s0] -> (s0 - 1 - i)>](%i) : !loom.buffer<f32>
    }
    loom.part [#loom.axis<"i", affine_map<()[s0] -> (s0)>>] {
    ^bb0(%i: index):
      %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      %w = arith.addf %v, %v : f32
      loom.store %w, %z[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    }
    loom.barrier
    loom.part [#loom.axis<"i", affine_map<()[s0] -> (s0)>>] {
    ^bb0(%i: index):
      %v = loom.load %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      %w = loom.load %z[affine_map<(i)[s0] -> (s0 - 1 - i)>](%i) : !loom.buffer<f32>
      %u = arith.addf %v, %w : f32
      loom.store %u, %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    }
    loom.barrier
    loom.part [] {
      %v = loom.load %x[affine_map<() -> (0)>]() : !loom.buffer<f32>
      loom.store %v, %y[affine_map<() -> (0)>]() : !loom.buffer<f32>
    }
  })";
  for (int64_t pieces : {1, 2, 7})
    for (int64_t n : {1, 5, 64, 40000}) {
      LoomRun run{text, {{"f32", n}, {"f32", n}, {"f32", n}}, {n}};
      run.pieces = pieces;
      checkEqual(run);
    }
}

TEST_CASE("an argmax breaks ties by the index", "[loom]") {
  const char* text = R"(loom.kernel @k(%x: !loom.buffer<i64>, %y: !loom.buffer<i64>, %n: index) {
    loom.part [#loom.axis<"r", 7>] {
    ^bb0(%r: index):
      %low = arith.constant -9223372036854775808 : i64
      %last = arith.constant 9223372036854775807 : i64
      %m:2 = loom.loop <"c", affine_map<()[s0] -> (s0)>> init(%low, %last : i64, i64) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c)[s0] -> (r * s0 + c)>](%r, %c) : !loom.buffer<i64>
        %k = arith.index_cast %c : index to i64
        loom.yield %v, %k : i64, i64
      } combine {
      ^bb0(%a: i64, %i: i64, %b: i64, %j: i64):
        %g = arith.cmpi sgt, %a, %b : i64
        %e = arith.cmpi eq, %a, %b : i64
        %l = arith.cmpi slt, %i, %j : i64
        %f = arith.andi %e, %l : i1
        %o = arith.ori %g, %f : i1
        %z = arith.select %o, %a, %b : i64
        %k = arith.select %o, %i, %j : i64
        loom.yield %z, %k : i64, i64
      }
      loom.store %m#1, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<i64>
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t n : {1, 8, 30, 77, 500})
      checkEqual({text, {{"i64", 7 * n, 5}, {"i64", 7}}, {n}, {}, 0, true, cpu});
}

TEST_CASE("column sums put lanes across columns and stay exact", "[loom]") {
  const char* text = R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"c", $N>] {
    ^bb0(%c: index):
      %zero = arith.constant 0.0 : f32
      %s = loom.loop <"r", 37> init(%zero : f32) {
      ^bb0(%r: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<f32>
        loom.yield %v : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %z = arith.addf %a, %b : f32
        loom.yield %z : f32
      }
      loom.store %s, %y[affine_map<(c) -> (c)>](%c) : !loom.buffer<f32>
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t n : {16, 17, 64, 100, 1031})
      checkEqual({text, {{"f32", 37 * n, 0, false}, {"f32", n}}, {}, {{"N", n}}, 0, true, cpu});
}

TEST_CASE("a softmax keeps its row in a local", "[loom]") {
  const char* text = R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"r", 6>] {
    ^bb0(%r: index):
      %zero = arith.constant 0.0 : f32
      %ninf = arith.constant 0xFF800000 : f32
      %t = loom.local over affine_map<() -> ($N)> : <f32>
      %m = loom.loop <"c", $N> init(%ninf : f32) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<f32>
        loom.yield %v : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %z = arith.maximumf %a, %b : f32
        loom.yield %z : f32
      }
      %s = loom.loop <"c", $N> init(%zero : f32) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<f32>
        %d = arith.subf %v, %m : f32
        %n = math.roundeven %d : f32
        %e = arith.constant 1.5 : f32
        %p = loom.scale2 %e, %n : f32
        loom.store %p, %t[affine_map<(c) -> (c)>](%c) : !loom.local<f32>
        loom.yield %p : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %z = arith.addf %a, %b : f32
        loom.yield %z : f32
      }
      loom.loop <"c", $N> {
      ^bb0(%c: index):
        %e = loom.load %t[affine_map<(c) -> (c)>](%c) : !loom.local<f32>
        %q = arith.divf %e, %s : f32
        loom.store %q, %y[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<f32>
      }
    }
  })";
  // 20000: the local lies in scratch memory.
  for (const char* cpu : kCpus)
    for (int64_t n : {1, 16, 33, 300, 20000})
      checkEqual(
          {text, {{"f32", 6 * n, 0, false}, {"f32", 6 * n}}, {}, {{"N", n}}, 1e-4, true, cpu});
}

TEST_CASE("lanes along an axis of the part give each lane its own local", "[loom]") {
  const char* text = R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %n: index) {
    loom.part [#loom.axis<"c", 53, lanes, unroll = $U>] {
    ^bb0(%c: index):
      %t = loom.local over affine_map<()[s0] -> (s0)> : <f32>
      loom.loop <"r", affine_map<()[s0] -> (s0)>> {
      ^bb0(%r: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * 53 + c)>](%r, %c) : !loom.buffer<f32>
        loom.store %v, %t[affine_map<(r) -> (r)>](%r) : !loom.local<f32>
      }
      loom.loop <"r", affine_map<()[s0] -> (s0)>> {
      ^bb0(%r: index):
        %v = loom.load %t[affine_map<(r)[s0] -> (s0 - 1 - r)>](%r) : !loom.local<f32>
        loom.store %v, %y[affine_map<(r, c) -> (r * 53 + c)>](%r, %c) : !loom.buffer<f32>
      }
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t u : {1, 2, 3})
      checkEqual({text, {{"f32", 11 * 53}, {"f32", 11 * 53}}, {11}, {{"U", u}}, 0, false, cpu});
}

TEST_CASE("what does not depend on an axis is computed in front of its loop", "[loom]") {
  // The reduction over k depends on r alone and reads what no point writes.
  const char* text = R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"r", 5, chunk = 2>, #loom.axis<"c", 70, lanes>] {
    ^bb0(%r: index, %c: index):
      %zero = arith.constant 0.0 : f32
      %s = loom.loop <"k", 70, lanes, unroll = 2> init(%zero : f32) {
      ^bb0(%k: index):
        %v = loom.load %x[affine_map<(r, k) -> (r * 70 + k)>](%r, %k) : !loom.buffer<f32>
        loom.yield %v : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %z = arith.addf %a, %b : f32
        loom.yield %z : f32
      }
      %v = loom.load %x[affine_map<(r, c) -> (r * 70 + c)>](%r, %c) : !loom.buffer<f32>
      %d = arith.subf %v, %s : f32
      loom.store %d, %y[affine_map<(r, c) -> (r * 70 + c)>](%r, %c) : !loom.buffer<f32>
    }
  })";
  checkEqual({text, {{"f32", 350, 0, false}, {"f32", 350}}, {}, {}, 1e-6, false});
}

TEST_CASE("a dot may have batches of both factors", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%a: !loom.buffer<f32>, %b: !loom.buffer<f32>, %y: !loom.buffer<f32>, %n: index) {
    loom.part [#loom.axis<"g", affine_map<()[s0] -> (s0)>>, #loom.axis<"h", 3>, #loom.axis<"i", 20>, #loom.axis<"j", 40>] {
    ^bb0(%g: index, %h: index, %i: index, %j: index):
      %d = loom.dot <"k", 12> {
      ^bb0(%k: index):
        %p = loom.load %a[affine_map<(g, h, i, k) -> (g * 720 + h * 240 + i * 12 + k)>](%g, %h, %i, %k) : !loom.buffer<f32>
        %q = loom.load %b[affine_map<(h, k, j) -> (h * 480 + k * 40 + j)>](%h, %k, %j) : !loom.buffer<f32>
        loom.yield %p, %q : f32, f32
      } : f32
      loom.store %d, %y[affine_map<(g, h, i, j) -> (g * 2400 + h * 800 + i * 40 + j)>](%g, %h, %i, %j) : !loom.buffer<f32>
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t g : {0, 1, 4})
      checkEqual({text,
                  {{"f32", 720 * g, 0, false}, {"f32", 1440, 0, false}, {"f32", 2400 * g}},
                  {g},
                  {},
                  1e-5,
                  true,
                  cpu});
}

TEST_CASE("a dot is a tiled product or a loop, with its epilogue", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%a: !loom.buffer<TYPE>, %b: !loom.buffer<TYPE>, %bias: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"h", 2>, #loom.axis<"i", $M>, #loom.axis<"j", $N>] {
    ^bb0(%h: index, %i: index, %j: index):
      %d = loom.dot <"k", $K> {
      ^bb0(%k: index):
        %p = loom.load %a[affine_map<(h, i, k) -> (h * ($M * $K) + i * $K + k)>](%h, %i, %k) : !loom.buffer<TYPE>
        %q = loom.load %b[affine_map<(k, j) -> (j * $K + k)>](%k, %j) : !loom.buffer<TYPE>
        loom.yield %p, %q : f32, f32
      } : f32
      %c = loom.load %bias[affine_map<(j) -> (j)>](%j) : !loom.buffer<f32>
      %e = arith.addf %d, %c : f32
      %zero = arith.constant 0.0 : f32
      %g = arith.cmpf olt, %e, %zero : f32
      %z = arith.select %g, %zero, %e : f32
      loom.store %z, %y[affine_map<(h, i, j) -> (h * ($M * $N) + i * $N + j)>](%h, %i, %j) : !loom.buffer<f32>
    }
  })";
  for (const char* type : {"f32", "bf16"})
    for (const char* cpu : kCpus)
      for (auto [m, n, k] : {std::tuple(1, 1, 1), std::tuple(5, 17, 9), std::tuple(30, 70, 33),
                             std::tuple(64, 10, 128), std::tuple(4, 4, 0)}) {
        std::string typed = text;
        for (size_t at; (at = typed.find("TYPE")) != std::string::npos;)
          typed.replace(at, 4, type);
        checkEqual({typed,
                    {{type, 2 * m * k, 0, false},
                     {type, n * k, 0, false},
                     {"f32", n, 0, false},
                     {"f32", 2 * m * n}},
                    {},
                    {{"M", m}, {"N", n}, {"K", k}},
                    1e-5,
                    true,
                    cpu});
      }
}
