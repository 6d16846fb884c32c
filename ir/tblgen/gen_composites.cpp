// The parameters of composites that are ops of the dialect.
#include "ir/tblgen/backends.h"
#include "ir/tblgen/print.h"

namespace weft::tblgen {

void gen_composites(const Records& records, llvm::raw_ostream& os) {
  banner(os, "Rows {name, {{parameter, is a tensor, may be absent}, ...}}.");
  for (const OpRecord& op : records.all) {
    if (!op.record->isSubClassOf("CompositeOp")) continue;
    Texts parameters;
    for (const Parameter& p : op.parameters) {
      bool is_tensor = p.type == "const Arg&" || p.type == "const Tensor&";
      parameters.push_back("{\"" + p.name + "\", " + (is_tensor ? "true" : "false") + ", " +
                           (p.fallback.empty() ? "false" : "true") + "}");
    }
    os << "{\"" << op.name << "\", {" << join(parameters, ", ") << "}},\n";
  }
}

} // namespace weft::tblgen
