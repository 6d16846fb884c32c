// enum class Op: the primitive ops in record order.
#include "ir/tblgen/backends.h"
#include "ir/tblgen/print.h"

namespace weft::tblgen {

void gen_op_list(const Records& records, llvm::raw_ostream& os) {
  banner(os, "The primitive ops.");
  os << "#pragma once\n\n#include <cstdint>\n\nnamespace weft {\n\n";
  os << "enum class Op : uint16_t {\n";
  for (const OpRecord* op : records.ops())
    os << "  " << cpp_name(op->name) << ",\n";
  os << "};\ninline constexpr int kOpCount = " << records.ops().size()
     << ";\n\n} // namespace weft\n";
}

} // namespace weft::tblgen
