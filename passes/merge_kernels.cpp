// Kernels are equal if their ops are, names and locations apart: the later one goes, its launches
// name the first.
#include "passes/passes.h"

#include "ir/loom/loom.h"
#include "ir/weft/weft.h"

#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/Hashing.h"

#include <map>

using namespace mlir;

namespace weft {
namespace {

llvm::hash_code hashOf(loom::KernelOp kernel) {
  llvm::hash_code hash = hash_value(kernel.getFunctionType());
  kernel.getBody().walk([&](Operation* op) {
    hash = llvm::hash_combine(
        hash, OperationEquivalence::computeHash(op, OperationEquivalence::ignoreHashValue,
                                                OperationEquivalence::ignoreHashValue,
                                                OperationEquivalence::IgnoreLocations));
  });
  return hash;
}

bool areEqual(loom::KernelOp a, loom::KernelOp b) {
  return a.getFunctionType() == b.getFunctionType() && a.getMost() == b.getMost() &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

} // namespace

LogicalResult mergeKernels(ModuleOp module, PassContext&) {
  std::multimap<size_t, loom::KernelOp> seen;
  for (auto kernel : llvm::make_early_inc_range(module.getOps<loom::KernelOp>())) {
    size_t hash = hashOf(kernel);
    auto [begin, end] = seen.equal_range(hash);
    auto same =
        std::find_if(begin, end, [&](auto& entry) { return areEqual(entry.second, kernel); });
    if (same == end) {
      seen.emplace(hash, kernel);
      continue;
    }
    StringRef first = same->second.getSymName();
    module.walk([&](ir::LaunchOp launch) {
      if (launch.getKernel() == kernel.getSymName())
        launch.setKernelAttr(FlatSymbolRefAttr::get(module.getContext(), first));
    });
    kernel.erase();
  }
  return success();
}

} // namespace weft
