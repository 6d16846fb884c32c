#include "cases.h"

#include "weft/ops.h"

using namespace weft;

namespace gradient_check {

namespace {

Tensor rows() { return tensor({2, 0, 2, 1}); } // one twice
Tensor columns() { return tensor({{0, 2}, {1, 1}, {3, 0}}); }
Tensor mask() {
  return tensor(
      {{true, false, true, false}, {false, false, true, true}, {true, true, false, false}});
}

} // namespace

std::vector<Case> indexing_cases() {
  return {
      {"gather", {{3, 4}}, [](const Inputs& x) { return gather(x[0], 1, columns()); }},
      {"gather", {{3, 4}}, [](const Inputs& x) { return index_select(x[0], 0, rows()); }},
      {"gather",
       {{3, 4}},
       [](const Inputs& x) {
         return take(x[0], tensor({-1, 0, 0}));
       }},
      {"gather", {{3, 4}}, [](const Inputs& x) { return embedding(rows(), x[0]); }},
      {"gather", {{3, 4}}, [](const Inputs& x) { return masked_select(x[0], mask()); }},
      {"gather",
       {{3, 4}},
       [](const Inputs& x) {
         return x[0].index({rows(), tensor({3, 1, 3, 0})});
       }},
      {"gather",
       {{2, 3, 4}},
       [](const Inputs& x) {
         return x[0].index({tensor({0, 1}), Slice(), tensor({3, 1})});
       }},
      {"slice",
       {{5, 4}},
       [](const Inputs& x) {
         return x[0].index({Slice({}, 0, -2), Slice({}, {}, -1)});
       }},
      {"slice",
       {{5, 4}, {2, 4}},
       [](const Inputs& x) {
         Tensor y = x[0] * 2.0;
         y[{Slice(3, {}, -2), Slice({}, {}, -1)}] = x[1];
         return y;
       }},
      {"gather", {{3, 4}}, [](const Inputs& x) { return sort(x[0], 0, true).values; }},
      {"gather", {{3, 4}}, [](const Inputs& x) { return topk(x[0], 2).values; }},
      {"gather", {{3, 4}}, [](const Inputs& x) { return cummax(x[0], 1).values; }},
      {"gather", {{3, 5}}, [](const Inputs& x) { return median(x[0], 1).values; }},
      {"scatter",
       {{3, 4}, {3, 2}},
       [](const Inputs& x) { return scatter(x[0], 1, columns(), x[1]); }},
      {"scatter",
       {{3, 4}, {4, 4}},
       [](const Inputs& x) { return index_copy(x[0], 0, rows(), x[1]); }},
      {"scatter", {{3, 4}, {4}}, [](const Inputs& x) { return index_put(x[0], {rows()}, x[1]); }},
      {"scatter", {{3, 4}}, [](const Inputs& x) { return index_fill(x[0], 0, tensor({-1}), 2); }},
      {"scatter_add",
       {{3, 4}, {3, 2}},
       [](const Inputs& x) { return scatter_add(x[0], 1, columns(), x[1]); }},
      {"scatter_add",
       {{3, 4}, {4, 4}},
       [](const Inputs& x) { return index_add(x[0], 0, rows(), x[1], 2); }},
      {"scatter_add",
       {{3, 4}, {4}},
       [](const Inputs& x) { return index_put(x[0], {rows()}, x[1], true); }},
      {"scatter_add",
       {{3, 4}, {3, 2}},
       [](const Inputs& x) { return scatter_reduce(x[0], 1, columns(), x[1], "mean"); }},
      {"scatter_fold",
       {{3, 4}, {3, 2}},
       [](const Inputs& x) { return scatter_reduce(x[0], 1, columns(), x[1], "prod"); }},
      {"scatter_fold",
       {{3, 4}, {3, 2}},
       [](const Inputs& x) { return scatter_reduce(x[0], 1, columns(), x[1], "prod", false); }},
      {"scatter_fold",
       {{3, 4}, {3, 2}},
       [](const Inputs& x) { return scatter_reduce(x[0], 1, columns(), x[1], "amax"); }},
      {"scatter_fold",
       {{3, 4}, {3, 2}},
       [](const Inputs& x) { return scatter_reduce(x[0], 1, columns(), x[1], "amin", false); }},
      {"scatter",
       {{3, 4}, {4}},
       [](const Inputs& x) {
         Tensor y = x[0] * x[0];
         transpose(y, 0, 1).slice(0, 1).scatter_(1, tensor({{2}, {0}, {2}}),
                                                 x[1].slice(0, 1).reshape({3, 1}));
         y.index_put_({rows(), tensor({1, 1, 0, 3})}, x[1], true);
         return y * x[0];
       }},
      {"scan", {{3, 4}}, [](const Inputs& x) { return cumsum(x[0], 0); }},
      {"scan", {{3, 4}}, [](const Inputs& x) { return cumprod(x[0], 1); }},
      {"scan",
       {{5}},
       [](const Inputs& x) {
         return cumprod(x[0] * tensor({1., 0., 1., 0., 1.}), 0);
       }},
      {"scan", {{3, 4}}, [](const Inputs& x) { return logcumsumexp(x[0], 1); }},
      {"scan", {{}}, [](const Inputs& x) { return cumprod(x[0], 0); }},
      {"recurrence", {{3, 4}}, [](const Inputs& x) { return cumprod(cumprod(x[0], 0), 1); }},
      {"flip_view",
       {{3, 4}},
       [](const Inputs& x) {
         return flip(x[0], {0, 1});
       }},
      {"flip_view",
       {{3, 4}},
       [](const Inputs& x) {
         return pad(x[0], {2, 1}, "reflect");
       }},
      {"flip_view", {{3, 4}}, [](const Inputs& x) { return rot90(x[0], -1); }},
      {"diagonal_view", {{3, 4}}, [](const Inputs& x) { return diagonal(x[0], 1); }},
      {"diagonal_view", {{3, 2, 3}}, [](const Inputs& x) { return diagonal(x[0], -1, 2, 0); }},
      {"strided_view",
       {{3, 4}},
       [](const Inputs& x) {
         return as_strided(x[0] * x[0], {4, 3, 2}, {2, 1, 3});
       }},
      {"strided_view",
       {{3, 4}, {3, 2}},
       [](const Inputs& x) {
         Tensor y = (x[0] * x[0]).t();
         as_strided(y, {3, 2}, {4, 2}, 1).copy_(x[1] * x[1]);
         return y * x[0].t();
       }},
      {"diag_embed", {{2, 3}}, [](const Inputs& x) { return diag_embed(x[0], -1, 0, 2); }},
      {"tril", {{3, 4}}, [](const Inputs& x) { return tril(x[0], -1) + triu(x[0], 1); }},
      {"pad",
       {{2, 3}},
       [](const Inputs& x) {
         return pad(x[0], {1, 2, -1, 1}, "constant", 3);
       }},
      {"pad",
       {{2, 3}},
       [](const Inputs& x) {
         return pad(x[0], {1, 2}, "replicate");
       }},
      {"pad",
       {{2, 3}},
       [](const Inputs& x) {
         return pad(x[0], {1, 2}, "circular");
       }},
      {"roll",
       {{3, 4}},
       [](const Inputs& x) {
         return roll(x[0], {1, -2}, {0, 1});
       }},
      {"repeat",
       {{3, 2}},
       [](const Inputs& x) {
         return repeat(x[0], {2, 1, 3});
       }},
      {"repeat_interleave",
       {{3, 2}},
       [](const Inputs& x) {
         return repeat_interleave(x[0], tensor({2, 0, 1}), 0);
       }},
      {"stack",
       {{3}, {3}},
       [](const Inputs& x) {
         return stack({x[0], x[1]}, 1);
       }},
      {"nll_loss",
       {{4, 3}},
       [](const Inputs& x) {
         return nll_loss(x[0], tensor({2, 0, -100, 1}), tensor({1.0, 0.5, 2.0}));
       }},
  };
}

} // namespace gradient_check
