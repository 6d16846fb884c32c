// Forms in place, of every function of the op table that has one: their gradients are those of the
// form that makes a new tensor, eagerly and compiled.

#include "test/fuzz/op_rows.h"

#include <catch2/catch.hpp>

using namespace fuzz;

namespace {

/// Arguments that suit a function: floating tensors are leaves.
struct Drawn {
  std::vector<Tensor> values;
  std::vector<Argument> arguments;
};

// The first argument is a tensor of floats, and no other argument is that tensor.
bool is_target(const Drawn& d) {
  if (d.arguments.empty() || d.arguments[0].kind != Argument::tensor) return false;
  const int target = d.arguments[0].values[0];
  for (size_t k = 1; k < d.arguments.size(); k++)
    for (int v : d.arguments[k].values)
      if (v == target) return false;
  return d.values[static_cast<size_t>(target)].dtype() == f64;
}

Drawn draw(const OpRow& row, const Round& round, std::mt19937& random) {
  const std::vector<Tensor> values = {rand({3, 4}, f64), randn({4}, f64), randn({3, 4}, f64),
                                      randn({2, 3, 4}, f64), arange(12)};
  const Call call(values, row, round, random, true);
  row.call(call);
  Drawn d{call.values(), call.drawn()};
  if (!is_target(d)) throw NoArgument{};
  for (Tensor& t : d.values)
    if (is_floating(t.dtype())) t = t.detach().clone().requires_grad_();
  return d;
}

// The gradients of the result's sum of squares with respect to all values.
std::vector<Tensor> gradients(const OpRow& row, const Drawn& d, const Round& round) {
  manual_seed(3);
  std::vector<Tensor> leaves, values = d.values;
  for (Tensor& t : values)
    if (t.requires_grad()) {
      leaves.push_back(t);
      t = t * 1.0;
    }
  const Tensor y = row.call(Call(values, d.arguments, round)).at(0);
  if (!y.requires_grad()) return {};
  return grad({sum(y * y)}, leaves, {}, {.allow_unused = true});
}

// `error` is relative to the largest element.
void require_same(const std::vector<Tensor>& got, const std::vector<Tensor>& want, double error) {
  REQUIRE(got.size() == want.size());
  for (size_t k = 0; k < got.size(); k++) {
    const bool is_none = !got[k].defined() && want[k].defined();
    double largest = 1;
    for (double v : want[k].defined() ? want[k].to_vector<double>() : std::vector<double>())
      if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
    CHECK(difference(want[k], is_none ? zeros_like(want[k]) : got[k], error * largest) == "");
  }
}

// Says whether the call has a form in place, which writes a result of the target's shape and dtype.
bool fits(const OpRow& in_place, const Drawn& d, const Round& round) {
  try {
    gradients(in_place, d, round);
    return true;
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::autograd) throw;
    return false;
  }
}

} // namespace

TEST_CASE("forms in place have the gradients of the others", "[in-place]") {
  const Round round{3, 4};
  std::mt19937 random(5);
  int checked = 0, forms = 0;
  std::string missing;
  for (size_t k = 0; k + 1 < op_rows().size(); k++) {
    const OpRow &row = op_rows()[k], &in_place = op_rows()[k + 1]; // of one record
    if (in_place.name != row.name + std::string("_")) continue;
    forms++;
    bool is_compiled = false;
    int found = 0;
    for (int tries = 0; tries < 60 && found < 4; tries++) {
      Drawn d;
      std::vector<Tensor> want;
      try {
        d = draw(row, round, random);
        want = gradients(row, d, round);
      } catch (const NoArgument&) {
        continue;
      } catch (const Error&) {
        continue;
      }
      INFO(in_place.name << ", draw " << tries);
      if (want.empty() || !fits(in_place, d, round)) continue;
      checked += found++ == 0;
      require_same(gradients(in_place, d, round), want, 0);
      if (std::exchange(is_compiled, true)) continue;
      auto compiled = compile([&] { return gradients(in_place, d, round); });
      for (int call = 0; call < 2; call++)
        require_same(compiled(), want, 1e-9);
    }
    if (!found) missing += std::string(" ") + in_place.name;
  }
  INFO("without a gradient:" << missing);
  CHECK(checked > forms / 2);
}
