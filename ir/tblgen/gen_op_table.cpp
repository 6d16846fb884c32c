// The rows of OpInfo (runtime/core/op_info.h).
#include "ir/tblgen/backends.h"
#include "ir/tblgen/print.h"

namespace weft::tblgen {

namespace {

constexpr const char* kind_name(Kind k) {
  switch (k) {
  case Kind::pointwise:
    return "pointwise";
  case Kind::reduction:
    return "reduction";
  case Kind::view:
    return "view";
  case Kind::structured:
    return "structured";
  default:
    return "source";
  }
}

std::string infer_name(const OpRecord& op) {
  if (op.kind == Kind::pointwise && op.result == "given") return "infer_cast";
  if (op.kind == Kind::view || op.kind == Kind::structured) return "infer_" + op.name;
  return std::string("infer_") + kind_name(op.kind);
}

void names(llvm::raw_ostream& os, const OpRecord& op, const char* what, const Texts& list) {
  os << "constexpr const char* " << what << "_" << op.name << "[] = {";
  for (const std::string& n : list)
    os << '"' << n << "\", ";
  os << "nullptr};\n";
}

const char* flag(bool b) { return b ? "true" : "false"; }

} // namespace

void gen_op_table(const Records& records, llvm::raw_ostream& os) {
  banner(os, "Rows of OpInfo, by Op.");
  for (const OpRecord* op : records.ops()) {
    if (op->differentiable) os << "void vjp_" << op->name << "(VjpContext&);\n";
    if (op->kind == Kind::structured)
      os << "void infer_" << op->name << "(const OpCall&, Meta&, int64_t&);\nbool routine_"
         << op->name << "(const RoutineCall&);\n";
    names(os, *op, "structure", op->structure);
    names(os, *op, "sizes", op->sizes);
    Texts scalars;
    for (const ScalarAttribute& s : op->scalars)
      scalars.push_back(s.name);
    names(os, *op, "scalars", scalars);
    if (std::vector<unsigned> reads = gradient_reads(*op); !reads.empty()) {
      os << "constexpr uint8_t reads_" << op->name << "[] = {";
      for (unsigned r : reads)
        os << r << ", ";
      os << "};\n";
    }
  }
  os << "\nconst OpInfo kOps[kOpCount] = {\n";
  for (const OpRecord* op : records.ops()) {
    unsigned masks = 0;
    bool variadic = false;
    for (size_t k = 0; k < op->operands.size(); k++) {
      masks |= unsigned{op->operands[k].type == expr::Type::boolean} << k;
      variadic |= op->operands[k].variadic;
    }
    os << "    {.name = \"" << op->name << "\", .kind = OpKind::" << kind_name(op->kind)
       << ", .operand_count = " << (variadic ? 255 : op->operands.size())
       << ", .scalar_attributes = " << op->scalars.size() << ", .result = OpResult::" << op->result
       << ", .differentiable = " << flag(op->differentiable)
       << ", .is_random = " << flag(op->is_random)
       << ", .gradient_reads = " << (gradient_reads(*op).empty() ? "nullptr" : "reads_" + op->name)
       << ", .domain = OpDomain::" << op->domain << ", .bool_operands = " << masks
       << ", .one_dtype = " << flag(op->one_dtype) << ", .given_masks = " << flag(op->given_masks)
       << ", .needs_elements = " << flag(op->needs_elements)
       << ", .may_refuse = " << flag(may_refuse(records, *op)) << ", .infer = " << infer_name(*op)
       << ", .routine = " << (op->kind == Kind::structured ? "routine_" + op->name : "nullptr")
       << ", .vjp = " << (op->differentiable ? "vjp_" + op->name : "nullptr")
       << ", .structure_names = structure_" << op->name << ", .size_names = sizes_" << op->name
       << ", .scalar_names = scalars_" << op->name << "},\n";
  }
  os << "};\n";
}

} // namespace weft::tblgen
