// Rows of the op test table (test/unit/op_test_row.h).
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

} // namespace weft::tblgen
