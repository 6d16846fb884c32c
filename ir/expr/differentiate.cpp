// Reverse-mode derivatives of expressions. The rules are text in the same language, over the
// operands a b c, the value y and the incoming gradient g.
#include "ir/expr/expr.h"

#include <algorithm>

namespace weft::expr {

namespace {

struct Rule {
  Primitive primitive;
  const char* terms[3]; // by operand; "" where nothing flows back
};

constexpr Rule kRules[] = {
    {Primitive::add, {"g", "g"}},
    {Primitive::sub, {"g", "-g"}},
    {Primitive::mul, {"g * b", "g * a"}},
    {Primitive::div, {"g / b", "-g * y / b"}},
    {Primitive::neg, {"-g"}},
    {Primitive::where, {"", "where(a, g, 0)", "where(a, 0, g)"}},
    {Primitive::rarely, {"", "where(a, g, 0)", "where(a, 0, g)"}},
    {Primitive::abs, {"where(a < 0, -g, where(a > 0, g, 0))"}},
    {Primitive::sqrt, {"g / (2 * y)"}},
    {Primitive::fma, {"g * b", "g * a", "g"}},
    {Primitive::require, {"", "g"}},
    // Constant between the steps.
    {Primitive::floor, {""}},
    {Primitive::rint, {""}},
    {Primitive::exponent, {""}},
};

const Rule* rule_of(Primitive p) {
  const Rule* found = std::find_if(std::begin(kRules), std::end(kRules),
                                   [p](const Rule& r) { return r.primitive == p; });
  return found == std::end(kRules) ? nullptr : found;
}

} // namespace

// Copies the nodes below `root` of another DAG, with our nodes in place of its inputs.
int Builder::splice(const Builder& from, int root, const std::vector<int>& inputs) {
  std::vector<int> copy(static_cast<size_t>(root) + 1, -1);
  for (int k = 0; k <= root; k++) {
    Node n = from[k];
    if (n.op == kInput) {
      copy[static_cast<size_t>(k)] = inputs[static_cast<size_t>(n.args[0])];
      continue;
    }
    bool known = true;
    for (int a = 0; a < n.operand_count(); a++) {
      int operand = copy[static_cast<size_t>(n.args[static_cast<size_t>(a)])];
      known &= operand >= 0;
      n.args[static_cast<size_t>(a)] = static_cast<int16_t>(operand);
    }
    if (known) copy[static_cast<size_t>(k)] = add(n);
  }
  if (copy.back() < 0) throw Error(0, "a gradient reads a value that is not there");
  return copy.back();
}

// What one node sends back to each of its operands; -1 for nothing.
std::vector<int> Builder::gradient_terms(int node, int value, int gradient) {
  const Node n = (*this)[node];
  std::vector<int> terms(static_cast<size_t>(n.operand_count()), -1);
  if (n.is_call()) {
    // The index alone names the callable in a node; its text name is what the resolver knows.
    const Callable* c = resolver_ ? resolver_("#" + std::to_string(n.op - kCall)) : nullptr;
    if (!c || !c->gradient)
      throw Error(0, "'" + std::string(c ? c->name : "?") + "' has no gradient");
    std::vector<int> inputs(n.args.begin(), n.args.begin() + n.operand_count());
    inputs.push_back(value);
    inputs.push_back(gradient);
    for (size_t k = 0; k < terms.size(); k++)
      if (c->gradients[k] >= 0) terms[k] = splice(*c->gradient, c->gradients[k], inputs);
    return terms;
  }
  const Rule* rule = rule_of(n.primitive());
  if (!rule)
    throw Error(0, "'" + std::string(info(n.primitive()).name) + "' has no derivative rule");
  auto outer = std::move(names_);
  constexpr const char* kOperandNames[] = {"a", "b", "c"};
  for (size_t k = 0; k < terms.size(); k++) {
    if (!*rule->terms[k]) continue;
    names_ = {{"y", value}, {"g", gradient}};
    for (size_t o = 0; o < terms.size(); o++)
      names_[kOperandNames[o]] = n.args[o];
    terms[k] = parse(rule->terms[k]);
  }
  names_ = std::move(outer);
  return terms;
}

std::vector<int> Builder::differentiate(int root, int result, int seed) {
  std::vector<int> adjoint(static_cast<size_t>(root) + 1, -1);
  std::vector<int> gradients(static_cast<size_t>(inputs_), -1);
  adjoint[static_cast<size_t>(root)] = seed;
  for (int k = root; k >= 0; k--) {
    int g = adjoint[static_cast<size_t>(k)];
    const Node n = (*this)[k];
    if (g < 0 || n.is_constant() || n.type != Type::number) continue;
    if (n.op == kInput) {
      gradients[static_cast<size_t>(n.args[0])] = g;
      continue;
    }
    std::vector<int> terms = gradient_terms(k, k == root ? result : k, g);
    for (size_t o = 0; o < terms.size(); o++) {
      if (terms[o] < 0) continue;
      int& sum = adjoint[static_cast<size_t>(n.args[o])];
      sum = sum < 0 ? terms[o] : apply(Primitive::add, {sum, terms[o]});
    }
  }
  return gradients;
}

} // namespace weft::expr
