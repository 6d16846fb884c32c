// Data sets and the loader: batches, order, errors.

#include "weft/data.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <numeric>
#include <set>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

data::TensorDataset numbered(int64_t rows) {
  std::vector<float> x(static_cast<size_t>(rows) * 2);
  std::iota(x.begin(), x.end(), 0.0f);
  std::vector<int64_t> y(static_cast<size_t>(rows));
  std::iota(y.begin(), y.end(), int64_t{0});
  return {tensor(x, {rows, 2}), tensor(y, {rows})};
}

std::vector<int64_t> order(data::DataLoader& loader) {
  std::vector<int64_t> rows;
  for (auto [x, y] : loader) {
    std::vector<int64_t> labels = y.to_vector<int64_t>();
    std::vector<float> values = x.to_vector<float>();
    REQUIRE(x.shape() == Shape{static_cast<int64_t>(labels.size()), 2});
    for (size_t k = 0; k < labels.size(); k++) { // inputs and targets stay together
      REQUIRE(values[2 * k] == 2 * static_cast<float>(labels[k]));
      rows.push_back(labels[k]);
    }
  }
  return rows;
}

} // namespace

TEST_CASE("batches cover the data in order", "[data]") {
  data::DataLoader loader(numbered(10), {.batch_size = 4});
  CHECK(loader.size() == 3);
  std::vector<int64_t> sizes;
  for (auto [x, y] : loader)
    sizes.push_back(x.size(0));
  CHECK(sizes == std::vector<int64_t>{4, 4, 2});
  std::vector<int64_t> expected(10);
  std::iota(expected.begin(), expected.end(), int64_t{0});
  CHECK(order(loader) == expected);
  int batches = 0;
  for (auto [x, y] : data::DataLoader(numbered(10), {.batch_size = 4, .drop_last = true})) {
    CHECK(x.size(0) == 4);
    batches++;
  }
  CHECK(batches == 2);
}

TEST_CASE("a shuffled pass is a permutation, another one each time, the same for a seed",
          "[data]") {
  data::DataLoader a(numbered(50), {.batch_size = 7, .shuffle = true, .seed = 3});
  data::DataLoader b(numbered(50), {.batch_size = 7, .shuffle = true, .seed = 3});
  data::DataLoader c(numbered(50), {.batch_size = 7, .shuffle = true, .seed = 4});
  std::vector<int64_t> first = order(a), second = order(a);
  CHECK(std::set<int64_t>(first.begin(), first.end()).size() == 50);
  CHECK(first != second);
  CHECK(order(b) == first);
  CHECK(order(b) == second);
  CHECK(order(c) != first);
}

TEST_CASE("a loader goes on at a batch of a pass", "[data]") {
  data::LoaderOptions options{.batch_size = 7, .shuffle = true, .seed = 3};
  data::DataLoader whole(numbered(50), options), resumed(numbered(50), options);
  std::vector<int64_t> first = order(whole), second = order(whole);
  CHECK(whole.passes() == 2);
  resumed.resume(1, 3);
  CHECK(order(resumed) == std::vector<int64_t>(second.begin() + 21, second.end()));
  CHECK(order(resumed) == order(whole)); // the pass after it is a whole one
  resumed.resume(0);
  CHECK(order(resumed) == first);
  resumed.resume(5, 8);
  CHECK(order(resumed).empty());
  CHECK_THROWS_WITH(resumed.resume(0, 9), Contains("resume: the batch must be in [0, 8], got 9"));
}

TEST_CASE("strided inputs are gathered by value", "[data]") {
  Tensor x = transpose(tensor(std::vector<float>{0, 1, 2, 3, 4, 5}, {2, 3}), 0, 1);
  data::TensorDataset set(x, tensor(std::vector<int64_t>{0, 1, 2}, {3}));
  data::Batch batch = set.gather({2, 0});
  CHECK(batch.x.to_vector<float>() == std::vector<float>{2, 5, 0, 3});
  CHECK(batch.y.to_vector<int64_t>() == std::vector<int64_t>{2, 0});
}

TEST_CASE("empty sets, wrong rows and sizes", "[data]") {
  data::DataLoader loader(numbered(0), {.batch_size = 4});
  CHECK(loader.size() == 0);
  CHECK(order(loader).empty());
  CHECK_THROWS_WITH(numbered(3).gather({3}), Contains("gather: rows must be in [0, 2], got 3"));
  CHECK_THROWS_WITH(
      data::TensorDataset(ones({3, 2}), ones({2})),
      Contains("TensorDataset: inputs and targets must have as many rows, got [3, 2] and [2]"));
  CHECK_THROWS_WITH(data::DataLoader(numbered(3), {.batch_size = 0}),
                    Contains("DataLoader: batch_size must be positive, got 0"));
}
