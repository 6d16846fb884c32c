// A reduction with few results and many elements becomes two: over pieces of fixed size, then over
// the pieces.
//   fold(x over n) = finish(fold(fold(x over n / c) over c))
// The tree depends on sizes alone, so the bits do not depend on the number of threads.
#include "passes/part.h"
#include "passes/passes.h"
#include "passes/typical_size.h"

#include "ir/weft/index_math.h"

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

constexpr int64_t kPiece = 16384; // elements that one point folds
constexpr int64_t kLeastPiece = 256;
// With so many results there is enough to run at once.
constexpr int64_t kFewResults = 256, kFewRows = 8;
constexpr int64_t kLong = 4 * kPiece; // elements from which on a second kernel pays
// Of a large device: threads that keep its memory busy, each with a column of at least so many
// elements, and blocks, each with a piece of a row of at least so many.
constexpr int64_t kThreads = 1 << 16, kLeastColumn = 32;
constexpr int64_t kBlocks = 256, kLeastRow = 8192;

// The divisor of n, a part of `all` elements, for which a piece has about `piece` of them, and
// `least` at least, or nothing.
std::optional<int64_t> piecesOf(int64_t n, int64_t all, int64_t piece, int64_t least) {
  for (int64_t count = std::max<int64_t>(2, all / piece); count <= all / least; count++)
    if (n % count == 0) return count;
  return std::nullopt;
}

// How many of `reduced` elements, which lie in rows or down columns, one of `kept` points folds, or
// nothing where there are points enough.
std::optional<int64_t> pieceOf(int64_t reduced, int64_t kept, bool isRow, bool isForDevice) {
  if (isForDevice && isRow) {
    if (kept >= kBlocks / 2) return std::nullopt;
    return std::max(kLeastRow, reduced / std::max<int64_t>(kBlocks / kept, 1));
  }
  if (isForDevice) {
    if (kept >= kThreads / 2) return std::nullopt;
    return std::max(kLeastColumn, reduced / (kThreads / kept));
  }
  if (kept > (isRow ? kFewRows : kFewResults)) return std::nullopt;
  return std::max(kLeastPiece, kPiece / (isRow ? 1 : kept));
}

// Dims side by side that are reduced, [outer..., n, rest..., inner...]; on a processor the leading
// ones: everything, or columns.
void split(Operation* op, bool isForDevice) {
  auto reduce = asReduce(op);
  if (!reduce || !reduce->starts || !reduce->finishes || reduce->record->accumulators != 1) return;
  Exprs shape = ir::shapeOf(reduce->operand);
  int64_t reduced = 1, kept = 1;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    auto n = constantOf(size);
    if (!n) return;
    (llvm::is_contained(reduce->dims, dim) ? reduced : kept) *= *n;
  }
  if (reduce->dims.empty() || reduced * kept < kLong) return;
  const int64_t first = reduce->dims.front(), last = reduce->dims.back();
  if (last - first >= int64_t(reduce->dims.size()) || (first > 0 && !isForDevice)) return;
  bool isLast = last + 1 == static_cast<int64_t>(shape.size());
  std::optional<int64_t> piece = pieceOf(reduced, kept, isLast, isForDevice);
  if (!piece) return;
  MLIRContext* context = op->getContext();
  OpBuilder builder(op);
  auto constant = [&](int64_t v) { return getAffineConstantExpr(v, context); };
  // [outer..., n, reduced..., inner...] as [outer..., pieces, n / pieces, reduced..., inner...]:
  // what broadcasts along a dim stays an affine function of the indices. Where n cannot be cut, all
  // that is reduced is one dim.
  int64_t n = *constantOf(shape[first]), behind = last - first;
  const int64_t least = isForDevice ? *piece / 2 : kLeastPiece;
  std::optional<int64_t> pieces = piecesOf(n, reduced, *piece, least);
  if (!pieces) {
    n = reduced;
    behind = 0;
    pieces = piecesOf(n, reduced, *piece, least);
  }
  if (!pieces) return;
  Exprs cut(shape.begin(), shape.begin() + first), partial = cut;
  cut.append({constant(*pieces), constant(n / *pieces)});
  partial.push_back(constant(*pieces));
  cut.append(shape.begin() + last + 1 - behind, shape.end());
  partial.append(shape.begin() + last + 1, shape.end());
  Type element = ir::elementOf(reduce->operand);
  Value x = ir::createRecord<ir::ViewAs>(builder, op->getLoc(), reduce->operand,
                                         ir::tensorType(cut, element), {}, cut);
  Value halves = ir::PartialReduceOp::create(
      builder, op->getLoc(), ir::tensorType(partial, ir::computeElement(element)), x,
      reduce->record->name, llvm::to_vector(llvm::seq(first + 1, first + 2 + behind)));
  Type result = op->getResult(0).getType();
  Exprs squeezed(partial);
  squeezed.erase(squeezed.begin() + first);
  Value y = ir::FinishReduceOp::create(
      builder, op->getLoc(), ir::tensorType(squeezed, ir::elementOf(result)), halves,
      reduce->record->name, ArrayRef<int64_t>{first}, false, AffineMap::get(0, 0, reduce->count));
  if (y.getType() != result)
    y = ir::createRecord<ir::ViewAs>(builder, op->getLoc(), y, cast<RankedTensorType>(result), {},
                                     ir::shapeOf(result));
  op->getResult(0).replaceAllUsesWith(y);
  op->erase();
}

} // namespace

LogicalResult splitReductions(ModuleOp module, PassContext& context) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration())
      for (Operation& op :
           llvm::make_early_inc_range(function.getBody().front().without_terminator()))
        split(&op, context.isForDevice);
  return success();
}

} // namespace weft
