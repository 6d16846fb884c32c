// ctc_loss against the sum over all alignments.

#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What an alignment says: repeats are one, blanks are nothing.
std::vector<int64_t> collapsed(const std::vector<int64_t>& path, int64_t blank) {
  std::vector<int64_t> said;
  for (size_t t = 0; t < path.size(); t++)
    if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) said.push_back(path[t]);
  return said;
}

// The loss of one sample [T, C]: every path of classes is tried.
double loss_of(const Tensor& x, const std::vector<int64_t>& target, int64_t blank) {
  const int64_t steps = x.size(0), classes = x.size(1);
  double total = 0;
  std::vector<int64_t> path(static_cast<size_t>(steps), 0);
  for (bool more = true; more;) {
    double log_p = 0;
    for (int64_t t = 0; t < steps; t++)
      log_p += x[t][path[static_cast<size_t>(t)]].item<double>();
    if (collapsed(path, blank) == target) total += std::exp(log_p);
    size_t t = 0;
    while (t < path.size() && ++path[t] == classes)
      path[t++] = 0;
    more = t < path.size();
  }
  return -std::log(total);
}

Tensor samples() {
  manual_seed(3);
  return log_softmax(normal({4, 3, 3}, 0, 1, f64), 2);
}

bool is_close(double a, double b) { return a == b || std::abs(a - b) < 1e-9; }

} // namespace

TEST_CASE("ctc_loss sums over all alignments") {
  Tensor x = samples(), targets = tensor({{1, 1}, {2, 1}, {2, 7}}); // 7: beyond the third's length
  Tensor steps = tensor({4, 3, 2}), lengths = tensor({2, 2, 1});
  double wanted[] = {loss_of(x.select(1, 0), {1, 1}, 0),
                     loss_of(x.select(1, 1).slice(0, 0, 3), {2, 1}, 0),
                     loss_of(x.select(1, 2).slice(0, 0, 2), {2}, 0)};
  Tensor each = ctc_loss(x, targets, steps, lengths, 0, Reduce::none);
  for (int64_t k = 0; k < 3; k++)
    CHECK(is_close(each[k].item<double>(), wanted[k]));
  CHECK(is_close(ctc_loss(x, targets, steps, lengths, 0, Reduce::sum).item<double>(),
                 wanted[0] + wanted[1] + wanted[2]));
  CHECK(is_close(ctc_loss(x, targets, steps, lengths).item<double>(),
                 (wanted[0] / 2 + wanted[1] / 2 + wanted[2]) / 3));
  Tensor row = tensor({1, 1, 2, 1, 2});
  CHECK(is_close(ctc_loss(x, row, steps, lengths).item<double>(),
                 ctc_loss(x, targets, steps, lengths).item<double>()));
}

TEST_CASE("ctc_loss of other blanks, of nothing, of one sample, and where there is no way") {
  Tensor x = samples(), one = x.select(1, 0);
  CHECK(
      is_close(ctc_loss(one, tensor({0, 1}), tensor(4), tensor(2), 2, Reduce::none).item<double>(),
               loss_of(one, {0, 1}, 2)));
  CHECK(is_close(ctc_loss(one, zeros({0}, i64), tensor(4), tensor(0)).item<double>(),
                 loss_of(one, {}, 0)));
  CHECK(ctc_loss(one, tensor({1, 1, 1}), tensor(4), tensor(3)).item<double>() == kInfinity);
  CHECK(ctc_loss(one, tensor({1, 1, 1}), tensor(4), tensor(3), 0, Reduce::mean, true)
            .item<double>() == 0);
}

TEST_CASE("ctc_loss compiled gives what it gives eagerly, gradients too") {
  auto loss = [](const Tensor& x, const Tensor& targets) {
    return ctc_loss(log_softmax(x, 2), targets, tensor({4, 3, 2}), tensor({2, 2, 1}));
  };
  auto compiled = compile(loss);
  Tensor targets = tensor({{1, 1}, {2, 1}, {2, 0}});
  for (int call = 0; call < 3; call++) {
    Tensor x = normal({4, 3, 3}).requires_grad_(), y = x.detach().clone().requires_grad_();
    Tensor a = loss(x, targets), b = compiled(y, targets);
    a.backward();
    b.backward();
    CHECK(max(abs(a - b)).item<double>() < 1e-5);
    CHECK(max(abs(x.grad() - y.grad())).item<double>() < 1e-5);
  }
}

TEST_CASE("ctc_loss refuses operands that do not fit") {
  Tensor x = samples(), targets = tensor({{1, 1}, {2, 1}, {2, 1}});
  Tensor steps = tensor({4, 4, 4}), lengths = tensor({2, 2, 2});
  CHECK_THROWS_WITH(ctc_loss(x, targets, tensor({5, 4, 4}), lengths),
                    Contains("lengths must be at least 0 and below 5"));
  CHECK_THROWS_WITH(ctc_loss(x, targets, steps, tensor({2, 3, 2})),
                    Contains("lengths must be at least 0 and below 3"));
  CHECK_THROWS_WITH(ctc_loss(x, targets, steps, tensor({2, 2})),
                    Contains("target_lengths must have one integer a sample"));
  CHECK_THROWS_WITH(ctc_loss(x, tensor({{1, 1}, {2, 3}, {2, 1}}), steps, lengths),
                    Contains("targets must be classes below 3"));
  CHECK_THROWS_WITH(ctc_loss(x, tensor({1, 1, 2}), steps, lengths),
                    Contains("as many as target_lengths add up to"));
  CHECK_THROWS_WITH(ctc_loss(x, targets, steps, lengths, 3),
                    Contains("blank must be a class below 3"));
  CHECK_THROWS_WITH(ctc_loss(x.to(i64), targets, steps, lengths), Contains("must be floating"));
}
