// Ops that read an index from memory, scans, sorts and data movement inside compiled regions.
#include "test/compiled/compiled_util.h"

using namespace weft;
using namespace weft::test;

namespace {

struct Case {
  const char* name;
  Body body;
};

Inputs inputs() {
  return {ramp({6, 5}, 2), ramp({6, 5}, 3), tensor({2, 0, 5, 2}), tensor({{4, 0}, {1, 1}, {0, 3}})};
}

} // namespace

TEST_CASE("ops of indexing give the same bits compiled", "[compiled]") {
  using Results = std::vector<Tensor>;
  const Case cases[] = {
      {"gather", [](const Inputs& x) { return Results{gather(x[0] * 2.0, 1, x[3]) + 1.0}; }},
      {"index_select",
       [](const Inputs& x) { return Results{index_select(x[0], 0, x[2]) * x[1][0]}; }},
      {"gather of a computed value by a computed index",
       [](const Inputs& x) { return Results{gather(tanh(x[0]), 0, x[3] + 1)}; }},
      {"index",
       [](const Inputs& x) {
         return Results{x[0].index({x[2] - 6, newaxis, x[2] - 1}) + x[1].index({0, Slice(0, 1)})};
       }},
      {"scatter", [](const Inputs& x) { return Results{scatter(x[0], 1, x[3], -x[1]) + x[1]}; }},
      {"scatter_add",
       [](const Inputs& x) { return Results{index_add(x[0], 0, x[2], exp(x[1].slice(0, 0, 4)))}; }},
      {"scatter_reduce",
       [](const Inputs& x) { return Results{scatter_reduce(x[0], 1, x[3], x[1], "amax", false)}; }},
      {"scans",
       [](const Inputs& x) {
         return Results{cumsum(x[0] + x[1], 1), cumprod(x[0], 0), cummax(x[1], 1).values};
       }},
      {"sort",
       [](const Inputs& x) {
         auto [values, at] = sort(x[0] * x[1], 1, true);
         return Results{values + 1.0, at * 2};
       }},
      {"topk",
       [](const Inputs& x) {
         return Results{topk(-x[0], 2).values, median(x[1], 0).values};
       }},
      {"slices backwards",
       [](const Inputs& x) {
         Tensor y = x[0] * 2.0;
         y[{Slice({}, {}, -2), Slice(3, 0, -1)}] = x[1][{Slice(0, 3), Slice(4, 1, -1)}];
         y[{x[2], Slice({}, {}, -1)}] = x[1][{Slice(0, 4)}];
         return Results{y, x[0][{Slice(-2, {}, -1)}] + 1.0, slice(x[1], 1, 4, 0, -3)};
       }},
      {"flip and roll",
       [](const Inputs& x) {
         return Results{flip(x[0], {0, 1}) + roll(x[1], {1, -2}, {0, 1})};
       }},
      {"pad",
       [](const Inputs& x) {
         return Results{pad(x[0] + 1.0, {2, 1, -1, 3}), pad(x[1], {2, 2, 1, 0}, "reflect")};
       }},
      {"triangles and diagonals",
       [](const Inputs& x) {
         return Results{tril(x[0]) + triu(x[1], 1), diagonal(x[0], -1) * 2.0, diag_embed(x[1][0])};
       }},
      {"repeat",
       [](const Inputs& x) {
         return Results{repeat(x[0], {2, 1}) * 2.0, repeat_interleave(x[1], 2, 1)};
       }},
      {"written by index",
       [](const Inputs& x) {
         Tensor y = x[0] * 2.0;
         y[{x[2], Slice(1, 3)}] = x[1].slice(1, 0, 2).slice(0, 0, 4);
         y[{y > 1.0}] = 0;
         y.diagonal().add_(3.0);
         x[1].index_put_({x[2]}, 7.0, true);
         return Results{y};
       }},
      {"sizes that depend on values",
       [](const Inputs& x) {
         Tensor chosen = x[0][{x[0] > 0.3}];
         return Results{chosen * 2.0, masked_select(x[1], x[1] < 0.0) + 1.0};
       }},
      {"one_hot and nll_loss",
       [](const Inputs& x) {
         Tensor target = concatenate({x[2] - 1 + (x[2] == 0).to(i64), tensor({0, 1})});
         return Results{one_hot(target, 7), nll_loss(x[0], target)};
       }},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    compare(c.body, inputs);
  }
}

TEST_CASE("an index out of range is the eager error in a compiled region too", "[compiled]") {
  auto f = compile([](const Tensor& x, const Tensor& at) { return index_select(x, 0, at) + 1.0; });
  Tensor x = ramp({4, 3});
  for (int call = 0; call < 3; call++)
    f(x, tensor({0, 3}));
  CHECK_THROWS_WITH(f(x, tensor({0, 4})),
                    Catch::StartsWith("index_select: every index must be a position of the dim"));
  CHECK(f(x, tensor({1, 2})).to_vector<float>()[0] == x[1][0].item<float>() + 1);
}

TEST_CASE("a cache that is filled position by position compiles once", "[compiled]") {
  auto step = [](const Tensor& cache, const Tensor& x, const Tensor& position) {
    cache.index_copy_(1, position, reshape(x * 2.0, {2, 1, 4}));
    Tensor seen = reshape(arange(8) <= position, {8, 1});
    return sum(where(seen, cache, 0.0), {1});
  };
  auto f = compile(step);
  Tensor eager = ramp({2, 8, 4}), compiled = ramp({2, 8, 4});
  for (int64_t position = 0; position < 8; position++) {
    INFO("position " << position);
    Tensor x = ramp({2, 4}, static_cast<double>(position + 1)), at = tensor({position});
    CHECK(difference(step(eager, x, at), f(compiled, x, at)) <= kSum);
    CHECK(difference(eager, compiled) == 0);
  }
  CHECK(f.stats().programs == 1);
  CHECK(f.stats().eager_segments == 0);
}
