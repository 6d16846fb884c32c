// Polynomials over dims, sizes and divisions that do not resolve.
#include "ir/weft/index_math.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <numeric>
#include <optional>
#include <string>

using namespace mlir;

namespace weft::ir {
namespace {

// Orders atoms the same way in every run: dims, then symbols, then divisions by their text.
struct AtomLess {
  static std::string text(AffineExpr e) {
    std::string s;
    llvm::raw_string_ostream(s) << e;
    return s;
  }
  bool operator()(AffineExpr a, AffineExpr b) const {
    if (a == b) return false;
    auto rank = [](AffineExpr e) {
      return isa<AffineDimExpr>(e) ? 0 : isa<AffineSymbolExpr>(e) ? 1 : 2;
    };
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    if (auto d = dyn_cast<AffineDimExpr>(a))
      return d.getPosition() < cast<AffineDimExpr>(b).getPosition();
    if (auto s = dyn_cast<AffineSymbolExpr>(a))
      return s.getPosition() < cast<AffineSymbolExpr>(b).getPosition();
    return text(a) < text(b);
  }
};

using Monomial = std::vector<AffineExpr>; // sorted; the empty one is 1
struct MonomialLess {
  bool operator()(const Monomial& a, const Monomial& b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), AtomLess());
  }
};
using Polynomial = std::map<Monomial, int64_t, MonomialLess>;

void accumulate(Polynomial& p, const Monomial& m, int64_t c) {
  auto [it, isNew] = p.try_emplace(m, c);
  if (!isNew) it->second += c;
  if (it->second == 0) p.erase(it);
}

Monomial product(const Monomial& a, const Monomial& b) {
  Monomial m(a);
  m.insert(m.end(), b.begin(), b.end());
  llvm::sort(m, AtomLess());
  return m;
}

Polynomial add(Polynomial a, const Polynomial& b, int64_t scale = 1) {
  for (auto& [m, c] : b)
    accumulate(a, m, c * scale);
  return a;
}

Polynomial multiply(const Polynomial& a, const Polynomial& b) {
  Polynomial r;
  for (auto& [m, c] : a)
    for (auto& [n, d] : b)
      accumulate(r, product(m, n), c * d);
  return r;
}

std::optional<Monomial> without(const Monomial& m, const Monomial& factor) {
  Monomial rest;
  size_t k = 0;
  for (AffineExpr atom : m) {
    if (k < factor.size() && atom == factor[k])
      k++;
    else
      rest.push_back(atom);
  }
  return k == factor.size() ? std::optional(rest) : std::nullopt;
}

class Canonical {
public:
  Canonical(MLIRContext* context, ArrayRef<AffineExpr> extents)
      : context(context), extents(extents) {}

  Polynomial polynomial(AffineExpr e) {
    if (auto c = dyn_cast<AffineConstantExpr>(e)) return constant(c.getValue());
    auto binary = dyn_cast<AffineBinaryOpExpr>(e);
    if (!binary) {
      if (auto d = dyn_cast<AffineDimExpr>(e))
        if (d.getPosition() < extents.size() &&
            extents[d.getPosition()] == getAffineConstantExpr(1, context))
          return {};
      return Polynomial{{Monomial{e}, 1}};
    }
    Polynomial a = polynomial(binary.getLHS()), b = polynomial(binary.getRHS());
    switch (e.getKind()) {
    case AffineExprKind::Add:
      return recombined(add(a, b));
    case AffineExprKind::Mul:
      return recombined(multiply(a, b));
    case AffineExprKind::FloorDiv:
      return divide(a, b).first;
    case AffineExprKind::Mod:
      return divide(a, b).second;
    default: // CeilDiv
      return divide(add(add(a, b), constant(-1)), b).first;
    }
  }

  AffineExpr expression(const Polynomial& p) {
    AffineExpr sum;
    for (auto& [m, c] : p) {
      AffineExpr term;
      for (AffineExpr atom : m)
        term = term ? term * atom : atom;
      AffineExpr factor = getAffineConstantExpr(c, context);
      term = !term ? factor : c == 1 ? term : term * factor;
      sum = sum ? sum + term : term;
    }
    return sum ? sum : getAffineConstantExpr(0, context);
  }

  std::pair<Polynomial, Polynomial> divide(const Polynomial& a, const Polynomial& b) {
    if (b.size() != 1 || b.begin()->second <= 0) return unresolved(a, b);
    auto& [divisor, scale] = *b.begin();
    Polynomial quotient, rest;
    for (auto& [m, c] : a) {
      auto left = without(m, divisor);
      if (left && c % scale == 0) {
        accumulate(quotient, *left, c / scale);
      } else if (left && divisor.empty() &&
                 (c / scale != 0)) { // 5 d0 / 3: one d0 of it leaves whole
        int64_t whole = c > 0 ? c / scale : -((-c + scale - 1) / scale);
        accumulate(quotient, *left, whole);
        accumulate(rest, *left, c - whole * scale);
      } else {
        accumulate(rest, m, c);
      }
    }
    if (isBelow(rest, b)) return {quotient, rest};
    auto [q, r] = divideByParts(rest, b);
    return {add(quotient, q), r};
  }

private:
  Polynomial constant(int64_t c) { return c ? Polynomial{{Monomial{}, c}} : Polynomial{}; }

  // (g q + r) / (g k) = q / k where 0 <= r < g.
  std::pair<Polynomial, Polynomial> divideByParts(const Polynomial& a, const Polynomial& b) {
    auto& [divisor, scale] = *b.begin();
    if (!divisor.empty()) return unresolved(a, b);
    for (auto& [m, c] : a) {
      int64_t g = std::gcd(std::abs(c), scale);
      if (m.empty() || g <= 1) continue;
      Polynomial whole, small;
      for (auto& [n, d] : a)
        (d % g == 0 ? accumulate(whole, n, d / g) : accumulate(small, n, d));
      if (!isBelow(small, constant(g)) || (g == scale && whole.empty())) continue;
      if (small.empty() && g == 1) continue;
      auto [q, r] =
          g == scale ? std::pair(whole, Polynomial()) : unresolved(whole, constant(scale / g));
      return {q, add(small, r, g)};
    }
    return unresolved(a, b);
  }

  std::pair<Polynomial, Polynomial> unresolved(const Polynomial& a, const Polynomial& b) {
    if (a.empty()) return {};
    AffineExpr x = expression(a), y = expression(b);
    if (y == getAffineConstantExpr(0, context)) return {};
    AffineExpr q = getAffineBinaryOpExpr(AffineExprKind::FloorDiv, x, y);
    AffineExpr r = getAffineBinaryOpExpr(AffineExprKind::Mod, x, y);
    return {atom(q), atom(r)};
  }
  Polynomial atom(AffineExpr e) {
    if (auto c = dyn_cast<AffineConstantExpr>(e)) return constant(c.getValue());
    auto kind = e.getKind();
    if (kind == AffineExprKind::FloorDiv || kind == AffineExprKind::Mod ||
        kind == AffineExprKind::DimId || kind == AffineExprKind::SymbolId)
      return Polynomial{{Monomial{e}, 1}};
    return polynomial(e);
  }

  // The largest value of an atom, as a polynomial of sizes; nothing where it is not known.
  std::optional<Polynomial> most(AffineExpr e) {
    if (auto d = dyn_cast<AffineDimExpr>(e)) {
      if (d.getPosition() >= extents.size()) return std::nullopt;
      return add(polynomial(extents[d.getPosition()]), constant(-1));
    }
    if (isa<AffineSymbolExpr>(e)) return Polynomial{{Monomial{e}, 1}};
    auto binary = cast<AffineBinaryOpExpr>(e);
    if (e.getKind() == AffineExprKind::Mod) return add(polynomial(binary.getRHS()), constant(-1));
    auto x = most(polynomial(binary.getLHS()));
    if (!x) return std::nullopt;
    auto isConstant = [](const Polynomial& p) {
      return p.empty() || (p.size() == 1 && p.begin()->first.empty());
    };
    Polynomial y = polynomial(binary.getRHS());
    if (isConstant(*x) && isConstant(y) && !y.empty())
      return constant(x->empty() ? 0 : x->begin()->second / y.begin()->second);
    return x;
  }
  std::optional<Polynomial> most(const Polynomial& p) {
    Polynomial sum;
    for (auto& [m, c] : p) {
      Polynomial term = constant(c);
      if (c < 0 && !m.empty()) return std::nullopt;
      for (AffineExpr atom : m) {
        auto bound = most(atom);
        if (!bound) return std::nullopt;
        term = multiply(term, *bound);
      }
      sum = add(sum, term);
    }
    return sum;
  }

  // What a quotient comes from may be below 0, where a part of a concatenation starts later.
  bool isNeverNegative(AffineExpr atom) {
    auto binary = dyn_cast<AffineBinaryOpExpr>(atom);
    return !binary || atom.getKind() == AffineExprKind::Mod ||
           isNeverNegative(polynomial(binary.getLHS()));
  }
  bool isNeverNegative(const Polynomial& p) {
    return llvm::all_of(p, [&](auto& term) {
      return term.second >= 0 &&
             llvm::all_of(term.first, [&](AffineExpr atom) { return isNeverNegative(atom); });
    });
  }

  // 0 <= a < b for all indices, with sizes of at least 1.
  bool isBelow(const Polynomial& a, const Polynomial& b) {
    if (a.empty()) return true;
    if (!isNeverNegative(a)) return false;
    auto bound = most(a);
    if (!bound) return false;
    Polynomial slack = add(add(b, *bound, -1), constant(-1)), shifted;
    for (auto& [m, c] : slack) { // s = 1 + t with t >= 0
      Polynomial term = constant(c);
      for (AffineExpr atom : m)
        term = multiply(term, add(Polynomial{{Monomial{atom}, 1}}, constant(1)));
      shifted = add(shifted, term);
    }
    return llvm::all_of(shifted, [](auto& t) { return t.second >= 0; });
  }

  // m (x floordiv m) + x mod m = x.
  Polynomial recombined(Polynomial p) {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto& [m, c] : p) {
        for (size_t k = 0; k < m.size() && !changed; k++) {
          auto mod = dyn_cast<AffineBinaryOpExpr>(m[k]);
          if (!mod || mod.getKind() != AffineExprKind::Mod) continue;
          Monomial rest(m);
          rest.erase(rest.begin() + k);
          AffineExpr q =
              getAffineBinaryOpExpr(AffineExprKind::FloorDiv, mod.getLHS(), mod.getRHS());
          Polynomial whole =
              multiply(multiply(polynomial(mod.getRHS()), atom(q)), Polynomial{{rest, c}});
          if (whole.size() != 1) continue;
          auto it = p.find(whole.begin()->first);
          if (it == p.end() || it->second != whole.begin()->second) continue;
          Polynomial scale{{rest, c}}, modTerm{{m, c}};
          p = add(add(add(p, whole, -1), modTerm, -1), multiply(polynomial(mod.getLHS()), scale));
          changed = true;
        }
        if (changed) break;
      }
    }
    return p;
  }

  MLIRContext* context;
  ArrayRef<AffineExpr> extents;
};

} // namespace

AffineExpr canonical(AffineExpr expr, ArrayRef<AffineExpr> extents) {
  if (isa<AffineConstantExpr>(expr)) return expr;
  Canonical c(expr.getContext(), extents);
  return c.expression(c.polynomial(expr));
}

AffineExpr atMost(AffineExpr expr, ArrayRef<int64_t> most) {
  SmallVector<AffineExpr> values;
  for (auto [k, n] : llvm::enumerate(most))
    values.push_back(n ? getAffineConstantExpr(n, expr.getContext())
                       : getAffineSymbolExpr(k, expr.getContext()));
  return values.empty() ? expr : expr.replaceSymbols(values);
}

AffineExpr exactQuotient(AffineExpr a, AffineExpr b) {
  Canonical c(a.getContext(), {});
  Polynomial divisor = c.polynomial(b);
  if (divisor.size() != 1 || divisor.begin()->second <= 0) return {};
  auto& [m, scale] = *divisor.begin();
  Polynomial quotient;
  for (auto& [n, d] : c.polynomial(a)) {
    auto left = without(n, m);
    if (!left || d % scale) return {};
    accumulate(quotient, *left, d / scale);
  }
  return c.expression(quotient);
}

AffineExpr linearise(ArrayRef<AffineExpr> indices, ArrayRef<AffineExpr> shape,
                     MLIRContext* context) {
  AffineExpr linear = getAffineConstantExpr(0, context);
  for (auto [index, size] : llvm::zip_equal(indices, shape))
    linear = linear * size + index;
  return linear;
}

SmallVector<AffineExpr, 6> delinearise(AffineExpr linear, ArrayRef<AffineExpr> shape,
                                       ArrayRef<AffineExpr> extents) {
  MLIRContext* context = linear.getContext();
  AffineExpr zero = getAffineConstantExpr(0, context), one = getAffineConstantExpr(1, context);
  SmallVector<AffineExpr, 6> indices(shape.size(), zero);
  if (llvm::is_contained(shape, zero)) return indices;
  Canonical c(context, extents);
  Polynomial rest = c.polynomial(linear);
  size_t first = 0;
  while (first < shape.size() && shape[first] == one)
    first++;
  for (size_t k = shape.size(); k-- > first;) {
    if (k == first) {
      indices[k] = c.expression(rest); // within the tensor, so below its size
      break;
    }
    auto [quotient, remainder] = c.divide(rest, c.polynomial(shape[k]));
    indices[k] = c.expression(remainder);
    rest = quotient;
  }
  return indices;
}

bool commonRefinement(ArrayRef<AffineExpr> a, ArrayRef<AffineExpr> b,
                      SmallVectorImpl<AffineExpr>& out) {
  MLIRContext* context = !a.empty() ? a[0].getContext() : !b.empty() ? b[0].getContext() : nullptr;
  out.clear();
  if (!context) return true;
  AffineExpr one = getAffineConstantExpr(1, context);
  SmallVector<AffineExpr> x, y;
  for (AffineExpr e : a)
    if (e != one) x.push_back(canonical(e));
  for (AffineExpr e : b)
    if (e != one) y.push_back(canonical(e));
  size_t i = 0, j = 0;
  while (i < x.size() && j < y.size()) {
    if (x[i] == y[j]) {
      out.push_back(x[i++]), j++;
    } else if (AffineExpr q = exactQuotient(x[i], y[j])) {
      out.push_back(y[j++]), x[i] = q;
    } else if (AffineExpr q = exactQuotient(y[j], x[i])) {
      out.push_back(x[i++]), y[j] = q;
    } else {
      return false;
    }
  }
  return i == x.size() && j == y.size();
}

} // namespace weft::ir
