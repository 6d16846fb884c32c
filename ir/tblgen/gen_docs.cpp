// The op reference, one Markdown page: signature, semantics, shapes, dtypes, formula, gradient.
#include "ir/tblgen/backends.h"
#include "ir/tblgen/one_line.h"
#include "ir/tblgen/print.h"

#include "llvm/ADT/StringExtras.h"

namespace weft::tblgen {

namespace {

// A default of a composite's parameter as a reader would say it.
std::string plain_default(const Parameter& p) {
  if (p.fallback == "{}") return p.type.find("Dims") == std::string::npos ? "none" : "all";
  if (p.fallback == "std::nullopt") return "none";
  if (p.fallback.find("numeric_limits") != std::string::npos) return "last";
  return p.fallback;
}

// The parameters with their defaults.
Texts parameters_of(const OpRecord& op) {
  Texts parameters;
  for (const Operand& o : op.operands)
    parameters.push_back(o.name + (o.variadic ? "..." : ""));
  for (const ScalarAttribute& s : op.scalars) {
    bool limit = s.fallback.find("infinity") != std::string::npos;
    std::string value = limit ? (s.fallback[0] == '-' ? "-inf" : "inf") : s.fallback;
    parameters.push_back(s.name + (value.empty() ? "" : " = " + value));
  }
  if (op.kind == Kind::reduction)
    parameters.insert(parameters.end(), {"dims = all", "keepdim = false"});
  else
    parameters.insert(parameters.end(), op.structure.begin(), op.structure.end());
  if (op.converts) parameters.push_back("dtype = that of x");
  for (const std::string& s : op.sizes)
    parameters.push_back(s);
  for (const Parameter& p : op.parameters)
    parameters.push_back(p.name + (p.fallback.empty() ? "" : " = " + plain_default(p)));
  return parameters;
}

std::string signature(const OpRecord& op) {
  return op.public_name() + "(" + join(parameters_of(op), ", ") + ")";
}

// A word begins a sentence with a capital; a formula (a + b) stays as it is.
std::string capitalised(std::string text) {
  if (text.size() > 1 && llvm::isAlpha(text[0]) && llvm::isAlpha(text[1]))
    text[0] = llvm::toUpper(text[0]);
  return text;
}

void row(llvm::raw_ostream& os, const char* what, const std::string& text) {
  if (!text.empty()) os << "- " << what << ": " << text << "\n";
}

std::string code(const std::string& text) { return text.empty() ? "" : "`" + one_line(text) + "`"; }

std::string gradient(const OpRecord& op) {
  if (op.kind == Kind::composite) return op.gradient_note;
  if (op.kind == Kind::source) return "none";
  if (!op.differentiable) return "none";
  if (op.kind != Kind::pointwise && op.kind != Kind::reduction) return "yes";
  if (op.gradient_texts.empty()) return "derived from the value";
  Texts parts;
  for (size_t k = 0; k < op.gradient_texts.size(); k++)
    parts.push_back(op.operands[k].name + ": " +
                    (op.gradient_texts[k].empty() ? "none" : code(op.gradient_texts[k])));
  return join(parts, "; ");
}

// What else calls the op: the method, the method in place, the operator.
std::string other_forms(const OpRecord& op) {
  Texts forms, rest;
  for (const std::string& parameter : parameters_of(op))
    rest.push_back(parameter.substr(0, parameter.find(' ')));
  rest.erase(rest.begin(), rest.begin() + !rest.empty());
  std::string arguments = "(" + join(rest, ", ") + ")`";
  if (op.has_method()) forms.push_back("`x." + op.name + arguments);
  if (op.has_inplace()) forms.push_back("in place `x." + op.name + "_" + arguments);
  if (!op.symbol_text.empty())
    forms.push_back(op.operands.size() == 1 ? "`" + op.symbol_text + "x`"
                                            : "`a " + op.symbol_text + " b`");
  return join(forms, ", ");
}

void page_entry(llvm::raw_ostream& os, const OpRecord& op) {
  os << "### " << op.public_name() << "\n\n    " << signature(op) << "\n\n"
     << capitalised(op.summary) << ".";
  if (!op.description.empty()) os << " " << one_line(op.description);
  os << "\n\n";
  std::string value = op.value_text;
  if (op.kind == Kind::reduction) value = "";
  row(os, "value", code(op.formula.empty() ? value : op.formula));
  row(os, "with", code(op.with_text));
  row(os, "shapes", op.shapes);
  row(os, "dtypes", op.dtypes);
  if (op.is_op() && op.result != "same") row(os, "result's dtype", op.result_dtype);
  if (op.returns != "Tensor" && op.returns != "void") row(os, "returns", code(op.returns));
  row(os, "gradient", gradient(op));
  row(os, "also", other_forms(op));
  row(os, "in PyTorch", join_code(op.pytorch));
  if (!op.example.empty()) row(os, "example", code(op.example) + " gives " + code(op.gives));
  os << "\n";
}

void section(llvm::raw_ostream& os, const Records& records, Kind kind, const char* title) {
  os << "## " << title << "\n\n";
  for (const OpRecord& op : records.all)
    if (op.kind == kind) page_entry(os, op);
}

} // namespace

void gen_docs(const Records& records, llvm::raw_ostream& os) {
  os << "# Op reference\n\nPrinted by `weft-tblgen -gen-docs` from the records in `ir/ops`; "
        "`docs/add_an_op.md` says how to add one.\n`y` is the result and `dy` its gradient. "
        "Expressions are computed in the operands' common dtype, bf16 in f32. Operands are "
        "tensors or numbers.\nExamples assume `#include <weft/weft.h>` and `using namespace "
        "weft;`; a test runs them.\n\n";
  section(os, records, Kind::pointwise, "Pointwise ops");
  section(os, records, Kind::reduction, "Reductions");
  section(os, records, Kind::structured, "Structured ops");
  section(os, records, Kind::composite, "Composites");
  section(os, records, Kind::view, "Primitive views, which the composites above use");
  section(os, records, Kind::source, "Primitive sources, likewise");
  os << "## Functions of the expression language\n\n";
  for (const OpRecord& op : records.all)
    if (op.kind == Kind::function) os << "- `" << signature(op) << "`: " << op.summary << "\n";
}

} // namespace weft::tblgen
