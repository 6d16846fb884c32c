// Further composites inside compiled regions: random numbers of the same stream, forms of shapes
// and numbers, products, losses and samples of images.
#include "test/compiled/compiled_util.h"

using namespace weft;
using namespace weft::test;

namespace {

struct Case {
  const char* name;
  Body body;
  double tolerance = 0;
};

Inputs inputs() { return {ramp({6, 5}, 2), ramp({6, 5}, 3), tensor({2, 0, 3, 2, 1, 4})}; }

using Results = std::vector<Tensor>;

void compare_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    INFO(c.name);
    compare(c.body, inputs, c.tolerance);
  }
}

} // namespace

TEST_CASE("random numbers are those of the eager stream", "[compiled]") {
  compare_all({
      {"bernoulli",
       [](const Inputs& x) {
         Tensor p = sigmoid(x[0]);
         return Results{bernoulli(p) + x[1], bernoulli(x[1], p), bernoulli(x[1] + 1.0, 0.3)};
       }},
      {"randint",
       [](const Inputs& x) {
         return Results{x[0] * randint(-3, 9, {6, 5}), randint_like(x[0], 7) + x[1]};
       }},
      {"randperm", [](const Inputs& x) { return Results{index_select(x[0], 0, randperm(6))}; }},
      {"rand_like and randn_like",
       [](const Inputs& x) { return Results{rand_like(x[0]) + randn_like(x[1])}; }},
      {"normal",
       [](const Inputs& x) {
         return Results{normal(x[0], abs(x[1])), normal(x[0], 2.0)};
       }},
      {"multinomial",
       [](const Inputs& x) {
         return Results{multinomial(abs(x[0]) + 0.1, 3), multinomial(abs(x[0]) + 0.1, 9, true)};
       }},
      {"fills",
       [](const Inputs& x) {
         Tensor y = x[0] * 1.0;
         y.uniform_(-1, 2);
         x[1].normal_(0.5, 2);
         Tensor z = x[0] + 0.0;
         z.exponential_(3);
         Tensor w = x[2] + 0;
         w.random_(4, 90);
         return Results{y, z, w, (x[0] * 2.0).bernoulli_(0.4)};
       }},
      {"layers",
       [](const Inputs& x) {
         return Results{rrelu(x[0], 0.1, 0.3, true), gumbel_softmax(x[0], 0.5, true),
                        alpha_dropout(x[1], 0.3, true), feature_dropout(x[1], 0.3)};
       },
       1e-6},
  });
}

TEST_CASE("each call of a compiled region draws new numbers", "[compiled]") {
  auto f = compile([](const Tensor& p) { return bernoulli(p) * 2.0 + randint(100, {64}); });
  Tensor p = full({64}, 0.5);
  Tensor first = f(p);
  for (int call = 0; call < 3; call++)
    CHECK_FALSE(equal(first, f(p)));
}

TEST_CASE("forms of shapes, numbers and products are the same compiled", "[compiled]") {
  compare_all({
      {"sources",
       [](const Inputs& x) {
         return Results{x[0] + eye(6, 5), matmul(x[0], eye(5)), logspace(0, 1, 5) * x[1],
                        x[0].index({tril_indices(4, 4)[0], tril_indices(4, 4)[1]})};
       },
       1e-6},
      {"shapes",
       [](const Inputs& x) {
         return Results{hstack({x[0], x[1]}),
                        dstack({x[0], x[1]}),
                        tensor_split(x[0], 4)[1] * 2.0,
                        block_diag({x[0], x[1][0]}),
                        meshgrid({x[0][0], x[1][1]})[1] + 1.0,
                        combinations(x[0][0]),
                        trace(x[0]),
                        diagflat(x[1][0])};
       },
       1e-6},
      {"values",
       [](const Inputs& x) {
         return Results{isclose(x[0], x[1], 0.5),
                        isin(x[2], tensor({2, 4})),
                        frexp(x[0]).first,
                        clip(x[0], -0.5, 0.5),
                        masked_scatter(x[0], x[1] > 0.0, x[1]),
                        mode(x[2]).values,
                        quantile(x[0], 0.3, 1),
                        msort(x[0]),
                        renorm(x[1], 2, 0, 1)};
       },
       1e-6},
      {"values that the host reads",
       [](const Inputs& x) {
         return Results{unique(x[2]) * 2, bincount(x[2]) + 1, argwhere(x[0] > 0.5),
                        gcd(x[2] * 6, x[2] + 3)};
       }},
      {"special functions",
       [](const Inputs& x) {
         return Results{i0e(x[0]), i1e(x[1]), log_ndtr(x[0] * 9.0), entr(x[1]), ndtr(x[0])};
       }},
      {"integrals",
       [](const Inputs& x) {
         return Results{gradient(x[0])[1], trapezoid(x[0]), cumulative_trapezoid(x[1], 0.5, 0),
                        pdist(x[0])};
       },
       kSum},
      {"products",
       [](const Inputs& x) {
         return Results{tensordot(x[0], x[1], {0}, {0}), inner(x[0], x[1]),
                        multi_dot({x[0], t(x[1]), x[0]}),
                        cross(x[0].slice(1, 0, 3), x[1].slice(1, 1, 4), 1)};
       },
       kSum},
      {"losses",
       [](const Inputs& x) {
         return Results{multi_margin_loss(x[0], x[2]),
                        multilabel_soft_margin_loss(x[0], sigmoid(x[1]))};
       },
       kSum},
      {"bags and images",
       [](const Inputs& x) {
         Tensor image = x[0].reshape({1, 1, 6, 5});
         Tensor grid =
             affine_grid(x[1].reshape({-1}).slice(0, 0, 6).reshape({1, 2, 3}), {1, 1, 3, 4});
         return Results{embedding_bag(x[2], x[0], tensor({0, 2})), grid_sample(image, grid)};
       },
       kSum},
  });
}
