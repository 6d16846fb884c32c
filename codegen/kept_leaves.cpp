#include "codegen/kept_leaves.h"

#include "ir/loom/loom.h"
#include "ir/weft/weft.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace weft {
namespace {

bool is_leaf(Attribute place) {
  return cast<ir::BufferAttr>(place).getKind() == ir::BufferKind::leaf;
}

void add_written(ir::LaunchOp launch, llvm::DenseSet<Attribute>& written) {
  ArrayRef<Attribute> places = launch.getBuffers()->getValue();
  written.insert_range(places.drop_front(launch.getInputs().size()));
  for (int64_t input : launch.getTied())
    if (input >= 0) written.insert(places[static_cast<size_t>(input)]);
}

} // namespace

void mark_kept(ModuleOp module) {
  func::FuncOp segment = *module.getOps<func::FuncOp>().begin();
  llvm::DenseSet<Attribute> written;
  segment.walk([&](ir::LaunchOp launch) { add_written(launch, written); });
  llvm::StringMap<SmallVector<bool>> kept; // by kernel
  module.walk([&](ir::LaunchOp launch) {
    const bool is_of_segment = launch->getParentOp() == segment;
    ArrayRef<Attribute> places = launch.getBuffers()->getValue();
    auto [it, is_first] = kept.try_emplace(launch.getKernel(), places.size(), true);
    for (auto [place, keeps] : llvm::zip_equal(places, it->second))
      keeps &= is_of_segment && is_leaf(place) && !written.contains(place);
  });
  for (auto kernel : module.getOps<loom::KernelOp>())
    for (auto [k, keeps] : llvm::enumerate(kept.lookup(kernel.getSymName())))
      if (keeps)
        kernel.setArgAttr(static_cast<unsigned>(k), loom::LoomDialect::kKeptName,
                          UnitAttr::get(module.getContext()));
}

} // namespace weft
