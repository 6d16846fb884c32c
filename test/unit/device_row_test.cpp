// Rows and points that threads go through by runs: any length and type, memory that is not aligned.
// Linked with a runner of device C.
#include "test/unit/loom_checks.h"
#include "test/unit/replaced.h"

using namespace weft::test;

namespace {

// Three loops over a row, the first two of them sums: what is loaded is used again, and a local
// too.
void check_rows(int64_t rows, int64_t n, const std::string& type) {
  std::string value = type == "f64" ? "f64" : "f32";
  const std::string text = replaced(replaced(R"(
  loom.kernel @rows(%x: !loom.buffer<TYPE>, %w: !loom.buffer<TYPE>, %y: !loom.buffer<TYPE>) {
    loom.part [#loom.axis<"r", $R>] {
    ^bb0(%r: index):
      %t = loom.local over affine_map<() -> ($N)> : <VALUE>
      %low = arith.constant -1.0e30 : VALUE
      %none = arith.constant 0.0 : VALUE
      %m = loom.loop <"c", $N, lanes> init(%low : VALUE) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<TYPE>
        loom.yield %v : VALUE
      } combine {
      ^bb0(%a: VALUE, %b: VALUE):
        %g = arith.cmpf ogt, %a, %b : VALUE
        %z = arith.select %g, %a, %b : VALUE
        loom.yield %z : VALUE
      }
      %s:2 = loom.loop <"c", $N, lanes> init(%none, %low : VALUE, VALUE) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<TYPE>
        %d = arith.subf %v, %m : VALUE
        loom.store %d, %t[affine_map<(c) -> (c)>](%c) : !loom.local<VALUE>
        loom.yield %d, %v : VALUE, VALUE
      } combine {
      ^bb0(%a: VALUE, %i: VALUE, %b: VALUE, %j: VALUE):
        %z = arith.addf %a, %b : VALUE
        %k = arith.maximumf %i, %j : VALUE
        loom.yield %z, %k : VALUE, VALUE
      }
      %scale = arith.divf %s#1, %s#0 : VALUE
      loom.loop <"c", $N, lanes> {
      ^bb0(%c: index):
        %d = loom.load %t[affine_map<(c) -> (c)>](%c) : !loom.local<VALUE>
        %v = loom.load %x[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<TYPE>
        %w0 = loom.load %w[affine_map<(c) -> (c)>](%c) : !loom.buffer<TYPE>
        %p = arith.mulf %d, %scale : VALUE
        %q = arith.addf %p, %v : VALUE
        %z = arith.addf %q, %w0 : VALUE
        loom.store %z, %y[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<TYPE>
      }
    }
  })",
                                             "TYPE", type),
                                    "VALUE", value);
  INFO("rows of " << n << " " << type);
  checkEqual({text,
              {{type, rows * n, 0, false}, {type, n, 0, false}, {type, rows * n}},
              {},
              {{"R", rows}, {"N", n}},
              type == "bf16" ? 1e-2 : 1e-4,
              false});
}

} // namespace

TEST_CASE("rows of any length and type", "[device]") {
  for (int64_t n : {4, 100, 1000, 1001, 4096})
    check_rows(3, n, "f32");
  for (const char* type : {"f64", "bf16"})
    for (int64_t n : {36, 2048})
      check_rows(2, n, type);
  // More threads than usual, and turns.
  check_rows(1, 10000, "f32");
  check_rows(1, 40000, "f32");
}

TEST_CASE("sums of rows have the same bits wherever they lie", "[device]") {
  const char* text =
      R"(loom.kernel @alignment(%x: !loom.buffer<f32>, %z: !loom.buffer<f32>, %same: !loom.buffer<i1>) {
    loom.part [#loom.axis<"r", 8>] {
    ^bb0(%r: index):
      loom.loop <"c", 1000, lanes> {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * 1000 + c)>](%r, %c) : !loom.buffer<f32>
        loom.store %v, %z[affine_map<(r, c) -> (r * 1001 + c + 1)>](%r, %c) : !loom.buffer<f32>
      }
    }
    loom.barrier
    loom.part [#loom.axis<"r", 8>] {
    ^bb0(%r: index):
      %none = arith.constant 0.0 : f32
      %s = loom.loop <"c", 1000, lanes> init(%none : f32) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * 1000 + c)>](%r, %c) : !loom.buffer<f32>
        loom.yield %v : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %q = arith.addf %a, %b : f32
        loom.yield %q : f32
      }
      %t = loom.loop <"c", 1000, lanes> init(%none : f32) {
      ^bb0(%c: index):
        %v = loom.load %z[affine_map<(r, c) -> (r * 1001 + c + 1)>](%r, %c) : !loom.buffer<f32>
        loom.yield %v : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %q = arith.addf %a, %b : f32
        loom.yield %q : f32
      }
      %e = arith.cmpf oeq, %s, %t : f32
      loom.store %e, %same[affine_map<(r) -> (r)>](%r) : !loom.buffer<i1>
    }
  })";
  checkEqual({text, {{"f32", 8000, 0, false}, {"f32", 8009}, {"i1", 8}}, {}, {}, 0, false});
}

TEST_CASE("a row that is read behind a store to the same memory is read again", "[device]") {
  const char* text = R"(loom.kernel @in_place(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"r", 5>] {
    ^bb0(%r: index):
      %none = arith.constant 0.0 : f32
      loom.loop <"c", 512, lanes> {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * 512 + c)>](%r, %c) : !loom.buffer<f32>
        %d = arith.addf %v, %v : f32
        loom.store %d, %x[affine_map<(r, c) -> (r * 512 + c)>](%r, %c) : !loom.buffer<f32>
      }
      %s = loom.loop <"c", 512, lanes> init(%none : f32) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * 512 + c)>](%r, %c) : !loom.buffer<f32>
        loom.yield %v : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %q = arith.maximumf %a, %b : f32
        loom.yield %q : f32
      }
      loom.store %s, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
    }
  })";
  checkEqual({text, {{"f32", 2560, 0, false}, {"f32", 5}}, {}, {}, 0, false});
}

TEST_CASE("points by runs: types of each size, sizes and strides that are arguments", "[device]") {
  const char* constant =
      R"(loom.kernel @points(%x: !loom.buffer<bf16>, %m: !loom.buffer<i1>, %k: !loom.buffer<i64>, %d: !loom.buffer<f64>, %y: !loom.buffer<bf16>, %z: !loom.buffer<i64>) {
    loom.part [#loom.axis<"r", 9>, #loom.axis<"c", 4096, lanes>] {
    ^bb0(%r: index, %c: index):
      %v = loom.load %x[affine_map<(r, c) -> (r * 4096 + c)>](%r, %c) : !loom.buffer<bf16>
      %p = loom.load %m[affine_map<(r, c) -> (r * 4096 + c)>](%r, %c) : !loom.buffer<i1>
      %i = loom.load %k[affine_map<(r, c) -> (c + OFFSET)>](%r, %c) : !loom.buffer<i64>
      %e = loom.load %d[affine_map<(r, c) -> (r * 4096 + c)>](%r, %c) : !loom.buffer<f64>
      %f = arith.truncf %e : f64 to f32
      %s = arith.select %p, %v, %f : f32
      %j = arith.addi %i, %i : i64
      loom.store %s, %y[affine_map<(r, c) -> (r * 4096 + c + OFFSET)>](%r, %c) : !loom.buffer<bf16>
      loom.store %j, %z[affine_map<(r, c) -> (r * 4096 + c)>](%r, %c) : !loom.buffer<i64>
    }
  })";
  for (const char* offset : {"0", "1"})
    checkEqual({replaced(constant, "OFFSET", offset),
                {{"bf16", 9 * 4096},
                 {"i1", 9 * 4096},
                 {"i64", 4097},
                 {"f64", 9 * 4096},
                 {"bf16", 9 * 4096 + 1},
                 {"i64", 9 * 4096}},
                {},
                {},
                0,
                false});
  const char* sizes =
      R"(loom.kernel @strides(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %n: index, %m: index, %row: index, %step: index) {
    loom.part [#loom.axis<"r", affine_map<()[s0, s1, s2, s3] -> (s0)>>, #loom.axis<"c", affine_map<()[s0, s1, s2, s3] -> (s1)>, lanes>] {
    ^bb0(%r: index, %c: index):
      %v = loom.load %x[affine_map<(r, c)[s0, s1, s2, s3] -> (r * s2 + c * s3)>](%r, %c) : !loom.buffer<f32>
      %w = arith.addf %v, %v : f32
      loom.store %w, %y[affine_map<(r, c)[s0, s1, s2, s3] -> (r * s1 + c)>](%r, %c) : !loom.buffer<f32>
    }
  })";
  for (auto [n, m, row, step] :
       {std::tuple(3, 64, 64, 1), std::tuple(3, 61, 64, 1), std::tuple(2, 64, 1, 2),
        std::tuple(3, 7, 0, 1), std::tuple(2, 12, 5, 0), std::tuple(0, 4, 4, 1)})
    checkEqual(
        {sizes, {{"f32", 200}, {"f32", std::max(n * m, 1)}}, {n, m, row, step}, {}, 0, false});
}

TEST_CASE("many sums of a long row have room in shared memory", "[device]") {
  std::string identities, types, lefts, rights, adds, sums, yields, stores;
  const int count = 20;
  for (int k = 0; k < count; ++k) {
    const std::string n = std::to_string(k), comma = k ? ", " : "";
    identities += comma + "%none";
    types += comma + "i64";
    lefts += comma + "%a" + n + ": i64";
    rights += ", %b" + n + ": i64";
    adds += "%z" + n + " = arith.addi %a" + n + ", %b" + n + " : i64\n";
    sums += comma + "%z" + n;
    yields += comma + "%v";
    stores += "loom.store %s#" + n + ", %y[affine_map<(r) -> (r * " + std::to_string(count) +
              " + " + n + ")>](%r) : !loom.buffer<i64>\n";
  }
  const std::string text =
      R"(loom.kernel @many(%x: !loom.buffer<i64>, %y: !loom.buffer<i64>) {
    loom.part [#loom.axis<"r", 2>] {
    ^bb0(%r: index):
      %none = arith.constant 0 : i64
      %s:20 = loom.loop <"c", 6000, lanes> init()" +
      identities + " : " + types + R"() {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * 6000 + c)>](%r, %c) : !loom.buffer<i64>
        loom.yield )" +
      yields + " : " + types + R"(
      } combine {
      ^bb0()" +
      lefts + rights + "):\n" + adds + "loom.yield " + sums + " : " + types + "\n}\n" + stores +
      "}\n}";
  checkEqual({text, {{"i64", 12000}, {"i64", 40}}, {}, {}, 0, false});
}
