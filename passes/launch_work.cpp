#include "passes/launch_work.h"

#include "passes/typical_size.h"

using namespace mlir;

namespace weft {

namespace {

// As the executor counts: of one thread, from its second-level cache.
constexpr double kBytesPerNanosecond = 32, kFlopsPerNanosecond = 100;

double extentOf(loom::AxisAttr axis) {
  return double(axis.getConstantExtent().value_or(kTypicalExtent));
}

// The product of the extents of those axes around an op, inside its part, for which `counts` holds.
double repeats(Operation* op, function_ref<bool(Value)> counts) {
  double product = 1;
  auto add = [&](Value index, loom::AxisAttr axis) {
    if (counts(index)) product *= extentOf(axis);
  };
  for (Operation* parent = op->getParentOp(); parent; parent = parent->getParentOp()) {
    if (auto loop = dyn_cast<loom::LoopOp>(parent))
      add(loop.getIndex(), loop.getAxis());
    else if (auto dot = dyn_cast<loom::DotOp>(parent))
      add(dot.getIndex(), dot.getAxis());
    else if (auto part = dyn_cast<loom::PartOp>(parent))
      for (unsigned k = 0; k < part.getNumAxes(); k++)
        add(part.getBody().getArgument(k), part.getAxis(k));
  }
  return product;
}

double everyPoint(Operation* op) {
  return repeats(op, [](Value) { return true; });
}

// Of one part: memory counts once where it is read several times.
double nanosecondsOf(loom::PartOp part) {
  double bytes = 0, flops = 0;
  llvm::DenseSet<std::tuple<Value, AffineMap, int>> seen;
  auto access = [&](Operation* op, Value memory, AffineMap map, ValueRange indices, int isStore) {
    if (!isa<loom::BufferType>(memory.getType()) || !seen.insert({memory, map, isStore}).second)
      return;
    double count = repeats(op, [&](Value index) { return llvm::is_contained(indices, index); });
    bytes += count * double(loom::elementBytes(loom::elementType(memory.getType())));
  };
  part.walk([&](Operation* op) {
    if (auto load = dyn_cast<loom::LoadOp>(op))
      access(op, load.getMemory(), load.getMap(), load.getIndices(), 0);
    else if (auto store = dyn_cast<loom::StoreOp>(op))
      access(op, store.getMemory(), store.getMap(), store.getIndices(), 1);
    else if (auto dot = dyn_cast<loom::DotOp>(op))
      flops += 2 * everyPoint(&dot.getBody().front().back());
    else if (op->getNumResults() == 1 && isa<FloatType>(op->getResult(0).getType()) &&
             !isa<arith::ConstantOp, loom::LoopOp>(op))
      flops += everyPoint(op);
  });
  return std::max(bytes / kBytesPerNanosecond, flops / kFlopsPerNanosecond);
}

double elementsIn(Block& block) {
  double most = 1;
  for (auto loop : block.getOps<loom::LoopOp>())
    most = std::max(most, extentOf(loop.getAxis()) * elementsIn(loop.getBody().front()));
  return most;
}

} // namespace

LaunchWork workOf(loom::KernelOp kernel) {
  LaunchWork work;
  for (loom::PartOp part : kernel.getParts()) {
    Block& body = part.getBody().front();
    double points = 1;
    for (unsigned k = 0; k < part.getNumAxes(); k++)
      points *= extentOf(part.getAxis(k));
    work.points = std::max(work.points, points);
    work.elements = std::max(work.elements, points * elementsIn(body));
    work.nanoseconds += nanosecondsOf(part);
    work.hasDot |= !body.getOps<loom::DotOp>().empty();
    work.folds &= llvm::any_of(body.getOps<loom::LoopOp>(),
                               [](loom::LoopOp loop) { return loop.getNumResults() > 0; });
  }
  return work;
}

} // namespace weft
