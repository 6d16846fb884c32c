#include "ir/tblgen/print.h"

#include "ir/expr/rare.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>

namespace weft::tblgen {

using expr::Node;

namespace {

// Locals are named as in the record where that is unambiguous.
std::string local_name(const expr::Builder& dag, int node, std::set<std::string>& used) {
  std::string name = "t" + std::to_string(node);
  for (auto& [key, value] : dag.names())
    if (value == node) name = cpp_name(key);
  while (!used.insert(name).second)
    name += "_";
  return name;
}

std::vector<int> use_counts(const expr::Builder& dag, const std::vector<int>& roots) {
  std::vector<int> uses(dag.nodes().size());
  for (int r : roots)
    if (r >= 0) uses[static_cast<size_t>(r)]++;
  for (size_t k = uses.size(); k-- > 0;)
    for (int a = 0; uses[k] && a < dag.nodes()[k].operand_count(); a++) {
      bool twice =
          a == 0 && expr::is_rare_side(dag.nodes()[k], 1); // for the branch, for the choice
      uses[static_cast<size_t>(dag.nodes()[k].args[static_cast<size_t>(a)])] += twice ? 2 : 1;
    }
  return uses;
}

class Printer {
public:
  Printer(const expr::Builder& dag, const std::vector<int>& roots, const Texts& inputs,
          const Language& to, llvm::raw_ostream& os)
      : dag_(dag), inputs_(inputs), to_(to), os_(os), uses_(use_counts(dag, roots)),
        used_(inputs.begin(), inputs.end()), text_(uses_.size()), rare_(uses_.size()) {
    if (to.any)
      rare_ = expr::rare_nodes(dag.nodes(), roots, [&](const Node& n) { return to.stays(dag, n); });
  }

  void all(const std::string& indent) {
    for (size_t k = 0; k < uses_.size(); k++)
      if (uses_[k] && !rare_[k]) node(k, indent);
  }
  std::string text(int root) const { return root < 0 ? "" : text_[static_cast<size_t>(root)]; }

private:
  size_t operand(size_t k, int a) const {
    return static_cast<size_t>(dag_.nodes()[k].args[static_cast<size_t>(a)]);
  }

  void node(size_t k, const std::string& indent) {
    const Node& n = dag_.nodes()[k];
    if (n.op == expr::kInput) {
      text_[k] = inputs_[static_cast<size_t>(n.args[0])];
      return;
    }
    if (n.op == expr::kLiteral) {
      text_[k] = to_.literal(n.number, n.type);
      return;
    }
    if (expr::is_rare_side(n, 1) && rare_[operand(k, 1)]) return branch(k, indent);
    Texts operands;
    for (int a = 0; a < n.operand_count(); a++)
      operands.push_back(text_[operand(k, a)]);
    text_[k] = n.is_call() ? to_.call(n.op - expr::kCall, operands) : to_.apply(dag_, n, operands);
    // A line that grows without end reads no better than many variables.
    if (uses_[k] == 1 && text_[k].size() < 80) return;
    std::string name = local_name(dag_, static_cast<int>(k), used_);
    os_ << indent << to_.local << name << " = " << text_[k] << ";\n";
    text_[k] = name;
  }

  // A choice that is rarely made: what it takes then stands in a branch.
  void branch(size_t k, const std::string& indent) {
    const std::string condition = text_[operand(k, 0)];
    const std::string name = local_name(dag_, static_cast<int>(k), used_);
    os_ << indent << "auto " << name << " = " << text_[operand(k, 2)] << ";\n"
        << indent << "if (" << to_.any(condition) << ") {\n";
    const Texts outside = text_;
    for (size_t inner : side(k))
      node(inner, indent + "  ");
    os_ << indent << "  " << name << " = "
        << to_.apply(dag_, dag_.nodes()[k], {condition, text_[operand(k, 1)], name}) << ";\n"
        << indent << "}\n";
    text_ = outside;
    text_[k] = name;
  }

  // What the rare side of node k takes that is not printed yet, but for rare sides inside of it.
  std::vector<size_t> side(size_t k) const {
    std::set<size_t> found{operand(k, 1)};
    for (auto it = found.rbegin(); it != found.rend(); ++it)
      for (int a = 0; a < dag_.nodes()[*it].operand_count(); a++)
        if (size_t o = operand(*it, a); rare_[o] && !expr::is_rare_side(dag_.nodes()[*it], a))
          found.insert(o);
    std::erase_if(found, [&](size_t node) { return !text_[node].empty(); });
    return {found.begin(), found.end()};
  }

  const expr::Builder& dag_;
  const Texts& inputs_;
  const Language& to_;
  llvm::raw_ostream& os_;
  std::vector<int> uses_;
  std::set<std::string> used_;
  Texts text_; // by node; empty: not printed where we are
  std::vector<bool> rare_;
};

} // namespace

Texts print(const Expression& e, const std::vector<int>& roots, const Texts& inputs,
            const Language& to, llvm::raw_ostream& os, const std::string& indent) {
  Printer printer(*e.dag, roots, inputs, to, os);
  printer.all(indent);
  Texts result;
  for (int r : roots)
    result.push_back(printer.text(r));
  return result;
}

std::string number_text(double v) {
  char buffer[40];
  for (int digits = 1; digits <= 17; digits++) {
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, v);
    if (std::strtod(buffer, nullptr) == v) break;
  }
  return buffer;
}

std::string join(const Texts& parts, const std::string& separator) {
  std::string r;
  for (size_t k = 0; k < parts.size(); k++)
    r += (k ? separator : "") + parts[k];
  return r;
}

std::string join_code(const Texts& texts) {
  Texts codes;
  for (const std::string& t : texts)
    codes.push_back("`" + t + "`");
  return join(codes, ", ");
}

std::string call_text(const std::string& function, const Texts& arguments) {
  return function + "(" + join(arguments, ", ") + ")";
}

std::string cpp_name(const std::string& name) {
  static const std::set<std::string> keywords = {
      "and",    "or",      "not",  "xor",      "auto",   "bool",  "case",   "char",
      "const",  "default", "do",   "double",   "else",   "enum",  "float",  "for",
      "if",     "int",     "long", "new",      "return", "short", "signed", "sizeof",
      "static", "switch",  "this", "unsigned", "using",  "while"};
  return keywords.contains(name) ? name + "_" : name;
}

std::string enumerator(expr::Primitive p) {
  std::string name(info(p).name);
  return name == "or" || name == "and" || name == "xor" || name == "not" ? "logical_" + name : name;
}

void banner(llvm::raw_ostream& os, const char* what) {
  os << "// " << what << " Printed by weft-tblgen from ir/ops/ops.td.\n\n";
}

} // namespace weft::tblgen
