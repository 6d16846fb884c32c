// Gradients as C++ over the public API, so that they are differentiable and captured like anything
// else.
#include "ir/tblgen/backends.h"
#include "ir/tblgen/print.h"

#include "llvm/TableGen/Error.h"

#include <cmath>

namespace weft::tblgen {

namespace {

std::string literal(double v, expr::Type) {
  if (std::isnan(v)) return "std::numeric_limits<double>::quiet_NaN()";
  if (std::isinf(v))
    return std::string(v < 0 ? "-" : "") + "std::numeric_limits<double>::infinity()";
  std::string t = number_text(v);
  return t.find_first_of(".e") == std::string::npos ? t + ".0" : t;
}

// Nodes become calls of ops: a primitive's op has its enumerator's name.
struct OverTensors {
  const Records& records;
  const OpRecord& op;
  Language language;

  OverTensors(const Records& all, const OpRecord& of) : records(all), op(of) {
    language.literal = literal;
    language.local = "const Tensor ";
    language.apply = [this](const expr::Builder&, const expr::Node& n, const Texts& operands) {
      if (is_scaled_dy(n)) return call_text("context.scaled", operands);
      return call(enumerator(n.primitive()), operands);
    };
    language.call = [this](int callable, const Texts& operands) -> std::string {
      if (callable == kReducedSum) return "reduced_sum(context, " + operands[0] + ")";
      if (callable == kReducedProduct) return "reduced_product(context, " + operands[0] + ")";
      const OpRecord* c = records.callable(callable);
      return call(c->kind == Kind::function ? c->tensor_op : c->name, operands);
    };
  }

  // dy times an attribute, which is 1 by default more often than not.
  bool is_scaled_dy(const expr::Node& n) const {
    if (op.kind != Kind::pointwise || n.primitive() != expr::Primitive::mul) return false;
    auto input = [&](size_t k) {
      const expr::Node& of = op.gradient.dag->nodes()[static_cast<size_t>(n.args[k])];
      return of.op == expr::kInput ? of.args[0] : -1;
    };
    const int first = static_cast<int>(op.operands.size());
    const int y = first + static_cast<int>(op.scalars.size());
    return input(0) == y + 1 && input(1) >= first && input(1) < y;
  }

  std::string call(const std::string& name, const Texts& operands) {
    const OpRecord* target = records.op(name);
    if (!target || !target->api)
      llvm::PrintError(op.record, "a gradient is written over ops, and '" + name + "' is none");
    return call_text("weft::" + name, operands);
  }
};

// Which inputs the expression reads.
std::vector<bool> read_inputs(const Expression& e, int root) {
  std::vector<bool> needed(e.dag->nodes().size()),
      inputs(static_cast<size_t>(e.dag->input_count()));
  needed[static_cast<size_t>(root)] = true;
  for (size_t k = needed.size(); k-- > 0;) {
    if (!needed[k]) continue;
    const expr::Node& n = e.dag->nodes()[k];
    for (int a = 0; a < n.operand_count(); a++)
      needed[static_cast<size_t>(n.args[static_cast<size_t>(a)])] = true;
    if (n.op == expr::kInput) inputs[static_cast<size_t>(n.args[0])] = true;
  }
  return inputs;
}

// A gradient of one op rounds once by itself.
bool has_several_ops(const Expression& e, int root) {
  std::vector<bool> needed(e.dag->nodes().size());
  needed[static_cast<size_t>(root)] = true;
  int count = 0;
  for (size_t k = needed.size(); k-- > 0;) {
    if (!needed[k]) continue;
    const expr::Node& n = e.dag->nodes()[k];
    count += n.operand_count() > 0 && n.op != expr::kInput;
    for (int a = 0; a < n.operand_count(); a++)
      needed[static_cast<size_t>(n.args[static_cast<size_t>(a)])] = true;
  }
  return count > 1;
}

void pointwise(llvm::raw_ostream& os, const Records& records, const OpRecord& op) {
  Texts inputs, values;
  for (size_t k = 0; k < op.operands.size(); k++) {
    inputs.push_back(cpp_name(op.operands[k].name));
    values.push_back("const Arg " + inputs.back() + " = context.operand(" + std::to_string(k) +
                     ")");
  }
  for (size_t k = 0; k < op.scalars.size(); k++) {
    inputs.push_back(cpp_name(op.scalars[k].name));
    values.push_back("const Scalar " + inputs.back() + " = context.scalar(" + std::to_string(k) +
                     ")");
  }
  inputs.insert(inputs.end(), {"y", "dy"});
  values.insert(values.end(),
                {"const Tensor& y = context.result()", "const Tensor& dy = context.dy()"});

  OverTensors printer(records, op);
  os << "void vjp_" << op.name << "(VjpContext& context) {\n";
  for (size_t k = 0; k < op.operands.size(); k++) {
    int root = op.gradient.roots[k];
    if (root < 0) continue;
    os << "  if (context.needs(" << k << ")) {\n";
    if (has_several_ops(op.gradient, root)) os << "    context.widen();\n";
    std::vector<bool> read = read_inputs(op.gradient, root);
    for (size_t i = 0; i < read.size(); i++)
      if (read[i]) os << "    " << values[i] << ";\n";
    Texts r = print(op.gradient, {root}, inputs, printer.language, os, "    ");
    os << "    context.set(" << k << ", " << r[0] << ");\n  }\n";
  }
  os << "}\n\n";
}

void reduction(llvm::raw_ostream& os, const Records& records, const OpRecord& op) {
  static const char* const values[] = {"const Tensor& x = context.tensor(0)",
                                       "const Tensor y = with_kept_dims(context, context.result())",
                                       "const Tensor dy = with_kept_dims(context, context.dy())",
                                       "const double n = reduced_count(context)"};
  OverTensors printer(records, op);
  os << "void vjp_" << op.name << "(VjpContext& context) {\n  if (!context.needs(0)) return;\n";
  std::vector<bool> read = read_inputs(op.gradient, op.gradient.roots[0]);
  for (size_t i = 0; i < read.size(); i++)
    if (read[i]) os << "  " << values[i] << ";\n";
  Texts r =
      print(op.gradient, op.gradient.roots, {"x", "y", "dy", "n"}, printer.language, os, "  ");
  os << "  context.set(0, spread(context, " << r[0] << "));\n}\n\n";
}

} // namespace

void gen_vjp(const Records& records, llvm::raw_ostream& os) {
  banner(os, "Gradients of the pointwise ops and reductions.");
  for (const OpRecord& op : records.all) {
    if (!op.differentiable) continue;
    if (op.kind == Kind::pointwise) pointwise(os, records, op);
    if (op.kind == Kind::reduction) reduction(os, records, op);
  }
}

} // namespace weft::tblgen
