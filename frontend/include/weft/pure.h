// How a call of a pure function (CompileOptions::pure) is taken apart into tensors and numbers, and
// its result put together again.
#pragma once

#include "weft/tensor.h"

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::detail {

/// A list whose first N entries need no memory from the heap.
template <class T, size_t N> class ShortList {
public:
  void push_back(T value) {
    if (size_ < N)
      few_[size_] = value;
    else
      more_.push_back(value);
    size_++;
  }
  size_t size() const { return size_; }
  T& operator[](size_t k) { return k < N ? few_[k] : more_[k - N]; }
  const T& operator[](size_t k) const { return k < N ? few_[k] : more_[k - N]; }

private:
  std::array<T, N> few_;
  std::vector<T> more_;
  size_t size_ = 0;
};

/// The tensors of a call's arguments or of its result, in order, and its numbers: arithmetic values
/// as bits, and the lengths of containers. The references are the caller's.
struct PureValues {
  ShortList<TensorImpl*, 8> tensors; // null: undefined
  ShortList<uint64_t, 8> numbers;
};

/// What a result is put together from, in the same order. Owns the tensors until they are taken.
class PureResults {
public:
  PureResults() = default;
  PureResults(const PureResults&) = delete;
  ~PureResults() {
    for (size_t k = 0; k < values.tensors.size(); k++)
      if (values.tensors[k]) release(values.tensors[k]);
  }
  Tensor tensor() { return Tensor::adopt(std::exchange(values.tensors[tensors_++], nullptr)); }
  uint64_t number() { return values.numbers[numbers_++]; }

  PureValues values;

private:
  size_t tensors_ = 0, numbers_ = 0;
};

/// Takes values of one type apart (`take`) and puts them together (`give`). There is none for types
/// that a pure function may not have.
template <class T> struct PureKind;

template <class T>
concept PureValue = requires(const T& value, PureValues& out, PureResults& in) {
  PureKind<T>::take(value, out);
  { PureKind<T>::give(in) } -> std::same_as<T>;
};

template <> struct PureKind<Tensor> {
  static void take(const Tensor& t, PureValues& out) { out.tensors.push_back(t.impl()); }
  static Tensor give(PureResults& in) { return in.tensor(); }
};

template <class T>
requires((std::is_arithmetic_v<T> && sizeof(T) <= 8) || std::is_enum_v<T>) struct PureKind<T> {
  static void take(T value, PureValues& out) {
    if constexpr (std::is_floating_point_v<T>)
      out.numbers.push_back(std::bit_cast<uint64_t>(static_cast<double>(value)));
    else
      out.numbers.push_back(static_cast<uint64_t>(value));
  }
  static T give(PureResults& in) {
    const uint64_t bits = in.number();
    if constexpr (std::is_floating_point_v<T>)
      return static_cast<T>(std::bit_cast<double>(bits));
    else
      return static_cast<T>(bits);
  }
};

template <PureValue T> struct PureKind<std::optional<T>> {
  static void take(const std::optional<T>& value, PureValues& out) {
    out.numbers.push_back(value.has_value());
    if (value) PureKind<T>::take(*value, out);
  }
  static std::optional<T> give(PureResults& in) {
    if (!in.number()) return std::nullopt;
    return PureKind<T>::give(in);
  }
};

template <PureValue T> struct PureKind<std::vector<T>> {
  static void take(const std::vector<T>& values, PureValues& out) {
    out.numbers.push_back(values.size());
    for (const auto& value : values)
      PureKind<T>::take(value, out);
  }
  static std::vector<T> give(PureResults& in) {
    std::vector<T> values;
    for (uint64_t left = in.number(); left > 0; left--)
      values.push_back(PureKind<T>::give(in));
    return values;
  }
};

template <PureValue T, size_t N> struct PureKind<std::array<T, N>> {
  static void take(const std::array<T, N>& values, PureValues& out) {
    for (const T& value : values)
      PureKind<T>::take(value, out);
  }
  static std::array<T, N> give(PureResults& in) {
    return [&]<size_t... K>(std::index_sequence<K...>) {
      return std::array<T, N>{(static_cast<void>(K), PureKind<T>::give(in))...};
    }
    (std::make_index_sequence<N>());
  }
};

template <PureValue A, PureValue B> struct PureKind<std::pair<A, B>> {
  static void take(const std::pair<A, B>& value, PureValues& out) {
    PureKind<A>::take(value.first, out);
    PureKind<B>::take(value.second, out);
  }
  static std::pair<A, B> give(PureResults& in) {
    A first = PureKind<A>::give(in);
    return {std::move(first), PureKind<B>::give(in)};
  }
};

template <PureValue... T> struct PureKind<std::tuple<T...>> {
  static void take(const std::tuple<T...>& value, PureValues& out) {
    std::apply([&](const T&... each) { (PureKind<T>::take(each, out), ...); }, value);
  }
  static std::tuple<T...> give(PureResults& in) { return {PureKind<T>::give(in)...}; }
};

} // namespace weft::detail
