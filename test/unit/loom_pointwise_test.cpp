// Pointwise loom kernels: emitted code equals the interpreter bit for bit.
#include "test/unit/loom_checks.h"

using namespace weft::test;

namespace {

const int64_t kExtents[] = {0, 1, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 1031};
const char* kCpus[] = {"native", "x86-64-v3", "x86-64-v4"};

/// Returns the text with buffers of `element` in the place of $E.
std::string over(const char* element, std::string text) {
  for (size_t at; (at = text.find("$E")) != std::string::npos;)
    text.replace(at, 2, element);
  return text;
}

} // namespace

TEST_CASE("a chain over one axis is right for every tail", "[loom]") {
  const char* text = R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %s: f32) {
    loom.part [#loom.axis<"i", $N>] {
    ^bb0(%i: index):
      %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      %a = arith.mulf %v, %s : f32
      %b = arith.addf %a, %v : f32
      %r = math.roundeven %b : f32
      %f = math.floor %b : f32
      %c = arith.subf %b, %r : f32
      %p = math.fma %c, %f, %s : f32
      %q = math.absf %v : f32
      %t = math.sqrt %q : f32
      %d = arith.divf %p, %t : f32
      %n = arith.negf %d : f32
      %g = arith.cmpf ogt, %n, %v : f32
      %z = arith.select %g, %n, %v : f32
      loom.store %z, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t n : kExtents)
      checkEqual({text, {{"f32", n}, {"f32", n}}, {bitsOf(1.25)}, {{"N", n}}, 0, true, cpu});
}

TEST_CASE("sizes may be arguments", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %n: index, %m: index) {
    loom.part [#loom.axis<"r", affine_map<()[s0, s1] -> (s0)>>, #loom.axis<"c", affine_map<()[s0, s1] -> (s1 * 2)>>] {
    ^bb0(%r: index, %c: index):
      %v = loom.load %x[affine_map<(r, c)[s0, s1] -> (r * (s1 * 2) + c)>](%r, %c) : !loom.buffer<f32>
      %w = arith.addf %v, %v : f32
      loom.store %w, %y[affine_map<(r, c)[s0, s1] -> (r * (s1 * 2) + c)>](%r, %c) : !loom.buffer<f32>
    }
  })";
  for (int64_t n : {0, 1, 5})
    for (int64_t m : {0, 1, 8, 700, 9000})
      checkEqual({text, {{"f32", n * m * 2}, {"f32", n * m * 2}}, {n, m}});
}

TEST_CASE("broadcast, transposed, strided and reversed accesses", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<f32>, %row: !loom.buffer<f32>, %col: !loom.buffer<f32>, %one: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"r", 13>, #loom.axis<"c", $N>] {
    ^bb0(%r: index, %c: index):
      %a = loom.load %x[affine_map<(r, c) -> (c * 13 + r)>](%r, %c) : !loom.buffer<f32>
      %b = loom.load %row[affine_map<(c) -> (c * 2 + 1)>](%c) : !loom.buffer<f32>
      %d = loom.load %col[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
      %e = loom.load %one[affine_map<() -> (0)>]() : !loom.buffer<f32>
      %f = loom.load %x[affine_map<(r, c) -> (r * $N - c + $N - 1)>](%r, %c) : !loom.buffer<f32>
      %s = arith.addf %a, %b : f32
      %t = arith.mulf %d, %e : f32
      %u = arith.subf %s, %t : f32
      %w = arith.addf %u, %f : f32
      loom.store %w, %y[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<f32>
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t n : {1, 3, 16, 33, 257})
      checkEqual({text,
                  {{"f32", 13 * n}, {"f32", 2 * n}, {"f32", 13}, {"f32", 1}, {"f32", 13 * n}},
                  {},
                  {{"N", n}},
                  0,
                  true,
                  cpu});
}

TEST_CASE("transposed operands are turned in tiles, with strips left over", "[loom]") {
  for (const char* type : {"f32", "f64"}) {
    const char* text =
        R"(loom.kernel @k(%x: !loom.buffer<$E>, %w: !loom.buffer<$E>, %b: !loom.buffer<$E>, %y: !loom.buffer<$E>, %n: index) {
      loom.part [#loom.axis<"g", 2>, #loom.axis<"r", affine_map<()[s0] -> (s0)>>, #loom.axis<"c", $C>] {
      ^bb0(%g: index, %r: index, %c: index):
        %u = loom.load %x[affine_map<(g, r, c)[s0] -> (g * (s0 * $C) + c * 100 + r)>](%g, %r, %c) : !loom.buffer<$E>
        %v = loom.load %w[affine_map<(r, c) -> (c * 101 + r + 3)>](%r, %c) : !loom.buffer<$E>
        %q = loom.load %b[affine_map<(c) -> (c)>](%c) : !loom.buffer<$E>
        %p = loom.load %x[affine_map<(g, r, c)[s0] -> (r * $C + c)>](%g, %r, %c) : !loom.buffer<$E>
        %s = arith.addf %u, %v : $E
        %t = arith.mulf %s, %q : $E
        %z = arith.subf %t, %p : $E
        loom.store %z, %y[affine_map<(g, r, c)[s0] -> (g * (s0 * $C) + r * $C + c)>](%g, %r, %c) : !loom.buffer<$E>
      }
    })";
    for (const char* cpu : kCpus)
      for (int64_t rows : {1, 16, 50, 99})
        for (int64_t columns : {3, 32, 70}) {
          int64_t plane = rows * columns;
          LoomRun run{over(type, text),
                      {{type, 2 * plane + 100 * columns + 100},
                       {type, 101 * columns + 100},
                       {type, columns},
                       {type, 2 * plane}},
                      {rows},
                      {{"C", columns}}};
          run.cpu = cpu;
          checkEqual(run);
        }
  }
}

TEST_CASE("quotients and remainders of the lane axis", "[loom]") {
  const char* text = R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"i", 480, lanes>] {
    ^bb0(%i: index):
      %a = loom.load %x[affine_map<(i) -> ((i mod $M) * 100 + i floordiv $M)>](%i) : !loom.buffer<f32>
      %b = loom.load %x[affine_map<(i) -> ((i floordiv $M) * $M + i mod $M)>](%i) : !loom.buffer<f32>
      %s = arith.addf %a, %b : f32
      loom.store %s, %y[affine_map<(i) -> ((i floordiv $M) * $M + i mod $M)>](%i) : !loom.buffer<f32>
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t m : {1, 3, 16, 20, 32, 48, 160, 480})
      checkEqual(
          {text, {{"f32", 480 + m * 100 + 480}, {"f32", 480}}, {}, {{"M", m}}, 0, false, cpu});
}

TEST_CASE("every element type in one kernel", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%h: !loom.buffer<bf16>, %d: !loom.buffer<f64>, %n: !loom.buffer<i64>, %m: !loom.buffer<i1>,
                                        %oh: !loom.buffer<bf16>, %od: !loom.buffer<f64>, %on: !loom.buffer<i64>, %om: !loom.buffer<i1>, %on2: !loom.buffer<i64>) {
    loom.part [#loom.axis<"i", $N>] {
    ^bb0(%i: index):
      %a = loom.load %h[affine_map<(i) -> (i)>](%i) : !loom.buffer<bf16>
      %b = loom.load %d[affine_map<(i) -> (i)>](%i) : !loom.buffer<f64>
      %c = loom.load %n[affine_map<(i) -> (i)>](%i) : !loom.buffer<i64>
      %e = loom.load %m[affine_map<(i) -> (i)>](%i) : !loom.buffer<i1>
      %third = arith.constant 0.3333 : f32
      %a3 = arith.mulf %a, %third : f32
      %aw = arith.extf %a3 : f32 to f64
      %s = arith.addf %aw, %b : f64
      %t = arith.truncf %a3 : f32 to bf16
      %u = arith.extf %t : bf16 to f32
      %v = arith.addf %u, %a : f32
      %f = arith.sitofp %c : i64 to f32
      %g = arith.select %e, %v, %f : f32
      %p = arith.fptosi %s : f64 to i64
      %i64 = arith.index_cast %i : index to i64
      %q = arith.addi %p, %i64 : i64
      %l = arith.cmpf olt, %v, %f : f32
      %o = arith.xori %l, %e : i1
      %seven = arith.constant -7 : i64
      %w = arith.floordivsi %c, %seven : i64
      %five = arith.subi %c, %i64 : i64
      %w2 = arith.remsi %q, %five : i64
      %w3 = arith.addi %w, %w2 : i64
      loom.store %g, %oh[affine_map<(i) -> (i)>](%i) : !loom.buffer<bf16>
      loom.store %s, %od[affine_map<(i) -> (i)>](%i) : !loom.buffer<f64>
      loom.store %q, %on[affine_map<(i) -> (i)>](%i) : !loom.buffer<i64>
      loom.store %o, %om[affine_map<(i) -> (i)>](%i) : !loom.buffer<i1>
      loom.store %w3, %on2[affine_map<(i) -> (i)>](%i) : !loom.buffer<i64>
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t n : {1, 15, 16, 17, 300})
      checkEqual({text,
                  {{"bf16", n},
                   {"f64", n},
                   {"i64", n, 23},
                   {"i1", n},
                   {"bf16", n},
                   {"f64", n},
                   {"i64", n},
                   {"i1", n},
                   {"i64", n}},
                  {},
                  {{"N", n}},
                  0,
                  true,
                  cpu});
}

TEST_CASE("powers of two round once, subnormal results included", "[loom]") {
  for (const char* type : {"f32", "f64"}) {
    const char* text =
        R"(loom.kernel @k(%x: !loom.buffer<$E>, %y: !loom.buffer<$E>, %w: !loom.buffer<$E>, %e: !loom.buffer<$E>, %m: !loom.buffer<$E>) {
      loom.part [#loom.axis<"i", 700>, #loom.axis<"j", 19>] {
      ^bb0(%i: index, %j: index):
        %v = loom.load %x[affine_map<(j) -> (j)>](%j) : !loom.buffer<$E>
        %i64 = arith.index_cast %i : index to i64
        %f = arith.sitofp %i64 : i64 to $E
        %half = arith.constant 350.0 : $E
        %k = arith.constant $K.0 : $E
        %g = arith.subf %f, %half : $E
        %n = arith.mulf %g, %k : $E
        %s = loom.scale2 %v, %n : $E
        %low = arith.constant -126.0 : $E
        %high = arith.constant 127.0 : $E
        %above = arith.maximumf %g, %low : $E
        %normal = arith.minimumf %above, %high : $E
        %p = loom.power_of_two %normal : $E
        %e0 = loom.exponent %v : $E
        %m0 = loom.mantissa %v : $E
        loom.store %s, %y[affine_map<(i, j) -> (i * 19 + j)>](%i, %j) : !loom.buffer<$E>
        loom.store %p, %w[affine_map<(i, j) -> (i * 19 + j)>](%i, %j) : !loom.buffer<$E>
        loom.store %e0, %e[affine_map<(i, j) -> (i * 19 + j)>](%i, %j) : !loom.buffer<$E>
        loom.store %m0, %m[affine_map<(i, j) -> (i * 19 + j)>](%i, %j) : !loom.buffer<$E>
      }
    })";
    for (const char* cpu : kCpus)
      for (int64_t k : {1, 7})
        checkEqual(
            {over(type, text),
             {{type, 19}, {type, 700 * 19}, {type, 700 * 19}, {type, 700 * 19}, {type, 700 * 19}},
             {},
             {{"K", k}},
             0,
             true,
             cpu});
  }
}

TEST_CASE("masked loads and stores pad and slice", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %b: !loom.buffer<i1>) {
    loom.part [#loom.axis<"r", 5>, #loom.axis<"c", $N>] {
    ^bb0(%r: index, %c: index):
      %two = arith.constant 2 : index
      %end = arith.constant 20 : index
      %pad = arith.constant 7.5 : f32
      %no = arith.constant true
      %low = arith.cmpi sge, %c, %two : index
      %high = arith.cmpi slt, %c, %end : index
      %in = arith.andi %low, %high : i1
      %v = loom.load %x[affine_map<(r, c) -> (r * 18 + c - 2)>](%r, %c) if %in else %pad : f32 from : !loom.buffer<f32>
      %w = loom.load %b[affine_map<(r, c) -> (r * 18 + c - 2)>](%r, %c) if %in else %no : i1 from : !loom.buffer<i1>
      %first = arith.cmpi eq, %r, %two : index
      %u = loom.load %x[affine_map<(r) -> (r)>](%r) if %first else %pad : f32 from : !loom.buffer<f32>
      %s = arith.addf %v, %u : f32
      %t = arith.select %w, %s, %v : f32
      %odd = arith.cmpi ne, %c, %end : index
      loom.store %t, %y[affine_map<(r, c) -> (r * $N + c)>](%r, %c) if %odd : !loom.buffer<f32>
    }
  })";
  for (const char* cpu : kCpus)
    for (int64_t n : {21, 24, 40})
      checkEqual({text, {{"f32", 90}, {"f32", 5 * n}, {"i1", 90}}, {}, {{"N", n}}, 0, true, cpu});
}

TEST_CASE("indices may come from memory, and a requirement that fails is reported", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%t: !loom.buffer<f32>, %n: !loom.buffer<i64>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"i", 133>, #loom.axis<"c", 5>] {
    ^bb0(%i: index, %c: index):
      %k = loom.load %n[affine_map<(i) -> (i)>](%i) : !loom.buffer<i64>
      %limit = arith.constant $L : i64
      %ok = arith.cmpi slt, %k, %limit : i64
      loom.require %ok, 4
      %always = arith.cmpi sge, %k, %k : i64
      loom.require %always, 9
      %at = arith.index_cast %k : i64 to index
      %v = loom.load %t[affine_map<(k, c) -> (k * 5 + c)>](%at, %c) : !loom.buffer<f32>
      loom.store %v, %y[affine_map<(i, c) -> (i * 5 + c)>](%i, %c) : !loom.buffer<f32>
    }
  })";
  for (int64_t limit : {20, 19, 3}) {
    LoomOutcome outcome =
        runBoth({text, {{"f32", 100}, {"i64", 133, 20}, {"f32", 665}}, {}, {{"L", limit}}});
    REQUIRE(outcome.difference == "");
    REQUIRE(outcome.interpreted_error == (limit == 20 ? 0 : 4));
    REQUIRE(outcome.emitted_error == outcome.interpreted_error);
  }
}

TEST_CASE("random words are Philox4x32-10", "[loom]") {
  const char* text = R"(loom.kernel @k(%y: !loom.buffer<i64>, %seed: i64) {
    loom.part [#loom.axis<"i", 100>] {
    ^bb0(%i: index):
      %stream = arith.constant 11400714819323198485 : i64
      %i64 = arith.index_cast %i : index to i64
      %k = arith.constant 4294967291 : i64
      %c = arith.addi %i64, %k : i64
      %a = loom.random %seed, %stream, %c word 0
      %b = loom.random %seed, %stream, %c word 3
      %d = arith.subi %a, %b : i64
      loom.store %d, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<i64>
    }
  })";
  checkEqual({text, {{"i64", 100}}, {0x123456789abcdef}});
}

TEST_CASE("parts share a launch and each writes its own output", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %z: !loom.buffer<f64>, %n: index) {
    loom.part [#loom.axis<"i", affine_map<()[s0] -> (s0)>>] {
    ^bb0(%i: index):
      %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      %w = arith.mulf %v, %v : f32
      loom.store %w, %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    }
    loom.part [#loom.axis<"i", 77>] {
    ^bb0(%i: index):
      %v = loom.load %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      %w = arith.extf %v : f32 to f64
      loom.store %w, %z[affine_map<(i) -> (i)>](%i) : !loom.buffer<f64>
    }
    loom.part [] {
      %v = loom.load %y[affine_map<() -> (3)>]() : !loom.buffer<f32>
      %w = arith.extf %v : f32 to f64
      loom.store %w, %z[affine_map<() -> (77)>]() : !loom.buffer<f64>
    }
  })";
  for (int64_t n : {0, 1, 40000})
    checkEqual({text, {{"f32", n}, {"f32", 77}, {"f64", 78}}, {n}});
}

TEST_CASE("parts that differ in their buffers and numbers alone", "[loom]") {
  // to[i] = to[i] * number - from[i]
  auto part = [](int length, const std::string& to, const std::string& from,
                 const std::string& number) {
    return "loom.part [#loom.axis<\"i\", " + std::to_string(length) + R"(>] {
    ^bb0(%i: index):
      %x = loom.load %)" +
           to + R"([affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      %y = loom.load %)" +
           from + R"([affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      %f = arith.truncf %)" +
           number + R"( : f64 to f32
      %z = arith.mulf %x, %f : f32
      %w = arith.subf %z, %y : f32
      loom.store %w, %)" +
           to + R"([affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    }
)";
  };
  const std::string barrier = "loom.barrier\n";
  const std::string text =
      R"(loom.kernel @k(%a: !loom.buffer<f32>, %b: !loom.buffer<f32>, %c: !loom.buffer<f32>,
      %d: !loom.buffer<f32>, %s: f64, %t: f64) {
)" + part(37, "a", "b", "s") +
      barrier + part(37, "d", "a", "t") + // like the first
      barrier + part(37, "c", "c", "t") + // reads one buffer twice
      barrier + part(41, "b", "d", "s") + // is longer
      "}";
  checkEqual(
      {text, {{"f32", 41}, {"f32", 41}, {"f32", 41}, {"f32", 41}}, {bitsOf(1.75), bitsOf(-3.5)}});
}

TEST_CASE("stores that take turns along the lanes are whole vectors side by side", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<$E>, %y: !loom.buffer<$E>, %z: !loom.buffer<$E>) {
    loom.part [#loom.axis<"r", 3>, #loom.axis<"c", $N>] {
    ^bb0(%r: index, %c: index):
      %a = loom.load %x[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<$E>
      %b = loom.load %y[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<$E>
      %d = loom.load %x[affine_map<(r) -> (r)>](%r) : !loom.buffer<$E>
      loom.store %b, %z[affine_map<(r, c) -> ((r * $N + c) * 3 + 1)>](%r, %c) : !loom.buffer<$E>
      loom.store %a, %z[affine_map<(r, c) -> ((r * $N + c) * 3)>](%r, %c) : !loom.buffer<$E>
      loom.store %d, %z[affine_map<(r, c) -> ((r * $N + c) * 3 + 2)>](%r, %c) : !loom.buffer<$E>
    }
  })";
  for (const char* cpu : kCpus)
    for (const char* element : {"f32", "f64", "bf16", "i64", "i8", "i1"})
      for (int64_t n : {1, 7, 16, 65, 200})
        checkEqual({over(element, text),
                    {{element, 3 * n, 0, false}, {element, 3 * n, 0, false}, {element, 9 * n}},
                    {},
                    {{"N", n}},
                    0,
                    true,
                    cpu});
}

TEST_CASE("elements that are moved keep their bits, by the lanes that their width allows",
          "[loom]") {
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<$E>, %y: !loom.buffer<$E>, %z: !loom.buffer<$E>) {
    loom.part [#loom.axis<"r", $M>, #loom.axis<"c", $N>] {
    ^bb0(%r: index, %c: index):
      %a = loom.load %x[affine_map<(r, c) -> (c * $M + r)>](%r, %c) : !loom.buffer<$E>
      loom.store %a, %y[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<$E>
      %b = loom.load %x[affine_map<(r, c) -> (($M - 1 - r) * $N + c)>](%r, %c) : !loom.buffer<$E>
      loom.store %b, %z[affine_map<(r, c) -> (r * $N + c)>](%r, %c) : !loom.buffer<$E>
    }
  })";
  for (const char* cpu : kCpus)
    for (const char* element : {"f32", "f64", "bf16", "f16", "i32", "i16", "i8", "ui8", "i1"})
      for (auto [m, n] : {std::pair<int64_t, int64_t>(1, 1), {5, 33}, {40, 64}, {3, 130}})
        checkEqual({over(element, text),
                    {{element, m * n, 0, false}, {element, m * n}, {element, m * n}},
                    {},
                    {{"M", m}, {"N", n}},
                    0,
                    true,
                    cpu});
}

TEST_CASE("narrow integers wrap, compare and choose in lanes of their own width", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<$E>, %y: !loom.buffer<$E>, %z: !loom.buffer<$E>, %p: !loom.buffer<i1>, %s: i64) {
    loom.part [#loom.axis<"c", $N>] {
    ^bb0(%c: index):
      %a = loom.load %x[affine_map<(c) -> (c)>](%c) : !loom.buffer<$E>
      %b = loom.load %y[affine_map<(c) -> (c)>](%c) : !loom.buffer<$E>
      %by = arith.constant $B : i64
      %t = arith.shli %s, %by : i64
      %n = arith.shrsi %t, %by : i64
      %sum = arith.addi %a, %b : i64
      %l = arith.shli %sum, %by : i64
      %w = arith.shrsi %l, %by : i64
      %less = arith.cmpi slt, %w, %n : i64
      %product = arith.muli %w, %b : i64
      %best = arith.maxsi %a, %n : i64
      %low = arith.constant 255 : i64
      %bits = arith.andi %product, %low : i64
      %v = arith.select %less, %bits, %best : i64
      loom.store %v, %z[affine_map<(c) -> (c)>](%c) : !loom.buffer<$E>
      loom.store %less, %p[affine_map<(c) -> (c)>](%c) : !loom.buffer<i1>
    }
  })";
  for (const char* cpu : kCpus)
    for (auto [element, by] :
         {std::pair<const char*, int64_t>("i8", 56), {"ui8", 56}, {"i16", 48}, {"i32", 32}})
      for (int64_t n : {1, 31, 64, 1031})
        for (int64_t s : {3, -70000, 200})
          checkEqual({over(element, text),
                      {{element, n, 0, false}, {element, n, 0, false}, {element, n}, {"i1", n}},
                      {s},
                      {{"B", by}, {"N", n}},
                      0,
                      true,
                      cpu});
}
