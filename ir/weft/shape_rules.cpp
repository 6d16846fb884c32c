// One rule a kind of op, and one for each op whose kind has no rule of its own.
#include "ir/weft/shape_rules.h"

#include "ir/weft/index_math.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace weft::ir {
namespace {

struct Rule {
  const ShapeCall& call;
  SameSize same;
  std::string& why;

  std::nullopt_t fail(const std::string& message) {
    why = message;
    return std::nullopt;
  }
  AffineExpr constant(int64_t v) { return getAffineConstantExpr(v, call.context); }
  bool isOne(AffineExpr e) { return e == constant(1); }
  bool takes(size_t operands, size_t structure, size_t sizes) {
    if (call.operands.size() != operands || call.structure.size() < structure ||
        call.sizes.size() < sizes) {
      why = "must have " + std::to_string(operands) + " operands, " + std::to_string(structure) +
            " structure and " + std::to_string(sizes) + " size attributes";
      return false;
    }
    return true;
  }
  bool isDim(int64_t dim, size_t rank) {
    if (dim >= 0 && dim < static_cast<int64_t>(rank)) return true;
    why = "dim must lie in 0 to " + std::to_string(rank) + ", got " + std::to_string(dim);
    return false;
  }

  std::optional<Exprs> broadcast(ArrayRef<Exprs> shapes) {
    Exprs result;
    for (const Exprs& shape : shapes)
      if (shape.size() > result.size()) result.assign(shape.size(), constant(1));
    for (const Exprs& shape : shapes)
      for (size_t k = 0; k < shape.size(); k++) {
        AffineExpr& to = result[result.size() - shape.size() + k];
        if (isOne(shape[k])) continue;
        if (isOne(to))
          to = shape[k];
        else if (!same(to, shape[k]))
          return fail("shapes must broadcast, got " + describe(result) + " and " + describe(shape));
      }
    return result;
  }

  // structure: keepdim, dims...
  std::optional<Exprs> reduction() {
    if (!takes(1, 1, 0)) return std::nullopt;
    const Exprs& x = call.operands[0];
    bool keepdim = call.structure[0];
    SmallVector<bool> isReduced(x.size());
    for (int64_t dim : call.structure.drop_front()) {
      if (!isDim(dim, x.size())) return std::nullopt;
      isReduced[dim] = true;
    }
    Exprs result;
    for (size_t k = 0; k < x.size(); k++)
      if (!isReduced[k])
        result.push_back(x[k]);
      else if (keepdim)
        result.push_back(constant(1));
    return result;
  }

  std::optional<Exprs> view() {
    if (call.operands.size() != 1) return fail("must have one operand");
    AffineExpr have = constant(1), want = constant(1);
    for (AffineExpr e : call.operands[0])
      have = have * e;
    for (AffineExpr e : call.sizes)
      want = want * e;
    // With sizes as arguments the products are equal by the recorded call, not by their
    // expressions.
    auto isConstant = [](AffineExpr e) { return isa<AffineConstantExpr>(e); };
    if (!same(have, want) && isConstant(have) && isConstant(want))
      return fail("the number of elements must stay the same, got " + describe(call.operands[0]) +
                  " as " + describe(call.sizes));
    return Exprs(call.sizes);
  }

  std::optional<Exprs> permute() {
    if (!takes(1, call.operands.empty() ? 0 : call.operands[0].size(), 0)) return std::nullopt;
    const Exprs& x = call.operands[0];
    Exprs result;
    uint64_t seen = 0;
    for (int64_t dim : call.structure) {
      if (!isDim(dim, x.size())) return std::nullopt;
      seen |= uint64_t{1} << dim;
      result.push_back(x[dim]);
    }
    if (result.size() != x.size() || seen != (uint64_t{1} << x.size()) - 1)
      return fail("the order must name each dim once");
    return result;
  }

  // structure: dim; sizes: start, length, step
  std::optional<Exprs> slice() {
    if (!takes(1, 1, 3) || !isDim(call.structure[0], call.operands[0].size())) return std::nullopt;
    Exprs result = call.operands[0];
    AffineExpr& size = result[call.structure[0]];
    auto known = [](AffineExpr e) { return dyn_cast<AffineConstantExpr>(e); };
    auto all = known(size), start = known(call.sizes[0]), length = known(call.sizes[1]),
         step = known(call.sizes[2]);
    bool isBad = (start && start.getValue() < 0) || (length && length.getValue() < 0) ||
                 (step && step.getValue() < 1);
    if (!isBad && all && start && length && step && length.getValue() > 0)
      isBad = start.getValue() >= all.getValue() ||
              (all.getValue() - 1 - start.getValue()) / step.getValue() < length.getValue() - 1;
    if (isBad)
      return fail("start, length and step must lie inside of the dim, got " +
                  describe(call.sizes.take_front(3)) + " of " + describe(call.operands[0]));
    size = call.sizes[1];
    return result;
  }

  std::optional<Exprs> expand() {
    if (call.operands.size() != 1 || call.sizes.size() < call.operands[0].size())
      return fail("must have one operand of at most the result's rank");
    Exprs to(call.sizes);
    const Exprs& x = call.operands[0];
    for (size_t k = 0; k < x.size(); k++) {
      AffineExpr& size = to[to.size() - x.size() + k];
      if (!isOne(x[k]) && !same(x[k], size))
        return fail("only dims of size 1 can be expanded, got " + describe(x) + " to " +
                    describe(to));
      if (!isOne(x[k])) size = x[k];
    }
    return to;
  }

  // sizes: offset, shape..., strides...
  std::optional<Exprs> stridedView() {
    if (!takes(1, 0, 1)) return std::nullopt;
    if (call.operands[0].size() != 1 || call.sizes.size() % 2 == 0)
      return fail("must have an operand of one dim and a stride for each size");
    return Exprs(call.sizes.slice(1, call.sizes.size() / 2));
  }

  // A 1-d operand is a row on the left or a column on the right; its dim vanishes.
  std::optional<Exprs> matmul() {
    if (!takes(2, 0, 0)) return std::nullopt;
    Exprs a = call.operands[0], b = call.operands[1];
    bool isRow = a.size() == 1, isColumn = b.size() == 1;
    if (isRow) a.insert(a.begin(), constant(1));
    if (isColumn) b.push_back(constant(1));
    if (a.size() < 2 || b.size() < 2)
      return fail("operands must have at least 1 dim, got " + describe(a) + " and " + describe(b));
    if (!same(a.back(), b[b.size() - 2]))
      return fail("the inner sizes must be equal, got " + describe(a) + " and " + describe(b));
    Exprs outer[] = {Exprs(ArrayRef(a).drop_back(2)), Exprs(ArrayRef(b).drop_back(2))};
    auto result = broadcast(outer);
    if (result && !isRow) result->push_back(a[a.size() - 2]);
    if (result && !isColumn) result->push_back(b.back());
    return result;
  }

  std::optional<Exprs> quantizedMatmul() {
    if (!takes(3, 0, 0)) return std::nullopt;
    const Exprs &codes = call.operands[1], &scales = call.operands[2];
    Exprs result = call.operands[0];
    if (result.empty() || codes.size() != 2 || scales.size() != 2 || !same(codes[0], scales[0]))
      return fail("codes and scales must be matrices of as many rows, got " + describe(codes) +
                  " and " + describe(scales));
    result.back() = codes[0];
    return result;
  }

  // structure: groups, then stride, padding before and after, and dilation of each spatial dim
  std::optional<int64_t> windows() {
    size_t fields = call.structure.size();
    if (call.operands.size() == 2 && fields >= 5 && fields % 4 == 1) {
      size_t rank = (fields - 1) / 4 + 2;
      if (call.operands[0].size() == rank && call.operands[1].size() == rank &&
          call.structure[0] > 0) {
        if (!areWindows(call.structure.drop_front())) return std::nullopt;
        return static_cast<int64_t>(rank) - 2;
      }
    }
    why = "must have two operands, groups and windows for their spatial dims";
    return std::nullopt;
  }
  // Stride, padding before and after, and dilation of each dim.
  bool areWindows(ArrayRef<int64_t> fields) {
    for (size_t k = 0; k + 4 <= fields.size(); k += 4)
      if (fields[k] < 1 || fields[k + 1] < 0 || fields[k + 2] < 0 || fields[k + 3] < 1) {
        why = "strides and dilations must be at least 1 and padding at least 0";
        return false;
      }
    return true;
  }
  // Channels that are no constants are as the recorded call had them.
  bool areGroups(AffineExpr channels, AffineExpr outputs, AffineExpr ofGroup) {
    const int64_t groups = call.structure[0];
    auto x = dyn_cast<AffineConstantExpr>(channels), y = dyn_cast<AffineConstantExpr>(outputs),
         w = dyn_cast<AffineConstantExpr>(ofGroup);
    bool isBad = y && y.getValue() % groups != 0;
    if (x && w) isBad |= x.getValue() % groups != 0 || x.getValue() / groups != w.getValue();
    if (isBad)
      why = "groups must divide the channels, got " + std::to_string(groups) + " for " +
            describe(call.operands[0]) + " and " + describe(call.operands[1]);
    return !isBad;
  }
  std::optional<Exprs> convolution() {
    auto spatial = windows();
    if (!spatial) return std::nullopt;
    const Exprs &x = call.operands[0], &weight = call.operands[1];
    if (!areGroups(x[1], weight[0], weight[1])) return std::nullopt;
    Exprs result{x[0], weight[0]};
    for (int64_t k = 0; k < *spatial; k++) {
      ArrayRef<int64_t> w = call.structure.slice(4 * k + 1, 4);
      AffineExpr span = (weight[k + 2] - 1) * w[3] + 1;
      result.push_back(canonical((x[k + 2] + (w[1] + w[2]) - span).floorDiv(w[0]) + 1));
    }
    return result;
  }
  std::optional<Exprs> convolutionGradient(AffineExpr outer, AffineExpr inner) {
    Exprs result{outer, canonical(inner)};
    llvm::append_range(result, call.sizes);
    if (result.size() != call.operands[0].size())
      return fail("must have a size for each spatial dim");
    return result;
  }
  std::optional<Exprs> convolutionInput() {
    if (!windows()) return std::nullopt;
    return convolutionGradient(call.operands[0][0], call.operands[1][1] * call.structure[0]);
  }
  std::optional<Exprs> convolutionWeight() {
    if (!windows()) return std::nullopt;
    return convolutionGradient(call.operands[0][1],
                               call.operands[1][1].floorDiv(call.structure[0]));
  }

  // structure: the kernel of each spatial dim, then their windows; or none, and sizes of parts
  std::optional<Exprs> maxPoolPositions() {
    size_t fields = call.structure.size(), spatial = fields ? fields / 5 : call.sizes.size();
    if (call.operands.size() != 1 || fields % 5 || !spatial || call.operands[0].size() < spatial)
      return fail("must have one operand and windows for its last dims");
    if (fields && !areWindows(call.structure.drop_front(spatial))) return std::nullopt;
    Exprs result = call.operands[0];
    for (size_t k = 0; k < spatial; k++) {
      AffineExpr& size = result[result.size() - spatial + k];
      if (!fields) {
        size = call.sizes[k];
        continue;
      }
      ArrayRef<int64_t> w = call.structure.slice(spatial + 4 * k, 4);
      int64_t span = (call.structure[k] - 1) * w[3] + 1;
      size = canonical((size + (w[1] + w[2] - span)).floorDiv(w[0]) + 1);
    }
    return result;
  }

  // structure: dim
  std::optional<Exprs> concatenate() {
    if (call.operands.empty() || call.structure.empty())
      return fail("must have operands and a dim");
    Exprs result = call.operands[0];
    int64_t dim = call.structure[0];
    if (!isDim(dim, result.size())) return std::nullopt;
    for (const Exprs& x : ArrayRef(call.operands).drop_front()) {
      bool fits = x.size() == result.size();
      for (size_t k = 0; fits && k < x.size(); k++)
        fits = static_cast<int64_t>(k) == dim || same(result[k], x[k]);
      if (!fits)
        return fail("shapes must agree but in the dim, got " + describe(result) + " and " +
                    describe(x));
      result[dim] = canonical(result[dim] + x[dim]);
    }
    return result;
  }

  // structure: dims...
  std::optional<Exprs> flipView() {
    if (!takes(1, 0, 0)) return std::nullopt;
    for (int64_t dim : call.structure)
      if (!isDim(dim, call.operands[0].size())) return std::nullopt;
    return call.operands[0];
  }

  // structure: two dims of one size
  std::optional<Exprs> diagonalView() {
    if (!takes(1, 2, 0)) return std::nullopt;
    const Exprs& x = call.operands[0];
    int64_t a = call.structure[0], b = call.structure[1];
    if (!isDim(a, x.size()) || !isDim(b, x.size())) return std::nullopt;
    if (a == b || !same(x[a], x[b]))
      return fail("dims must be two of one size, got " + describe(x));
    Exprs result;
    for (size_t k = 0; k < x.size(); k++)
      if (static_cast<int64_t>(k) != a && static_cast<int64_t>(k) != b) result.push_back(x[k]);
    result.push_back(x[a]);
    return result;
  }

  // structure: dim; operands: x, index
  std::optional<Exprs> gather() {
    if (!takes(2, 1, 0) || !isDim(call.structure[0], call.operands[0].size())) return std::nullopt;
    if (call.operands[1].size() != call.operands[0].size())
      return fail("index must have the rank of x, got " + describe(call.operands[1]) + " for " +
                  describe(call.operands[0]));
    return call.operands[1];
  }

  // structure: dim; operands: x, index, src
  std::optional<Exprs> scatter() {
    if (!takes(3, 1, 0) || !isDim(call.structure[0], call.operands[0].size())) return std::nullopt;
    const Exprs &x = call.operands[0], &index = call.operands[1], &src = call.operands[2];
    bool fits = index.size() == x.size() && src.size() == x.size();
    for (size_t k = 0; fits && k < x.size(); k++)
      fits = same(index[k], src[k]);
    if (!fits)
      return fail("index and src must have one shape of the rank of x, got " + describe(index) +
                  " and " + describe(src) + " for " + describe(x));
    return x;
  }

  bool isSquare(const Exprs& x) { return x.size() >= 2 && same(x.back(), x[x.size() - 2]); }

  std::optional<Exprs> squareMatrices() {
    if (!takes(1, 0, 0)) return std::nullopt;
    const Exprs& x = call.operands[0];
    if (!isSquare(x)) return fail("must have square matrices, got " + describe(x));
    return x;
  }

  // structure: part
  std::optional<Exprs> determinant() {
    if (!takes(1, 1, 0)) return std::nullopt;
    std::optional<Exprs> x = squareMatrices();
    if (x) x->resize(x->size() - 2);
    return x;
  }

  std::optional<Exprs> solution() {
    if (!takes(2, 0, 0)) return std::nullopt;
    const Exprs &a = call.operands[0], &b = call.operands[1];
    bool fits = isSquare(a) && a.size() == b.size();
    for (size_t k = 0; fits && k + 1 < a.size(); k++)
      fits = same(a[k], b[k]);
    if (!fits)
      return fail("must have square matrices and as many of as many rows, got " + describe(a) +
                  " and " + describe(b));
    return b;
  }

  // x [..., M, N], M >= N where both are known, as a result of `rows` of `columns`, or without
  // those.
  std::optional<Exprs> decomposed(bool isSquareOnly,
                                  llvm::function_ref<void(Exprs&, AffineExpr, AffineExpr)> append) {
    Exprs x = call.operands[0];
    if (isSquareOnly && !isSquare(x)) return fail("must have square matrices, got " + describe(x));
    if (x.size() < 2) return fail("must have matrices, got " + describe(x));
    const AffineExpr n = x.pop_back_val(), m = x.pop_back_val();
    auto rows = dyn_cast<AffineConstantExpr>(m), columns = dyn_cast<AffineConstantExpr>(n);
    if (rows && columns && rows.getValue() < columns.getValue())
      return fail("must have matrices with at least as many rows as columns, got " +
                  describe(call.operands[0]));
    append(x, m, n);
    return x;
  }

  // structure: complete
  std::optional<Exprs> orthogonalFactors() {
    if (!takes(1, 1, 0)) return std::nullopt;
    return decomposed(false, [&](Exprs& y, AffineExpr m, AffineExpr n) {
      y.append({call.structure[0] ? m : n, m + n});
    });
  }

  std::optional<Exprs> eigenSystem() {
    if (!takes(1, 0, 0)) return std::nullopt;
    return decomposed(true, [](Exprs& y, AffineExpr, AffineExpr n) { y.append({n, n + 1}); });
  }

  std::optional<Exprs> singularSystem() {
    if (!takes(1, 0, 0)) return std::nullopt;
    return decomposed(false, [](Exprs& y, AffineExpr m, AffineExpr n) {
      y.append({n, m + n + 1});
    });
  }

  std::optional<Exprs> eigenvalues() {
    if (!takes(1, 0, 0)) return std::nullopt;
    return decomposed(true, [](Exprs& y, AffineExpr, AffineExpr n) { y.push_back(n); });
  }

  std::optional<Exprs> singularValues() {
    if (!takes(1, 0, 0)) return std::nullopt;
    return decomposed(false, [](Exprs& y, AffineExpr, AffineExpr n) { y.push_back(n); });
  }

  // x [..., M, N] as matrices of as many columns, and one row more.
  std::optional<Exprs> withRow() {
    Exprs x = call.operands[0];
    if (x.size() < 2) return fail("must have matrices, got " + describe(x));
    AffineExpr& rows = x[x.size() - 2];
    rows = canonical(rows + 1);
    return x;
  }
  // structure: regular
  std::optional<Exprs> luFactors() { return takes(1, 1, 0) ? withRow() : std::nullopt; }
  std::optional<Exprs> householderFactors() { return takes(1, 0, 0) ? withRow() : std::nullopt; }

  // structure: inverse; sizes: rows
  std::optional<Exprs> rowOrder() {
    if (!takes(1, 1, 1)) return std::nullopt;
    Exprs result = call.operands[0];
    if (result.empty()) return fail("must have a list of pivots, got " + describe(result));
    result.back() = call.sizes[0];
    return result;
  }

  // The batch of a and b: all dims but two.
  bool haveSameBatch(const Exprs& a, const Exprs& b) {
    bool fits = a.size() == b.size() && a.size() >= 2;
    for (size_t k = 0; fits && k + 2 < a.size(); k++)
      fits = same(a[k], b[k]);
    return fits;
  }

  // structure: symmetric
  std::optional<Exprs> spectrum() {
    if (!takes(2, 1, 0)) return std::nullopt;
    const Exprs &x = call.operands[0], &system = call.operands[1];
    if (!haveSameBatch(x, system) || !same(system[system.size() - 2], x.back()))
      return fail("must have matrices and their systems, got " + describe(x) + " and " +
                  describe(system));
    Exprs result(x.begin(), x.end() - 2);
    result.push_back(x.back());
    return result;
  }

  std::optional<Exprs> pseudoInverse() {
    if (!takes(2, 0, 0)) return std::nullopt;
    const Exprs &x = call.operands[0], &y = call.operands[1];
    if (!haveSameBatch(x, y) || !same(y[y.size() - 2], x.back()) ||
        !same(y.back(), x[x.size() - 2]))
      return fail("must have matrices and their pseudo-inverses, got " + describe(x) + " and " +
                  describe(y));
    return y;
  }

  std::optional<Exprs> leastSquares() {
    if (!takes(3, 0, 0)) return std::nullopt;
    const Exprs &a = call.operands[0], &b = call.operands[1];
    if (!haveSameBatch(a, b) || !same(a[a.size() - 2], b[b.size() - 2]) ||
        !call.operands[2].empty())
      return fail("must have as many matrices of as many rows, and a number, got " + describe(a) +
                  " and " + describe(b));
    Exprs result(a.begin(), a.end() - 2);
    result.append({a.back(), b.back() + 1});
    return result;
  }

  // structure: dim
  std::optional<Exprs> alongDim() {
    if (!takes(1, 1, 0) || !isDim(call.structure[0], call.operands[0].size())) return std::nullopt;
    return call.operands[0];
  }

  // structure: dim
  std::optional<Exprs> recurrence() {
    if (!takes(2, 1, 0) || !isDim(call.structure[0], call.operands[0].size())) return std::nullopt;
    const Exprs &a = call.operands[0], &b = call.operands[1];
    bool fits = a.size() == b.size();
    for (size_t k = 0; fits && k < a.size(); k++)
      fits = same(a[k], b[k]);
    if (!fits)
      return fail("operands must have one shape, got " + describe(a) + " and " + describe(b));
    return a;
  }

  // structure: dim; sizes: count
  std::optional<Exprs> sortPositions() {
    if (!takes(1, 1, 1) || !isDim(call.structure[0], call.operands[0].size())) return std::nullopt;
    Exprs result = call.operands[0];
    result[call.structure[0]] = call.sizes[0];
    return result;
  }

  // sizes: count
  std::optional<Exprs> nonzeroPositions() {
    if (!takes(1, 0, 1)) return std::nullopt;
    return Exprs{call.sizes[0], constant(call.operands[0].size())};
  }

  std::optional<Exprs> searchSorted() {
    if (!takes(2, 1, 0)) return std::nullopt;
    return call.operands[1];
  }
};

} // namespace

std::optional<Exprs> inferShape(const ShapeCall& call, SameSize same, std::string& why) {
  Rule rule{call, same, why};
  switch (call.record->kind) {
  case RecordKind::pointwise:
    return rule.broadcast(call.operands);
  case RecordKind::reduction:
    return rule.reduction();
  case RecordKind::source:
    return Exprs(call.sizes);
  default:
    break;
  }
  using Method = std::optional<Exprs> (Rule::*)();
  Method method = llvm::StringSwitch<Method>(call.record->name)
                      .Case("view", &Rule::view)
                      .Case("permute", &Rule::permute)
                      .Case("slice", &Rule::slice)
                      .Case("expand", &Rule::expand)
                      .Case("strided_view", &Rule::stridedView)
                      .Case("matmul", &Rule::matmul)
                      .Case("quantized_matmul", &Rule::quantizedMatmul)
                      .Case("concatenate", &Rule::concatenate)
                      .Case("flip_view", &Rule::flipView)
                      .Case("diagonal_view", &Rule::diagonalView)
                      .Case("gather", &Rule::gather)
                      .Cases({"scatter", "scatter_add", "scatter_fold"}, &Rule::scatter)
                      .Cases({"scan", "scan_position"}, &Rule::alongDim)
                      .Case("recurrence", &Rule::recurrence)
                      .Cases({"cholesky_factor", "matrix_exponential"}, &Rule::squareMatrices)
                      .Case("determinant", &Rule::determinant)
                      .Case("orthogonal_factors", &Rule::orthogonalFactors)
                      .Case("eigen_system", &Rule::eigenSystem)
                      .Case("singular_system", &Rule::singularSystem)
                      .Case("eigenvalues", &Rule::eigenvalues)
                      .Case("singular_values", &Rule::singularValues)
                      .Case("lu_factors", &Rule::luFactors)
                      .Case("householder_factors", &Rule::householderFactors)
                      .Case("row_order", &Rule::rowOrder)
                      .Case("spectrum", &Rule::spectrum)
                      .Case("pseudo_inverse", &Rule::pseudoInverse)
                      .Case("least_squares", &Rule::leastSquares)
                      .Cases({"triangular_solution", "linear_solution"}, &Rule::solution)
                      .Case("sort_positions", &Rule::sortPositions)
                      .Case("nonzero_positions", &Rule::nonzeroPositions)
                      .Case("search_sorted", &Rule::searchSorted)
                      .Case("convolution", &Rule::convolution)
                      .Case("convolution_input", &Rule::convolutionInput)
                      .Case("convolution_weight", &Rule::convolutionWeight)
                      .Case("max_pool_positions", &Rule::maxPoolPositions)
                      .Default(nullptr);
  if (!method) return rule.fail("has no shape rule in the compiler");
  return (rule.*method)();
}

std::string describe(ArrayRef<AffineExpr> shape) {
  std::string text = "[";
  llvm::raw_string_ostream os(text);
  for (size_t k = 0; k < shape.size(); k++)
    os << (k ? ", " : "") << shape[k];
  os << "]";
  return text;
}

} // namespace weft::ir
