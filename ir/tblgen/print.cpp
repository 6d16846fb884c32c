#include "ir/tblgen/print.h"

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
    for (int a = 0; uses[k] && a < dag.nodes()[k].operand_count(); a++)
      uses[static_cast<size_t>(dag.nodes()[k].args[static_cast<size_t>(a)])]++;
  return uses;
}

} // namespace

Texts print(const Expression& e, const std::vector<int>& roots, const Texts& inputs,
            const Language& to, llvm::raw_ostream& os, const std::string& indent) {
  const expr::Builder& dag = *e.dag;
  std::vector<int> uses = use_counts(dag, roots);
  std::set<std::string> used(inputs.begin(), inputs.end());
  Texts text(uses.size());
  for (size_t k = 0; k < uses.size(); k++) {
    const Node& n = dag.nodes()[k];
    if (!uses[k]) continue;
    if (n.op == expr::kInput) {
      text[k] = inputs[static_cast<size_t>(n.args[0])];
      continue;
    }
    if (n.op == expr::kLiteral) {
      text[k] = to.literal(n.number, n.type);
      continue;
    }
    Texts operands;
    for (int a = 0; a < n.operand_count(); a++)
      operands.push_back(text[static_cast<size_t>(n.args[static_cast<size_t>(a)])]);
    text[k] = n.is_call() ? to.call(n.op - expr::kCall, operands) : to.apply(dag, n, operands);
    // A line that grows without end reads no better than many variables.
    if (uses[k] == 1 && text[k].size() < 80) continue;
    std::string name = local_name(dag, static_cast<int>(k), used);
    os << indent << to.local << name << " = " << text[k] << ";\n";
    text[k] = name;
  }
  Texts result;
  for (int r : roots)
    result.push_back(r < 0 ? "" : text[static_cast<size_t>(r)]);
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
