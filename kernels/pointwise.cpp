// Kernels of the pointwise ops and sources, for one shard (WEFT_SHARD) of the records.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pointwise.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on
#include "kernels/lanes-inl.h"
#include "kernels/pointwise_table.h"

#include <algorithm>
#include <utility>

#define WEFT_CONCATENATE(a, b) a##b
#define WEFT_NAME(a, b) WEFT_CONCATENATE(a, b)
#define WEFT_SHARD_NAME WEFT_NAME(shard, WEFT_SHARD)

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::WEFT_SHARD_NAME::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using namespace weft::kernels::HWY_NAMESPACE;

#include "weft/gen/lanes.inc"

/// A number in the compute type, as a lane holds it; one of bools is a byte.
template <class S, class T> HWY_INLINE T number(const void* at) {
  std::conditional_t<std::is_integral_v<S>, int64_t, T> wide;
  std::memcpy(&wide, at, sizeof wide);
  return static_cast<T>(wide);
}

/// Operand k at element i, whatever its form.
template <class Op, class S, class T> struct Reader {
  using D = hn::ScalableTag<T>;
  static constexpr size_t kLanes = hn::MaxLanes(D());
  static constexpr size_t kOperands = std::max(Op::operands, 1);

  const uint8_t* in[kOperands];
  bool is_array[kOperands];
  HWY_ALIGN T splat[kOperands][kLanes];

  static constexpr bool is_mask(size_t k) { return Op::masks >> k & 1; }
  static constexpr size_t size(size_t k) { return is_mask(k) ? 1 : sizeof(S); }

  HWY_INLINE Reader(const void* const* pointers, const uint8_t* form) {
    for (size_t k = 0; k < size_t{Op::operands}; k++) {
      in[k] = static_cast<const uint8_t*>(pointers[k]);
      is_array[k] = form[k] == kArray;
      if (is_array[k]) continue;
      T value;
      if (is_mask(k))
        value = static_cast<T>(*in[k] != 0);
      else if (form[k] == kScalar)
        value = number<S, T>(in[k]);
      else
        value = static_cast<T>(widen(*reinterpret_cast<const S*>(in[k])));
      std::fill_n(splat[k], kLanes, value);
    }
  }
  template <size_t k> HWY_INLINE auto get(D tag, size_t i) const {
    if constexpr (is_mask(k)) {
      if (is_array[k]) return load_mask(tag, in[k] + i);
      return prim::ne(tag, hn::Load(tag, splat[k]), hn::Zero(tag));
    } else {
      if (is_array[k]) return load(tag, reinterpret_cast<const S*>(in[k]) + i);
      return hn::Load(tag, splat[k]);
    }
  }
};

template <class Op, class S, class T, size_t... k, size_t... a>
HWY_INLINE auto value_at(const Reader<Op, S, T>& reader, Flags& flags,
                         [[maybe_unused]] const T* attributes, [[maybe_unused]] size_t i,
                         std::index_sequence<k...>, std::index_sequence<a...>) {
  const hn::ScalableTag<T> tag;
  return Op::value(tag, flags, reader.template get<k>(tag, i)..., hn::Set(tag, attributes[a])...);
}

template <class Op, class S, class T>
HWY_INLINE void step(const Reader<Op, S, T>& reader, Flags& flags, const T* attributes, size_t i,
                     void* out) {
  const hn::ScalableTag<T> tag;
  const auto y =
      value_at<Op, S, T>(reader, flags, attributes, i, std::make_index_sequence<Op::operands>(),
                         std::make_index_sequence<Op::attributes>());
  if constexpr (Op::is_mask)
    store_mask(tag, y, static_cast<uint8_t*>(out) + i);
  else
    store(tag, y, static_cast<S*>(out) + i);
}

// The last elements, fewer than a vector: padded with copies of the last one, which no `require`
// refuses unless it refuses that one.
template <class Op, class S, class T>
HWY_NOINLINE void tail(Reader<Op, S, T> reader, Flags& flags, const T* attributes, size_t i,
                       size_t count, void* out) {
  constexpr size_t lanes = Reader<Op, S, T>::kLanes;
  HWY_ALIGN uint8_t padded[Reader<Op, S, T>::kOperands][lanes * sizeof(T)];
  HWY_ALIGN uint8_t result[lanes * sizeof(T)];
  for (size_t k = 0; k < size_t{Op::operands}; k++) {
    if (!reader.is_array[k]) continue;
    size_t size = reader.size(k);
    const uint8_t* from = reader.in[k] + i * size;
    for (size_t e = 0; e < lanes; e++)
      std::memcpy(padded[k] + e * size, from + std::min(e, count - 1) * size, size);
    reader.in[k] = padded[k];
  }
  step<Op, S, T>(reader, flags, attributes, 0, result);
  constexpr size_t size = Op::is_mask ? 1 : sizeof(S);
  std::memcpy(static_cast<uint8_t*>(out) + i * size, result, count * size);
}

// Bools are 0 and 1, and what ops make of them fits a byte. Integers have lanes of their own width:
// an op that gives something else in them has no kernel of narrow ones.
template <class S, class Compute>
using LaneOf = std::conditional_t<std::is_same_v<S, Bool>, int8_t,
                                  std::conditional_t<std::is_integral_v<S>, S, Compute>>;
template <DType dtype>
using Lane = LaneOf<typename Element<dtype>::Storage, typename Element<dtype>::Compute>;

template <class Op, DType dtype>
void run(const void* const* in, const uint8_t* form, const void* attributes, void* out, int64_t n,
         uint32_t* error) {
  using S = typename Element<dtype>::Storage;
  using T = Lane<dtype>;
  static_assert(dtype != DType::boolean || Op::attributes == 0);
  const Reader<Op, S, T> reader(in, form);
  T numbers[std::max(Op::attributes, 1)];
  for (size_t k = 0; k < size_t{Op::attributes}; k++)
    numbers[k] =
        static_cast<T>(static_cast<const typename Element<dtype>::Compute*>(attributes)[k]);
  const size_t count = static_cast<size_t>(n), lanes = hn::Lanes(hn::ScalableTag<T>());
  Flags flags;
  size_t i = 0;
  for (; i + lanes <= count; i += lanes)
    step<Op, S, T>(reader, flags, numbers, i, out);
  if (i < count) tail<Op, S, T>(reader, flags, numbers, i, count - i, out);
  if (flags.error) *error |= flags.error;
}

template <class Op, class T, size_t... a>
HWY_INLINE auto source_value(Flags& flags, const T* attributes, Vec<hn::ScalableTag<T>> position,
                             std::index_sequence<a...>) {
  const hn::ScalableTag<T> tag;
  return Op::value(tag, flags, hn::Set(tag, attributes[a])..., position);
}

template <class Op, DType dtype>
void run_source(const void* position, const void* attributes, void* out, int64_t n) {
  using S = typename Element<dtype>::Storage;
  using T = typename Element<dtype>::Compute;
  const hn::ScalableTag<T> tag;
  const auto* numbers = static_cast<const T*>(attributes);
  const auto* positions = static_cast<const T*>(position);
  auto* result = static_cast<S*>(out);
  const size_t count = static_cast<size_t>(n), lanes = hn::Lanes(tag);
  constexpr auto indices = std::make_index_sequence<Op::attributes>();
  Flags flags;
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto p = positions ? hn::LoadU(tag, positions + i) : hn::Zero(tag);
    store(tag, source_value<Op, T>(flags, numbers, p, indices), result + i);
  }
  if (i == count) return;
  HWY_ALIGN T padded[hn::MaxLanes(tag)] = {};
  HWY_ALIGN S last[hn::MaxLanes(tag)];
  if (positions) std::copy(positions + i, positions + count, padded);
  store(tag, source_value<Op, T>(flags, numbers, hn::Load(tag, padded), indices), last);
  std::memcpy(result + i, last, (count - i) * sizeof(S));
}

template <class Op, DType dtype> constexpr bool exists() {
  if constexpr (is_floating(dtype))
    return Op::floats;
  else if constexpr (dtype == DType::boolean)
    return Op::bools;
  else
    return Op::integers && (dtype == DType::i64 || Op::narrow_integers);
}
template <class Op, DType dtype> constexpr PointwiseKernel pointwise() {
  if constexpr (exists<Op, dtype>())
    return &run<Op, dtype>;
  else
    return nullptr;
}
template <class Op, DType dtype> constexpr SourceKernel source() {
  if constexpr (exists<Op, dtype>())
    return &run_source<Op, dtype>;
  else
    return nullptr;
}

#define WEFT_NATIVE_DTYPES(kernel, symbol)                                                         \
  {                                                                                                \
    kernel<op::symbol, DType::f32>(), kernel<op::symbol, DType::f64>(),                            \
        kernel<op::symbol, DType::bf16>(), kernel<op::symbol, DType::i64>(),                       \
        kernel<op::symbol, DType::boolean>()                                                       \
  }
#define WEFT_NARROW_DTYPES(kernel, symbol)                                                         \
  {                                                                                                \
    kernel<op::symbol, DType::i32>(), kernel<op::symbol, DType::i16>(),                            \
        kernel<op::symbol, DType::i8>(), kernel<op::symbol, DType::u8>()                           \
  }
#define WEFT_POINTWISE_ENTRY(name, symbol)                                                         \
  {Op::name, WEFT_NATIVE_DTYPES(pointwise, symbol), {}, WEFT_NARROW_DTYPES(pointwise, symbol)},
#define WEFT_SOURCE_ENTRY(name, symbol) {Op::name, {}, WEFT_NATIVE_DTYPES(source, symbol), {}},

PointwiseEntries entries() {
  static const PointwiseEntry table[] = {WEFT_SHARD_POINTWISE(WEFT_POINTWISE_ENTRY)
                                             WEFT_SHARD_SOURCES(WEFT_SOURCE_ENTRY)};
  return table;
}

} // namespace weft::kernels::WEFT_SHARD_NAME::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {
namespace WEFT_SHARD_NAME {
HWY_EXPORT(entries);
static PointwiseEntries chosen_entries() { return HWY_DYNAMIC_DISPATCH(entries)(); }
} // namespace WEFT_SHARD_NAME
template <> PointwiseEntries pointwise_entries<WEFT_SHARD>() {
  return WEFT_SHARD_NAME::chosen_entries();
}
} // namespace weft::kernels
#endif
