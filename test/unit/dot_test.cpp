// Compiled matrix products against a plain loop. Both are one chain of fused multiply-adds an
// element, or one a lane, in the same order, so the results are equal bit for bit on every target,
// for every plan.
#include "dot_kernel.h"

#include <catch2/catch.hpp>

using namespace weft::cpu;
using namespace weft::cpu::test;

namespace {

const DotTarget kAvx512{64, 32, 32 << 10, 1 << 20, true};
const DotTarget kAvx2{32, 16, 32 << 10, 512 << 10, true};
const DotTarget kPairs{64, 32, 32 << 10, 1 << 20, true, false, true};
const DotTarget kQuads{64, 32, 32 << 10, 1 << 20, true, false, false, true};
const DotTarget kSse{16, 16, 32 << 10, 256 << 10, false};

DotLayout rowMajor(int64_t columns, int64_t padding = 0) { return {columns + padding, 1}; }
DotLayout transposed(int64_t rows, int64_t padding = 0) { return {1, rows + padding}; }

DotCase dense(int64_t m, int64_t n, int64_t k, const DotTarget& target = kAvx512,
              DotElement element = DotElement::f32) {
  DotCase c;
  c.shape = {element, 1, m, n, k, rowMajor(k), rowMajor(n)};
  c.target = target;
  return c;
}

void check(const DotCase& c) {
  const DotShape& s = c.shape;
  INFO("batch " << s.batch << " m " << s.m << " n " << s.n << " k " << s.k << " element "
                << int(s.element) << " vector bytes " << c.target.vector_bytes << " dynamic "
                << c.dynamic << " a " << s.a.row_stride << ',' << s.a.column_stride << " b "
                << s.b.row_stride << ',' << s.b.column_stride << " k_block " << c.k_block);
  DotKernel kernel(c);
  DotKernel::Result expected = kernel.reference();
  for (bool singly : {false, true}) {
    DotKernel::Result got = kernel.run(singly);
    CHECK(got.visits == expected.visits);
    CHECK(got.c == expected.c);
    CHECK(got.d == expected.d);
    CHECK(got.ci == expected.ci);
  }
}

} // namespace

TEST_CASE("dot: tails of rows, columns and k") {
  for (const DotTarget& target : {kAvx512, kAvx2, kSse})
    for (int64_t m : {1, 2, 7, 17, 31})
      for (int64_t n : {1, 3, 16, 33, 50})
        check(dense(m, n, m % 2 ? 5 : 12, target));
  check(dense(129, 100, 67));
  check(dense(200, 48, 64));
  check(dense(45, 200, 1));
}

TEST_CASE("dot: empty extents") {
  check(dense(0, 5, 3));
  check(dense(5, 0, 3));
  check(dense(5, 40, 0));
  check(dense(20, 7, 0, kAvx2, DotElement::f64));
  DotCase no_batch = dense(5, 5, 5);
  no_batch.shape.batch = 0;
  check(no_batch);
  DotCase dynamic = dense(5, 40, 0);
  dynamic.dynamic = true;
  check(dynamic);
}

TEST_CASE("dot: transposed, padded, strided and broadcast operands") {
  struct Layouts {
    DotLayout a, b;
  };
  const int64_t m = 37, n = 53, k = 41;
  const Layouts layouts[] = {
      {transposed(m), rowMajor(n)},
      {rowMajor(k), transposed(k)},
      {transposed(m, 3), transposed(k, 5)},
      {rowMajor(k, 2), rowMajor(n, 9)},
      {{2 * k, 2}, {2 * n, 2}},
      {{3, 3 * m}, {5, 5 * k}},
      {{0, 1}, rowMajor(n)},
      {rowMajor(k), {n, 0}},
      {{1, 0}, {0, 1}},
  };
  for (DotElement element : {DotElement::f32, DotElement::f64, DotElement::bf16})
    for (const Layouts& l : layouts) {
      DotCase c = dense(m, n, k, kAvx512, element);
      c.shape.a = l.a;
      c.shape.b = l.b;
      check(c);
    }
}

TEST_CASE("dot: rows a page apart") {
  DotCase c = dense(75, 96, 40);
  c.shape.a = {1024, 1};
  c.shape.b = {1024, 1};
  check(c);
}

TEST_CASE("dot: element types") {
  for (DotElement element : {DotElement::f64, DotElement::bf16, DotElement::f16, DotElement::i64})
    for (const DotTarget& target : {kAvx512, kAvx2, kSse}) {
      check(dense(19, 37, 22, target, element));
      check(dense(150, 40, 31, target, element));
      check(dense(1, 20, 9, target, element));
    }
}

TEST_CASE("dot: batches, also broadcast ones, several to a chunk") {
  for (int64_t batch : {3, 40}) {
    DotCase c = dense(6, 20, 7);
    c.shape.batch = batch;
    c.a_batch_stride = 6 * 7;
    c.b_batch_stride = 7 * 20;
    check(c);
    c.b_batch_stride = 0;
    check(c);
    c.a_batch_stride = 0;
    check(c);
  }
  DotCase wide = dense(64, 300, 96);
  wide.shape.batch = 2;
  wide.a_batch_stride = 64 * 96;
  wide.b_batch_stride = 96 * 300;
  check(wide);
}

TEST_CASE("dot: sums continue over blocks of k") {
  for (int64_t block : {2, 6, 16}) {
    DotCase c = dense(70, 85, 38);
    c.k_block = block;
    check(c);
    c.shape.b = transposed(38);
    check(c);
    c.shape.element = DotElement::bf16;
    check(c);
  }
}

TEST_CASE("dot: the last column of tiles is as narrow as it can be") {
  for (DotElement element : {DotElement::f32, DotElement::bf16})
    for (const DotTarget& target : {kAvx512, kAvx2, kSse})
      for (int64_t n : {49, 65, 100, 196, 257}) {
        DotCase c = dense(30, n, 70, target, element);
        check(c);
        c.k_block = 32;
        check(c);
        c.shape.b = transposed(70);
        check(c);
        c.shape.m = 140;
        c.shape.b = rowMajor(n);
        check(c);
      }
  // In front of 65 rows B stays in place, of 300 it is packed.
  for (int64_t m : {65, 300}) {
    DotPlan plan = DotKernel(dense(m, 257, 129)).plan();
    CHECK(plan.packs_b == (m == 300));
    CHECK(plan.edgeVectors() == 17 % plan.tile_vectors);
  }
}

TEST_CASE("dot: lanes run along k where columns are fewer than lanes") {
  for (DotElement element : {DotElement::f32, DotElement::f64, DotElement::i64})
    for (const DotTarget& target : {kAvx512, kAvx2, kSse})
      for (int64_t n : {1, 2, 3, 5, 7, 10, 15})
        for (int64_t k : {300, 352}) {
          DotCase c = dense(37, n, k, target, element);
          c.shape.a.row_stride += 3;
          check(c);
          c.shape.b = transposed(k, 2);
          check(c);
          c.shape.b = {3 * n, 3};
          c.k_block = 96;
          check(c);
        }
  for (const DotTarget& target : {kAvx512, kAvx2, kSse}) {
    DotKernel kernel(dense(300, 3, 512, target));
    CHECK(kernel.plan().lanes_along_k);
  }
  DotCase batches = dense(20, 4, 200);
  batches.shape.batch = 3;
  batches.a_batch_stride = 20 * 200;
  batches.b_batch_stride = 4 * 200;
  check(batches);
  DotCase blocks = dense(20, 10, 2070);
  check(blocks);
  CHECK(DotKernel(blocks).plan().severalBlocks());
  // Transposing B for a few rows is not worth it.
  CHECK(!DotKernel(dense(1, 10, 512)).plan().lanes_along_k);
}

TEST_CASE("dot: few rows in front of a large matrix stream it") {
  DotCase c = dense(3, 2070, 520, {64, 32, 4 << 10, 64 << 10, true});
  check(c);
  REQUIRE(DotKernel(c).plan().severalBlocks());
  c = dense(1, 5000, 520, {64, 32, 4 << 10, 64 << 10, true}); // several runs of joined chunks
  check(c);
  DotPlan plan = DotKernel(c).plan();
  CHECK(plan.joinsChunks());
  CHECK(plan.columns_per_chunk < plan.joined_columns);
  CHECK(plan.joined_columns < 5000);
}

TEST_CASE("dot: where results are most of a product, rows go past panels that are all packed") {
  const DotTarget small{32, 16, 4 << 10, 32 << 10, true};
  for (const DotTarget& target : {small, DotTarget{64, 32, 4 << 10, 64 << 10, true}})
    for (int64_t n : {256, 331})
      for (DotElement element : {DotElement::f32, DotElement::bf16}) {
        DotCase c = dense(135, n, 24, target, element);
        c.shape.b = transposed(24);
        check(c);
        REQUIRE(DotKernel(c).plan().keeps_panels);
      }
  DotCase c = dense(135, 256, 24, small);
  c.shape.a = transposed(135);
  check(c);
  DotCase none = dense(135, 256, 0, small);
  none.shape.b = transposed(0);
  check(none);
}

TEST_CASE("dot: a transposed A whose steps fall into one cache set is packed") {
  DotCase c = dense(75, 96, 600, {32, 16, 32 << 10, 512 << 10, true});
  c.shape.a = {1, 1024};
  check(c);
  REQUIRE(DotKernel(c).plan().packs_a);
}

TEST_CASE("dot: panels of a transposed A are packed together") {
  int64_t most = 0;
  for (DotElement element : {DotElement::f32, DotElement::f64, DotElement::bf16})
    for (const DotTarget& target : {kAvx512, kAvx2})
      for (int64_t m : {24, 61, 203}) {
        DotCase c = dense(m, 150, 300, target, element);
        c.shape.a = transposed(256);
        DotPlan plan = DotKernel(c).plan();
        CHECK(plan.packs_a);
        most = std::max(most, plan.panelsPackedTogether());
        check(c);
        c.k_block = 130;
        check(c);
      }
  CHECK(most > 1);
}

TEST_CASE("dot: extents and strides known at run time") {
  for (bool fixed_unit : {false, true})
    for (DotElement element : {DotElement::f32, DotElement::i64, DotElement::bf16}) {
      DotCase c = dense(45, 70, 33, kAvx512, element);
      c.dynamic = true;
      c.fixed_unit = fixed_unit;
      check(c);
      c.shape.a = transposed(45);
      c.shape.b = transposed(33);
      check(c);
      DotCase one = dense(1, 1, 1, kAvx2, element);
      one.dynamic = true;
      one.fixed_unit = fixed_unit;
      check(one);
    }
  DotCase many = dense(300, 700, 600);
  many.dynamic = true;
  many.fixed_unit = true;
  check(many);
}

TEST_CASE("dot: random products") {
  uint64_t state = 12345;
  auto draw = [&](int64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return int64_t((state >> 33) % uint64_t(below));
  };
  const DotTarget targets[] = {kAvx512, kAvx2, kSse};
  for (int round = 0; round < 60; ++round) {
    int64_t m = 1 + draw(90), n = 1 + draw(130), k = draw(70);
    DotCase c = dense(m, n, k, targets[draw(3)], DotElement(draw(5)));
    c.shape.batch = 1 + draw(3);
    if (draw(2)) c.shape.a = transposed(m, draw(3));
    if (draw(2)) c.shape.b = transposed(k, draw(3));
    c.a_batch_stride = draw(2) * m * (k + 3);
    c.b_batch_stride = draw(2) * n * (k + 3);
    c.dynamic = draw(4) == 0;
    c.fixed_unit = draw(2);
    c.k_block = draw(3) ? 0 : 2 * (1 + draw(10));
    check(c);
  }
}

TEST_CASE("dot: pairs of bf16 are multiplied by one instruction") {
  if (!__builtin_cpu_supports("avx512bf16")) {
    WARN("SKIPPED: this processor has no vdpbf16ps");
    return;
  }
  auto halves = [](int64_t m, int64_t n, int64_t k) {
    return dense(m, n, k, kPairs, DotElement::bf16);
  };
  REQUIRE(DotKernel(halves(4, 16, 8)).plan().group == 2);
  for (int64_t m : {1, 2, 15, 31}) // in place and packed, whole tiles and tails of each extent
    for (int64_t n : {1, 16, 50})
      for (int64_t k : {0, 1, 2, 7, 34})
        check(halves(m, n, k));
  check(halves(129, 100, 67));
  check(halves(200, 96, 64));
  for (int64_t k : {64, 65}) // either factor transposed, rows an odd number of elements apart
    for (int64_t padding : {0, 3}) {
      DotCase c = halves(37, 53, k);
      c.shape.b = transposed(k, padding);
      check(c);
      c.shape.a = transposed(37, padding);
      check(c);
      c.shape.b = rowMajor(53, padding);
      check(c);
      c.k_block = 6;
      check(c);
      c.dynamic = true;
      check(c);
      c.fixed_unit = true;
      check(c);
    }
  DotCase strided = halves(20, 40, 21);
  strided.shape.a = {3, 3 * 20};
  strided.shape.b = {5, 5 * 21};
  check(strided);
}

TEST_CASE("dot: few rows of bf16 in front of a large matrix stream it") {
  if (!__builtin_cpu_supports("avx512bf16")) return;
  DotTarget small = kPairs;
  small.l1_bytes = 4 << 10;
  small.l2_bytes = 64 << 10;
  for (int64_t rows : {1, 3}) {
    DotCase c = dense(rows, 2070, 520, small, DotElement::bf16);
    check(c);
    DotPlan plan = DotKernel(c).plan();
    CHECK(!plan.packs_b);
    CHECK(plan.severalBlocks());
  }
}

namespace {

void checkBytes(const DotTarget& target) {
  auto bytes = [&](int64_t m, int64_t n, int64_t k) {
    return dense(m, n, k, target, DotElement::i8);
  };
  for (int64_t m : {1, 15, 31}) // every element of the full range of i8
    for (int64_t n : {1, 16, 50})
      for (int64_t k : {0, 1, 2, 3, 4, 7, 72})
        check(bytes(m, n, k));
  check(bytes(300, 100, 1030));
  for (int64_t k : {64, 67})
    for (int64_t padding : {0, 3}) {
      DotCase c = bytes(37, 53, k);
      c.shape.b = transposed(k, padding);
      check(c);
      c.shape.a = transposed(37, padding);
      check(c);
      c.shape.b = rowMajor(53, padding);
      check(c);
      c.k_block = 12;
      check(c);
      c.dynamic = true;
      check(c);
      c.fixed_unit = true;
      check(c);
    }
}

} // namespace

TEST_CASE("dot: quads of i8 are multiplied by one instruction") {
  if (__builtin_cpu_supports("avx512vnni"))
    checkBytes(kQuads);
  else
    WARN("SKIPPED: this processor has no vpdpbusd");
}

TEST_CASE("dot: pairs of i8 are multiplied as i16 by one instruction") {
  DotTarget narrow = kAvx2, wide = kAvx512;
  narrow.i16_pairs = wide.i16_pairs = true;
  if (__builtin_cpu_supports("avx2"))
    checkBytes(narrow);
  else
    WARN("SKIPPED: this processor has no vpmaddwd of 32 bytes");
  if (__builtin_cpu_supports("avx512bw")) checkBytes(wide);
}

TEST_CASE("dot: plans depend on shapes alone and fit the caches") {
  auto plan = [](int64_t m, int64_t n, int64_t k, DotLayout b) {
    return planDot({DotElement::f32, 1, m, n, k, rowMajor(k), b}, kAvx512);
  };
  // A small B is read in place, a large one copied once for all rows.
  CHECK(!plan(64, 128, 64, rowMajor(128)).packs_b);
  CHECK(plan(512, 3072, 768, rowMajor(3072)).packs_b);
  CHECK(plan(64, 128, 64, transposed(64)).packs_b);
  CHECK(plan(512, 3072, 768, rowMajor(3072)).rows_per_chunk >= 512);
  // There is work for many threads, and not more chunks than are worth a hand-over.
  CHECK(plan(512, 3072, 768, rowMajor(3072)).chunks(1, 512, 3072) >= 32);
  CHECK(plan(64, 128, 64, rowMajor(128)).chunks(1, 64, 128) <= 2);
  // One row waits for memory, which several threads read faster, each of them long runs: a matrix,
  // or one for each head.
  DotShape row{DotElement::bf16, 1, 1, 768, 2048, rowMajor(2048), rowMajor(768)};
  CHECK(planDot(row, kPairs).chunks(1, 1, 768) >= 2);
  CHECK(planDot(row, kPairs).joined_columns >= 768 / 2);
  DotShape heads{DotElement::f32, 12, 1, 64, 256, rowMajor(256), rowMajor(64)};
  CHECK(planDot(heads, kAvx512).chunks(12, 1, 64) == 6);
  for (int64_t extent : {1, 5, 64, 1000, 5000}) {
    DotPlan p = plan(extent, extent, extent, rowMajor(extent));
    INFO("extent " << extent);
    CHECK(p.tile_rows * p.tile_vectors + p.tile_vectors + 1 <= kAvx512.vector_registers);
    CHECK(p.scratchBytes() % 64 == 0);
    CHECK(p.scratchBytes() <= 2 * kAvx512.l2_bytes);
    CHECK(p.rows_per_chunk % p.tile_rows == 0);
    CHECK(p.columns_per_chunk % p.tileColumns() == 0);
  }
}
