// A reduction of everything takes its elements in the order of memory:
//   fold(x) = fold(permute(x)), the dims of x sorted by how far apart their elements lie
// so that what lies transposed is read along its lines and not across. Expects kernels not made
// yet. Only where nobody else reads what the reduction reads: others want it in its own order.
#include "passes/buffer_layout.h"
#include "passes/part.h"
#include "passes/passes.h"

#include "ir/weft/index_math.h"

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;
using Strides = SmallVector<int64_t>;

// By how much an offset grows along each dim, where these are constants.
std::optional<Strides> stridesOf(AffineExpr offset, unsigned dims) {
  bool isLinear = true;
  offset.walk([&](AffineExpr e) {
    isLinear &= e.getKind() == AffineExprKind::Add || e.getKind() == AffineExprKind::Mul ||
                isa<AffineDimExpr, AffineConstantExpr>(e);
  });
  if (!isLinear) return std::nullopt;
  MLIRContext* context = offset.getContext();
  Exprs at(dims, getAffineConstantExpr(0, context));
  const AffineExpr start = offset.replaceDims(at);
  Strides strides;
  for (unsigned k = 0; k < dims; k++) {
    at[k] = getAffineConstantExpr(1, context);
    auto step = dyn_cast<AffineConstantExpr>(ir::canonical(offset.replaceDims(at) - start));
    if (!step) return std::nullopt;
    strides.push_back(std::abs(step.getValue()));
    at[k] = getAffineConstantExpr(0, context);
  }
  return strides;
}

class Order {
public:
  explicit Order(func::FuncOp function) : function(function) {}

  void apply(Operation* op) {
    auto reduce = asReduce(op);
    if (!reduce || !reduce->starts || !reduce->finishes || reduce->record->accumulators != 1)
      return;
    const Exprs shape = ir::shapeOf(reduce->operand);
    if (shape.size() < 2 || reduce->dims.size() != shape.size()) return;
    Exprs indices;
    for (unsigned k = 0; k < shape.size(); k++)
      indices.push_back(getAffineDimExpr(k, op->getContext()));
    sizes = shape;
    std::optional<Strides> strides = find(reduce->operand, indices);
    if (!strides) return;
    // A dim of one element stays behind the one before it.
    for (unsigned k = 0; k < shape.size(); k++)
      if (shape[k] == getAffineConstantExpr(1, op->getContext()))
        (*strides)[k] = k ? (*strides)[k - 1] : std::numeric_limits<int64_t>::max();
    auto order = llvm::to_vector(llvm::seq<int64_t>(0, shape.size()));
    llvm::stable_sort(order, [&](int64_t a, int64_t b) { return (*strides)[a] > (*strides)[b]; });
    if (llvm::is_sorted(order)) return;
    Exprs sorted;
    for (int64_t dim : order)
      sorted.push_back(shape[dim]);
    OpBuilder builder(op);
    op->setOperand(0, ir::createRecord<ir::Permute>(
                          builder, op->getLoc(), reduce->operand,
                          ir::tensorType(sorted, ir::elementOf(reduce->operand)), order));
  }

private:
  // The strides of the first leaf behind a value that has an element for each index, seen through
  // ops whose results nobody else reads.
  std::optional<Strides> find(Value v, ArrayRef<AffineExpr> indices) {
    if (auto leaf = dyn_cast<BlockArgument>(v)) {
      AffineExpr offset = layoutOf(function, leaf).getResult(0).replaceDims(indices);
      std::optional<Strides> strides = stridesOf(ir::canonical(offset, sizes), sizes.size());
      auto isRepeated = [&](auto dim) {
        return (*strides)[dim.index()] == 0 &&
               dim.value() != getAffineConstantExpr(1, v.getContext());
      };
      return strides && llvm::none_of(llvm::enumerate(sizes), isRepeated) ? strides : std::nullopt;
    }
    Operation* op = v.getDefiningOp();
    if (!v.hasOneUse() || isa<ir::Concatenate, ir::SliceUpdateOp>(op) || isGather(op) ||
        !(isElementwise(op) || isa<ir::ViewOp>(op)))
      return std::nullopt;
    for (unsigned k = 0; k < op->getNumOperands(); k++)
      if (!ir::isNumber(op->getOperand(k)) && isa<RankedTensorType>(op->getOperand(k).getType()))
        if (auto strides = find(op->getOperand(k), operandIndices(op, k, indices, sizes.size())))
          return strides;
    return std::nullopt;
  }

  func::FuncOp function;
  Exprs sizes; // of the reduction's operand
};

} // namespace

LogicalResult orderReductions(ModuleOp module, PassContext&) {
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isDeclaration()) continue;
    Order order(function);
    for (Operation& op : function.getBody().front().without_terminator())
      order.apply(&op);
  }
  return success();
}

} // namespace weft
