#include "weft/optim.h"

#include "runtime/core/fail_at.h"
#include "runtime/core/region_hook.h"
#include "weft/ops.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weft::optim {

Optimizer::Optimizer() : steps_(std::make_shared<std::vector<int64_t>>()) {}

void Optimizer::add_parameters(const std::vector<Tensor>& parameters, Names state_names,
                               double initial, const Loc& loc) {
  LocScope scope(loc);
  NoGrad no_grad;
  auto refuse = [&](size_t k, const std::string& what) {
    fail_at(ErrorKind::value, fmt::format("optimizer: parameter {} must {}", k, what), loc);
  };
  std::vector<Tensor> all = parameters_;
  for (const Tensor& p : parameters) {
    size_t k = all.size();
    if (!p.defined()) refuse(k, "be defined");
    if (!p.is_leaf() || !p.requires_grad()) refuse(k, "be a leaf that requires a gradient");
    for (size_t j = 0; j < k; j++)
      if (all[j].is_same(p)) refuse(k, fmt::format("differ from parameter {}", j));
    all.push_back(p);
  }
  for (const Tensor& p : parameters) {
    std::vector<Tensor>& kept = state_.emplace_back();
    for (size_t i = 0; i < state_names.size(); i++)
      kept.push_back(full(p.shape(), initial, p.dtype(), p.device()));
  }
  group_of_.resize(all.size(), groups());
  state_names_.push_back(state_names);
  steps_->resize(all.size());
  parameters_ = std::move(all);
}

void Optimizer::require(bool holds, const char* name, const char* what, double value,
                        const Loc& loc) {
  if (!holds) fail_at(ErrorKind::value, fmt::format("{}: {}, got {}", name, what, value), loc);
}

void Optimizer::step(Loc loc) {
  for (size_t g = 0; g < groups(); g++) {
    check_group(g, loc);
    if (Names now = state_names_of(g); now.data() != state_names_[g].data())
      fail_at(ErrorKind::value,
              fmt::format("step: options must need the state that they needed at construction, "
                          "[{}], got [{}]",
                          fmt::join(state_names_[g], ", "), fmt::join(now, ", ")),
              loc);
  }
  LocScope scope(loc);
  NoGrad no_grad;
  // A region finds out at its flush that an op before this step throws: then the step was not made.
  if (current_session)
    current_session->on_failure([steps = steps_, before = *steps_] { *steps = before; });
  for (size_t k = 0; k < parameters_.size(); k++) {
    Tensor gradient = parameters_[k].grad();
    if (!gradient.defined()) continue;
    match_parameter(k);
    update(group_of_[k], k, parameters_[k], gradient, ++(*steps_)[k]);
  }
}

// The module may have been converted or moved after the optimizer was made.
void Optimizer::match_parameter(size_t k) {
  for (Tensor& s : state_[k])
    if (s.dtype() != parameters_[k].dtype() || s.device() != parameters_[k].device())
      s = s.to(parameters_[k].dtype()).to(parameters_[k].device());
}

void Optimizer::zero_grad(bool set_to_none, Loc loc) {
  LocScope scope(loc);
  NoGrad no_grad;
  for (const Tensor& p : parameters_) {
    if (set_to_none)
      p.set_grad({});
    else if (Tensor g = p.grad(); g.defined())
      g.zero_();
  }
}

std::map<std::string, Tensor> Optimizer::state_dict() const {
  std::map<std::string, Tensor> all;
  for (size_t k = 0; k < parameters_.size(); k++) {
    for (size_t i = 0; i < state_[k].size(); i++)
      all[fmt::format("{}.{}", k, state_names_[group_of_[k]][i])] = state_[k][i];
    all[fmt::format("{}.step", k)] = full({}, (*steps_)[k], i64);
  }
  return all;
}

void Optimizer::load_state_dict(const std::map<std::string, Tensor>& given, Loc loc) {
  LocScope scope(loc);
  auto find = [&](const std::string& name, const Shape& shape) -> const Tensor& {
    auto entry = given.find(name);
    if (entry == given.end() || !entry->second.defined() || entry->second.shape() != shape)
      fail_at(ErrorKind::shape,
              fmt::format("load_state_dict: \"{}\" must be given with shape {}, got {}", name,
                          shape.str(), entry == given.end() ? "none" : entry->second.shape().str()),
              loc);
    return entry->second;
  };
  for (size_t k = 0; k < parameters_.size(); k++) { // first all checks, then all copies
    for (const char* name : state_names_[group_of_[k]])
      find(fmt::format("{}.{}", k, name), parameters_[k].shape());
    std::string count = fmt::format("{}.step", k);
    if (int64_t step = find(count, {}).item<int64_t>(); step < 0)
      fail_at(ErrorKind::value,
              fmt::format("load_state_dict: \"{}\" must not be negative, got {}", count, step),
              loc);
  }
  NoGrad no_grad;
  for (size_t k = 0; k < parameters_.size(); k++) {
    for (size_t i = 0; i < state_[k].size(); i++)
      state_[k][i].copy_(given.at(fmt::format("{}.{}", k, state_names_[group_of_[k]][i])));
    (*steps_)[k] = given.at(fmt::format("{}.step", k)).item<int64_t>();
  }
}

} // namespace weft::optim
