// Rows of the op test table (test/unit/op_test_row.h), and the examples of the reference.
#include "ir/tblgen/backends.h"
#include "ir/tblgen/print.h"

namespace weft::tblgen {

void gen_tests(const Records& records, llvm::raw_ostream& os) {
  banner(os, "What tests need to know of each op with an expression.");
  for (const OpRecord* op : records.ops()) {
    if (op->kind != Kind::pointwise && op->kind != Kind::reduction) continue;
    std::string signature;
    for (const Operand& o : op->operands)
      signature += static_cast<char>(o.type);
    os << "{\"" << op->name << "\", Op::" << cpp_name(op->name) << ", \"" << signature << "\", "
       << op->scalars.size() << ", \"" << op->domain << "\", \"" << op->result << "\", "
       << op->samples.first << ", " << op->samples.second << ", "
       << (op->differentiable ? "true" : "false") << ", " << (op->in_place ? "true" : "false")
       << "},\n";
  }
}

void gen_examples(const Records& records, llvm::raw_ostream& os) {
  banner(os, "The examples of the op reference: {op, result, what it prints}.");
  for (const OpRecord& op : records.all) {
    if (!op.has_function() && !op.has_inplace() && op.example.empty()) continue;
    auto [before, last] = llvm::StringRef(op.example).rsplit("; ");
    if (last.empty()) std::swap(before, last);
    os << "{\"" << op.name << "\", [] { ";
    if (!before.empty()) os << before << "; ";
    os << "return Tensor(" << last << "); }, \"" << op.gives << "\"},\n";
  }
}

} // namespace weft::tblgen
