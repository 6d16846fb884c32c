// The eager reductions, on every instruction set: exact ones against a plain loop, sums within
// 4 sqrt(n) eps, and the same bits however a row is cut.
#include "kernels/elements.h"
#include "kernels/kernel_table.h"
#include "test/unit/kernel_targets.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <string>
#include <vector>

using namespace weft;
using namespace weft::kernels;

namespace {

std::vector<float> normal(size_t n, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> d;
  std::vector<float> r(n);
  for (float& v : r)
    v = d(random);
  return r;
}

template <class Out> Out row(Op op, DType dtype, const void* in, size_t n) {
  Out out{};
  reduction_kernel(op, dtype).rows(in, 1, 0, static_cast<int64_t>(n), &out);
  return out;
}

const float kNaN = std::numeric_limits<float>::quiet_NaN();
const float kInf = std::numeric_limits<float>::infinity();

} // namespace

TEST_CASE("sums stay within the tolerance of any length") {
  on_each_target([] {
    for (size_t n : {1, 2, 3, 15, 16, 17, 64, 65, 1000, 4096, 32768, 32769, 300000}) {
      std::vector<float> x = normal(n, n);
      double want = 0, size = 0;
      for (float v : x)
        want += v, size += std::abs(v);
      double got = row<float>(Op::sum, f32, x.data(), n);
      INFO(n);
      CHECK(std::abs(got - want) <=
            4 * std::sqrt(double(n)) * 6e-8 * std::max(1.0, size / std::sqrt(double(n))));
      CHECK(row<float>(Op::mean, f32, x.data(), n) == Approx(want / double(n)).margin(1e-5));
    }
    // All of one sign, where a plain loop would drift.
    std::vector<float> tenth(1 << 20, 0.1f);
    CHECK(row<float>(Op::sum, f32, tenth.data(), tenth.size()) ==
          Approx(0.1f * double(1 << 20)).epsilon(1e-6));
  });
}

TEST_CASE("integers and bools sum to i64, and wrap") {
  on_each_target([] {
    std::vector<int64_t> x(1001);
    for (size_t k = 0; k < x.size(); k++)
      x[k] = static_cast<int64_t>(k) - 3;
    CHECK(row<int64_t>(Op::sum, i64, x.data(), x.size()) == 1000 * 1001 / 2 - 3 * 1001);
    std::vector<uint8_t> b(1001, 1);
    b[5] = 0;
    CHECK(row<int64_t>(Op::sum, boolean, b.data(), b.size()) == 1000);
    CHECK(row<uint8_t>(Op::min, boolean, b.data(), b.size()) == 0);
    CHECK(row<uint8_t>(Op::max, boolean, b.data(), b.size()) == 1);
    const int64_t big[] = {INT64_MAX, 1};
    CHECK(row<int64_t>(Op::sum, i64, big, 2) == INT64_MIN);
  });
}

TEST_CASE("bf16 accumulates in f32 and rounds once") {
  on_each_target([] {
    std::vector<Bf16> x(1000, to_bf16(1.0f));
    CHECK(widen(row<Bf16>(Op::sum, bf16, x.data(), x.size())) == 1000.0f);
    CHECK(widen(row<Bf16>(Op::mean, bf16, x.data(), x.size())) == 1.0f);
  });
}

TEST_CASE("no elements give the identity") {
  on_each_target([] {
    CHECK(row<float>(Op::sum, f32, nullptr, 0) == 0);
    CHECK(std::isnan(row<float>(Op::mean, f32, nullptr, 0)));
  });
}

TEST_CASE("max, min and argmax find the first greatest, and NaN wins") {
  on_each_target([] {
    for (size_t n : {1, 2, 5, 16, 17, 63, 300, 33000}) {
      std::vector<float> x = normal(n, n + 1);
      for (float& v : x)
        v = std::round(v * 8); // many ties
      size_t first = static_cast<size_t>(std::max_element(x.begin(), x.end()) - x.begin());
      INFO(n);
      CHECK(row<float>(Op::max, f32, x.data(), n) == x[first]);
      CHECK(row<float>(Op::min, f32, x.data(), n) == *std::min_element(x.begin(), x.end()));
      CHECK(row<int64_t>(Op::argmax, f32, x.data(), n) == static_cast<int64_t>(first));
      std::vector<double> d(x.begin(), x.end());
      CHECK(row<int64_t>(Op::argmax, f64, d.data(), n) == static_cast<int64_t>(first));
      std::vector<int64_t> i(x.begin(), x.end());
      CHECK(row<int64_t>(Op::argmax, i64, i.data(), n) == static_cast<int64_t>(first));
      std::vector<Bf16> h;
      for (float v : x)
        h.push_back(to_bf16(v));
      CHECK(row<int64_t>(Op::argmax, bf16, h.data(), n) == static_cast<int64_t>(first));
      for (size_t at : {n / 2, n - 1}) {
        x[at] = kNaN;
        CHECK(std::isnan(row<float>(Op::max, f32, x.data(), n)));
        CHECK(std::isnan(row<float>(Op::min, f32, x.data(), n)));
        CHECK(row<int64_t>(Op::argmax, f32, x.data(), n) == static_cast<int64_t>(n / 2));
      }
    }
    const float lows[] = {-kInf, -kInf, -kInf};
    CHECK(row<float>(Op::max, f32, lows, 3) == -kInf);
    CHECK(row<int64_t>(Op::argmax, f32, lows, 3) == 0);
  });
}

TEST_CASE("pieces merged later have the bits of the whole row") {
  on_each_target([] {
    const size_t n = 5 * kReductionPiece + 777;
    std::vector<float> x = normal(n, 5);
    for (Op op : {Op::sum, Op::mean, Op::max, Op::argmax}) {
      const ReductionKernel& k = reduction_kernel(op, f32);
      std::vector<char> states(6 * kReductionStateBytes);
      for (int64_t p = 5; p >= 0; p--) { // in any order
        int64_t first = p * kReductionPiece;
        k.piece(x.data() + first, first, std::min<int64_t>(kReductionPiece, int64_t(n) - first),
                states.data() + p * kReductionStateBytes);
      }
      int64_t whole = 0, merged = 0;
      k.rows(x.data(), 1, 0, n, &whole);
      k.finish(states.data(), 6, n, &merged);
      CHECK(whole == merged);
    }
  });
}

TEST_CASE("rows and columns of a matrix agree") {
  on_each_target([] {
    for (auto [height, width] :
         {std::pair<int64_t, int64_t>{3, 5}, {70, 67}, {1000, 9}, {33, 300}, {100, 1100}}) {
      std::vector<float> x = normal(static_cast<size_t>(height * width), 9);
      std::vector<float> t(x.size());
      for (int64_t r = 0; r < height; r++)
        for (int64_t c = 0; c < width; c++)
          t[static_cast<size_t>(c * height + r)] = x[static_cast<size_t>(r * width + c)];
      const int64_t start = 0;
      const ColumnPlaces places{&start, height, width};
      std::vector<float> by_column(static_cast<size_t>(width)), by_row(by_column);
      for (Op op : {Op::sum, Op::max}) {
        reduction_kernel(op, f32).columns(x.data(), height, places, width, by_column.data());
        reduction_kernel(op, f32).rows(t.data(), width, height, height, by_row.data());
        for (size_t c = 0; c < by_row.size(); c++)
          CHECK(by_column[c] == Approx(by_row[c]).margin(1e-4));
      }
      std::vector<int64_t> index_column(static_cast<size_t>(width)), index_row(index_column);
      reduction_kernel(Op::argmax, f32)
          .columns(x.data(), height, places, width, index_column.data());
      reduction_kernel(Op::argmax, f32).rows(t.data(), width, height, height, index_row.data());
      CHECK(index_column == index_row);
      // A range of columns alone has the same bits.
      std::vector<float> alone(static_cast<size_t>(width));
      reduction_kernel(Op::sum, f32).columns(x.data(), height, places, width, by_column.data());
      for (int64_t c = 0; c < width; c++)
        reduction_kernel(Op::sum, f32).columns(x.data() + c, height, places, 1, alone.data() + c);
      CHECK(std::memcmp(alone.data(), by_column.data(), alone.size() * sizeof(float)) == 0);
      // So have columns whose rows are named one by one.
      std::vector<int64_t> starts;
      for (int64_t r = 0; r < height; r++)
        starts.push_back(r * width);
      reduction_kernel(Op::sum, f32)
          .columns(x.data(), height, {starts.data(), 1, 0}, width, alone.data());
      CHECK(std::memcmp(alone.data(), by_column.data(), alone.size() * sizeof(float)) == 0);
    }
  });
}
