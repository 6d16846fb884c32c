// NumPy's indexing: x[{0, Slice(1, 5), ellipsis, rows, newaxis}], read and written.
#pragma once

#include "weft/tensor.h"

#include <optional>
#include <vector>

namespace weft {

/// A range of positions of a dim: Slice(start, stop, step). What is left out is open: Slice() is
/// the whole dim. Negative positions count from the end, those beyond it are limited. A negative
/// step goes backwards: Slice({}, {}, -1) is all of the dim, the last position first.
struct Slice {
  Slice() = default;
  Slice(std::optional<int64_t> from, std::optional<int64_t> to = {}, std::optional<int64_t> by = {})
      : start(from), stop(to), step(by) {}
  std::optional<int64_t> start, stop, step;
};

/// The type of `newaxis`.
struct NewAxis {};
/// The type of `ellipsis`.
struct Ellipsis {};
/// The entry of an index that stands for a new dim of size 1.
inline constexpr NewAxis newaxis;
/// The entry that stands for as many whole dims as the other entries leave.
inline constexpr Ellipsis ellipsis;

/// One entry of an index, with the source line of the call: a position (the dim vanishes), a Slice,
/// newaxis, ellipsis, a tensor of integers or a mask, or a bool, which is a mask without dims.
class Index {
public:
  enum class Kind : uint8_t { position, slice, newaxis, ellipsis, boolean, tensor };

  template <class T>
  requires std::is_integral_v<T> Index(T v, Loc l = Loc::current())
      : kind(std::is_same_v<T, bool> ? Kind::boolean : Kind::position),
        position(static_cast<int64_t>(v)), loc(l) {}
  Index(Slice s, Loc l = Loc::current()) : kind(Kind::slice), slice(s), loc(l) {}
  Index(NewAxis, Loc l = Loc::current()) : kind(Kind::newaxis), loc(l) {}
  Index(Ellipsis, Loc l = Loc::current()) : kind(Kind::ellipsis), loc(l) {}
  Index(Tensor t, Loc l = Loc::current()) : kind(Kind::tensor), tensor(std::move(t)), loc(l) {}

  Kind kind;
  int64_t position = 0; // or a bool
  Slice slice;
  Tensor tensor;
  Loc loc;
};

/// x[{...}]: read where a tensor is wanted, written by assignment. Reading is a view where there
/// are neither tensors nor negative steps among the entries, else a copy; `index` of Tensor reads
/// at once.
class Indexed {
public:
  Indexed(Tensor base, std::vector<Index> entries, Loc loc)
      : base_(std::move(base)), entries_(std::move(entries)), loc_(loc) {}
  Indexed(const Indexed&) = delete;

  /// Reads: returns a view or a copy, as x.index() does.
  operator Tensor() const;
  operator Arg() const { return Arg(Tensor(*this), loc_); }

  /// Writes into the base's memory. With index tensors that name a place twice the last value
  /// counts.
  void operator=(const Arg& value) const;
  void operator=(const Indexed& value) const { *this = Arg(Tensor(value), loc_); }
  /// Reads, computes and writes back: a place that index tensors name twice is changed once.
  void operator+=(const Arg& value) const;
  void operator-=(const Arg& value) const;
  void operator*=(const Arg& value) const;
  void operator/=(const Arg& value) const;

private:
  Tensor base_;
  std::vector<Index> entries_;
  Loc loc_;
};

} // namespace weft
