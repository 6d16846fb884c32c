#include "weft/nn_containers.h"

#include "runtime/core/fail_at.h"

#include <fmt/format.h>

namespace weft::nn {

void detail::refuse_position(const char* op, int64_t k, size_t size, const Loc& loc) {
  fail_at(ErrorKind::index, fmt::format("{}: there must be a number {}, got {}", op, k, size), loc);
}

void detail::refuse_key(const char* op, const std::string& key, const Loc& loc) {
  fail_at(ErrorKind::index,
          fmt::format("{}: the key must be one that was added, got \"{}\"", op, key), loc);
}

ParameterList::ParameterList(const std::vector<Tensor>& values, Loc loc) {
  for (const Tensor& t : values)
    append(t, loc);
}

ParameterList& ParameterList::append(const Tensor& value, Loc loc) {
  list_->push_back(parameter(std::to_string(size()), value, loc));
  return *this;
}

Tensor ParameterList::operator[](Position k) const {
  auto count = static_cast<int64_t>(size());
  int64_t at = k.value < 0 ? k.value + count : k.value;
  if (at < 0 || at >= count) detail::refuse_position("ParameterList", k.value, size(), k.loc);
  return (*list_)[static_cast<size_t>(at)];
}

ParameterDict& ParameterDict::insert(const std::string& key, const Tensor& value, Loc loc) {
  parameter(key, value, loc);
  return *this;
}

bool ParameterDict::contains(const std::string& key) const {
  for (const auto& [known, t] : named_parameters())
    if (known == key) return true;
  return false;
}

Tensor ParameterDict::at(const std::string& key, Loc loc) const {
  for (const auto& [known, t] : named_parameters())
    if (known == key) return t;
  detail::refuse_key("ParameterDict", key, loc);
}

} // namespace weft::nn
