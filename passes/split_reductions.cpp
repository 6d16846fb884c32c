// A reduction with few results and many elements becomes two: over pieces of fixed size, then over
// the pieces.
//   fold(x over n) = finish(fold(fold(x over n / c) over c))
// The tree depends on sizes alone, so the bits do not depend on the number of threads.
#include "passes/part.h"
#include "passes/passes.h"

#include "ir/weft/index_math.h"

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

constexpr int64_t kPiece = 16384;     // elements that one point folds
constexpr int64_t kFewResults = 256;  // with so many results there is enough to run at once
constexpr int64_t kLong = 4 * kPiece; // elements from which on a second kernel pays

std::optional<int64_t> constantOf(AffineExpr e) {
  auto c = dyn_cast<AffineConstantExpr>(e);
  return c ? std::optional(c.getValue()) : std::nullopt;
}

// The divisor of n, a part of `all` elements, for which a piece has about `piece` of them, or
// nothing.
std::optional<int64_t> piecesOf(int64_t n, int64_t all, int64_t piece) {
  for (int64_t count = std::max<int64_t>(2, all / piece); count <= all / 256; count++)
    if (n % count == 0) return count;
  return std::nullopt;
}

// Leading dims that are reduced, one block [n, rest...]: everything, or columns.
void split(Operation* op) {
  auto reduce = asReduce(op);
  if (!reduce || !reduce->starts || !reduce->finishes || reduce->record->accumulators != 1) return;
  Exprs shape = ir::shapeOf(reduce->operand);
  int64_t reduced = 1, kept = 1;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    auto n = constantOf(size);
    bool isReduced = llvm::is_contained(reduce->dims, dim);
    if (!n || (isReduced && dim > 0 && !llvm::is_contained(reduce->dims, dim - 1))) return;
    (isReduced ? reduced : kept) *= *n;
  }
  if (reduce->dims.empty() || reduced * kept < kLong || kept > kFewResults) return;
  bool isLast = reduce->dims.back() + 1 == static_cast<int64_t>(shape.size());
  if (isLast && kept > 8) return; // enough rows
  MLIRContext* context = op->getContext();
  OpBuilder builder(op);
  auto constant = [&](int64_t v) { return getAffineConstantExpr(v, context); };
  // [outer..., n, reduced..., inner...] as [outer..., pieces, n / pieces, reduced..., inner...]:
  // what broadcasts along a dim stays an affine function of the indices. Where n cannot be cut, all
  // that is reduced is one dim.
  const int64_t first = reduce->dims.front(), last = reduce->dims.back();
  const int64_t piece = std::max<int64_t>(256, kPiece / (isLast ? 1 : kept));
  int64_t n = *constantOf(shape[first]), behind = last - first;
  std::optional<int64_t> pieces = piecesOf(n, reduced, piece);
  if (!pieces) {
    n = reduced;
    behind = 0;
    pieces = piecesOf(n, reduced, piece);
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

LogicalResult splitReductions(ModuleOp module, PassContext&) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration())
      for (Operation& op :
           llvm::make_early_inc_range(function.getBody().front().without_terminator()))
        split(&op);
  return success();
}

} // namespace weft
