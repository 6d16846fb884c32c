// Pointwise ops, copies and scans over operands of any layout, against loops on the host.

#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace weft;

namespace {

// Sizes around those of vectors, tiles and runs.
constexpr int64_t kSizes[] = {1, 2, 3, 7, 16, 33, 64, 129, 300};

/// A matrix on the host: element (r, c) of a tensor that was made row by row.
struct Matrix {
  int64_t rows, columns;
  std::vector<double> values;

  Matrix(int64_t r, int64_t c, int64_t seed = 0) : rows(r), columns(c) {
    for (int64_t k = 0; k < r * c; k++)
      values.push_back(static_cast<double>((k * 7 + seed) % 31));
  }
  double& at(int64_t r, int64_t c) { return values[static_cast<size_t>(r * columns + c)]; }
  Tensor make(DType dtype) const { return tensor(values, {rows, columns}).to(dtype); }
};

std::vector<double> read(const Tensor& t) { return t.to(f64).to_vector<double>(); }

template <class F> void each_size(F f) {
  for (int64_t rows : kSizes)
    for (int64_t columns : kSizes) {
      CAPTURE(rows, columns);
      f(rows, columns);
    }
}

constexpr DType kOneOfEachWidth[] = {u8, bf16, f32, i64};

} // namespace

TEST_CASE("a transposed operand meets one that lies as the result does", "[layouts]") {
  const DType dtype = GENERATE(from_range(std::begin(kOneOfEachWidth), std::end(kOneOfEachWidth)));
  each_size([&](int64_t rows, int64_t columns) {
    Matrix a(rows, columns), b(columns, rows, 5), sum(rows, columns);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++)
        sum.at(r, c) = a.at(r, c) + b.at(c, r);
    CHECK(read(a.make(dtype) + b.make(dtype).transpose(0, 1)) == sum.values);
  });
}

TEST_CASE("operands that lie alike meet a result that does not", "[layouts]") {
  const DType dtype = GENERATE(from_range(std::begin(kOneOfEachWidth), std::end(kOneOfEachWidth)));
  each_size([&](int64_t rows, int64_t columns) {
    Matrix a(columns, rows), b(columns, rows, 5), row(1, columns, 3), all(rows, columns);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++)
        all.at(r, c) = a.at(c, r) > 15 ? b.at(c, r) : row.at(0, c);
    const Tensor x = a.make(dtype).transpose(0, 1), y = b.make(dtype).transpose(0, 1);
    CHECK(read(where(x > 15, y, row.make(dtype))) == all.values);
    CHECK(read(where(a.make(f64).transpose(0, 1) > 15.0, y, row.make(dtype))) == all.values);
    Matrix sum(rows, columns);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++)
        sum.at(r, c) = a.at(c, r) + b.at(c, r);
    CHECK(read(x + y) == sum.values);
    Tensor target = zeros({rows, 2 * columns}, dtype); // every second element of wider lines
    slice(target, 1, 0, 2 * columns, 2).copy_(x).add_(y);
    CHECK(read(slice(target, 1, 0, 2 * columns, 2).contiguous()) == sum.values);
  });
}

TEST_CASE("copies between layouts", "[layouts]") {
  const DType dtype = GENERATE(from_range(std::begin(kOneOfEachWidth), std::end(kOneOfEachWidth)));
  each_size([&](int64_t rows, int64_t columns) {
    Matrix a(rows, columns), turned(columns, rows);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++)
        turned.at(c, r) = a.at(r, c);
    const Tensor x = a.make(dtype);
    CHECK(read(x.transpose(0, 1).contiguous()) == turned.values);
    Tensor target = zeros({columns, rows}, dtype);
    target.transpose(0, 1).copy_(x);
    CHECK(read(target) == turned.values);
  });
}

TEST_CASE("an op in place writes into a view of another layout", "[layouts]") {
  each_size([&](int64_t rows, int64_t columns) {
    Matrix a(rows, columns), b(columns, rows, 5), sum(columns, rows);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++)
        sum.at(c, r) = a.at(r, c) + b.at(c, r);
    Tensor target = b.make(f32);
    target.transpose(0, 1).add_(a.make(f32));
    CHECK(read(target) == sum.values);
    // Every second column of a wider one.
    Tensor wide = zeros({rows, 2 * columns});
    slice(wide, 1, 0, 2 * columns, 2).add_(a.make(f32));
    CHECK(read(slice(wide, 1, 0, 2 * columns, 2).contiguous()) == a.values);
    CHECK(read(slice(wide, 1, 1, 2 * columns, 2).contiguous()) ==
          std::vector<double>(a.values.size(), 0.0));
  });
}

TEST_CASE("broadcast operands meet transposed ones", "[layouts]") {
  each_size([&](int64_t rows, int64_t columns) {
    Matrix a(columns, rows), row(1, columns, 3), column(rows, 1, 11), all(rows, columns);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++)
        all.at(r, c) = a.at(c, r) > 15 ? row.at(0, c) : column.at(r, 0);
    const Tensor mask = a.make(f32).transpose(0, 1) > 15.0;
    CHECK(read(where(mask, row.make(f32), column.make(f32))) == all.values);
    const Tensor turned = (a.make(f32) > 15.0).transpose(0, 1);
    CHECK(read(where(turned, row.make(f64), column.make(f64))) == all.values);
  });
}

TEST_CASE("operands without elements are walked in no step", "[layouts]") {
  for (const Shape& shape : {Shape{0, 3}, Shape{3, 0}, Shape{2, 0, 3}, Shape{0}}) {
    CAPTURE(shape.str());
    Tensor target = zeros(shape);
    CHECK(target.copy_(zeros(shape).transpose(0, -1).contiguous().transpose(0, -1)).numel() == 0);
    CHECK((target.transpose(0, -1) + zeros(shape).transpose(0, -1).to(f64)).numel() == 0);
  }
}

TEST_CASE("operands of four dims with two of them changed about", "[layouts]") {
  for (int64_t inner : {1, 3, 5, 32, 70}) {
    CAPTURE(inner);
    const Tensor x = arange(2 * 3 * 5 * inner).reshape({2, 5, 3, inner}).to(f32);
    const Tensor y = x.transpose(1, 2) * 2.0;
    const auto in = read(x), out = read(y);
    size_t k = 0;
    for (int64_t a = 0; a < 2; a++)
      for (int64_t b = 0; b < 3; b++)
        for (int64_t c = 0; c < 5; c++)
          for (int64_t d = 0; d < inner; d++)
            CHECK(out[k++] == 2 * in[static_cast<size_t>(((a * 5 + c) * 3 + b) * inner + d)]);
  }
}

TEST_CASE("scans join the elements of a line in their order, in f64", "[layouts]") {
  each_size([&](int64_t rows, int64_t columns) {
    Matrix a(rows, columns), sums(rows, columns), greatest(rows, columns);
    for (double& v : a.values)
      v = static_cast<double>(static_cast<float>(v * 0.37 - 3));
    for (int64_t r = 0; r < rows; r++) {
      double sum = 0;
      int64_t best = 0;
      for (int64_t c = 0; c < columns; c++) {
        sums.at(r, c) = static_cast<double>(static_cast<float>(sum += a.at(r, c)));
        if (a.at(r, c) >= a.at(r, best)) best = c;
        greatest.at(r, c) = static_cast<double>(best);
      }
    }
    const Tensor x = a.make(f32), turned = x.transpose(0, 1).contiguous();
    CHECK(read(cumsum(x, 1)) == sums.values);
    CHECK(read(cumsum(turned, 0).transpose(0, 1).contiguous()) == sums.values);
    CHECK(read(cumsum(turned.transpose(0, 1), 1)) == sums.values);
    CHECK(read(cummax(x, 1).indices) == greatest.values);
    CHECK(read(cummax(turned, 0).indices.transpose(0, 1).contiguous()) == greatest.values);
  });
}

TEST_CASE("scans down the columns of wide rows go along them", "[layouts]") {
  const int threads = num_threads();
  set_num_threads(1); // so that one walk has more columns than it keeps sums of at a time
  for (int64_t columns : {1023, 1024, 1025, 2500}) {
    CAPTURE(columns);
    Matrix x(5, columns), sums = x;
    for (int64_t r = 1; r < 5; r++)
      for (int64_t c = 0; c < columns; c++)
        sums.at(r, c) += sums.at(r - 1, c);
    CHECK(read(cumsum(x.make(f32), 0)) == sums.values);
    CHECK(read(flip(cumsum(flip(x.make(f32), {1}), 0), {1})) == sums.values);
  }
  set_num_threads(threads);
}

TEST_CASE("the gradient of a scan is a scan from the other end", "[layouts]") {
  each_size([&](int64_t rows, int64_t columns) {
    Matrix a(rows, columns), want(rows, columns);
    for (int64_t r = 0; r < rows; r++) {
      double sum = 0;
      for (int64_t c = columns - 1; c >= 0; c--)
        want.at(r, c) = sum += a.at(r, c);
    }
    Tensor x = zeros({rows, columns});
    x.requires_grad_();
    cumsum(x, 1).backward(a.make(f32));
    CHECK(read(x.grad()) == want.values);
  });
}

TEST_CASE("sums of integers wrap in scans", "[layouts]") {
  const Tensor x = full({3, 100}, 100, i8);
  const auto got = read(cumsum(x.to(i64), 1).to(i8));
  for (int64_t k = 0; k < 300; k++)
    CHECK(got[static_cast<size_t>(k)] == static_cast<int8_t>((k % 100 + 1) * 100));
}

namespace {

/// Four dims on the host: element (i, j, k, l) of a row-major tensor.
struct Block {
  Shape shape;
  std::vector<double> values;

  explicit Block(const Shape& s) : shape(s) {
    const int64_t n = s[0] * s[1] * s[2] * s[3];
    for (int64_t k = 0; k < n; k++)
      values.push_back(static_cast<double>(k * 5 % 7 % 3));
  }
  /// The sums over the chosen dims, in the order of the kept ones.
  std::vector<double> sums(const std::vector<bool>& is_reduced) const {
    int64_t steps[4], kept = 1;
    for (int d = 3; d >= 0; d--) {
      steps[d] = is_reduced[static_cast<size_t>(d)] ? 0 : kept;
      if (!is_reduced[static_cast<size_t>(d)]) kept *= shape[d];
    }
    std::vector<double> result(static_cast<size_t>(kept));
    size_t next = 0;
    for (int64_t i = 0; i < shape[0]; i++)
      for (int64_t j = 0; j < shape[1]; j++)
        for (int64_t k = 0; k < shape[2]; k++)
          for (int64_t l = 0; l < shape[3]; l++)
            result[static_cast<size_t>(i * steps[0] + j * steps[1] + k * steps[2] +
                                       l * steps[3])] += values[next++];
    return result;
  }
};

} // namespace

TEST_CASE("sums over any dims of operands of any layout", "[layouts]") {
  const Shape shape =
      GENERATE(Shape{3, 5, 4, 7}, Shape{2, 33, 3, 70}, Shape{300, 2, 1, 3}, Shape{17, 3, 20, 16});
  const DType dtype = GENERATE(f32, f64, f16, i32, i64);
  const Block block(shape);
  const Tensor x = tensor(block.values, shape).to(dtype);
  // The same elements, each pair of dims changed about in memory.
  std::vector<Tensor> layouts{x};
  for (int a = 0; a < 4; a++)
    for (int b = a + 1; b < 4; b++)
      layouts.push_back(x.transpose(a, b).contiguous().transpose(a, b));
  for (unsigned chosen = 1; chosen < 16; chosen++) {
    Dims dims;
    std::vector<bool> is_reduced(4);
    for (unsigned d = 0; d < 4; d++)
      if (chosen >> d & 1) dims.push_back(d), is_reduced[d] = true;
    const std::vector<double> want = block.sums(is_reduced);
    for (const Tensor& t : layouts) {
      CAPTURE(shape.str(), name_of(dtype), dims.str(), Ints(t.strides()).str());
      const Tensor got = sum(t, dims);
      const Tensor rounded = tensor(want, {static_cast<int64_t>(want.size())}).to(got.dtype());
      CHECK(read(got) == read(rounded));
    }
  }
}

TEST_CASE("rows that one index leads to are joined in its order", "[layouts]") {
  manual_seed(5);
  const auto [rows, columns] =
      GENERATE(table<int64_t, int64_t>({{40, 500}, {300, 70}, {1, 20000}}));
  const int64_t length = GENERATE(1, 90);
  CAPTURE(rows, columns, length);
  const Tensor x = normal({rows, columns}), src = normal({length, columns});
  const Tensor index = remainder(arange(length) * 7, rows); // each more than once, or some never
  std::vector<double> sums = read(x), last = sums;
  const std::vector<double> from = read(src);
  const std::vector<int64_t> places = index.to_vector<int64_t>();
  for (size_t k = 0; k < places.size(); k++)
    for (size_t c = 0; c < static_cast<size_t>(columns); c++) {
      const size_t to = static_cast<size_t>(places[k] * columns) + c;
      const double s = from[k * static_cast<size_t>(columns) + c];
      sums[to] = static_cast<double>(static_cast<float>(sums[to]) + static_cast<float>(s));
      last[to] = s;
    }
  CHECK(read(index_add(x, 0, index, src)) == sums);
  CHECK(read(index_copy(x, 0, index, src)) == last);
  const Tensor turned = x.transpose(0, 1).contiguous();
  CHECK(read(index_add(turned.transpose(0, 1), 0, index, src)) == sums);
  CHECK(read(index_add(turned, 1, index, src.transpose(0, 1)).transpose(0, 1)) == sums);
  Tensor target = x.clone();
  CHECK(read(target.index_add_(0, index, src)) == sums);
  CHECK_THROWS(index_add(x, 0, index + rows, src));
}

TEST_CASE("positions of what is not 0, in order", "[layouts]") {
  each_size([&](int64_t rows, int64_t columns) {
    Matrix a(rows, columns);
    for (double& v : a.values)
      v = v > 15 ? v : 0;
    std::vector<double> straight, turned;
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < columns; c++)
        if (a.at(r, c) != 0)
          straight.insert(straight.end(), {static_cast<double>(r), static_cast<double>(c)});
    for (int64_t c = 0; c < columns; c++)
      for (int64_t r = 0; r < rows; r++)
        if (a.at(r, c) != 0)
          turned.insert(turned.end(), {static_cast<double>(c), static_cast<double>(r)});
    for (DType dtype : {f32, bf16, u8, i64}) {
      CHECK(read(nonzero(a.make(dtype))) == straight);
      CHECK(read(nonzero(a.make(dtype).transpose(0, 1))) == turned);
    }
    CHECK(read(nonzero(a.make(f64) != 0.0)) == straight);
  });
}

TEST_CASE("sorts keep the order of equal elements, NaN last", "[layouts]") {
  const int64_t size = GENERATE(1, 2, 63, 300, 5000);
  const bool descending = GENERATE(false, true);
  const DType dtype = GENERATE(f32, f64, f16, bf16, i64, i32, u8, boolean);
  manual_seed(7);
  Tensor x = (normal({size}) * 40.0).to(i32).to(dtype); // many are equal
  if (is_floating(dtype)) {
    x = where(x == 3.0, std::nan(""), x);
    x = where(x == 5.0, -0.0, x); // equal to 0
  }
  const std::vector<double> values = read(x);
  std::vector<int64_t> want(values.size());
  std::iota(want.begin(), want.end(), int64_t{0});
  auto is_before = [](double a, double b) { return a < b || (std::isnan(b) && !std::isnan(a)); };
  std::stable_sort(want.begin(), want.end(), [&](int64_t a, int64_t b) {
    const double u = values[static_cast<size_t>(a)], v = values[static_cast<size_t>(b)];
    return descending ? is_before(v, u) : is_before(u, v);
  });
  CAPTURE(size, descending, name_of(dtype));
  CHECK(argsort(x, 0, descending).to_vector<int64_t>() == want);
  const int64_t few = std::max<int64_t>(size / 10, 1);
  want.resize(static_cast<size_t>(few));
  CHECK(topk(x, few, 0, descending).indices.to_vector<int64_t>() == want);
}

TEST_CASE("searches in sorted sequences of any length", "[layouts]") {
  for (int64_t size : {0, 1, 2, 3, 7, 8, 100}) {
    CAPTURE(size);
    const Tensor sorted = (arange(size) / 2).floor(); // 0, 0, 1, 1, ...
    const auto have = read(sorted), values = std::vector<double>{-1, 0, 0.5, 3, 49, 60};
    const Tensor x = tensor(values, {6}).to(f32);
    for (bool right : {false, true}) {
      std::vector<double> want;
      for (double v : values)
        want.push_back(static_cast<double>((right ? std::upper_bound(have.begin(), have.end(), v)
                                                  : std::lower_bound(have.begin(), have.end(), v)) -
                                           have.begin()));
      CHECK(read(searchsorted(sorted.to(f32), x, right)) == want);
    }
  }
}

TEST_CASE("the random stream is one, wherever a call begins", "[layouts]") {
  manual_seed(11);
  const std::vector<float> all = uniform({10000}).to_vector<float>();
  manual_seed(11);
  const std::vector<float> few = uniform({37}).to_vector<float>();
  CHECK(std::equal(few.begin(), few.end(), all.begin()));
}
