// The order of the questions is that of Session::match: the first that finds a difference is the
// cause. Operands count from 1.

#include "frontend/divergence.h"
#include "weft/device.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weft {

namespace {

constexpr const char* kKinds[] = {"a bool", "an integer", "a floating number"}; // by Scalar::Kind

std::string listed(std::span<const int64_t> numbers) {
  return fmt::format("[{}]", fmt::join(numbers, ", "));
}

std::string named(const ColdNode& c) {
  return fmt::format("{}{} ({})", info(c.op).name, c.in_place ? "_" : "", c.place.str());
}

// An op's integers under their names. Lists come last and are of one length: their names are
// plurals, or "shape".
struct NamedIntegers {
  const char* const* names;
  std::span<const int64_t> numbers;

  static bool is_list(std::string_view name) { return name.ends_with('s') || name == "shape"; }
  size_t count() const {
    size_t n = 0;
    while (names[n])
      n++;
    return n;
  }
  std::span<const int64_t> of(size_t k) const {
    const size_t n = count();
    size_t single = 0;
    while (single < n && !is_list(names[single]))
      single++;
    if (k < single) return k < numbers.size() ? numbers.subspan(k, 1) : numbers.subspan(0, 0);
    const size_t length = numbers.size() < single ? 0 : (numbers.size() - single) / (n - single);
    return length ? numbers.subspan(single + (k - single) * length, length) : numbers.subspan(0, 0);
  }
};

std::string value_text(std::string_view name, std::span<const int64_t> numbers) {
  if (name == "dtype" && numbers.size() == 1)
    return std::string(name_of(static_cast<DType>(numbers[0])));
  return NamedIntegers::is_list(name) || numbers.size() != 1 ? listed(numbers)
                                                             : std::to_string(numbers[0]);
}

// The first of an op's integers for which `differs` holds of both values.
template <class F>
std::string integers(const NamedIntegers& was, const NamedIntegers& is, F differs) {
  const size_t count = was.count();
  for (size_t k = 0; k < count; k++)
    if (const auto a = was.of(k), b = is.of(k); differs(a, b))
      return fmt::format("{} was {}, is {}", was.names[k], value_text(was.names[k], a),
                         value_text(was.names[k], b));
  return "";
}

bool differ(std::span<const int64_t> a, std::span<const int64_t> b) {
  return !std::equal(a.begin(), a.end(), b.begin(), b.end());
}

bool differ_in_ones(std::span<const int64_t> a, std::span<const int64_t> b) {
  return !std::equal(a.begin(), a.end(), b.begin(), b.end(),
                     [](int64_t x, int64_t y) { return (x == 1) == (y == 1); });
}

// Each part of a tensor's structure that differs.
std::string meta_difference(const std::string& what, const Meta& was, const Meta& is) {
  std::vector<std::string> parts;
  if (was.dtype != is.dtype)
    parts.push_back(fmt::format("was {}, is {}", name_of(was.dtype), name_of(is.dtype)));
  if (was.device != is.device)
    parts.push_back(fmt::format("was on {}, is on {}", name_of(was.device), name_of(is.device)));
  if (was.rank != is.rank)
    parts.push_back(
        fmt::format("had {} dims, has {}: {}, {}", was.rank, is.rank, describe(was), describe(is)));
  else if (was.ones != is.ones)
    parts.push_back(
        fmt::format("was {}, is {}: where a size is 1 is structure", describe(was), describe(is)));
  if (was.contiguous != is.contiguous)
    parts.push_back(fmt::format("{}, {}: strides {}, {}",
                                was.contiguous ? "was contiguous" : "was not contiguous",
                                is.contiguous ? "is contiguous" : "is not",
                                listed({was.strides, was.rank}), listed({is.strides, is.rank})));
  if (was.requires_grad != is.requires_grad)
    parts.push_back(is.requires_grad ? "required no gradient, requires one"
                                     : "required a gradient, requires none");
  return parts.empty() ? "" : fmt::format("{} {}", what, fmt::join(parts, "; "));
}

// What a slot is to the user: an op's result, or an operand that came from outside.
std::string slot_text(const BoundSegment& bound, int32_t slot) {
  for (const ColdNode* c = bound.last; c && c != bound.root; c = c->parent) {
    if (!c->in_place && c->hot->result == slot) return "the result of " + named(*c);
    for (size_t k = 0; k < c->operands.size(); k++)
      if (c->operands[k] == slot && c->new_leaf[k])
        return fmt::format("operand {} of {}", k + 1, named(*c));
  }
  return "";
}

std::string tensor_text(const BoundSegment& bound, TensorImpl* t) {
  if (t->session == bound.session) return slot_text(bound, t->slot);
  for (const ColdNode* c = bound.last; c && c != bound.root; c = c->parent)
    for (size_t k = 0; k < c->operands.size(); k++)
      if (c->new_leaf[k] && bound.values[static_cast<size_t>(c->operands[k])] == t)
        return fmt::format("operand {} of {}", k + 1, named(*c));
  return "another tensor, " + describe(t->meta);
}

std::string operand_difference(const ColdNode& was, size_t k, TensorImpl* is,
                               const BoundSegment& bound) {
  const std::string what = fmt::format("operand {}", k + 1);
  const int32_t slot = was.operands[k];
  if (slot < 0) return is ? what + " was a number, is " + describe(is->meta) : "";
  // A leaf that this call names twice is known to its second place alone.
  std::string before = slot_text(bound, slot);
  for (size_t j = 0; before.empty() && !was.new_leaf[k] && j < k; j++)
    if (was.operands[j] == slot) before = fmt::format("operand {} again", j + 1);
  if (before.empty()) before = "a tensor from outside, " + describe(was.leaf_metas[k]);
  if (!is) return fmt::format("{} was {}, is a number", what, before);
  if (was.new_leaf[k] && is->session != bound.session)
    return meta_difference(what, was.leaf_metas[k], is->meta);
  if (!was.new_leaf[k] && bound.values[static_cast<size_t>(slot)] == is) return "";
  return fmt::format("{} was {}, is {}", what, before, tensor_text(bound, is));
}

// Numbers among the operands come first, then the op's own.
std::string number_difference(const ColdNode& was, const OpCall& is) {
  std::vector<std::string> names;
  for (size_t k = 0; k < was.operands.size(); k++)
    if (was.operands[k] < 0) names.push_back(fmt::format("operand {}", k + 1));
  for (const char* const* name = info(was.op).scalar_names; *name; name++)
    names.emplace_back(*name);
  for (size_t k = 0; k < std::min(was.scalar_kinds.size(), is.scalars.size()); k++)
    if (was.scalar_kinds[k] != is.scalars[k].kind)
      return fmt::format("{} was {}, is {}", k < names.size() ? names[k] : "a number",
                         kKinds[static_cast<int>(was.scalar_kinds[k])],
                         kKinds[static_cast<int>(is.scalars[k].kind)]);
  return "";
}

std::string difference(const ColdNode& was, const OpCall& is, const Meta& result,
                       const BoundSegment& bound) {
  if (was.is_flush() || was.op != is.op) return "another op";
  if (was.in_place != is.in_place) return is.in_place ? "in place" : "not in place";
  if (was.operands.size() != is.operands.size())
    return fmt::format("had {} operands, has {}", was.operands.size(), is.operands.size());
  const OpInfo& op = info(was.op);
  const NamedIntegers structure{op.structure_names, was.structure}, sizes{op.size_names, was.sizes};
  std::string why = integers(structure, {op.structure_names, is.structure}, differ);
  // Where a number took a tensor's place the rest of the numbers moves.
  for (size_t k = 0; why.empty() && k < is.operands.size(); k++)
    if ((was.operands[k] < 0) != !is.operands[k])
      why = operand_difference(was, k, is.operands[k], bound);
  if (why.empty()) why = number_difference(was, is);
  if (why.empty() && is.operands.empty() && was.meta.device != is.device)
    why = fmt::format("made on {}, is made on {}", name_of(was.meta.device), name_of(is.device));
  for (size_t k = 0; why.empty() && k < is.operands.size(); k++)
    why = operand_difference(was, k, is.operands[k], bound);
  if (why.empty()) {
    why = integers(sizes, {op.size_names, is.sizes}, differ_in_ones);
    if (!why.empty() && was.sizes.size() == is.sizes.size())
      why += ": where a size is 1 is structure";
  }
  Meta now = result;
  now.requires_grad = was.meta.requires_grad;
  if (why.empty() && !was.in_place) why = meta_difference("the result", was.meta, now);
  return why.empty() ? "another path" : why;
}

std::string size_difference(const ColdNode& was, const OpCall& is) {
  for (size_t k = 0; k < is.operands.size(); k++) {
    if (!was.new_leaf[k] || !is.operands[k]) continue;
    const Meta &a = was.leaf_metas[k], &b = is.operands[k]->meta;
    if (!a.same_sizes(b))
      return fmt::format("operand {} was {}, is {}", k + 1, describe(a), describe(b));
    if (!a.same_strides(b))
      return fmt::format("operand {} had the strides {}, has {}", k + 1,
                         listed({a.strides, a.rank}), listed({b.strides, b.rank}));
  }
  const char* const* names = info(was.op).size_names;
  return integers({names, was.sizes}, {names, is.sizes}, differ);
}

} // namespace

Divergence explain_divergence(const ColdNode& expected, const OpCall& got, const Meta& result,
                              const BoundSegment& bound, bool other_sizes) {
  Divergence d;
  d.expected_at = expected.place;
  d.got_at = TracePlace::of(got.location());
  auto name = [](Op op, bool in_place) { return info(op).name + std::string(in_place ? "_" : ""); };
  d.got = name(got.op, got.in_place);
  d.expected = expected.is_flush() ? "end of the segment" : name(expected.op, expected.in_place);
  if (expected.is_flush()) d.expected_at = expected.flush->place;
  d.difference =
      other_sizes ? size_difference(expected, got) : difference(expected, got, result, bound);
  return d;
}

} // namespace weft
