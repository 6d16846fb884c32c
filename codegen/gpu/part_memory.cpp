// Loads, stores, and the barriers between them.
#include "codegen/gpu/part_printer.h"
#include "codegen/gpu/scalar_ops.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

constexpr char kBuffers = 0; // stands for all buffers

const void* keyOf(Value memory) {
  return isa<BufferType>(memory.getType()) ? &kBuffers : memory.getAsOpaquePointer();
}

bool meet(const std::set<const void*>& x, const std::set<const void*>& y) {
  return llvm::any_of(x, [&](const void* key) { return y.count(key) > 0; });
}

} // namespace

std::string PartPrinter::element(Value memory, AffineMap map, ValueRange indices) {
  std::string offset = names.expression(map, indices);
  for (const LocalPlace& place : plan.locals) {
    LocalOp local = place.local;
    if (local.getResult() == memory && place.space == LocalPlace::Space::kept) offset = of_thread_;
    // Scratch memory holds an element of each thread side by side.
    if (local.getResult() == memory && plan.point_per_thread &&
        place.space == LocalPlace::Space::scratch)
      offset = "(weft_i64)(" + offset + ") * " + std::to_string(kernel.threads) + " + WEFT_THREAD";
  }
  return names.get(memory) + "[" + offset + "]";
}

// The condition under which a load's indices lie in its set.
std::string PartPrinter::withinText(LoadOp op) {
  std::string text;
  IntegerSet set = *op.getWithin();
  for (AffineExpr bound : set.getConstraints())
    text += (text.empty() ? "" : " && ") +
            names.expression(AffineMap::get(set.getNumDims(), 0, bound), op.getIndices()) + " >= 0";
  return text;
}

void PartPrinter::printLoad(LoadOp op) {
  if (isShared()) touch(touchedBy(op));
  Type type = elementType(op.getMemory().getType());
  auto fetched = registers_.find(op);
  std::string text = fetched != registers_.end()
                         ? fetched->second
                         : element(op.getMemory(), op.getMap(), op.getIndices());
  if (type.isBF16()) text = "weft_f32_of_bf16(" + text + ")";
  if (type.isF16()) text = "weft_f32_of_f16(" + text + ")";
  if (type.isInteger(1)) text += " != 0";
  if (op.getMask())
    text = names.get(op.getMask()) + " ? " + text + " : " + names.get(op.getOther());
  if (op.getWithin()) text = withinText(op) + " ? " + text + " : 0";
  std::string name = names.fresh("v");
  names.set(op, name);
  out.line("const " + valueType(op.getType()).str() + " " + name + " = " + text + ";");
}

void PartPrinter::printStore(StoreOp op) {
  if (isShared()) touch(touchedBy(op));
  std::string value = names.get(op.getValue());
  Type type = elementType(op.getMemory().getType());
  if (type.isBF16()) value = "weft_bf16_of_f32(" + value + ")";
  if (type.isF16()) value = "weft_f16_of_f32(" + value + ")";
  if (memoryType(type) != valueType(op.getValue().getType()) && isa<IntegerType>(type))
    value = "(" + memoryType(type).str() + ")" + value;
  auto later = registers_.find(op);
  if (later != registers_.end()) {
    out.line(later->second + " = " + value + ";");
    return;
  }
  if (isa<BufferType>(op.getMemory().getType())) kept_.clear();
  std::string condition = isShared() ? "WEFT_THREAD == 0" : "";
  if (!plan.point_per_thread && isa<BufferType>(op.getMemory().getType()))
    condition = condition.empty() ? "live" : "live && " + condition;
  if (op.getMask()) condition += (condition.empty() ? "" : " && ") + names.get(op.getMask());
  out.line((condition.empty() ? "" : "if (" + condition + ") ") +
           element(op.getMemory(), op.getMap(), op.getIndices()) + " = " + value + ";");
}

PartPrinter::Touched PartPrinter::touchedBy(Operation* op) const {
  Touched touched;
  op->walk([&](Operation* inner) {
    if (auto load = dyn_cast<LoadOp>(inner)) touched.read.insert(keyOf(load.getMemory()));
    if (auto store = dyn_cast<StoreOp>(inner)) touched.written.insert(keyOf(store.getMemory()));
    if (inner != op && runsAlongThreads(inner, plan))
      for (const int& tree : kTreeKeys)
        touched.written.insert(&tree);
  });
  for (const LocalPlace& place : plan.locals) {
    if (place.space != LocalPlace::Space::kept) continue;
    LocalOp local = place.local;
    touched.read.erase(keyOf(local));
    touched.written.erase(keyOf(local));
  }
  return touched;
}

// Puts a barrier in front of what another thread may have written, or may still have to read.
void PartPrinter::touch(const Touched& next) {
  if (meet(next.written, since_barrier_.read) || meet(next.written, since_barrier_.written) ||
      meet(next.read, since_barrier_.written))
    barrier();
  since_barrier_.read.insert(next.read.begin(), next.read.end());
  since_barrier_.written.insert(next.written.begin(), next.written.end());
}

void PartPrinter::barrier() {
  out.line("WEFT_BARRIER();");
  since_barrier_ = {};
}

} // namespace weft::gpu
