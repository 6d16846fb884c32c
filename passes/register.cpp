// The list of dialects and passes.
#include "passes/register.h"

#include "ir/loom/loom.h"
#include "ir/weft/weft.h"
#include "passes/pipeline.h"
#include "passes/schedule.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassRegistry.h"

namespace weft {

void registerDialects(mlir::DialectRegistry& registry) {
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                  loom::LoomDialect, ir::WeftDialect>();
}

void registerPasses(const Expand& expand) {
  registerWeftPasses(expand);
  mlir::registerPass([] { return loom::createSchedulePass(); });
}

} // namespace weft
