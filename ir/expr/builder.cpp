// Hash-consing and type checks of expression nodes.
#include "ir/expr/expr.h"

#include <bit>
#include <cmath>

namespace weft::expr {

namespace {

size_t hash_of(const Node& n) {
  uint64_t h = 0x9E3779B97F4A7C15ull * static_cast<uint64_t>(n.op + 1);
  auto mix = [&h](uint64_t v) { h = (h ^ v) * 0xFF51AFD7ED558CCDull, h ^= h >> 32; };
  for (int16_t a : n.args)
    mix(static_cast<uint16_t>(a));
  mix(static_cast<uint64_t>(n.type));
  mix(std::bit_cast<uint64_t>(n.number));
  return h;
}

bool same(const Node& a, const Node& b) {
  return a.op == b.op && a.args == b.args && a.type == b.type &&
         std::bit_cast<uint64_t>(a.number) == std::bit_cast<uint64_t>(b.number);
}

const char* noun(Type t) {
  return t == Type::boolean ? "bool" : t == Type::index ? "index" : "number";
}

} // namespace

std::string with_caret(std::string_view text, const Error& error) {
  size_t at = std::min(error.at, text.size());
  size_t begin = at == 0 ? 0 : text.rfind('\n', at - 1);
  begin = begin == std::string_view::npos || at == 0 ? 0 : begin + 1;
  size_t end = std::min(text.find('\n', at), text.size());
  return std::string(error.what()) + "\n  " + std::string(text.substr(begin, end - begin)) +
         "\n  " + std::string(at - begin, ' ') + "^";
}

int Builder::add(const Node& node, size_t at) {
  size_t h = hash_of(node);
  auto [first, last] = by_hash_.equal_range(h);
  for (; first != last; ++first)
    if (same(nodes_[static_cast<size_t>(first->second)], node)) return first->second;
  if (nodes_.size() >= 32000) throw Error(0, "the expression is too large");
  int n = static_cast<int>(nodes_.size());
  nodes_.push_back(node);
  places_.push_back(at);
  by_hash_.emplace(h, n);
  return n;
}

int Builder::input(const std::string& name, Type type) {
  Node n{.op = kInput, .type = type};
  n.args[0] = static_cast<int16_t>(inputs_++);
  return names_[name] = add(n);
}

int Builder::literal(double value, Type type) {
  return add({.op = kLiteral, .type = type, .number = value});
}

int Builder::apply(Primitive primitive, std::initializer_list<int> operands) {
  const PrimitiveInfo& p = info(primitive);
  return checked(static_cast<int>(primitive), p.name, p.signature, p.domain, operands, 0);
}

int Builder::constant_as(int node, Type type) {
  Node n = (*this)[node];
  if (n.type == type || !n.is_constant() || type == Type::boolean) return node;
  n.type = type;
  return add(n);
}

// Types are checked where a node is made; X resolves to index as soon as one operand is an index.
int Builder::checked(int op, std::string_view name, std::string_view signature, Domain needs,
                     std::vector<int> operands, size_t at) {
  auto bad = [&](const std::string& what) {
    throw Error(at, "'" + std::string(name) + "' " + what);
  };
  size_t expected = signature.size() - 1;
  if (operands.size() != expected)
    bad("takes " + std::to_string(expected) + (expected == 1 ? " operand" : " operands") +
        ", got " + std::to_string(operands.size()));
  if (needs != Domain::number && needs != domain_)
    bad(needs == Domain::floating ? "is for floats only, the op also takes integers"
                                  : "is for integers only, the op also takes floats");
  Type any = Type::number;
  for (size_t k = 0; k < expected; k++)
    if (signature[k + 1] == 'X' && (*this)[operands[k]].type == Type::index) any = Type::index;
  auto resolve = [&](char c) { return c == 'X' ? any : static_cast<Type>(c); };
  Node n{.op = static_cast<int16_t>(op), .type = resolve(signature[0])};
  for (size_t k = 0; k < expected; k++) {
    Type want = resolve(signature[k + 1]);
    operands[k] = constant_as(operands[k], want);
    if ((*this)[operands[k]].type != want)
      bad("operand " + std::to_string(k + 1) + " must be " + (want == Type::index ? "an " : "a ") +
          noun(want) + ", got " + ((*this)[operands[k]].type == Type::index ? "an " : "a ") +
          noun((*this)[operands[k]].type));
    n.args[k] = static_cast<int16_t>(operands[k]);
  }
  return add(n, at);
}

int Builder::named(std::string_view name, const std::vector<int>& operands, size_t at) {
  for (int op = 0; op < kPrimitiveCount; op++)
    if (kPrimitives[op].name == name)
      return checked(op, name, kPrimitives[op].signature, kPrimitives[op].domain, operands, at);
  if (const Callable* c = resolver_ ? resolver_(name) : nullptr)
    return checked(kCall + c->index, name, c->signature, c->domain, operands, at);
  throw Error(at, "no function or op is named '" + std::string(name) + "'");
}

} // namespace weft::expr
