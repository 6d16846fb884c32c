// Affine expressions as C.
#include "codegen/gpu/names.h"

#include "codegen/gpu/scalar_ops.h"

#include "mlir/IR/AffineExpr.h"

using namespace mlir;

namespace weft::gpu {
namespace {

// A printed expression: how tightly it binds, and whether it is known not to be negative, so that
// C's division rounds as floordiv and mod do.
struct Term {
  std::string text;
  enum Binding { sum, product, atom } binding = atom;
  bool natural = true;
};

std::string inside(const Term& term, Term::Binding least) {
  return term.binding < least ? "(" + term.text + ")" : term.text;
}

struct ExpressionPrinter {
  ArrayRef<std::string> sizes;
  ArrayRef<Term> dims;

  Term divide(AffineExprKind kind, const Term& x, const Term& y, AffineExpr divisor) const {
    auto fixed = dyn_cast<AffineConstantExpr>(divisor);
    bool is_mod = kind == AffineExprKind::Mod, up = kind == AffineExprKind::CeilDiv;
    if (x.natural && fixed && fixed.getValue() > 0) {
      if (up)
        return {"(" + x.text + " + " + std::to_string(fixed.getValue() - 1) + ") / " + y.text,
                Term::product};
      return {inside(x, Term::product) + (is_mod ? " % " : " / ") + y.text, Term::product};
    }
    std::string name = is_mod ? "weft_mod" : up ? "weft_div_ceil" : "weft_div_floor";
    return {name + "(" + x.text + ", " + y.text + ")", Term::atom, x.natural && y.natural};
  }

  Term print(AffineExpr expr) const {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return {printInteger(constant.getValue()), Term::atom, constant.getValue() >= 0};
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) return dims[dim.getPosition()];
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) return {sizes[symbol.getPosition()]};
    auto binary = cast<AffineBinaryOpExpr>(expr);
    Term x = print(binary.getLHS()), y = print(binary.getRHS());
    bool natural = x.natural && y.natural;
    if (binary.getKind() == AffineExprKind::Add)
      return {x.text + " + " + y.text, Term::sum, natural};
    if (binary.getKind() == AffineExprKind::Mul)
      return {inside(x, Term::product) + " * " + inside(y, Term::atom), Term::product, natural};
    return divide(binary.getKind(), x, y, binary.getRHS());
  }
};

} // namespace

std::string Names::expression(AffineExpr expr) const {
  return ExpressionPrinter{sizes, {}}.print(expr).text;
}

std::string Names::expression(AffineMap map, ValueRange indices) const {
  SmallVector<Term> dims;
  // Axes count from 0; a computed index may be anything.
  for (Value index : indices)
    dims.push_back({get(index), Term::atom, isa<BlockArgument>(index)});
  return ExpressionPrinter{sizes, dims}.print(map.getResult(0)).text;
}

} // namespace weft::gpu
