// Recognises parts that are a matrix product with an epilogue, and finds rows, columns and batch.
#include "codegen/cpu/plan.h"

#include "ir/weft/index_math.h"
#include "passes/products.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
namespace {

// Reads `expr` as a sum of expressions of the sizes times dimensions, and of one more; refuses
// everything else.
bool readLinear(AffineExpr expr, AffineExpr factor, MutableArrayRef<AffineExpr> strides,
                AffineExpr& start) {
  if (expr.isSymbolicOrConstant()) {
    start = start + expr * factor;
    return true;
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    strides[dim.getPosition()] = strides[dim.getPosition()] + factor;
    return true;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary) return false;
  if (binary.getKind() == AffineExprKind::Add)
    return readLinear(binary.getLHS(), factor, strides, start) &&
           readLinear(binary.getRHS(), factor, strides, start);
  return binary.getKind() == AffineExprKind::Mul && binary.getRHS().isSymbolicOrConstant() &&
         readLinear(binary.getLHS(), binary.getRHS() * factor, strides, start);
}

bool isZero(AffineExpr e) {
  auto constant = dyn_cast<AffineConstantExpr>(e);
  return constant && constant.getValue() == 0;
}

int64_t constantOf(AffineExpr e) {
  auto constant = dyn_cast<AffineConstantExpr>(e);
  return constant ? constant.getValue() : kDynamic;
}

std::optional<ProductFactor> readStrides(PartOp part, DotOp dot, LoadOp load) {
  if (load.getWithin()) return {};
  ProductFactor factor;
  factor.load = load;
  AffineExpr zero = getAffineConstantExpr(0, load.getContext());
  factor.strides.assign(part.getNumAxes(), zero);
  factor.k_stride = factor.start = zero;
  SmallVector<AffineExpr> by_index(load.getIndices().size(), zero);
  if (!readLinear(load.getMap().getResult(0), getAffineConstantExpr(1, load.getContext()), by_index,
                  factor.start))
    return {};
  for (auto [stride, index] : llvm::zip(by_index, load.getIndices())) {
    auto argument = dyn_cast<BlockArgument>(index);
    if (index == dot.getIndex())
      factor.k_stride = factor.k_stride + stride;
    else if (argument && argument.getOwner() == &part.getBody().front())
      factor.strides[argument.getArgNumber()] = factor.strides[argument.getArgNumber()] + stride;
    else
      return {};
  }
  return factor;
}

std::optional<ProductFactor> readFactor(PartOp part, DotOp dot, Value value) {
  auto load = value.getDefiningOp<LoadOp>();
  if (!load || load.getMask() || load->getParentOp() != dot ||
      !isa<BufferType>(load.getMemory().getType()))
    return {};
  if (auto factor = readStrides(part, dot, load)) return factor;
  return readWindow(part, dot, load, int(part.getNumAxes()) - 1);
}

// Adds the ops of the dot's body that a value takes, in order. Returns false where one is more than
// arithmetic on loads.
bool addOps(DotOp dot, Value value, llvm::SetVector<Operation*>& ops) {
  Operation* op = value.getDefiningOp();
  if (!op || op->getParentOp() != dot || ops.contains(op)) return true;
  if (op->getNumRegions() > 0 || isa<StoreOp, RequireOp>(op)) return false;
  if (!llvm::all_of(op->getOperands(), [&](Value v) { return addOps(dot, v, ops); })) return false;
  ops.insert(op);
  return true;
}

std::optional<ProductFactor> readComputed(PartOp part, DotOp dot, Value value) {
  llvm::SetVector<Operation*> ops;
  if (!addOps(dot, value, ops)) return {};
  ProductFactor factor;
  factor.computed = value;
  factor.ops = ops.takeVector();
  AffineExpr zero = getAffineConstantExpr(0, part.getContext());
  factor.strides.assign(part.getNumAxes(), zero);
  factor.k_stride = factor.start = zero;
  for (Operation* op : factor.ops)
    for (Value operand : op->getOperands())
      if (auto argument = dyn_cast<BlockArgument>(operand))
        if (argument.getOwner() == &part.getBody().front())
          factor.strides[argument.getArgNumber()] = zero + 1;
  return factor;
}

// Says whether a computed right factor depends on the columns and k alone, in front of several rows
// that stand in memory: then panels of its numbers are worth making.
bool isPanelOfNumbers(const Product& product, const DotShape& shape, int lanes) {
  const ProductFactor& b = product.b;
  bool is_floating = shape.element == DotElement::f32 || isHalf(shape.element);
  for (auto [axis, stride] : llvm::enumerate(b.strides))
    if (int(axis) != product.column_axis && !isZero(stride)) return false;
  return is_floating && b.computed.getType().isF32() && shape.m != 1 && shape.k != kDynamic &&
         shape.k % lanes == 0;
}

// Says whether a factor depends on the columns.
bool seesColumns(const ProductFactor& factor, int axis) {
  return factor.window || !isZero(factor.strides[axis]);
}

std::optional<DotElement> elementOf(LoadOp a, LoadOp b) {
  Type lhs = elementType(a.getMemory().getType());
  if (b && elementType(b.getMemory().getType()) != lhs) return {};
  if (lhs.isF32()) return DotElement::f32;
  if (lhs.isF64()) return DotElement::f64;
  if (lhs.isBF16()) return DotElement::bf16;
  if (lhs.isF16()) return DotElement::f16;
  if (lhs.isSignlessInteger(8)) return DotElement::i8;
  return {};
}

// Says whether sums of so many products of i8 fit in 32 bits.
bool fitsInt(int64_t k) { return k != kDynamic && k < (int64_t{1} << 17); }

// Ops of the part that an epilogue cannot hold: they would run once for each vector of the result.
bool hasForeignOps(PartOp part) {
  int dots = 0;
  for (Operation& op : part.getBody().front()) {
    dots += isa<DotOp>(op);
    if (isa<LoopOp, LocalOp>(op)) return true;
  }
  return dots != 1;
}

// The number of points of some axes together.
int64_t extentOf(PartOp part, ArrayRef<int> axes) {
  int64_t count = 1;
  for (int axis : axes) {
    auto extent = part.getAxis(axis).getConstantExtent();
    if (!extent) return kDynamic;
    count *= *extent;
  }
  return count;
}

// What is known of the extent of an axis that is no constant.
void boundExtent(KernelOp kernel, AxisAttr axis, int64_t& most, int64_t& step) {
  AffineExpr extent = axis.getExtent().getResult(0);
  step = extent.getLargestKnownDivisor();
  most = std::max<int64_t>(constantOf(ir::atMost(extent, kernel.getMost())), 0);
}

// Says whether the rows of `axis` continue those of the row axes found so far.
bool continuesRows(PartOp part, const Product& product, const ProductFactor& a,
                   const ProductFactor& b, int axis) {
  if (isZero(a.strides[axis]) || !isZero(b.strides[axis])) return false;
  if (product.row_axes.empty()) return true;
  int64_t inside = extentOf(part, product.row_axes);
  return axis == product.row_axes.front() - 1 && inside != kDynamic &&
         a.strides[axis] == a.strides[product.row_axes.back()] * inside;
}

// The part's last axis, along which results lie side by side, is the column axis. Those before it
// are rows where they continue each other's, else they count batches.
void assignAxes(PartOp part, Product& product) {
  product.column_axis = int(part.getNumAxes()) - 1;
  for (int axis = product.column_axis - 1; axis >= 0; --axis) {
    auto& axes = continuesRows(part, product, product.a, product.b, axis) ? product.row_axes
                                                                          : product.batch_axes;
    axes.insert(axes.begin(), axis);
  }
}

DotShape shapeOf(PartOp part, Product& product, DotElement element) {
  const ProductFactor &a = product.a, &b = product.b;
  AxisAttr terms = product.dot.getAxis();
  DotShape shape;
  shape.element = element;
  shape.batch = extentOf(part, product.batch_axes);
  shape.m = extentOf(part, product.row_axes);
  shape.n = extentOf(part, product.column_axis);
  shape.k = terms.getConstantExtent().value_or(kDynamic);
  auto kernel = part->getParentOfType<KernelOp>();
  if (shape.n == kDynamic)
    boundExtent(kernel, part.getAxis(product.column_axis), shape.n_most, shape.n_step);
  if (shape.k == kDynamic) boundExtent(kernel, terms, shape.k_most, shape.k_step);
  shape.a = {product.row_axes.empty() ? 0 : constantOf(a.strides[product.row_axes.back()]),
             constantOf(a.k_stride)};
  shape.computes_b = bool(b.computed);
  shape.keeps_b = bool(keptBuffer(product, b));
  if (!b.window && !b.computed)
    shape.b = {constantOf(b.k_stride), constantOf(b.strides[product.column_axis])};
  return shape;
}

// What the processor has for products with this right factor.
DotTarget unitOf(const CpuTarget& target, const ProductFactor& b) {
  const bool is512 = target.vector_bits == 512;
  const bool in_groups = is512 && !b.window && !b.computed;
  DotTarget unit;
  unit.vector_bytes = target.vector_bits / 8;
  unit.vector_registers = is512 ? 32 : 16;
  unit.f16c = target.has("f16c");
  unit.bf16_pairs = target.has("avx512bf16") && in_groups;
  unit.i8_quads = target.has("avx512vnni") && in_groups;
  unit.i16_pairs = target.has("avx2") && !b.window && !b.computed;
  return unit;
}

// Says whether tiles are a good way to compute the product, and one that is there.
bool suitsTiles(Product& product, const DotShape& shape, const DotTarget& unit) {
  const ProductFactor& b = product.b;
  // A row by columns that lie along k is sums along lanes, which read each element in its order.
  if (shape.m == 1 && product.dot.getAxis().getLanes()) return false;
  bool has_few_rows = shape.m != kDynamic && shape.m < kFewWindowRows;
  if (b.window && has_few_rows && shape.k <= kFewWindowTerms) return false;
  if (b.computed && !isPanelOfNumbers(product, shape, unit.vector_bytes / 4)) return false;
  return shape.element != DotElement::i8 || ((unit.i8_quads || unit.i16_pairs) && fitsInt(shape.k));
}

} // namespace

std::optional<Product> matchProduct(PartOp part, const CpuTarget& target) {
  if (hasForeignOps(part) || (target.vector_bits != 512 && target.vector_bits != 256)) return {};
  Product product;
  product.dot = *part.getBody().front().getOps<DotOp>().begin();
  if (part.getNumAxes() == 0) return {};
  auto lhs = readFactor(part, product.dot, product.dot.getLhs());
  auto rhs = readFactor(part, product.dot, product.dot.getRhs());
  if (!lhs) lhs = readComputed(part, product.dot, product.dot.getLhs());
  if (!rhs) rhs = readComputed(part, product.dot, product.dot.getRhs());
  if (!lhs || !rhs) return {};
  // The right factor is the one that sees the columns.
  int last = int(part.getNumAxes()) - 1;
  if (!seesColumns(*rhs, last)) std::swap(lhs, rhs);
  if (!seesColumns(*rhs, last) || seesColumns(*lhs, last) || lhs->computed) return {};
  product.a = *lhs;
  product.b = *rhs;
  assignAxes(part, product);
  auto element = elementOf(product.a.load, product.b.load);
  if (!element) return {};
  const DotShape shape = shapeOf(part, product, *element);
  const DotTarget unit = unitOf(target, product.b);
  if (!suitsTiles(product, shape, unit)) return {};
  product.plan = planDot(shape, unit);
  if (product.b.window)
    if (auto lines = findLines(*product.b.window, shape.n)) {
      product.lines = planLines(product.plan, *lines);
      product.winograd =
          planWinograd(product.plan, *lines, product.lines, bool(keptBuffer(product, product.a)));
    }
  return product;
}

} // namespace weft::cpu
