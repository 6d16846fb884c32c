// Matrix products, by quantised matrices too, and convolutions as products: weights [rows, terms]
// by what the taps see of an image [terms, places], where a term is a channel and a tap.
#include "passes/products.h"

#include "ir/weft/index_math.h"
#include "passes/buffer_layout.h"

using namespace mlir;

namespace weft {

using ir::Exprs;

namespace {

// Emitters count elements of an image in 32 bits.
constexpr int64_t kMostElements = int64_t{1} << 31;

// A convolution's sizes, which are constants.
struct Convolution {
  struct Dim {
    int64_t size, places, taps, stride, begin, dilation;
    /// The position that a tap sees of a place, or the last of them.
    AffineExpr position(AffineExpr place, AffineExpr tap) const {
      return place * stride + tap * dilation - begin;
    }
    int64_t last() const { return (places - 1) * stride + (taps - 1) * dilation - begin; }
    bool isPadded() const { return begin > 0 || last() >= size; }
  };
  int64_t groups, channels, rows, terms, places = 1, elements = 1;
  SmallVector<Dim, 3> dims;

  static std::optional<Convolution> of(Operation* op) {
    auto x = cast<RankedTensorType>(op->getOperand(0).getType());
    auto weight = cast<RankedTensorType>(op->getOperand(1).getType());
    auto y = cast<RankedTensorType>(op->getResult(0).getType());
    for (RankedTensorType type : {x, weight, y})
      if (!type.hasStaticShape() || type.getNumElements() == 0) return std::nullopt;
    ArrayRef<int64_t> structure = ir::structureOf(op);
    Convolution c;
    c.groups = structure[0];
    c.channels = weight.getDimSize(1);
    c.rows = weight.getDimSize(0) / c.groups;
    c.terms = weight.getNumElements() / weight.getDimSize(0);
    for (int64_t k = 2; k < x.getRank(); k++) {
      ArrayRef<int64_t> w = structure.slice(4 * (k - 2) + 1, 4);
      c.dims.push_back({x.getDimSize(k), y.getDimSize(k), weight.getDimSize(k), w[0], w[1], w[3]});
      c.places *= y.getDimSize(k);
      c.elements *= x.getDimSize(k) + w[1];
    }
    return c;
  }
  bool isTiled() const { return rows >= kFewWindowRows || terms > kFewWindowTerms; }
};

// The place in memory of a value's element, seen through views. Other values than arguments of the
// function count as row-major.
AffineExpr offsetOf(func::FuncOp function, Value v, ArrayRef<AffineExpr> at,
                    ArrayRef<AffineExpr> extents) {
  Exprs indices(at);
  while (auto view = dyn_cast_or_null<ir::ViewOp>(v.getDefiningOp())) {
    auto source = view.sourceIndices(indices);
    indices.assign(source.begin(), source.end());
    v = view->getOperand(0);
  }
  if (isa<BlockArgument>(v))
    return ir::canonical(layoutOf(function, v).getResult(0).replaceDims(indices), extents);
  return ir::canonical(ir::linearise(indices, ir::shapeOf(v), v.getContext()), extents);
}

bool isLinear(AffineExpr e) {
  bool linear = true;
  e.walk([&](AffineExpr x) {
    linear &= x.getKind() != AffineExprKind::FloorDiv && x.getKind() != AffineExprKind::Mod;
  });
  return linear;
}

// Says whether a value is its memory, row-major.
bool isPlain(func::FuncOp function, Value v) {
  if (auto argument = dyn_cast<BlockArgument>(v))
    return !function.getArgAttr(argument.getArgNumber(), ir::kLayoutName);
  return !isa<ir::ViewOp>(v.getDefiningOp());
}

// The indices [channel, taps...] of a term in the weights.
Exprs termsOf(Operation* op, AffineExpr inner) {
  Exprs shape = ir::shapeOf(op->getOperand(1)), terms;
  AffineExpr number = getAffineDimExpr(0, op->getContext());
  for (AffineExpr e : ir::delinearise(number, ArrayRef(shape).drop_front(), {innerSizeOf(op)}))
    terms.push_back(e.replaceDims({inner}));
  return terms;
}

// Says whether images and weights lie so that windows are runs of memory: lines of the image
// without gaps, and a row of weights as one line.
bool liesInLines(Operation* op) {
  auto function = op->getParentOfType<func::FuncOp>();
  Value image = op->getOperand(0), weight = op->getOperand(1);
  MLIRContext* context = op->getContext();
  if (!isPlain(function, image)) {
    Exprs extents = ir::shapeOf(image), dims;
    for (unsigned k = 0; k < extents.size(); k++)
      dims.push_back(getAffineDimExpr(k, context));
    AffineExpr offset = offsetOf(function, image, dims, extents);
    AffineExpr last = dims.back();
    AffineExpr step = ir::canonical(offset.replace(last, last + 1) - offset);
    bool isLine = step == getAffineConstantExpr(1, context) ||
                  extents.back() == getAffineConstantExpr(1, context);
    if (!isLinear(offset) || !isLine) return false;
  }
  if (isPlain(function, weight)) return true;
  // Rows of a group and groups may lie in different orders.
  Convolution c = *Convolution::of(op);
  Exprs extents{getAffineConstantExpr(c.groups, context), getAffineConstantExpr(c.rows, context),
                innerSizeOf(op)};
  Exprs indices = termsOf(op, getAffineDimExpr(2, context));
  indices.insert(indices.begin(),
                 getAffineDimExpr(0, context) * c.rows + getAffineDimExpr(1, context));
  return isLinear(offsetOf(function, weight, indices, extents));
}

// Element [..., m, n] of a product reads [..., m, k] and [..., k, n]; a 1-d factor has no m or n.
Factor matrixFactor(Operation* op, unsigned k, ArrayRef<AffineExpr> indices, AffineExpr inner) {
  auto rank = [&](unsigned i) {
    return cast<RankedTensorType>(op->getOperand(i).getType()).getRank();
  };
  bool hasRow = rank(0) > 1, hasColumn = rank(1) > 1;
  ArrayRef<AffineExpr> batch = indices.drop_back(hasRow + hasColumn);
  Exprs all(batch);
  if (k == 0) {
    if (hasRow) all.push_back(indices[batch.size()]);
    all.push_back(inner);
  } else {
    all.push_back(inner);
    if (hasColumn) all.push_back(indices.back());
  }
  return {ir::broadcastIndices(all, op->getOperand(k).getType()), {}};
}

// Element [n, o, i...] reads [n, c, i * stride + t * dilation - begin, ...] of the image and [o, c,
// t...] of the weights.
Factor windowFactor(Operation* op, unsigned k, ArrayRef<AffineExpr> indices, AffineExpr inner) {
  Convolution c = *Convolution::of(op);
  Exprs term = termsOf(op, inner);
  if (k == 1) {
    term.insert(term.begin(), indices[1]);
    return {term, {}};
  }
  Factor factor;
  factor.indices = {indices[0], indices[1].floorDiv(c.rows) * c.channels + term[0]};
  for (auto [d, dim] : llvm::enumerate(c.dims)) {
    AffineExpr at = dim.position(indices[d + 2], term[d + 1]);
    factor.indices.push_back(at);
    if (dim.begin > 0) factor.within.push_back(at);
    if (dim.last() >= dim.size) factor.within.push_back(dim.size - 1 - at);
  }
  return factor;
}

// Element [..., n] of a product by a quantised matrix reads [..., k], and code and scale of [n, k].
Factor quantizedFactor(Operation* op, unsigned k, ArrayRef<AffineExpr> indices, AffineExpr inner) {
  Exprs at(indices);
  if (k == 0) {
    at.back() = inner;
    return {at, {}};
  }
  QuantizedBlocks blocks = *blocksOf(op);
  if (k == 2) return {{at.back(), inner.floorDiv(blocks.length)}, {}};
  if (!blocks.isPacked) return {{at.back(), inner}, {}};
  int64_t half = blocks.length / 2;
  return {{at.back(), inner.floorDiv(blocks.length) * half + inner % half}, {}};
}

// Says whether an op is a cast that changes no number: to a wider dtype of its kind.
bool isWidening(Operation* op) {
  const ir::Record* record = ir::recordOf(op);
  if (!record || !record->isCast) return false;
  Type from = ir::elementOf(op->getOperand(0)), to = ir::elementOf(op->getResult(0));
  if (from.getIntOrFloatBitWidth() >= to.getIntOrFloatBitWidth()) return false;
  if (from.isBF16() || from.isF16()) return to.isF32();
  return from.isInteger() && !from.isInteger(1) && to.isInteger() && !to.isUnsignedInteger();
}

// The widening cast that a factor is, seen through views.
Operation* castOf(Value factor) {
  while (auto view = dyn_cast_or_null<ir::ViewOp>(factor.getDefiningOp()))
    factor = view->getOperand(0);
  Operation* op = factor.getDefiningOp();
  return op && isWidening(op) ? op : nullptr;
}

// Says whether `v` is the right factor of a product with one row, which reads each of its elements
// once: then it may be cast from another dtype than the left factor.
bool isReadOnce(Operation* product, Value v) {
  auto left = cast<RankedTensorType>(product->getOperand(0).getType());
  bool hasOneRow = left.getRank() == 1 || left.getDimSize(left.getRank() - 2) == 1;
  return hasOneRow && product->getOperand(0) != v && isa<FloatType>(ir::elementOf(v));
}

// Adds the casts of all products that read `v`. Returns false where something else reads it, or a
// product that neither has two casts from one dtype nor reads it once.
bool addPartners(Value v, llvm::SetVector<Operation*>& casts) {
  return llvm::all_of(v.getUsers(), [&](Operation* user) {
    if (isa<ir::ViewOp>(user)) return addPartners(user->getResult(0), casts);
    if (!isMatrixProduct(user)) return false;
    Operation *a = castOf(user->getOperand(0)), *b = castOf(user->getOperand(1));
    if (!a || !b || ir::elementOf(a->getOperand(0)) != ir::elementOf(b->getOperand(0)))
      return isReadOnce(user, v);
    casts.insert(a);
    casts.insert(b);
    return true;
  });
}

} // namespace

bool isLoadedBefore(Operation* cast) {
  if (!isWidening(cast)) return false;
  llvm::SetVector<Operation*> casts; // if one of them is not, neither are those beside it
  casts.insert(cast);
  for (size_t k = 0; k < casts.size(); k++)
    if (!addPartners(casts[k]->getResult(0), casts)) return false;
  return true;
}

bool isMatrixProduct(Operation* op) { return isa<ir::Matmul>(op); }

std::optional<QuantizedBlocks> blocksOf(Operation* op) {
  if (!isa<ir::QuantizedMatmul>(op)) return std::nullopt;
  auto codes = cast<RankedTensorType>(op->getOperand(1).getType());
  auto scales = cast<RankedTensorType>(op->getOperand(2).getType());
  if (!codes.hasStaticShape() || !scales.hasStaticShape()) return std::nullopt;
  if (codes.getNumElements() == 0 || scales.getNumElements() == 0) return std::nullopt;
  QuantizedBlocks blocks;
  blocks.isPacked = codes.getElementType().isUnsignedInteger();
  blocks.steps = codes.getDimSize(1) * (blocks.isPacked ? 2 : 1);
  blocks.length = blocks.steps / scales.getDimSize(1);
  return blocks;
}

StringRef whyCalled(Operation* op) {
  if (isa<ir::QuantizedMatmul>(op)) {
    auto blocks = blocksOf(op);
    if (!blocks) return "its matrix has sizes that are arguments, or no elements";
    int64_t run = blocks->isPacked ? blocks->length / 2 : blocks->length;
    return run % kShortestRun ? "its blocks are no multiples of a vector" : "";
  }
  if (!isa<ir::Convolution>(op)) return "";
  if (!isa<FloatType>(ir::elementOf(op->getResult(0)))) return "its elements are integers";
  auto c = Convolution::of(op);
  if (!c) return "its sizes are arguments or it has no elements";
  if (c->elements >= kMostElements || c->terms >= kMostElements || c->places >= kMostElements)
    return "its images are too large";
  if (c->places == 1 &&
      (c->terms > c->channels || llvm::any_of(c->dims, [](const auto& d) { return d.isPadded(); })))
    return "it has one place";
  if (!liesInLines(op)) return "its operands lie in no lines";
  return "";
}

bool isProduct(Operation* op) {
  return isMatrixProduct(op) ||
         (isa<ir::Convolution, ir::QuantizedMatmul>(op) && whyCalled(op).empty());
}

AffineExpr innerSizeOf(Operation* op) {
  if (auto blocks = blocksOf(op)) return getAffineConstantExpr(blocks->steps, op->getContext());
  if (isMatrixProduct(op)) return ir::shapeOf(op->getOperand(0)).back();
  Exprs weight = ir::shapeOf(op->getOperand(1));
  return ir::countOf(ArrayRef(weight).drop_front(), op->getContext());
}

Exprs pointsOf(Operation* op) {
  Exprs points = ir::shapeOf(op->getResult(0));
  if (!isa<ir::Convolution>(op)) return points;
  Convolution c = *Convolution::of(op);
  points[1] = getAffineConstantExpr(c.rows, op->getContext());
  points.insert(points.begin() + 1, getAffineConstantExpr(c.groups, op->getContext()));
  return points;
}

unsigned columnDimsOf(Operation* op) {
  if (!isa<ir::Convolution>(op)) return 1;
  Convolution c = *Convolution::of(op);
  return c.isTiled() ? c.dims.size() : 1;
}

Factor factorOf(Operation* op, unsigned k, ArrayRef<AffineExpr> indices, unsigned first) {
  AffineExpr inner = getAffineDimExpr(first, op->getContext());
  if (isa<ir::Convolution>(op)) return windowFactor(op, k, indices, inner);
  return isMatrixProduct(op) ? matrixFactor(op, k, indices, inner)
                             : quantizedFactor(op, k, indices, inner);
}

} // namespace weft
