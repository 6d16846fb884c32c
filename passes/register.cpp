// The list of dialects and passes.
#include "passes/register.h"

#include "ir/loom/loom.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"

namespace weft {

void registerDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                  loom::LoomDialect>();
}

void registerPasses() {}

} // namespace weft
