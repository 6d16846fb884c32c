// Norms and softmax of rows: a row is folded and mapped while it lies in L1, with the operations
// and in the trees (fold-inl.h) of the ops by themselves.
#define WEFT_REDUCTIONS
#define WEFT_SHARD -1
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rows.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on
#include "kernels/rows.h"
#include "kernels/fold-inl.h"

#include <cmath>
#include <hwy/cache_control.h>

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::row_kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using namespace weft::kernels::HWY_NAMESPACE;

#include "weft/gen/lanes.inc"

#define WEFT_LAMBDA HWY_ATTR __attribute__((always_inline))

/// `count` elements, at most a vector; the other lanes hold 0.
template <class D> HWY_INLINE Vec<D> load_some(D tag, const TFromD<D>* p, size_t count) {
  if (count == hn::Lanes(tag)) return hn::LoadU(tag, p);
  HWY_ALIGN TFromD<D> padded[hn::MaxLanes(tag)] = {};
  std::copy_n(p, count, padded);
  return hn::Load(tag, padded);
}
template <class D> HWY_INLINE void store_some(D tag, Vec<D> v, TFromD<D>* p, size_t count) {
  if (count == hn::Lanes(tag)) return hn::StoreU(v, tag, p);
  HWY_ALIGN TFromD<D> all[hn::MaxLanes(tag)];
  hn::Store(v, tag, all);
  std::copy_n(all, count, p);
}

/// out[i] = f(i, in[i], number of elements) for vectors and what is left of one. Fetches what lies
/// `ahead` elements further meanwhile: the next row, which a fold would wait for.
template <class T, class F>
HWY_INLINE void map_row(const T* in, T* out, size_t n, size_t ahead, F f) {
  const hn::ScalableTag<T> tag;
  const size_t lanes = hn::Lanes(tag);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hwy::Prefetch(in + i + ahead);
    hn::StoreU(f(i, hn::LoadU(tag, in + i), lanes), tag, out + i);
  }
  if (i < n) store_some(tag, f(i, load_some(tag, in + i, n - i), n - i), out + i, n - i);
}

/// A fold of what `map` makes of the elements.
template <class Op, DType dtype, class Map> struct MappedFold : Fold<Op, dtype> {
  using Base = Fold<Op, dtype>;
  using typename Base::D;
  using typename Base::S;
  using typename Base::State;

  Map map;

  explicit MappedFold(Map m = Map()) : map(m) {}
  HWY_INLINE State whole(const S* p, int64_t, bool) { return {map(hn::LoadU(D(), p))}; }
  HWY_INLINE State partial(const S* p, size_t count, int64_t, bool) {
    const auto all = map(load_some(D(), p, count));
    return {hn::IfThenElse(hn::FirstN(D(), count), all, this->identity().v)};
  }
};

template <class Op, DType dtype, class Map>
HWY_INLINE auto fold_row(const typename Element<dtype>::Storage* p, int64_t n, Map map) {
  MappedFold<Op, dtype, Map> fold(map);
  return reduce_row(fold, p, n).v;
}
template <class Op, DType dtype>
HWY_INLINE auto fold_row(const typename Element<dtype>::Storage* p, int64_t n) {
  Fold<Op, dtype> fold;
  return reduce_row(fold, p, n).v;
}

template <DType dtype> struct Square {
  using V = Vec<typename Fold<op::Sum, dtype>::D>;
  HWY_INLINE V operator()(V x) const { return hn::Mul(x, x); }
};

template <DType dtype> constexpr ReductionKernel square_sums() {
  using F = MappedFold<op::Sum, dtype, Square<dtype>>;
  return {&rows<F>, nullptr, &piece<F>, &finish<F>};
}

const ReductionKernel& square_sums_target(DType dtype) {
  static constexpr ReductionKernel kernels[] = {square_sums<DType::f32>(),
                                                square_sums<DType::f64>()};
  return kernels[dtype == DType::f64];
}

//===--- Norms --------------------------------------------------------------------------------===//

template <RowNorm norm, DType dtype> struct Normalizer {
  using T = typename Element<dtype>::Compute;
  using D = hn::ScalableTag<T>;

  Vec<D> centre, divisor; // of a length; else what is multiplied by

  HWY_INLINE Normalizer(const T* p, int64_t n, T eps) {
    const D tag;
    const T count = static_cast<T>(n);
    T mean = 0;
    if constexpr (norm == RowNorm::deviation) mean = fold_row<op::Sum, dtype>(p, n) / count;
    const auto c = hn::Set(tag, mean);
    const T squares = fold_row<op::Sum, dtype>(p, n, [c](Vec<D> x) WEFT_LAMBDA {
      if constexpr (norm == RowNorm::deviation) x = hn::Sub(x, c);
      return hn::Mul(x, x);
    });
    centre = c;
    if constexpr (norm == RowNorm::length) {
      const T length = std::sqrt(squares);
      divisor = hn::Set(tag, length < eps || eps != eps ? eps : length);
    } else {
      divisor = hn::Set(tag, T(1) / std::sqrt(squares / count + eps));
    }
  }
  HWY_INLINE Vec<D> operator()(Vec<D> x) const {
    if constexpr (norm == RowNorm::deviation) x = hn::Sub(x, centre);
    return norm == RowNorm::length ? hn::Div(x, divisor) : hn::Mul(x, divisor);
  }
};

template <RowNorm norm, DType dtype>
void normalize(const RowNormCall& call, const void* in, int64_t first, int64_t count, int64_t n,
               void* out) {
  using T = typename Element<dtype>::Compute;
  const hn::ScalableTag<T> tag;
  using V = Vec<hn::ScalableTag<T>>;
  const auto* p = static_cast<const T*>(in);
  auto* q = static_cast<T*>(out);
  const RowScaling& s = call.scaling;
  const auto *weights = static_cast<const T*>(s.weight), *biases = static_cast<const T*>(s.bias);
  const int64_t runs = n / s.run;
  for (int64_t row = first; row < first + count; row++, p += n, q += n) {
    const Normalizer<norm, dtype> normalized(p, n, static_cast<T>(call.eps));
    const T* w = weights ? weights + row % s.period * runs : nullptr;
    const T* b = biases ? biases + row % s.period * runs : nullptr;
    if (s.run == 1) {
      map_row(p, q, static_cast<size_t>(n), static_cast<size_t>(n),
              [&](size_t i, V x, size_t some) WEFT_LAMBDA {
                x = normalized(x);
                if (w) x = hn::Mul(x, load_some(tag, w + i, some));
                if (b) x = hn::Add(x, load_some(tag, b + i, some));
                return x;
              });
      continue;
    }
    for (int64_t k = 0; k < runs; k++) {
      const auto factor = hn::Set(tag, w ? w[k] : T(1)), offset = hn::Set(tag, b ? b[k] : T(0));
      map_row(p + k * s.run, q + k * s.run, static_cast<size_t>(s.run), static_cast<size_t>(n),
              [&](size_t, V x, size_t) WEFT_LAMBDA {
                x = normalized(x);
                if (w) x = hn::Mul(x, factor);
                if (b) x = hn::Add(x, offset);
                return x;
              });
    }
  }
}

template <DType dtype>
void normalize_any(const RowNormCall& call, const void* in, int64_t first, int64_t count, int64_t n,
                   void* out) {
  switch (call.norm) {
  case RowNorm::deviation:
    return normalize<RowNorm::deviation, dtype>(call, in, first, count, n, out);
  case RowNorm::root_square:
    return normalize<RowNorm::root_square, dtype>(call, in, first, count, n, out);
  case RowNorm::length:
    return normalize<RowNorm::length, dtype>(call, in, first, count, n, out);
  }
}

void normalize_target(const RowNormCall& call, DType dtype, const void* in, int64_t first,
                      int64_t count, int64_t n, void* out) {
  const auto f = dtype == DType::f64 ? &normalize_any<DType::f64> : &normalize_any<DType::f32>;
  f(call, in, first, count, n, out);
}

//===--- Softmax ------------------------------------------------------------------------------===//

template <class D> HWY_INLINE Vec<D> exp_below(D tag, Vec<D> x, Vec<D> highest) {
  Flags flags;
  return fn::exp(tag, flags, hn::Sub(x, highest));
}

template <DType dtype>
void softmax(RowSoftmax kind, const void* in, int64_t count, int64_t n, void* out) {
  using T = typename Element<dtype>::Compute;
  const hn::ScalableTag<T> tag;
  using V = Vec<hn::ScalableTag<T>>;
  const auto* p = static_cast<const T*>(in);
  auto* q = static_cast<T*>(out);
  const auto size = static_cast<size_t>(n);
  for (int64_t row = 0; row < count; row++, p += n, q += n) {
    const auto highest = hn::Set(tag, fold_row<op::Max, dtype>(p, n));
    if (kind == RowSoftmax::softmax) {
      map_row(p, q, size, size,
              [&](size_t, V x, size_t) WEFT_LAMBDA { return exp_below(tag, x, highest); });
      const auto total = hn::Set(tag, fold_row<op::Sum, dtype>(q, n));
      map_row(q, q, size, 0, [&](size_t, V x, size_t) WEFT_LAMBDA { return hn::Div(x, total); });
      continue;
    }
    const T sum =
        fold_row<op::Sum, dtype>(p, n, [&](V x) WEFT_LAMBDA { return exp_below(tag, x, highest); });
    Flags flags;
    const auto total = fn::log(tag, flags, hn::Set(tag, sum));
    map_row(p, q, size, size,
            [&](size_t, V x, size_t) WEFT_LAMBDA { return hn::Sub(hn::Sub(x, highest), total); });
  }
}

void softmax_target(RowSoftmax kind, DType dtype, const void* in, int64_t count, int64_t n,
                    void* out) {
  const auto f = dtype == DType::f64 ? &softmax<DType::f64> : &softmax<DType::f32>;
  f(kind, in, count, n, out);
}

template <DType dtype>
void sums(const void* in, int64_t count, int64_t n, void* highest, void* totals) {
  using T = typename Element<dtype>::Compute;
  const hn::ScalableTag<T> tag;
  using V = Vec<hn::ScalableTag<T>>;
  const auto* p = static_cast<const T*>(in);
  for (int64_t row = 0; row < count; row++, p += n) {
    const T most = fold_row<op::Max, dtype>(p, n);
    const auto all = hn::Set(tag, most);
    static_cast<T*>(highest)[row] = most;
    static_cast<T*>(totals)[row] =
        fold_row<op::Sum, dtype>(p, n, [&](V x) WEFT_LAMBDA { return exp_below(tag, x, all); });
  }
}

void sums_target(DType dtype, const void* in, int64_t count, int64_t n, void* highest,
                 void* totals) {
  const auto f = dtype == DType::f64 ? &sums<DType::f64> : &sums<DType::f32>;
  f(in, count, n, highest, totals);
}

} // namespace weft::kernels::row_kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {
namespace row_kernels {
HWY_EXPORT(square_sums_target);
HWY_EXPORT(normalize_target);
HWY_EXPORT(softmax_target);
HWY_EXPORT(sums_target);
} // namespace row_kernels

const ReductionKernel& square_sum_kernel(DType dtype) {
  using namespace row_kernels;
  return HWY_DYNAMIC_DISPATCH(square_sums_target)(dtype);
}

void normalize_rows(const RowNormCall& call, DType dtype, const void* in, int64_t first,
                    int64_t count, int64_t n, void* out) {
  using namespace row_kernels;
  HWY_DYNAMIC_DISPATCH(normalize_target)(call, dtype, in, first, count, n, out);
}

void softmax_rows(RowSoftmax kind, DType dtype, const void* in, int64_t count, int64_t n,
                  void* out) {
  using namespace row_kernels;
  HWY_DYNAMIC_DISPATCH(softmax_target)(kind, dtype, in, count, n, out);
}

void softmax_sums(DType dtype, const void* in, int64_t count, int64_t n, void* highest,
                  void* totals) {
  using namespace row_kernels;
  HWY_DYNAMIC_DISPATCH(sums_target)(dtype, in, count, n, highest, totals);
}
} // namespace weft::kernels
#endif
