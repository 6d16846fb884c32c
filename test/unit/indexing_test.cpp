// NumPy's indexing, read and written, and the rules of gathers, scatters, scans and sorts.

#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>

using namespace weft;

namespace {

using Numbers = std::vector<int64_t>;

Tensor counted(const Shape& shape) {
  int64_t n = 1;
  for (int64_t s : shape)
    n *= s;
  return arange(n).reshape(shape);
}

Numbers numbers(const Tensor& t) { return t.to_vector<int64_t>(); }

/// The shape and the first elements of an index of 0, 1, ... as [3, 4, 5].
struct Selection {
  std::vector<Index> entries;
  Shape shape;
  Numbers first;
};

struct Refusal {
  const char* says;
  std::function<void()> call;
};

void check_refused(const Refusal& r) {
  INFO(r.says);
  try {
    r.call();
    FAIL("no error");
  } catch (const Error& e) {
    CHECK_THAT(e.what(), Catch::StartsWith(r.says));
    CHECK_THAT(e.what(), Catch::Contains("indexing_test.cpp"));
  }
}

} // namespace

TEST_CASE("what an index selects, and where its dims go") {
  const Tensor x = counted({3, 4, 5}), rows = tensor({0, 2}), columns = tensor({1, 4});
  const Selection all[] = {
      {{1}, {4, 5}, {20, 21}},
      {{-1, ellipsis, 2}, {4}, {42, 47}},
      {{Slice(1), newaxis, Slice(1, -1, 2)}, {2, 1, 1, 5}, {25, 26}},
      {{ellipsis, newaxis}, {3, 4, 5, 1}, {0, 1}},
      {{rows}, {2, 4, 5}, {0, 1, 2}},
      {{Slice(), columns - 1}, {3, 2, 5}, {0, 1, 2, 3, 4, 15}},
      {{rows, Slice(), columns}, {2, 4}, {1, 6, 11, 16, 44, 49}},
      {{rows, columns - 1}, {2, 5}, {0, 1, 2, 3, 4, 55}},
      {{rows.reshape({2, 1}), columns - 1}, {2, 2, 5}, {0, 1, 2, 3, 4, 15}},
      {{rows, newaxis, columns - 1}, {2, 1, 5}, {0, 1, 2, 3, 4, 55}},
      {{1, Slice(), tensor({0, 1})}, {4, 2}, {20, 21, 25, 26}},
      {{tensor(1), Slice(), tensor({0, 1})}, {4, 2}, {20, 21, 25, 26}},
      {{ellipsis, tensor({0, -1})}, {3, 4, 2}, {0, 4, 5, 9}},
      {{tensor({true, false, true})}, {2, 4, 5}, {0, 1, 2}},
      {{x > 40}, {19}, {41, 42, 43}},
      {{Slice(), x[0] > 12}, {3, 7}, {13, 14, 15, 16, 17, 18, 19, 33}},
      {{true}, {1, 3, 4, 5}, {0, 1}},
      {{false}, {0, 3, 4, 5}, {}},
      {{zeros({0}, i64)}, {0, 4, 5}, {}},
      {{x < 0}, {0}, {}},
  };
  int number = 0;
  for (const Selection& s : all) {
    INFO("selection " << number++);
    Tensor y = x.index(s.entries);
    CHECK(y.shape() == s.shape);
    Numbers have = numbers(y);
    have.resize(std::min(have.size(), s.first.size()));
    CHECK(have == s.first);
  }
}

TEST_CASE("an index without tensors is a view, one with tensors a copy") {
  const Tensor x = counted({3, 4});
  CHECK(x.index({1, Slice(0, 2)}).shares_storage(x));
  CHECK(x.index({ellipsis}).shares_storage(x));
  CHECK(!x.index({tensor({0, 1})}).shares_storage(x));
  Tensor y = x[{1, Slice(0, 2)}];
  CHECK(y.shares_storage(x));
  CHECK(sum(x[{Slice(), 1}]).item<int64_t>() == 1 + 5 + 9);
  CHECK(numbers(x[{tensor({0, 2}), 0}] + 1) == Numbers{1, 9});
}

TEST_CASE("assigning to NumPy's index writes into the tensor") {
  Tensor x = zeros({3, 3}, i64), view = x[1];
  x[{0, Slice(1)}] = 4;
  x[{tensor({1, 2}), tensor({0, -1})}] = tensor({5, 6});
  x[{Slice(), 1}] += 1;
  CHECK(numbers(x) == Numbers{0, 5, 4, 5, 1, 0, 0, 1, 6});
  CHECK(numbers(view) == Numbers{5, 1, 0});
  x[{x > 4}] = -1;
  x[{x[{Slice(), 2}] == 4}] = tensor({7, 8, 9});
  CHECK(numbers(x) == Numbers{7, 8, 9, -1, 1, 0, 0, 1, -1});
  x[{Slice(0, 2)}] = x[{Slice(1, 3)}];
  CHECK(numbers(x) == Numbers{-1, 1, 0, 0, 1, -1, 0, 1, -1});
  x[{x == 0}] = tensor({10, 11, 12});
  CHECK(numbers(x) == Numbers{-1, 1, 10, 11, 1, -1, 12, 1, -1});
}

TEST_CASE("places that are named twice: the last value counts, or all are added") {
  Tensor x = zeros({3}, i64), at = tensor({2, 0, 2});
  CHECK(numbers(x.index_put({at}, tensor({5, 6, 7}))) == Numbers{6, 0, 7});
  CHECK(numbers(x.index_put({at}, tensor({5, 6, 7}), true)) == Numbers{6, 0, 12});
  x.index_put_({at}, 1, true);
  CHECK(numbers(x) == Numbers{1, 0, 2});
  CHECK(numbers(x.scatter_add_(0, at, tensor({1, 1, 1}))) == Numbers{2, 0, 4});
}

TEST_CASE("ops that write by index write into the tensor's memory, or nothing where they refuse") {
  Tensor x = zeros({3, 4}, i64), turned = transpose(x, 0, 1);
  const int64_t* memory = x.data<int64_t>();
  x.scatter_(1, tensor({{3}, {0}}), 7).index_add_(0, tensor({1, 1}), ones({2, 4}, i64));
  x.index_copy_(1, tensor({2}), tensor({{5}, {6}, {8}})).index_fill_(0, tensor({-1}), 9);
  CHECK(numbers(x) == Numbers{0, 0, 5, 7, 9, 2, 6, 2, 9, 9, 9, 9});
  turned[{tensor({0, 3}), tensor({1, 0})}] = -1; // dims merge into no view
  x[{Slice(0, 2), tensor({0, 1})}] = x[{Slice(1, 3), tensor({2, 3})}];
  CHECK(numbers(x) == Numbers{6, 2, 5, -1, 9, 9, 6, 2, 9, 9, 9, 9});
  CHECK(x.data<int64_t>() == memory);
  Numbers before = numbers(x);
  CHECK_THROWS_AS(x.scatter_(1, tensor({{0, 4}}), 1), Error);
  CHECK_THROWS_AS(x.index_put_({tensor({0, 3})}, 1), Error);
  CHECK(numbers(x) == before);
  const Tensor none = zeros({0}, i64);
  x.index_copy_(0, none, zeros({0, 4}, i64)).index_add_(1, none, zeros({3, 0}, i64));
  x.scatter_(1, zeros({3, 0}, i64), 5).index_fill_(0, none, 5);
  CHECK(numbers(x) == before);
  Tensor leaf = ones({3}).requires_grad_();
  CHECK_THROWS_WITH(leaf.scatter_(0, tensor({0}), 1), Catch::Contains("must not be a leaf"));
}

TEST_CASE("what is written by index is part of the history of its base") {
  Tensor a = tensor({1.0, 2.0, 3.0, 4.0}).requires_grad_(), b = tensor({5.0, 6.0}).requires_grad_();
  Tensor x = a * 1.0;
  Tensor view = x[{Slice(1)}];
  x[{tensor({3, 0})}] = b * b;
  view[{tensor({true, false, false})}] = 0;
  sum(x * tensor({1.0, 10.0, 100.0, 1000.0})).backward();
  CHECK(a.grad().to_vector<double>() == std::vector<double>{0, 0, 100, 0});
  CHECK(b.grad().to_vector<double>() == std::vector<double>{10000, 12});
}

TEST_CASE("a diagonal is a view, and writing it is part of the history of its base") {
  Tensor a = tensor({{1.0, 2.0}, {3.0, 4.0}}).requires_grad_();
  Tensor x = a * 1.0;
  x.diagonal().mul_(3.0);
  x.diagonal(1).fill_(7);
  CHECK(x.to_vector<double>() == std::vector<double>{3, 7, 3, 12});
  sum(x).backward();
  CHECK(a.grad().to_vector<double>() == std::vector<double>{3, 0, 1, 3});
}

TEST_CASE("a fill or sum of the last value counts has a gradient for what is left") {
  Tensor x = tensor({1.0, 2.0, 3.0}).requires_grad_(), src = tensor({5.0, 6.0}).requires_grad_();
  sum(scatter(x, 0, tensor({1, 1}), src) * tensor({1.0, 10.0, 100.0})).backward();
  CHECK(x.grad().to_vector<double>() == std::vector<double>{1, 0, 100});
  CHECK(src.grad().to_vector<double>() == std::vector<double>{0, 10});
}

TEST_CASE("orders: equal elements stay in order, NaN is the greatest") {
  const float nan = std::nanf("");
  const Tensor x = tensor({2.f, nan, 1.f, 2.f, -0.f, 0.f, nan});
  CHECK(numbers(argsort(x)) == Numbers{4, 5, 2, 0, 3, 1, 6});
  CHECK(numbers(argsort(x, 0, true)) == Numbers{1, 6, 0, 3, 2, 4, 5});
  CHECK(numbers(topk(x, 3).indices) == Numbers{1, 6, 0});
  CHECK(numbers(topk(x, 3, 0, false).indices) == Numbers{4, 5, 2});
  CHECK(median(x, 0).indices.item<int64_t>() == 1);
  CHECK(numbers(cummax(x, 0).indices) == Numbers{0, 1, 1, 1, 1, 1, 6});
  CHECK(numbers(cummin(tensor({2, 1, 1, 3}), 0).indices) == Numbers{0, 1, 2, 2});
  CHECK(numbers(searchsorted(tensor({1, 2, 2, 4}), tensor({2, 0, 9}))) == Numbers{1, 0, 4});
  CHECK(numbers(searchsorted(tensor({1, 2, 2, 4}), tensor({2, 0, 9}), true)) == Numbers{3, 0, 4});
}

TEST_CASE("sums of duplicates and scans have the same bits on any number of threads") {
  manual_seed(3);
  Tensor x = uniform({64, 2000}), at = argsort(uniform({64, 2000})), to = zeros({64, 2000});
  at = where(at < 20, at, 7);
  auto all = [&] {
    return concatenate({scatter_add(to, 1, at, x), scatter_add(to, 0, where(at < 20, at, 7), x),
                        cumsum(x, 1), cumsum(x, 0), sort(x, 1).values});
  };
  set_num_threads(1);
  std::vector<float> alone = all().to_vector<float>();
  for (int threads : {2, 5}) {
    set_num_threads(threads);
    CHECK(all().to_vector<float>() == alone);
  }
  set_num_threads(0);
}

TEST_CASE("errors of indices say what must hold and name the user's line") {
  const Tensor x = ones({2, 3});
  const Refusal all[] = {
      {"index: index must be in [-2, 1], got 2", [&] { x.index({2}); }},
      {"index: there must be at most one index a dim, got 3 for f32[2, 3]",
       [&] {
         x.index({0, 0, 0});
       }},
      {"index: there must be at most one ellipsis, got two",
       [&] {
         x.index({ellipsis, ellipsis});
       }},
      {"index: index must have integers, got f32[1]", [&] { x.index({tensor({1.f})}); }},
      {"index: every index must be in -2 .. 2 - 1 for its dim, got 2",
       [&] {
         x.index({tensor({0, 2})});
       }},
      {"index: a mask must have the sizes of the dims it indexes, got bool[3] at dim 0 of f32[2, "
       "3]",
       [&] {
         x.index({tensor({true, false, true})});
       }},
      {"index: index tensors must broadcast, got [2], [3]",
       [&] {
         x.index({tensor({0, 1}), tensor({0, 1, 2})});
       }},
      {"index_put: values must have the dtype of x, got i64[] for f32[2, 3]",
       [&] { x.index_put({tensor({0})}, tensor(1)); }},
      {"index_put: values must broadcast to what is written, got f32[2] for [1, 3]",
       [&] { x.index_put({tensor({0})}, ones({2})); }},
      {"gather: every index must be a position of the dim, got 3 for a dim of 3",
       [&] { gather(x, 1, tensor({{3}})); }},
      {"index_select: every index must be a position of the dim, got -1 for a dim of 2",
       [&] { index_select(x, 0, tensor({-1})); }},
      {"index_select: every index must be a position of the dim, got 3",
       [&] {
         index_select(zeros({0, 3}), 1, tensor({3}));
       }},
      {"embedding: every index must be a row of weight, got 2 for a dim of 2",
       [&] { embedding(tensor({2}), x); }},
      {"take: every index must be in -6 .. 6 - 1, got 6", [&] { take(x, tensor({6})); }},
      {"unravel_index: every index must be in 0 .. 6 - 1, got 6",
       [&] {
         unravel_index(tensor({6}), {2, 3});
       }},
      {"scatter_add: every index must be a position of the dim, got 2 for a dim of 2",
       [&] {
         scatter_add(x, 0, tensor({{2}}), ones({1, 1}));
       }},
      {"one_hot: classes must be below 2, got -1",
       [&] {
         one_hot(tensor({-1, 0}), 2);
       }},
      {"nll_loss: targets must be classes below 3 or ignore_index -100, got 3",
       [&] {
         nll_loss(x, tensor({0, 3}));
       }},
      {"topk: k must be in 0 .. 3, got 4 for f32[2, 3]", [&] { topk(x, 4); }},
      {"pad: dim 1 must have the elements that the mode repeats, got 3 and 0 to add to f32[2, 3]",
       [&] {
         pad(x, {3, 0}, "reflect");
       }},
  };
  for (const Refusal& r : all)
    check_refused(r);
  uint32_t line = 0;
  try {
    line = __LINE__ + 1;
    Tensor y = x[{tensor({0, 5})}];
  } catch (const Error& e) {
    CHECK(e.location().line() == line);
  }
}

namespace {

// The positions of start:stop:step for a negative step, one by one.
Numbers backwards(int64_t size, std::optional<int64_t> start, std::optional<int64_t> stop,
                  int64_t step) {
  auto limited = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + size : v, -1, size - 1); };
  const int64_t to = stop ? limited(*stop) : -1;
  Numbers r;
  for (int64_t k = start ? limited(*start) : size - 1; k > to; k += step)
    r.push_back(k);
  return r;
}

} // namespace

TEST_CASE("slices with a negative step read and write what NumPy's do") {
  const int64_t kMost = std::numeric_limits<int64_t>::max(),
                kLeast = std::numeric_limits<int64_t>::min();
  const std::optional<int64_t> bounds[] = {{}, 0, 1, 3, 5, 6, -1, -4, -5, -6, kMost, kLeast};
  for (int64_t size : {0, 1, 5})
    for (std::optional<int64_t> start : bounds)
      for (std::optional<int64_t> stop : bounds)
        for (int64_t step : {-1, -2, -3, -9}) {
          const Numbers at = backwards(size, start, stop, step);
          Tensor x = arange(size);
          INFO(size << ": " << start.value_or(99) << ", " << stop.value_or(99) << ", " << step);
          REQUIRE(numbers(x[{Slice(start, stop, step)}]) == at);
          if (start && stop) REQUIRE(numbers(slice(x, 0, *start, *stop, step)) == at);
          const auto n = static_cast<int64_t>(at.size());
          x[{Slice(start, stop, step)}] = arange(n) + 100;
          Numbers written = numbers(arange(size));
          for (int64_t k = 0; k < n; k++)
            written[static_cast<size_t>(at[static_cast<size_t>(k)])] = 100 + k;
          REQUIRE(numbers(x) == written);
        }
  Tensor x = arange(5);
  CHECK(numbers(x[{Slice({}, {}, kLeast)}]) == Numbers{4});
  x[{Slice({}, {}, -2)}] += tensor({10, 20, 30});
  CHECK(numbers(x) == Numbers{30, 1, 22, 3, 14});
  x[{Slice(3, 0, -1)}] = 7;
  CHECK(numbers(x) == Numbers{30, 7, 7, 7, 14});
  Tensor copy = x[{Slice({}, {}, -1)}];
  CHECK_FALSE(copy.shares_storage(x));
  CHECK_THROWS_WITH(Tensor(x[{Slice({}, {}, 0)}]), Catch::StartsWith("index: step must not be 0"));
}

TEST_CASE("negative steps stand beside the other entries") {
  const Tensor x = counted({3, 4}), rows = tensor({2, 0}), mask = tensor({true, false, true});
  const Slice back({}, {}, -1);
  CHECK(numbers(x[{back, 1}]) == Numbers{9, 5, 1});
  CHECK(numbers(x[{back, newaxis, Slice(3, {}, -2)}]) == Numbers{11, 9, 7, 5, 3, 1});
  CHECK(numbers(x[{rows, back}]) == Numbers{11, 10, 9, 8, 3, 2, 1, 0});
  CHECK(numbers(x[{mask, back}]) == Numbers{3, 2, 1, 0, 11, 10, 9, 8});
  Tensor y = zeros({3, 4}, i64);
  y[{back, Slice(1, 3)}] = tensor({{1, 2}, {3, 4}, {5, 6}});
  CHECK(numbers(y) == Numbers{0, 5, 6, 0, 0, 3, 4, 0, 0, 1, 2, 0});
  y[{ellipsis, back}] = tensor({1, 2, 3, 4}); // a row for all
  CHECK(numbers(y) == Numbers{4, 3, 2, 1, 4, 3, 2, 1, 4, 3, 2, 1});
  y[{rows, back}] = tensor({{0, 1, 2, 3}, {5, 6, 7, 8}});
  CHECK(numbers(y) == Numbers{8, 7, 6, 5, 4, 3, 2, 1, 3, 2, 1, 0});
  y[{mask, back}] = 9;
  CHECK(numbers(y) == Numbers{9, 9, 9, 9, 4, 3, 2, 1, 9, 9, 9, 9});
  CHECK(numbers(slice_scatter(arange(5), tensor({7, 8}), 0, {}, 1, -2)) == Numbers{0, 1, 8, 3, 7});
  y[{back, back}] = y; // the value is read before
  CHECK(numbers(y) == Numbers{9, 9, 9, 9, 1, 2, 3, 4, 9, 9, 9, 9});
}

TEST_CASE("gather finds an index out of range wherever it stands in a run") {
  const Tensor x = arange(18).reshape({2, 9}), across = arange(18).reshape({9, 2}).t();
  for (int64_t length = 1; length <= 9; length++)
    for (int64_t at = 0; at < length; at++)
      for (int64_t bad : {9, -10}) {
        Tensor index = remainder(arange(2 * length) * 4, 9).reshape({2, length});
        for (const Tensor& from : {x, across}) {
          const Tensor y = gather(from, 1, index);
          for (int64_t k = 0; k < length; k++)
            CHECK(y[1][k].item<int64_t>() == from[1][(length + k) * 4 % 9].item<int64_t>());
        }
        index[1][at] = bad;
        CHECK_THROWS_WITH(gather(x, 1, index), Catch::StartsWith("gather: every index must be"));
        CHECK_THROWS_WITH(gather(across, 1, index), Catch::StartsWith("gather: every index must"));
      }
}

TEST_CASE("gather across a dim finds an index out of range wherever it stands in a run") {
  const Tensor x = arange(27).reshape({3, 9}),
               steps = arange(54).reshape({3, 18}).slice(1, 0, 18, 2);
  for (int64_t length = 1; length <= 9; length++)
    for (int64_t at = 0; at < length; at++) {
      Tensor index = remainder(arange(2 * length) * 2, 3).reshape({2, length});
      const Tensor y = gather(x, 0, index), of_steps = gather(steps, 0, index);
      for (int64_t k = 0; k < length; k++) {
        const int64_t element = (length + k) * 2 % 3 * 9 + k;
        CHECK(y[1][k].item<int64_t>() == element);
        CHECK(of_steps[1][k].item<int64_t>() == 2 * element);
      }
      index[1][at] = at % 2 ? 3 : -4;
      CHECK_THROWS_WITH(gather(x, 0, index), Catch::StartsWith("gather: every index must be"));
    }
}
