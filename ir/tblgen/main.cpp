// weft-tblgen: prints C++ and documentation from the op records.
#include "ir/tblgen/backends.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/TableGen/Main.h"
#include "llvm/TableGen/TableGenBackend.h"

namespace {

using Backend = void (*)(const weft::tblgen::Records&, llvm::raw_ostream&);

template <Backend backend> void emit(const llvm::RecordKeeper& keeper, llvm::raw_ostream& os) {
  weft::tblgen::Records records(keeper);
  if (records.ok) backend(records, os);
}

using llvm::TableGen::Emitter::Opt;
using namespace weft::tblgen;
const Opt backends[] = {
    {"gen-op-list", emit<gen_op_list>, "enum class Op"},
    {"gen-op-table", emit<gen_op_table>, "what the runtime knows of each op"},
    {"gen-op-graphs", emit<gen_op_graphs>, "expressions as data"},
    {"gen-api-decls", emit<gen_api_decls>, "declarations of the eager API"},
    {"gen-api-methods", emit<gen_api_methods>, "methods of Tensor"},
    {"gen-api-defs", emit<gen_api_defs>, "definitions of the eager API"},
    {"gen-api-by-name", emit<gen_api_by_name>, "calls of the eager API by name"},
    {"gen-composites", emit<gen_composites>, "parameters of composites that are ops"},
    {"gen-custom-ops", emit<gen_custom_ops>, "what a user's expression may call"},
    {"gen-custom-values", emit<gen_custom_values>, "the same as C++ functions of values"},
    {"gen-custom-value-defs", emit<gen_custom_value_defs>, "definitions of those functions"},
    {"gen-vjp", emit<gen_vjp>, "gradients over tensors"},
    {"gen-lanes", emit<gen_lanes>, "Highway bodies"},
    {"gen-tests", emit<gen_tests>, "rows of the op test table"},
    {"gen-examples", emit<gen_examples>, "examples of the op reference"},
    {"gen-docs", emit<gen_docs>, "the op reference"},
    {"gen-pytorch-names", emit<gen_pytorch_names>, "names that differ from PyTorch's"},
    {"gen-pytorch-page", emit<gen_pytorch_page>, "the same as Markdown, and those that do not"},
};

} // namespace

int main(int argc, char** argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::cl::ParseCommandLineOptions(argc, argv);
  return llvm::TableGenMain(argv[0], llvm::MultiFileTableGenMainFn(nullptr));
}
