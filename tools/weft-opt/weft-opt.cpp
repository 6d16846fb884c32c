// weft-opt: runs passes over .mlir files; with --emit=opencl or --emit=cuda as the first argument
// it prints scheduled loom kernels as device C instead.
#include "codegen/expand.h"
#include "frontend/composite_trace.h"
#include "passes/register.h"
#include "tools/weft-opt/device_text.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"
#include "mlir/Transforms/Passes.h"

#include "llvm/Support/CommandLine.h"

#include <string>

// LLVM's code generators bring two thousand options of their own: --help-hidden shows them.
static void hideOptionsOfLibraries() {
  for (auto& [name, option] : llvm::cl::getRegisteredOptions())
    if (!llvm::StringRef(name).starts_with("help")) option->setHiddenFlag(llvm::cl::Hidden);
}

int main(int argc, char** argv) {
  hideOptionsOfLibraries();
  constexpr llvm::StringLiteral kEmit = "--emit=";
  for (int i = 1; i < argc; ++i)
    if (llvm::StringRef(argv[i]).starts_with(kEmit)) {
      std::string translation = "--loom-to-" + std::string(argv[i] + kEmit.size());
      argv[i] = translation.data();
      weft::registerDeviceText();
      return mlir::asMainReturnCode(
          mlir::mlirTranslateMain(argc, argv, "weft-opt: prints device C\n"));
    }
  mlir::DialectRegistry registry;
  weft::registerDialects(registry);
  // The functions of composites live in libweft.
  weft::registerPasses([](mlir::OpBuilder& builder, mlir::Operation* op) {
    return weft::expandComposite(builder, op, weft::trace_composite);
  });
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv,
                        "weft-opt: runs Weft's passes; with --emit=opencl or --emit=cuda as "
                        "the first argument it prints scheduled loom kernels as device C\n",
                        registry));
}
