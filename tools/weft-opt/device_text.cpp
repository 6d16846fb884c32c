// Translations of modules of scheduled loom kernels.
#include "tools/weft-opt/device_text.h"

#include "codegen/gpu/emit.h"
#include "passes/register.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Tools/mlir-translate/Translation.h"

using namespace mlir;

namespace weft {
namespace {

LogicalResult print(ModuleOp module, gpu::Dialect dialect, raw_ostream& stream) {
  SmallVector<gpu::DeviceKernel> kernels;
  for (auto kernel : module.getOps<loom::KernelOp>()) {
    auto emitted = gpu::emitKernel(kernel);
    if (!emitted) return kernel.emitError(toString(emitted.takeError()));
    llvm::append_range(kernels, *emitted);
  }
  stream << gpu::sourceOf(kernels, dialect);
  return success();
}

void registerOne(StringRef name, gpu::Dialect dialect) {
  TranslateFromMLIRRegistration registration(
      name, "prints scheduled loom kernels as device C",
      [dialect](ModuleOp module, raw_ostream& stream) { return print(module, dialect, stream); },
      [](DialectRegistry& registry) { registerDialects(registry); });
}

} // namespace

void registerDeviceText() {
  registerOne("loom-to-opencl", gpu::Dialect::opencl);
  registerOne("loom-to-cuda", gpu::Dialect::cuda);
}

} // namespace weft
