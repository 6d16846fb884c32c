// What the expression of a custom op may call: primitives, functions and pointwise ops that are ops
// over tensors. Once as the table of the runtime, once as C++ functions over its Value and Mask.
#include "ir/tblgen/backends.h"
#include "ir/tblgen/print.h"

#include <algorithm>
#include <set>

namespace weft::tblgen {

namespace {

struct Entry {
  std::string name, cpp, signature; // in the language, in C++, as of expr::Callable
  const OpRecord* op = nullptr;
  Texts parameters, fallbacks;
};

std::string cpp_of(const expr::PrimitiveInfo& p) {
  if (!p.infix.empty()) return "operator" + std::string(p.infix);
  if (p.id == expr::Primitive::neg) return "operator-";
  if (p.id == expr::Primitive::logical_not) return "operator!";
  return cpp_name(std::string(p.name));
}

bool is_callable(const OpRecord* op) {
  return op && op->kind == Kind::pointwise && op->api && !op->is_random && op->result != "given" &&
         !op->signature.empty() && op->signature.size() <= expr::kMaxOperands + 1;
}

// A name means the primitive before the function, and the function before the op.
std::vector<Entry> entries(const Records& records) {
  std::vector<Entry> all;
  std::set<std::string> known;
  for (const expr::PrimitiveInfo& p : expr::kPrimitives) {
    known.insert(std::string(p.name));
    const OpRecord* op = records.op(enumerator(p.id));
    if (!is_callable(op)) continue;
    Entry e{std::string(p.name), cpp_of(p), std::string(p.signature), op, {}, {}};
    std::replace(e.signature.begin(), e.signature.end(), 'X', 'N');
    all.push_back(std::move(e));
  }
  auto add = [&](const OpRecord& called, const OpRecord* op) {
    if (!is_callable(op) || !known.insert(called.name).second) return;
    all.push_back({called.name, cpp_name(called.name), called.signature, op, {}, {}});
  };
  for (const OpRecord* c : records.callables())
    if (c->kind == Kind::function) add(*c, records.op(c->tensor_op));
  for (const OpRecord* op : records.ops())
    add(*op, op);
  for (Entry& e : all) {
    for (const Operand& o : e.op->operands)
      e.parameters.push_back(cpp_name(o.name));
    e.fallbacks.resize(e.parameters.size());
    for (const ScalarAttribute& s : e.op->scalars) {
      e.parameters.push_back(cpp_name(s.name));
      e.fallbacks.push_back(s.fallback);
    }
  }
  return all;
}

const char* class_of(char type) { return type == 'B' ? "Mask" : "Value"; }

// Prints all functions over Value and Mask, as declarations with default numbers or as definitions.
void print_values(const Records& records, llvm::raw_ostream& os, bool definitions) {
  for (const Entry& e : entries(records)) {
    Texts parameters, terms;
    for (size_t k = 0; k < e.parameters.size(); k++) {
      bool has_default = !definitions && !e.fallbacks[k].empty();
      parameters.push_back(std::string("const ") + class_of(e.signature[k + 1]) + "& " +
                           e.parameters[k] + (has_default ? " = " + e.fallbacks[k] : ""));
      terms.push_back(e.parameters[k] + ".term()");
    }
    const char* result = class_of(e.signature[0]);
    os << result << " " << e.cpp << "(" << join(parameters, ", ") << ")";
    if (definitions)
      os << " {\n  return " << result << "(detail::call_term(\"" << e.name << "\", {"
         << join(terms, ", ") << "}));\n}\n";
    else
      os << ";\n";
  }
}

} // namespace

void gen_custom_ops(const Records& records, llvm::raw_ostream& os) {
  banner(os, "What the expression of a custom op may call: {name, op, signature}.");
  for (const Entry& e : entries(records))
    os << "{\"" << e.name << "\", Op::" << cpp_name(e.op->name) << ", \"" << e.signature
       << "\"},\n";
}

void gen_custom_values(const Records& records, llvm::raw_ostream& os) {
  banner(os, "The functions of an expression; docs/ops.md describes each.");
  print_values(records, os, false);
}

void gen_custom_value_defs(const Records& records, llvm::raw_ostream& os) {
  banner(os, "What the functions of an expression make: calls.");
  print_values(records, os, true);
}

} // namespace weft::tblgen
