// One function a back end; main.cpp names them as options.
#pragma once

#include "ir/tblgen/records.h"

#include "llvm/Support/raw_ostream.h"

namespace weft::tblgen {

void gen_op_list(const Records& records, llvm::raw_ostream& os);           // op_enum.inc
void gen_op_table(const Records& records, llvm::raw_ostream& os);          // op_table.inc
void gen_op_graphs(const Records& records, llvm::raw_ostream& os);         // op_graphs.inc
void gen_api_decls(const Records& records, llvm::raw_ostream& os);         // api.inc
void gen_api_methods(const Records& records, llvm::raw_ostream& os);       // methods.inc
void gen_api_defs(const Records& records, llvm::raw_ostream& os);          // api_defs.inc
void gen_api_by_name(const Records& records, llvm::raw_ostream& os);       // api_by_name.inc
void gen_composites(const Records& records, llvm::raw_ostream& os);        // composites.inc
void gen_custom_ops(const Records& records, llvm::raw_ostream& os);        // custom_ops.inc
void gen_custom_values(const Records& records, llvm::raw_ostream& os);     // custom_values.inc
void gen_custom_value_defs(const Records& records, llvm::raw_ostream& os); // custom_value_defs.inc
void gen_vjp(const Records& records, llvm::raw_ostream& os);               // vjp.inc
void gen_lanes(const Records& records, llvm::raw_ostream& os);             // lanes.inc
void gen_tests(const Records& records, llvm::raw_ostream& os);             // test_table.inc
void gen_examples(const Records& records, llvm::raw_ostream& os);          // examples.inc
void gen_docs(const Records& records, llvm::raw_ostream& os);              // the op reference
void gen_pytorch_names(const Records& records, llvm::raw_ostream& os);     // pytorch_names.inc
void gen_pytorch_page(const Records& records, llvm::raw_ostream& os);      // names side by side

} // namespace weft::tblgen
