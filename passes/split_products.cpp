// A product with few tiles and a long inner axis becomes one over pieces of that axis, and their
// sum:
//   sum_k a[m, k] b[k, n]  =  sum_s sum_i a[m, s c + i] b[s c + i, n],  0 <= i < c
// A device computes a tile in a block and has far more multiprocessors than there are tiles. A
// convolution is cut by its channels: it becomes one of as many groups. Pieces depend on sizes
// alone.
#include "passes/passes.h"
#include "passes/products.h"

#include "ir/weft/index_math.h"

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

// A large device, roughly, in nanoseconds: a stretch of k of one tile of 64 x 64 in each
// multiprocessor, which is on its way for at least so long; a further launch, a piece that a thread
// of it adds, and a byte of what is summed.
constexpr int64_t kMultiprocessors = 128, kTile = 64, kStretch = 16;
constexpr double kWork = 420, kLatency = 450, kLaunch = 2000, kAddition = 50, kByte = 0.5e-3;
constexpr int64_t kMostPieces = 64, kLeastSteps = 64;
constexpr double kGain = 0.8; // of the time, that a cut must stay below

int64_t ceilDiv(int64_t x, int64_t y) { return (x + y - 1) / y; }

// How large a product is, all of its entries together.
struct Sizes {
  int64_t batch, rows, columns, depth;

  double time(int64_t pieces) const {
    int64_t tiles = batch * pieces * ceilDiv(rows, kTile) * ceilDiv(columns, kTile);
    double stretches = double(depth) / double(pieces * kStretch);
    double each = std::max(kLatency, double(ceilDiv(tiles, kMultiprocessors)) * kWork);
    double product = stretches * each;
    if (pieces == 1) return product;
    double bytes = 8.0 * double(pieces) * double(batch * rows * columns);
    return product + kLaunch + double(pieces) * kAddition + bytes * kByte;
  }

  // The best number of pieces that divides `cuttable`, 1 if none is worth it.
  int64_t pieces(int64_t cuttable) const {
    int64_t best = 1;
    for (int64_t count = 2; count <= kMostPieces && depth / count >= kLeastSteps; count++)
      if (cuttable % count == 0 && time(count) < time(best)) best = count;
    return time(best) < kGain * time(1) ? best : 1;
  }
};

class Split {
public:
  explicit Split(Operation* op) : op(op), builder(op), type(typeOf(op->getResult(0))) {}

  void run() {
    Type element = type.getElementType();
    if (!element.isF32() && !element.isF64()) return; // pieces of others would be rounded
    if (!isProduct(op)) return;
    for (Value operand : op->getOperands())
      if (!typeOf(operand).hasStaticShape() || typeOf(operand).getNumElements() == 0) return;
    if (isMatrixProduct(op))
      splitMatrices();
    else if (isa<ir::Convolution>(op))
      splitChannels();
  }

private:
  static RankedTensorType typeOf(Value v) { return cast<RankedTensorType>(v.getType()); }

  Exprs constants(ArrayRef<int64_t> sizes) {
    Exprs list;
    for (int64_t size : sizes)
      list.push_back(builder.getAffineConstantExpr(size));
    return list;
  }
  Value view(Value x, ArrayRef<int64_t> sizes) {
    return ir::createRecord<ir::ViewAs>(builder, op->getLoc(), x,
                                        RankedTensorType::get(sizes, ir::elementOf(x)), {},
                                        constants(sizes));
  }
  // The dim at `from` goes to `to`.
  Value move(Value x, int64_t from, int64_t to) {
    auto order = llvm::to_vector(llvm::seq<int64_t>(0, typeOf(x).getRank()));
    order.erase(order.begin() + from);
    order.insert(order.begin() + to, from);
    SmallVector<int64_t> sizes;
    for (int64_t dim : order)
      sizes.push_back(typeOf(x).getDimSize(dim));
    return ir::createRecord<ir::Permute>(builder, op->getLoc(), x,
                                         RankedTensorType::get(sizes, ir::elementOf(x)), order);
  }
  // Dim `dim` as two, `pieces` and what they hold.
  Value cut(Value x, int64_t dim, int64_t pieces) {
    SmallVector<int64_t> sizes(typeOf(x).getShape());
    sizes[dim] /= pieces;
    sizes.insert(sizes.begin() + dim, pieces);
    return view(x, sizes);
  }
  Value product(Value a, Value b, ArrayRef<int64_t> sizes, ArrayRef<int64_t> structure) {
    return ir::createRecord(builder, op->getLoc(), op->getName().stripDialect(), {a, b},
                            RankedTensorType::get(sizes, type.getElementType()), structure,
                            ir::sizesOf(op));
  }
  // Puts the sum over a dim of the pieces in the product's place.
  void finish(Value pieces, int64_t dim) {
    AffineExpr count = builder.getAffineConstantExpr(typeOf(pieces).getDimSize(dim));
    Value sum =
        ir::FinishReduceOp::create(builder, op->getLoc(), type, pieces, ir::recordName<ir::Sum>(),
                                   dim, false, AffineMap::get(0, 0, count));
    op->getResult(0).replaceAllUsesWith(sum);
    op->erase();
  }

  // a [..., m, k] b [..., k, n] as a [..., s, m, c] b [..., s, c, n].
  void splitMatrices() {
    Value a = op->getOperand(0), b = op->getOperand(1);
    if (typeOf(a).getRank() < 2 || typeOf(b).getRank() < 2) return;
    ArrayRef<int64_t> result = type.getShape();
    int64_t rank = type.getRank(), depth = typeOf(a).getShape().back();
    Sizes sizes{1, result[rank - 2], result[rank - 1], depth};
    for (int64_t dim : result.drop_back(2))
      sizes.batch *= dim;
    int64_t pieces = sizes.pieces(depth);
    if (pieces == 1) return;
    int64_t last = typeOf(a).getRank() - 1;
    Value left = move(cut(a, last, pieces), last, last - 1);
    Value right = cut(b, typeOf(b).getRank() - 2, pieces);
    SmallVector<int64_t> whole(result);
    whole.insert(whole.end() - 2, pieces);
    finish(product(left, right, whole, ir::structureOf(op)), rank - 2);
  }

  // x [n, s c, ...] w [o, s c, ...] as s groups: weights [s o, c, ...] and results [n, s o, ...].
  void splitChannels() {
    SmallVector<int64_t> structure(ir::structureOf(op));
    if (structure[0] != 1) return;
    Value x = op->getOperand(0), weight = op->getOperand(1);
    SmallVector<int64_t> weights(typeOf(weight).getShape()), result(type.getShape());
    const int64_t outputs = result[1], channels = weights[1];
    Sizes sizes{1, outputs, result[0], channels};
    for (int64_t places : ArrayRef(result).drop_front(2))
      sizes.columns *= places;
    for (int64_t taps : ArrayRef(weights).drop_front(2))
      sizes.depth *= taps;
    int64_t pieces = sizes.pieces(channels);
    if (pieces == 1) return;
    weights[0] *= pieces;
    weights[1] /= pieces;
    structure[0] = pieces;
    Value cutWeights = view(move(cut(weight, 1, pieces), 1, 0), weights);
    result[1] *= pieces;
    Value groups = product(x, cutWeights, result, structure);
    if (!isProduct(groups.getDefiningOp())) {
      groups.getDefiningOp()->erase(); // views that nobody reads are no work
      return;
    }
    result[1] = outputs;
    result.insert(result.begin() + 1, pieces);
    finish(view(groups, result), 1);
  }

  Operation* op;
  OpBuilder builder;
  RankedTensorType type;
};

} // namespace

LogicalResult splitProducts(ModuleOp module, PassContext&) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration())
      for (Operation& op :
           llvm::make_early_inc_range(function.getBody().front().without_terminator()))
        Split(&op).run();
  return success();
}

} // namespace weft
