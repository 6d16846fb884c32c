// A result is written over an input that nobody reads afterwards.
// 1. The input is a temporary of the result's size whose last reader is the launch.
// 2. The kernel loads it in the part that stores the result, at the element that is stored, and
//    before it is stored.
// Then the kernel loses the argument of the result, and the launch is tied. A temporary tied to an
// output lies in the output's memory (plan-memory).
#include "passes/passes.h"

#include "ir/loom/loom.h"
#include "ir/weft/index_math.h"
#include "ir/weft/weft.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace weft {
namespace {

struct Access {
  Operation* op;
  AffineMap map;
  OperandRange indices;
  bool isMasked, isStore;
};

std::optional<Access> accessOf(Operation* op) {
  if (auto load = dyn_cast<loom::LoadOp>(op))
    return Access{op, load.getMap(), load.getIndices(), bool(load.getMask()), false};
  if (auto store = dyn_cast<loom::StoreOp>(op))
    return Access{op, store.getMap(), store.getIndices(), bool(store.getMask()), true};
  return std::nullopt;
}

// Loops over one axis run over the same indices.
bool isSameIndex(Value a, Value b) {
  if (a == b) return true;
  auto x = dyn_cast<BlockArgument>(a), y = dyn_cast<BlockArgument>(b);
  if (!x || !y) return false;
  auto one = dyn_cast<loom::LoopOp>(x.getOwner()->getParentOp());
  auto other = dyn_cast<loom::LoopOp>(y.getOwner()->getParentOp());
  return one && other && one->getParentOp() == other->getParentOp() &&
         one.getAxis().getName() == other.getAxis().getName() &&
         one.getAxis().getExtent() == other.getAxis().getExtent();
}

bool isSameElement(const Access& a, const Access& b) {
  return a.map == b.map && a.indices.size() == b.indices.size() &&
         llvm::all_of(llvm::zip_equal(a.indices, b.indices),
                      [](auto pair) { return isSameIndex(std::get<0>(pair), std::get<1>(pair)); });
}

// Says whether every load of `input` is in the part that stores `result`, of the element that is
// stored, before it is stored.
bool mayShare(BlockArgument input, BlockArgument result) {
  std::optional<Access> store;
  for (Operation* user : result.getUsers()) {
    auto access = accessOf(user);
    if (!access) return false;
    if (!access->isStore) continue;
    if (store || access->isMasked) return false;
    store = access;
  }
  if (!store) return false;
  auto part = store->op->getParentOfType<loom::PartOp>();
  llvm::DenseSet<Operation*> before;
  part.walk<WalkOrder::PreOrder>([&](Operation* op) {
    if (op == store->op) return WalkResult::interrupt();
    before.insert(op);
    return WalkResult::advance();
  });
  return llvm::all_of(input.getUsers(), [&](Operation* user) {
    auto access = accessOf(user);
    return access && !access->isStore && !access->isMasked && before.contains(user) &&
           isSameElement(*access, *store);
  });
}

class Sharing {
public:
  Sharing(ModuleOp module, func::FuncOp function) : module(module), function(function) {
    module.walk([&](ir::LaunchOp launch) { launches[launch.getKernel()]++; });
  }

  void run() {
    for (auto launch : function.getOps<ir::LaunchOp>())
      if (auto kernel = module.lookupSymbol<loom::KernelOp>(launch.getKernel()))
        if (launches.lookup(launch.getKernel()) == 1) share(launch, kernel);
  }

private:
  void share(ir::LaunchOp launch, loom::KernelOp kernel) {
    SmallVector<int64_t> tied(launch.getTied());
    const unsigned inputs = launch.getInputs().size();
    unsigned next = inputs; // the kernel's argument for the next result
    for (OpResult result : launch->getResults()) {
      int64_t& under = tied[result.getResultNumber()];
      if (under >= 0) continue;
      BlockArgument argument = kernel.getBody().getArgument(next);
      for (unsigned k = 0; k < inputs && under < 0; k++)
        if (!llvm::is_contained(tied, k) && endsAt(launch, launch.getInputs()[k], result) &&
            mayShare(kernel.getBody().getArgument(k), argument))
          under = k;
      if (under < 0) {
        next++;
        continue;
      }
      argument.replaceAllUsesWith(kernel.getBody().getArgument(under));
      (void)kernel.eraseArgument(next);
    }
    launch.setTied(tied);
  }

  // Says whether a launch is the last reader of a temporary that has the size of its result.
  bool endsAt(ir::LaunchOp launch, Value v, OpResult result) {
    auto count = [&](Value t) {
      return ir::canonical(ir::countOf(ir::shapeOf(t), t.getContext()));
    };
    return v.getDefiningOp<ir::LaunchOp>() && ir::elementOf(v) == ir::elementOf(result) &&
           count(v) == count(result) && !isLeaf(result) &&
           llvm::all_of(v.getUsers(), [&](Operation* user) {
             return isa<ir::LaunchOp>(user) && !launch->isBeforeInBlock(user);
           });
  }

  // Says whether a result becomes the new contents of an argument of the function.
  bool isLeaf(OpResult result) {
    return llvm::any_of(result.getUses(), [&](OpOperand& use) {
      return isa<func::ReturnOp>(use.getOwner()) &&
             function.getResultAttr(use.getOperandNumber(), ir::kLeafName);
    });
  }

  ModuleOp module;
  func::FuncOp function;
  llvm::StringMap<unsigned> launches; // of each kernel
};

} // namespace

LogicalResult writeInPlace(ModuleOp module, PassContext&) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration()) Sharing(module, function).run();
  return success();
}

} // namespace weft
