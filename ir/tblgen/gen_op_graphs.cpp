// The expressions as constant data (ir/ops/op_graphs.h).
#include "ir/tblgen/backends.h"
#include "ir/tblgen/print.h"

#include <cmath>

namespace weft::tblgen {

namespace {

std::string constant(double v) {
  if (std::isnan(v)) return "kNaN";
  if (std::isinf(v)) return v < 0 ? "-kInfinity" : "kInfinity";
  return number_text(v);
}

const char* type_name(expr::Type t) {
  return t == expr::Type::boolean ? "boolean" : t == expr::Type::index ? "index" : "number";
}

// Prints the nodes as an array and returns the text of a Graph.
std::string graph(llvm::raw_ostream& os, const Expression& e, const std::string& name) {
  if (!e.dag || e.roots.empty()) return "{}";
  std::string array = "{}";
  if (!e.dag->nodes().empty()) {
    array = "k" + name;
    os << "inline constexpr Node k" << name << "[] = {\n";
    for (const expr::Node& n : e.dag->nodes())
      os << "    {" << n.op << ", {" << n.args[0] << ", " << n.args[1] << ", " << n.args[2] << ", "
         << n.args[3] << "}, Type::" << type_name(n.type) << ", " << constant(n.number) << "},\n";
    os << "};\n";
  }
  int second = e.roots.size() > 1 ? e.roots[1] : -1;
  return "{" + array + ", {" + std::to_string(e.roots[0]) + ", " + std::to_string(second) + "}}";
}

std::string operand_names(const OpRecord& op) {
  Texts names;
  for (const Operand& o : op.operands)
    names.push_back('"' + o.name + '"');
  for (const ScalarAttribute& s : op.scalars)
    names.push_back('"' + s.name + '"');
  return "{" + join(names, ", ") + "}";
}

std::string signature(const OpRecord& op) {
  std::string s;
  for (const Operand& o : op.operands)
    s += static_cast<char>(o.type);
  return s;
}

const char* kind_name(Kind k) {
  static constexpr const char* names[] = {"function",   "pointwise", "reduction", "view",
                                          "structured", "source",    "composite"};
  return names[static_cast<int>(k)];
}

} // namespace

void gen_op_graphs(const Records& records, llvm::raw_ostream& os) {
  banner(os, "Expressions of the records as data.");
  std::string callables, ops;
  for (const OpRecord* op : records.callables()) {
    std::string name = op->symbol;
    callables += "    {\"" + op->name + "\", " + std::to_string(op->signature.size() - 1) + ", {{";
    bool split = !op->value.dag;
    if (split) {
      for (const char* dtype : {"f32", "f64", "i64"})
        callables += graph(os, op->for_dtype(dtype), name + "_" + dtype) + ", ";
    } else {
      std::string shared = graph(os, op->value, name);
      callables += shared + ", " + shared + ", " + shared;
    }
    callables += "}}},\n";
  }
  for (const OpRecord* op : records.ops()) {
    std::string name = op->symbol;
    bool printed = op->callable >= 0;
    std::string value = printed ? "kCallables[" + std::to_string(op->callable) + "].graphs[0]"
                                : graph(os, op->value, name + "Op");
    ops += "    {.name = \"" + op->name + "\", .kind = RecordKind::" + kind_name(op->kind) +
           ", .signature = \"" + signature(*op) +
           "\", .scalar_count = " + std::to_string(op->scalars.size()) +
           ", .is_mask = " + (op->is_mask ? "true" : "false") +
           ", .is_random = " + (op->is_random ? "true" : "false") +
           ", .lowers = " + (op->lowers ? "true" : "false") +
           ", .refuses = " + (op->refuses ? "true" : "false") +
           ", .indexes = " + (op->indexes ? "true" : "false") +
           ", .overwrites = " + (op->overwrites ? "true" : "false") + ", .domain = \"" +
           op->domain + "\", .result = \"" + op->result + "\", .names = " + operand_names(*op) +
           ", .value = " + value + ", .identity = " + graph(os, op->identity, name + "Identity") +
           ", .element = " + graph(os, op->element, name + "Element") +
           ", .combine = " + graph(os, op->combine, name + "Combine") +
           ", .finish = " + graph(os, op->finish, name + "Finish") + "},\n";
  }
  os << "\ninline constexpr CallableGraphs kCallables[] = {\n" << callables << "};\n\n";
  os << "inline constexpr OpGraphs kOpGraphs[] = {\n" << ops << "};\n";
}

} // namespace weft::tblgen
