#include "runtime/nn/state_match.h"

#include "runtime/core/call.h"
#include "runtime/io/in_quotes.h"

#include <fmt/format.h>

namespace weft {

namespace {

/// Says in words why a tensor cannot be copied into another; empty where it can.
std::string misfit(const std::string& name, const Tensor& own, const Tensor& given) {
  if (!given.defined()) return in_quotes(name) + " undefined";
  if (given.shape() != own.shape())
    return fmt::format("{} of shape {}, not {}", in_quotes(name), given.shape().str(),
                       own.shape().str());
  if (!can_cast(given.dtype(), own.dtype()))
    return fmt::format("{} of dtype {}, not {}", in_quotes(name), name_of(given.dtype()),
                       name_of(own.dtype()));
  return {};
}

void list(std::string& text, const char* what, const std::vector<std::string>& names) {
  for (size_t k = 0; k < names.size(); k++)
    text += (k ? std::string(", ") : (text.empty() ? "" : "; ") + std::string(what) + " ") +
            in_quotes(names[k]);
}

} // namespace

std::string StateMatch::text() const {
  std::string text;
  list(text, "missing", missing);
  list(text, "unexpected", unexpected);
  for (const std::string& m : misfits)
    text += (text.empty() ? "" : "; ") + m;
  return text;
}

StateMatch match_state(const NamedTensors& own, const NamedTensors& given) {
  StateMatch match;
  for (const auto& [name, t] : own)
    if (!given.count(name)) match.missing.push_back(name);
  for (const auto& [name, t] : given) {
    auto mine = own.find(name);
    if (mine == own.end())
      match.unexpected.push_back(name);
    else if (std::string why = misfit(name, mine->second, t); !why.empty())
      match.misfits.push_back(std::move(why));
  }
  return match;
}

void copy_state(const NamedTensors& own, const NamedTensors& given) {
  NoGrad no_grad;
  for (const auto& [name, t] : given)
    if (auto mine = own.find(name); mine != own.end()) mine->second.copy_(t);
}

} // namespace weft
