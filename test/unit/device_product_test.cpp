// Products that blocks compute by tiles: any extents, layouts and types, factors that are computed,
// ends. Linked with a runner of device C.
#include "test/unit/loom_checks.h"
#include "test/unit/replaced.h"

using namespace weft::test;

namespace {

struct Layouts {
  const char *a, *b; // maps of (i, k) and of (k, j)
};
constexpr Layouts kPlain = {"i * $K + k", "k * $N + j"};

// [M, K] x [K, N], with a bias along the columns, a residual, and a second result.
void check_product(int64_t m, int64_t n, int64_t k, const std::string& type = "f32",
                   const Layouts& layouts = kPlain) {
  std::string value = type == "f64" ? "f64" : "f32";
  std::string text = R"(
  loom.kernel @product(%a: !loom.buffer<TYPE>, %b: !loom.buffer<TYPE>, %bias: !loom.buffer<TYPE>, %x: !loom.buffer<TYPE>, %y: !loom.buffer<TYPE>) {
    loom.part [#loom.axis<"i", $M>, #loom.axis<"j", $N>] {
    ^bb0(%i: index, %j: index):
      %c = loom.load %bias[affine_map<(j) -> (j)>](%j) : !loom.buffer<TYPE>
      %d = loom.dot <"k", $K> {
      ^bb0(%k: index):
        %p = loom.load %a[affine_map<(i, k) -> (MAP_A)>](%i, %k) : !loom.buffer<TYPE>
        %q = loom.load %b[affine_map<(k, j) -> (MAP_B)>](%k, %j) : !loom.buffer<TYPE>
        loom.yield %p, %q : VALUE, VALUE
      } : VALUE
      %r = loom.load %x[affine_map<(i, j) -> (i * $N + j)>](%i, %j) : !loom.buffer<TYPE>
      %e = arith.addf %d, %c : VALUE
      %f = arith.addf %e, %r : VALUE
      loom.store %e, %x[affine_map<(i, j) -> (i * $N + j)>](%i, %j) : !loom.buffer<TYPE>
      loom.store %f, %y[affine_map<(i, j) -> (j * $M + i)>](%i, %j) : !loom.buffer<TYPE>
    }
  })";
  text = replaced(replaced(text, "MAP_A", layouts.a), "MAP_B", layouts.b);
  text = replaced(replaced(text, "TYPE", type), "VALUE", value);
  INFO("m " << m << " n " << n << " k " << k << " " << type << " " << layouts.a);
  // A tile's sums are the interpreter's chains of multiply-adds: equal bits. Threads that share a
  // sum join it in another order, and tensor cores have one of their own.
  double tolerance = type == "bf16" ? 1e-2 : std::min(m, n) < 16 ? 1e-5 : 0;
  checkEqual({text,
              {{type, m * k * 2, 0, false},
               {type, n * k * 2, 0, false},
               {type, n, 0, false},
               {type, m * n, 0, false},
               {type, m * n}},
              {},
              {{"M", m}, {"N", n}, {"K", k}},
              tolerance});
}

} // namespace

TEST_CASE("products of any extents", "[device]") {
  for (auto [m, n, k] : {std::tuple(1, 31, 65), std::tuple(31, 1, 129), std::tuple(16, 16, 8),
                         std::tuple(31, 65, 1), std::tuple(65, 31, 1000), std::tuple(129, 33, 31),
                         std::tuple(64, 64, 64), std::tuple(132, 68, 36)})
    check_product(m, n, k);
}

TEST_CASE("products of factors that are not aligned, or only every other row of which is",
          "[device]") {
  check_product(64, 64, 32, "f32", {"i * $K + k + 1", "k * $N + j + 1"});
  check_product(66, 66, 34, "f32");
  check_product(64, 64, 32, "f32", {"k * $M + i + 2", "j * $K + k + 3"});
  check_product(64, 64, 32, "f64", {"i * $K + k + 1", "k * $N + j + 1"});
  check_product(64, 64, 32, "bf16", {"i * $K + k + 1", "k * $N + j + 2"});
}

TEST_CASE("products of transposed and strided factors, and of each type", "[device]") {
  const Layouts layouts[] = {{"k * $M + i", "j * $K + k"},
                             {"i * (2 * $K) + 2 * k", "k * $N + j"},
                             {"i * $K + $K - 1 - k", "2 * (k * $N + j) + 1"},
                             {"k", "j * $K + k"}};
  for (const Layouts& l : layouts)
    check_product(33, 47, 19, "f32", l);
  for (const char* type : {"f64", "bf16"}) {
    check_product(33, 65, 31, type);
    check_product(64, 32, 16, type, layouts[0]);
    check_product(80, 97, 72, type);
  }
}

TEST_CASE("products of bf16 in several stretches, by rows, by columns and across the ends",
          "[device]") {
  const char* lefts[] = {"i * $K + k", "k * $M + i"};
  const char* rights[] = {"k * $N + j", "j * $K + k"};
  for (const char* a : lefts)
    for (const char* b : rights) {
      check_product(72, 64, 200, "bf16", {a, b});
      check_product(64, 136, 40, "bf16", {a, b});
    }
  check_product(70, 66, 164, "bf16");
}

TEST_CASE("products of sizes that are arguments, over batches and several axes", "[device]") {
  // Rows are (g, i): the batch h stands between them.
  const char* text =
      R"(loom.kernel @batches(%a: !loom.buffer<f32>, %b: !loom.buffer<f32>, %y: !loom.buffer<f32>, %m: index, %n: index, %kk: index) {
    loom.part [#loom.axis<"g", 3>, #loom.axis<"h", 2>, #loom.axis<"i", affine_map<()[s0, s1, s2] -> (s0)>>, #loom.axis<"j", affine_map<()[s0, s1, s2] -> (s1)>>] {
    ^bb0(%g: index, %h: index, %i: index, %j: index):
      %d = loom.dot <"k", affine_map<()[s0, s1, s2] -> (s2)>> {
      ^bb0(%k: index):
        %p = loom.load %a[affine_map<(g, h, i, k)[s0, s1, s2] -> (((g * 2 + h) * s0 + i) * s2 + k)>](%g, %h, %i, %k) : !loom.buffer<f32>
        %q = loom.load %b[affine_map<(h, k, j)[s0, s1, s2] -> ((h * s2 + k) * s1 + j)>](%h, %k, %j) : !loom.buffer<f32>
        loom.yield %p, %q : f32, f32
      } : f32
      loom.store %d, %y[affine_map<(g, h, i, j)[s0, s1, s2] -> (((g * 2 + h) * s0 + i) * s1 + j)>](%g, %h, %i, %j) : !loom.buffer<f32>
    }
  })";
  for (auto [m, n, k] : {std::tuple(1, 1, 1), std::tuple(31, 65, 7), std::tuple(64, 64, 16),
                         std::tuple(5, 70, 0), std::tuple(0, 5, 5)})
    checkEqual({text,
                {{"f32", 6 * m * k, 0, false}, {"f32", 2 * n * k, 0, false}, {"f32", 6 * m * n}},
                {m, n, k}});
}

TEST_CASE("products of computed factors: a table's rows, a mask, a scale of each row", "[device]") {
  const char* text =
      R"(loom.kernel @computed(%a: !loom.buffer<bf16>, %rows: !loom.buffer<i64>, %scale: !loom.buffer<f32>, %b: !loom.buffer<i64>, %y: !loom.buffer<f32>, %s: f32) {
    loom.part [#loom.axis<"i", 37>, #loom.axis<"j", 41>] {
    ^bb0(%i: index, %j: index):
      %at = loom.load %rows[affine_map<(i) -> (i)>](%i) : !loom.buffer<i64>
      %row = arith.index_cast %at : i64 to index
      %last = arith.constant 40 : index
      %none = arith.constant 0.0 : f32
      %d = loom.dot <"k", 50> {
      ^bb0(%k: index):
        %in = arith.cmpi slt, %k, %last : index
        %p = loom.load %a[affine_map<(r, k) -> (r * 40 + k)>](%row, %k) if %in else %none : f32 from : !loom.buffer<bf16>
        %z = loom.load %scale[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
        %pz = arith.mulf %p, %z : f32
        %q = loom.load %b[affine_map<(k, j) -> (k * 41 + j)>](%k, %j) : !loom.buffer<i64>
        %f = arith.sitofp %q : i64 to f32
        %t = arith.mulf %f, %s : f32
        loom.yield %t, %pz : f32, f32
      } : f32
      %w = loom.load %scale[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      %v = arith.mulf %d, %w : f32
      %o = math.floor %v : f32
      loom.store %o, %y[affine_map<(i, j) -> (i * 41 + j)>](%i, %j) : !loom.buffer<f32>
    }
  })";
  checkEqual({text,
              {{"bf16", 9 * 40, 0, false},
               {"i64", 37, 9},
               {"f32", 37, 0, false},
               {"i64", 50 * 41, 7},
               {"f32", 37 * 41}},
              {bitsOf(0.25)}});
}
