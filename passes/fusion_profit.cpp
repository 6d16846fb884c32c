#include "passes/fusion_profit.h"

#include "ir/weft/index_math.h"
#include "passes/typical_size.h"

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

// What a product's epilogue may read and write besides the product, in tensors of its size: more
// would wait for memory.
constexpr unsigned kEpilogueStreams = 4;
// Elements up to which a reduction of everything runs in one kernel with what follows it.
constexpr int64_t kSmallReduction = 1 << 14;
constexpr unsigned kMostBuffers = 48;
// Instructions for one point, of functions' bodies too, from which on a kernel that computes is as
// fast as one that waits for memory, and each more takes the compiler 0.2 ms.
constexpr unsigned kMostWeight = 600;
// Elements of a dear op that a kernel computes again: more take a core longer than a launch.
constexpr double kMostRepeated = 1 << 16;
// Overlapping slices of a computed value that a kernel reads.
constexpr unsigned kMostSlices = 8;

bool isCount(AffineExpr e, int64_t most) {
  auto c = dyn_cast<AffineConstantExpr>(e);
  return c && c.getValue() <= most;
}

// Says whether a tensor has no more elements than another of its rank, as far as is known.
bool isNoLarger(Value v, Value other) {
  MLIRContext* ctx = v.getContext();
  AffineExpr one = getAffineConstantExpr(1, ctx);
  if (llvm::all_of(llvm::zip_equal(ir::shapeOf(v), ir::shapeOf(other)), [&](auto sizes) {
        auto [a, b] = sizes;
        return a == one || ir::canonical(a) == ir::canonical(b);
      }))
    return true;
  auto a = dyn_cast<AffineConstantExpr>(ir::countOf(ir::shapeOf(v), ctx)),
       b = dyn_cast<AffineConstantExpr>(ir::countOf(ir::shapeOf(other), ctx));
  return a && b && a.getValue() <= b.getValue();
}

// Tensors with one element a point that are read or written.
unsigned pointStreams(const Part& part, MLIRContext* ctx) {
  Exprs sizes;
  for (unsigned k = 0; k < part.extents.size(); k++)
    if (!part.reduced[k]) sizes.push_back(part.extents[k]);
  AffineExpr points = ir::countOf(sizes, ctx);
  llvm::SetVector<Value> streams(part.outputs.begin(), part.outputs.end());
  for (const PartAccess& access : part.accesses)
    streams.insert(access.value);
  return llvm::count_if(streams,
                        [&](Value v) { return ir::countOf(ir::shapeOf(v), ctx) == points; });
}

} // namespace

void FusionProfit::findWindows() {
  for (Operation* op : graph.nodes) {
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!type || !type.hasStaticShape() || isa<ir::Concatenate>(op)) continue;
    llvm::DenseSet<Value> slices; // as computing ops read them
    int64_t read = 0;
    SmallVector<Operation*> readers;
    llvm::SetVector<std::pair<Value, unsigned>> values; // that show it, and whether in slices
    values.insert({op->getResult(0), 0});
    for (size_t k = 0; k < values.size(); k++) {
      auto [v, isSlice] = values[k];
      for (Operation* user : v.getUsers()) {
        bool shows = isa<ir::ViewOp, ir::Concatenate>(user);
        if (shows) values.insert({user->getResult(0), isSlice || isa<ir::Slice>(user)});
        if (!shows && isSlice && slices.insert(v).second)
          read += cast<RankedTensorType>(v.getType()).getNumElements();
        if (!isTransparent(user) && (isSlice || shows)) readers.push_back(user);
      }
    }
    if (slices.size() > kMostSlices && read > 2 * type.getNumElements())
      windowReaders[op] = readers;
  }
}

// Says whether a gather reads more elements of what the part computes than there are.
bool FusionProfit::repeatsForGather(const Part& part) {
  return llvm::any_of(part.ops, [&](Operation* op) {
    if (!isGather(op)) return false;
    Operation* from = op->getOperand(0).getDefiningOp();
    while (isa_and_nonnull<ir::ViewOp>(from))
      from = from->getOperand(0).getDefiningOp();
    bool isComputed = from && part.contains(from) && graph.number.contains(from);
    return isComputed && !isNoLarger(op->getResult(0), op->getOperand(0));
  });
}

// Says whether the part computes what windows read and reads it for them: it is computed and
// written once instead.
bool FusionProfit::repeatsForWindows(const Part& part) {
  return llvm::any_of(windowReaders, [&](const auto& entry) {
    auto isMember = [&](Operation* op) { return part.contains(op); };
    return isMember(entry.first) && llvm::any_of(entry.second, isMember);
  });
}

// Says whether lanes would compute a dear op again in each row. What rows differ in is computed
// once a row, and a product takes longer than all that stands around it; a device waits for memory.
bool FusionProfit::repeatsDear(const Part& part) {
  if (isForDevice || part.product || part.extents.empty()) return false;
  return llvm::any_of(part.ops, [&](Operation* op) {
    auto varies = part.varies.find(op);
    if (varies == part.varies.end() || !graph.number.contains(op)) return false;
    const llvm::SmallBitVector& axes = varies->second;
    if (!axes[axes.size() - 1]) return false;
    double own = 1, times = 1;
    for (unsigned k = 0; k < axes.size(); k++)
      if (axes[k])
        own *= typicalValue(part.extents[k]);
      else if (!part.reduced[k])
        times *= typicalValue(part.extents[k]);
    return own * (times - 1) >= kMostRepeated && isDear(op);
  });
}

bool FusionProfit::isProfitable(const Part& part, Reason& why) {
  MLIRContext* ctx = graph.function.getContext();
  AffineExpr full = ir::countOf(part.extents, ctx);
  unsigned reads = 0, writes = 0;
  llvm::DenseSet<Value> buffers;
  for (const PartAccess& access : part.accesses)
    if (buffers.insert(access.value).second && !access.isFactor)
      reads += ir::countOf(ir::shapeOf(access.value), ctx) == full;
  for (Value v : part.outputs)
    writes += ir::countOf(ir::shapeOf(v), ctx) == full;
  unsigned weight = 0;
  for (Operation* op : part.ops)
    weight += weightOf(op);
  if (buffers.size() + part.outputs.size() > kMostBuffers || part.ops.size() > kMostFusedOps ||
      (weight > kMostWeight && part.ops.size() > 1))
    return why.set("too-large", "the kernel would be too large");
  if (repeatsForGather(part))
    return why.set("repeated", "it reads what is computed more often than it has elements");
  if (repeatsForWindows(part))
    return why.set("repeated", "overlapping slices read what is computed");
  if (repeatsDear(part))
    return why.set("repeated", "each row would compute again what all rows share");
  if (part.product && reads + writes > kEpilogueStreams + 1)
    return why.set("epilogue-traffic", "the epilogue of a product would read and write " +
                                           Twine(reads + writes) + " tensors of its size");
  if (part.reduced.any() && pointStreams(part, ctx) > kEpilogueStreams)
    return why.set("epilogue-traffic", "what follows the reduction would read and write " +
                                           Twine(pointStreams(part, ctx)) +
                                           " tensors of its result's size");
  if (part.reduced.none() || !writes) return true;
  bool foldsLast = part.reduced[part.reduced.size() - 1];
  if ((foldsLast && !part.reduced.all()) || isCount(full, kSmallReduction)) return true;
  return foldsLast
             ? why.set("one-point", "a reduction of everything leaves one point")
             : why.set("leading-dims", "a reduction over leading dims does not write along them");
}

} // namespace weft
