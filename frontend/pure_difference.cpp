#include "frontend/pure_difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace weft {

const ColdNode& op_at(const Flush& f, int32_t slot) {
  for (const ColdNode* c : f.path) {
    if (c->hot->result == slot) return *c;
    if (std::find(c->operands.begin(), c->operands.end(), slot) != c->operands.end()) return *c;
  }
  return *f.path.front();
}

std::optional<Broken> other_path(const Flush& was, const Flush& is) {
  const size_t common = std::min(was.path.size(), is.path.size());
  size_t k = 0;
  while (k < common && was.path[k] == is.path[k])
    k++;
  const ColdNode* a = k < was.path.size() ? was.path[k] : nullptr;
  const ColdNode* b = k < is.path.size() ? is.path[k] : nullptr;
  auto name = [](const ColdNode* c) { return c ? info(c->op).name : "the return"; };
  if (&was == &is) return std::nullopt;
  return Broken{name(a), name(b), a, b};
}

std::optional<Broken> other_number(const PureProgram& was, const PureProgram& is) {
  auto find = [&](size_t at, int ColdNode::*position) {
    const ColdNode* found = nullptr;
    for (const ColdNode* c : was.flush->path)
      if (c->*position <= static_cast<int>(at)) found = c;
    return found;
  };
  for (size_t k = 0; k < was.scalars.size(); k++) {
    if (was.scalars[k] == is.scalars[k]) continue;
    const ColdNode* c = find(k, &ColdNode::scalar_position);
    const auto kind = c->scalar_kinds[k - static_cast<size_t>(c->scalar_position)];
    auto text = [&](uint64_t bits) {
      return kind == Scalar::Kind::floating ? fmt::format("{}", std::bit_cast<double>(bits))
                                            : fmt::format("{}", static_cast<int64_t>(bits));
    };
    return Broken{fmt::format("{} with the number {}", info(c->op).name, text(was.scalars[k])),
                  "it with " + text(is.scalars[k]), c, c};
  }
  for (size_t k = 0; k < was.sizes.size(); k++)
    if (was.sizes[k] != is.sizes[k]) {
      const ColdNode* c = find(k, &ColdNode::size_position);
      return Broken{fmt::format("{} with the size {}", info(c->op).name, was.sizes[k]),
                    fmt::format("it with {}", is.sizes[k]), c, c};
    }
  return std::nullopt;
}

namespace {

// A constant that each call makes anew of the same host values is as good as one.
bool same_captured(const PureProgram::Leaf& a, const PureProgram::Leaf& b) {
  if (a.captured.is_same(b.captured)) return true;
  if (!a.is_constant || !b.is_constant) return false;
  const TensorImpl &x = *a.captured.impl(), &y = *b.captured.impl();
  if (!same_meta(x.meta, y.meta) || !x.meta.contiguous || x.meta.device != Device::cpu())
    return false;
  return has_contents(x) && has_contents(y) && !std::memcmp(x.data(), y.data(), x.meta.nbytes());
}

} // namespace

std::optional<Broken> other_leaf(const PureProgram& was, const PureProgram& is) {
  auto name = [](const PureProgram::Leaf& l) {
    return l.argument < 0 ? std::string("another captured tensor")
                          : fmt::format("argument {}", l.argument);
  };
  for (size_t k = 0; k < was.leaves.size(); k++) {
    const PureProgram::Leaf &a = was.leaves[k], &b = is.leaves[k];
    if (a.argument == b.argument && same_captured(a, b)) continue;
    const ColdNode& c = op_at(*was.flush, was.flush->leaves[k].slot);
    return Broken{fmt::format("{} of {}", info(c.op).name, name(a)), "it of " + name(b), &c, &c};
  }
  return std::nullopt;
}

std::optional<Broken> other_results(const PureProgram& was, const PureProgram& is) {
  bool same = was.results.size() == is.results.size() && was.result_numbers == is.result_numbers;
  for (size_t k = 0; same && k < was.results.size(); k++) {
    const PureProgram::Result &a = was.results[k], &b = is.results[k];
    same = a.kind == b.kind && a.index == b.index && a.offset == b.offset &&
           a.captured.is_same(b.captured) && (!a.meta.rank || same_meta(a.meta, b.meta));
  }
  if (same) return std::nullopt;
  return Broken{"some results", "others", nullptr, nullptr};
}

} // namespace weft
