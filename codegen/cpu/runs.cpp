// Halves of which each serves a run of a loop's points, as the scale of a block does: widened ahead
// of the loop, a vector at a time, so that the loop reads a number that is broadcast on its way.
#include "codegen/cpu/part_emitter.h"

#include "codegen/cpu/scalar_ops.h"
#include "ir/weft/index_math.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

namespace {

constexpr int64_t kMostRuns = 2048;           // 8 KiB of the stack
constexpr int64_t kMostUnrolled = 8;          // vectors
constexpr int64_t kExtent = int64_t{1} << 40; // above any index

// The length of the runs of `index` for which a load reads one number, where those of successive
// runs lie side by side; 0: there are none.
int64_t runLength(LoadOp load, mlir::Value index) {
  auto place = llvm::find(load.getIndices(), index);
  if (llvm::count(load.getIndices(), index) != 1) return 0;
  MLIRContext* context = load.getContext();
  AffineExpr offset = load.getMap().getResult(0);
  AffineExpr here = getAffineDimExpr(place - load.getIndices().begin(), context);
  int64_t length = 0;
  offset.walk([&](AffineExpr e) {
    auto division = dyn_cast<AffineBinaryOpExpr>(e);
    if (!division || division.getKind() != AffineExprKind::FloorDiv || division.getLHS() != here)
      return;
    if (auto by = dyn_cast<AffineConstantExpr>(division.getRHS())) length = by.getValue();
  });
  if (length <= 1) return 0;
  unsigned dims = load.getMap().getNumDims();
  AffineExpr run = getAffineDimExpr(dims, context), point = getAffineDimExpr(dims + 1, context);
  SmallVector<AffineExpr> extents(dims + 1, getAffineConstantExpr(kExtent, context));
  extents.push_back(getAffineConstantExpr(length, context));
  AffineExpr step = offset.replace(here, run * length + point) -
                    offset.replace(here, getAffineConstantExpr(0, context));
  return ir::canonical(step, extents) == run ? length : 0;
}

} // namespace

void PartEmitter::widenRuns(AxisAttr axis, Block& body) {
  auto extent = axis.getConstantExtent();
  if (!extent || !body.getOps<StoreOp>().empty()) return;
  mlir::Value index = body.getArgument(0);
  for (LoadOp load : body.getOps<LoadOp>()) {
    mlir::Type element = elementType(load.getMemory().getType());
    if (has(load) || !isHalf(element) || load.getMask() || load.getWithin()) continue;
    int64_t length = runLength(load, index);
    if (length == 0 || length % plan.lanes) continue;
    int64_t count = llvm::divideCeil(*extent, length);
    if (count > kMostRuns) continue;
    LaneValues dims;
    for (mlir::Value i : load.getIndices())
      dims.push_back(i == index ? constantIndex(0) : has(i) ? get(i) : LaneValue());
    if (llvm::any_of(dims, [](const LaneValue& d) { return d.parts.empty(); })) continue;
    Value* first = evaluate(load.getMap().getResult(0), dims).parts[0];
    runs_[load] = {widened(load, first, count), index, length};
  }
}

// So many numbers from an offset on, in the frame.
Value* PartEmitter::widened(LoadOp load, Value* first, int64_t count) {
  mlir::Type element = elementType(load.getMemory().getType());
  Value* from = address(memory_.find(load.getMemory())->second, first, element);
  llvm::IRBuilderBase::InsertPoint here = b.saveIP();
  llvm::BasicBlock& entry = b.GetInsertBlock()->getParent()->getEntryBlock();
  b.SetInsertPoint(&entry, entry.begin());
  auto* numbers = b.CreateAlloca(llvm::ArrayType::get(b.getFloatTy(), count));
  numbers->setAlignment(llvm::Align(64));
  b.restoreIP(here);
  auto widen = [&](Value* at, int64_t width) {
    llvm::Type* type = memoryType(element);
    auto* vector = llvm::FixedVectorType::get(type, width);
    Value* stored = b.CreateAlignedLoad(vector, b.CreateGEP(type, from, at), llvm::Align(2));
    b.CreateAlignedStore(fromMemory(stored, element), b.CreateGEP(b.getFloatTy(), numbers, at),
                         llvm::Align(4));
  };
  int64_t width = plan.lanes, done = 0;
  if (count > kMostUnrolled * width) {
    done = count / width * width;
    forLoop(b.getInt64(done), width, {}, [&](Value* at, ArrayRef<Value*>) {
      widen(at, width);
      return Values{};
    });
  }
  for (; done < count; done += width) {
    while (width > count - done)
      width /= 2;
    widen(b.getInt64(done), width);
  }
  return numbers;
}

LaneValue PartEmitter::loadOfRun(const Run& run) {
  LaneValue place =
      divideIndex(AffineExprKind::FloorDiv, get(run.index), constantIndex(run.length));
  return byBlock([&](unsigned i) {
    Value* number = b.CreateGEP(b.getFloatTy(), run.numbers, place.parts[i]);
    return b.CreateVectorSplat(lanes_.width, b.CreateLoad(b.getFloatTy(), number));
  });
}

} // namespace weft::cpu
