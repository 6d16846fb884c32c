#include "weft/nn.h"

#include "runtime/autograd/tape.h"
#include "runtime/core/fail_at.h"
#include "runtime/nn/state_match.h"

#include <fmt/format.h>

#include <algorithm>

namespace weft::nn {

namespace {

using Named = std::vector<std::pair<std::string, Tensor>>;

constinit thread_local CallWatcher* current_watcher = nullptr;

void add_unique(Named& list, const std::string& name, const Tensor& t) {
  for (const auto& [known, other] : list)
    if (other.is_same(t)) return;
  list.emplace_back(name, t);
}

} // namespace

struct Module::State {
  Named parameters, buffers;
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children;
  Runner runner;
  bool training = true;

  void check_name(const char* what, const std::string& name, const Loc& loc) const {
    auto taken = [&](const auto& entry) { return entry.first == name; };
    bool is_new = std::none_of(parameters.begin(), parameters.end(), taken) &&
                  std::none_of(buffers.begin(), buffers.end(), taken) &&
                  std::none_of(children.begin(), children.end(), taken);
    if (!is_new || name.empty() || name.find('.') != std::string::npos)
      fail_at(ErrorKind::value,
              fmt::format("{}: the name must be new and without dots, got \"{}\"", what, name),
              loc);
  }
  void collect(Named State::*member, const std::string& prefix, Named& out) const {
    for (const auto& [name, t] : this->*member)
      add_unique(out, prefix + name, t);
    for (const auto& [name, module] : children)
      module->state_->collect(member, prefix + name + ".", out);
  }
};

Module::Module() : state_(std::make_shared<State>()) {}
Module::~Module() = default;

Tensor Module::forward(const Tensor&) {
  fail_at(ErrorKind::unsupported,
          "forward: the module must override it, or be called by the signature of its own", {});
}

CallWatcher::CallWatcher() : outer_(std::exchange(current_watcher, this)) {}
CallWatcher::~CallWatcher() { current_watcher = outer_; }
CallWatcher* CallWatcher::current() { return current_watcher; }

Tensor Module::operator()(const Tensor& x, Loc loc) {
  LocScope scope(loc);
  if (CallWatcher* watcher = current_watcher) {
    watcher->enter(*this);
    Tensor result = forward(x);
    watcher->leave(*this, {result});
    return result;
  }
  if (!state_->runner) return forward(x);
  Tensor result;
  state_->runner([&] { result = forward(x); });
  return result;
}

void Module::set_runner(Runner runner) { state_->runner = std::move(runner); }
const Module::Runner& Module::runner() const { return state_->runner; }

Named Module::named_parameters() const {
  Named all;
  state_->collect(&State::parameters, "", all);
  return all;
}

Named Module::named_buffers() const {
  Named all;
  state_->collect(&State::buffers, "", all);
  return all;
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> tensors;
  for (auto& [name, t] : named_parameters())
    tensors.push_back(std::move(t));
  return tensors;
}

std::vector<std::pair<std::string, std::shared_ptr<Module>>> Module::children() const {
  return state_->children;
}

Module& Module::to(DType dtype, Loc loc) {
  LocScope scope(loc);
  if (!is_floating(dtype))
    fail_at(ErrorKind::dtype,
            fmt::format("to: a module's dtype must be floating, got {}", name_of(dtype)), loc);
  NoGrad no_grad;
  auto convert = [&](const Tensor& t) {
    if (!is_floating(t.dtype()) || t.dtype() == dtype) return;
    Tensor gradient = t.grad();
    t.set_grad({});
    set_data(t, t.to(dtype), loc);
    if (gradient.defined()) t.set_grad(gradient.to(dtype));
  };
  for (auto& [name, t] : named_parameters())
    convert(t);
  for (auto& [name, t] : named_buffers())
    convert(t);
  return *this;
}

Module& Module::to(Device device, Loc loc) {
  LocScope scope(loc);
  NoGrad no_grad;
  auto move = [&](const Tensor& t) {
    if (t.device() == device) return;
    Tensor gradient = t.grad();
    t.set_grad({});
    set_data(t, t.to(device), loc);
    if (gradient.defined()) t.set_grad(gradient.to(device));
  };
  for (auto& [name, t] : named_parameters())
    move(t);
  for (auto& [name, t] : named_buffers())
    move(t);
  return *this;
}

StateDict Module::state_dict() const {
  StateDict state;
  for (auto member : {&State::parameters, &State::buffers}) {
    // Unlike parameters(), a tensor under two names is listed under both.
    auto list = [&](auto& self, const State& s, const std::string& prefix) -> void {
      for (const auto& [name, t] : s.*member)
        state[prefix + name] = t.detach();
      for (const auto& [name, module] : s.children)
        self(self, *module->state_, prefix + name + ".");
    };
    list(list, *state_, "");
  }
  return state;
}

StateDifference Module::load_state_dict(const StateDict& state, bool strict, Loc loc) {
  LocScope scope(loc);
  const StateDict own = state_dict();
  const StateMatch match = match_state(own, state);
  if (!match.fits(strict))
    fail_at(ErrorKind::value,
            "load_state_dict: the state must have the module's names and shapes, got " +
                match.text(),
            loc);
  copy_state(own, state);
  return {match.missing, match.unexpected};
}

Module& Module::train(bool on) {
  state_->training = on;
  for (auto& [name, module] : state_->children)
    module->train(on);
  return *this;
}

bool Module::is_training() const { return state_->training; }

void Module::zero_grad(bool set_to_none) {
  NoGrad no_grad;
  for (const Tensor& p : parameters()) {
    if (set_to_none)
      p.set_grad({});
    else if (Tensor g = p.grad(); g.defined())
      g.zero_();
  }
}

Tensor Module::parameter(const std::string& name, const Tensor& value, Loc loc) {
  state_->check_name("parameter", name, loc);
  if (!value.defined() || !value.is_leaf())
    fail_at(ErrorKind::autograd,
            fmt::format("parameter: \"{}\" must be a leaf, got {}", name,
                        value.defined() ? "the result of an op; use detach()" : "none"),
            loc);
  Tensor t = value;
  t.requires_grad_(true, loc);
  state_->parameters.emplace_back(name, t);
  return t;
}

Tensor Module::buffer(const std::string& name, const Tensor& value, Loc loc) {
  state_->check_name("buffer", name, loc);
  if (!value.defined())
    fail_at(ErrorKind::value, fmt::format("buffer: \"{}\" must be defined, got none", name), loc);
  state_->buffers.emplace_back(name, value);
  return value;
}

void Module::freeze(const std::string& name, Loc loc) {
  auto& list = state_->parameters;
  auto entry =
      std::find_if(list.begin(), list.end(), [&](const auto& e) { return e.first == name; });
  if (entry == list.end())
    fail_at(ErrorKind::value,
            fmt::format("freeze: the name must be that of a parameter, got \"{}\"", name), loc);
  Tensor t = entry->second;
  t.set_grad({});
  t.requires_grad_(false, loc);
  list.erase(entry);
  state_->buffers.emplace_back(name, t);
}

void Module::add_child(const std::string& name, std::shared_ptr<Module> module, const Loc& loc) {
  state_->check_name("child", name, loc);
  state_->children.emplace_back(name, std::move(module));
}

} // namespace weft::nn
