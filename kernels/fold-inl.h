// Folds of rows by vectors: each result is a fixed tree over its elements. Vectors within a block,
// blocks within a piece, pieces within a row are combined pairwise, so that the error grows with
// the logarithm of the length and no thread count can change a bit. Per target.
#if defined(WEFT_KERNELS_FOLD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_FOLD_INL_H_
#undef WEFT_KERNELS_FOLD_INL_H_
#else
#define WEFT_KERNELS_FOLD_INL_H_
#endif

#include "kernels/kernel_table.h"
#include "kernels/lanes-inl.h"

#include <algorithm>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::HWY_NAMESPACE {

constexpr size_t kBlock = 256; // vectors of a row that four accumulators take one after the other
constexpr size_t kLevels = 48;

/// A reduction of one dtype: storage S, compute type T (8 bytes where positions are followed).
template <class Op, DType dtype> struct Fold {
  using S = typename Element<dtype>::Storage;
  using C = typename Element<dtype>::Compute;
  using T = std::conditional_t<Op::indexed && std::is_same_v<C, float>, double, C>;
  using D = hn::ScalableTag<T>;
  using State = typename Op::template State<D>;
  using Result =
      std::conditional_t<Op::result_is_index || (Op::result_is_wide && std::is_same_v<S, Bool>),
                         int64_t, S>;
  /// One lane of a State.
  struct Scalar {
    T v;
    int64_t i;
  };
  static_assert(sizeof(Scalar) == kReductionStateBytes || sizeof(T) < 8);
  static constexpr size_t kLanes = hn::MaxLanes(D());

  Flags flags;

  static HWY_INLINE size_t lanes() { return hn::Lanes(D()); }
  HWY_INLINE State identity() { return Op::identity(D(), flags); }
  HWY_INLINE State combine(State a, State b) { return Op::combine(D(), flags, a, b); }

  /// Makes accumulators of elements, the first of which has position `first`; the next ones follow
  /// it (along), or all have the same.
  HWY_INLINE State element(Vec<D> x, int64_t first, bool along) {
    if constexpr (Op::indexed) {
      const IndexTag<D> index;
      return Op::element(D(), flags, x, along ? hn::Iota(index, first) : hn::Set(index, first));
    } else {
      return Op::element(D(), flags, x);
    }
  }
  HWY_INLINE State whole(const S* p, int64_t first, bool along) {
    if constexpr (std::is_same_v<T, C>)
      return element(load(D(), p), first, along);
    else
      return element(hn::PromoteTo(D(), load(hn::Rebind<float, D>(), p)), first, along);
  }
  /// The same of `count` elements, fewer than a vector; the other lanes hold the identity.
  HWY_INLINE State partial(const S* p, size_t count, int64_t first, bool along) {
    HWY_ALIGN T padded[kLanes] = {};
    for (size_t k = 0; k < count; k++)
      padded[k] = static_cast<T>(widen(p[k]));
    State e = element(hn::Load(D(), padded), first, along), none = identity();
    const auto there = hn::FirstN(D(), count);
    e.v = hn::IfThenElse(there, e.v, none.v);
    if constexpr (Op::indexed) e.i = prim::where_index(D(), there, e.i, none.i);
    return e;
  }

  static HWY_INLINE Scalar lane0(State s) {
    if constexpr (Op::indexed)
      return {hn::GetLane(s.v), hn::GetLane(s.i)};
    else
      return {hn::GetLane(s.v), 0};
  }
  static HWY_INLINE State vector(Scalar s) {
    if constexpr (Op::indexed)
      return {hn::Set(D(), s.v), hn::Set(IndexTag<D>(), s.i)};
    else
      return {hn::Set(D(), s.v)};
  }
  Scalar combine(Scalar a, Scalar b) { return lane0(combine(vector(a), vector(b))); }

  /// Combines all lanes: lane k with lane k + width, in halving widths.
  HWY_INLINE Scalar across(State s) {
    if constexpr (!Op::indexed && std::is_floating_point_v<T>) return halved(D(), s.v);
    HWY_ALIGN T v[2 * kLanes];
    [[maybe_unused]] HWY_ALIGN int64_t i[2 * kLanes];
    for (size_t width = lanes() / 2; width > 0; width /= 2) {
      State upper;
      hn::Store(s.v, D(), v);
      hn::Store(s.v, D(), v + lanes());
      upper.v = hn::LoadU(D(), v + width);
      if constexpr (Op::indexed) {
        hn::Store(s.i, IndexTag<D>(), i);
        hn::Store(s.i, IndexTag<D>(), i + lanes());
        upper.i = hn::LoadU(IndexTag<D>(), i + width);
      }
      s = combine(s, upper);
    }
    return lane0(s);
  }

  /// Stores finish() of the first `count` lanes.
  HWY_INLINE void store_result(State s, int64_t n, Result* out, size_t count) {
    const auto y = Op::finish(D(), flags, s, hn::Set(D(), static_cast<T>(n)));
    auto put = [&](Result* to) HWY_ATTR {
      if constexpr (Op::result_is_index)
        hn::StoreU(y, IndexTag<D>(), to);
      else
        store(D(), y, to);
    };
    if (count == lanes()) return put(out);
    if constexpr (kLanes > 1) {
      HWY_ALIGN Result all[kLanes];
      put(all);
      std::copy_n(all, count, out);
    }
  }

private:
  // The same without memory.
  template <class Tag> HWY_INLINE Scalar halved([[maybe_unused]] Tag tag, Vec<Tag> v) {
#if HWY_TARGET != HWY_SCALAR
    if constexpr (hn::MaxLanes(tag) > 1) {
      const hn::Half<Tag> half;
      const auto both =
          Op::combine(half, flags, {hn::LowerHalf(half, v)}, {hn::UpperHalf(half, v)});
      return halved(half, both.v);
    }
#endif
    return {hn::GetLane(v), 0};
  }
};

/// Combines values pairwise as they come: values of equal weight meet, like the digits of a
/// counter.
template <class F, class Value> struct Tree {
  F& fold;
  Value* level; // room for as many as the number of values has binary digits
  size_t count = 0;

  HWY_INLINE void push(Value v) {
    size_t k = 0;
    for (; count >> k & 1; k++)
      v = fold.combine(level[k], v);
    level[k] = v;
    count++;
  }
  /// Starts from the identity, so that a sum of zeros is 0 whatever their signs, as in compiled
  /// code.
  HWY_INLINE Value result(Value r) {
    for (size_t k = 0; count >> k; k++)
      if (count >> k & 1) r = fold.combine(level[k], r);
    return r;
  }
};

// Reduces `vectors` > 0 whole vectors.
template <class F>
HWY_INLINE typename F::State block(F& fold, const typename F::S* p, int64_t first, size_t vectors) {
  const size_t lanes = F::lanes();
  auto at = [&](size_t k) HWY_ATTR {
    return fold.whole(p + k * lanes, first + static_cast<int64_t>(k * lanes), true);
  };
  typename F::State a = at(0);
  size_t k = 1;
  if (vectors >= 4) {
    typename F::State b = at(1), c = at(2), d = at(3);
    for (k = 4; k + 4 <= vectors; k += 4) {
      a = fold.combine(a, at(k));
      b = fold.combine(b, at(k + 1));
      c = fold.combine(c, at(k + 2));
      d = fold.combine(d, at(k + 3));
    }
    a = fold.combine(fold.combine(a, b), fold.combine(c, d));
  }
  for (; k < vectors; k++)
    a = fold.combine(a, at(k));
  return a;
}

template <class F>
typename F::Scalar reduce_piece(F& fold, const typename F::S* p, int64_t first, size_t n) {
  const size_t lanes = F::lanes();
  typename F::State levels[kLevels];
  Tree<F, typename F::State> tree{fold, levels};
  size_t vectors = n / lanes, done = 0;
  while (done < vectors) {
    size_t take = std::min(kBlock, vectors - done);
    tree.push(block(fold, p + done * lanes, first + static_cast<int64_t>(done * lanes), take));
    done += take;
  }
  size_t i = done * lanes;
  if (i < n) tree.push(fold.partial(p + i, n - i, first + static_cast<int64_t>(i), true));
  return fold.across(tree.result(fold.identity()));
}

/// Reduces a whole row: pieces that are combined pairwise.
template <class F> typename F::Scalar reduce_row(F& fold, const typename F::S* p, int64_t n) {
  if (n <= kReductionPiece) return reduce_piece(fold, p, 0, static_cast<size_t>(n));
  typename F::Scalar levels[kLevels];
  Tree<F, typename F::Scalar> tree{fold, levels};
  for (int64_t k = 0; k < n; k += kReductionPiece)
    tree.push(reduce_piece(fold, p + k, k, static_cast<size_t>(std::min(kReductionPiece, n - k))));
  return tree.result(F::lane0(fold.identity()));
}

// The members of a ReductionKernel for rows (kernel_table.h).

template <class F> void piece(const void* in, int64_t first, int64_t n, void* state) {
  F fold;
  auto s = reduce_piece(fold, static_cast<const typename F::S*>(in), first, static_cast<size_t>(n));
  std::memcpy(state, &s, sizeof s);
}

template <class F> void finish(void* states, int64_t pieces, int64_t n, void* out) {
  F fold;
  typename F::Scalar levels[kLevels];
  Tree<F, typename F::Scalar> tree{fold, levels};
  for (int64_t k = 0; k < pieces; k++) {
    typename F::Scalar s;
    std::memcpy(&s, static_cast<char*>(states) + k * kReductionStateBytes, sizeof s);
    tree.push(s);
  }
  auto whole = tree.result(F::lane0(fold.identity()));
  fold.store_result(F::vector(whole), n, static_cast<typename F::Result*>(out), 1);
}

template <class F>
void rows(const void* in, int64_t count, int64_t row_stride, int64_t n, void* out) {
  F fold;
  const auto* p = static_cast<const typename F::S*>(in);
  auto* result = static_cast<typename F::Result*>(out);
  for (int64_t r = 0; r < count; r++, p += row_stride)
    fold.store_result(F::vector(reduce_row(fold, p, n)), n, result + r, 1);
}

} // namespace weft::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
