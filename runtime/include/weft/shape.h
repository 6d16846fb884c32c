// Short lists of integers held in place: shapes, strides, lists of dims.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace weft {

/// The largest number of dims that a tensor can have.
inline constexpr int kMaxRank = 8;

/// Up to kMaxRank 64-bit integers without a heap allocation. A longer list throws weft::Error.
class Ints {
public:
  constexpr Ints() = default;
  Ints(std::initializer_list<int64_t> v) : Ints(v.begin(), v.size()) {}
  // Templates: a list that is made of something else costs no instantiation of std::span.
  template <class T, size_t n>
  requires std::is_same_v<std::remove_const_t<T>, int64_t> Ints(std::span<T, n> v)
      : Ints(v.data(), v.size()) {}
  template <size_t n> Ints(const std::array<int64_t, n>& v) : Ints(v.data(), n) {}
  Ints(const std::vector<int64_t>& v) : Ints(v.data(), v.size()) {}
  Ints(const int64_t* v, size_t n) {
    if (n > kMaxRank) too_long(n);
    size_ = static_cast<uint8_t>(n);
    for (size_t k = 0; k < n; k++)
      v_[k] = v[k];
  }
  /// Returns n times the same number.
  static Ints filled(int n, int64_t v) {
    Ints r;
    for (int k = 0; k < n; k++)
      r.push_back(v);
    return r;
  }

  /// Returns how many there are.
  int size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int64_t operator[](int k) const { return v_[k]; }
  int64_t& operator[](int k) { return v_[k]; }
  const int64_t* data() const { return v_; }
  int64_t* data() { return v_; }
  const int64_t* begin() const { return v_; }
  const int64_t* end() const { return v_ + size_; }
  int64_t* begin() { return v_; }
  int64_t* end() { return v_ + size_; }
  int64_t back() const { return v_[size_ - 1]; }
  /// Adds a number at the end. Throws weft::Error (shape) beyond kMaxRank.
  void push_back(int64_t v) {
    if (size_ == kMaxRank) too_long(kMaxRank + 1);
    v_[size_++] = v;
  }
  /// Keeps the first n, at most kMaxRank; those that were not there are unspecified.
  void resize(int n) { size_ = static_cast<uint8_t>(n); }
  friend bool operator==(const Ints& a, const Ints& b) {
    if (a.size_ != b.size_) return false;
    for (int k = 0; k < a.size_; k++)
      if (a.v_[k] != b.v_[k]) return false;
    return true;
  }
  /// Returns the text used in messages, such as "[2, 3]".
  std::string str() const;

private:
  [[noreturn]] static void too_long(size_t n);
  uint8_t size_ = 0;
  int64_t v_[kMaxRank] = {};
};

/// Prints str().
std::ostream& operator<<(std::ostream& out, const Ints& v);

/// The sizes of a tensor's dims, the outermost first.
using Shape = Ints;

/// The dims an op works on: `sum(x, 0)`, `sum(x, {0, -1})`; empty means all of them.
class Dims : public Ints {
public:
  constexpr Dims() = default;
  Dims(int64_t dim) : Ints(&dim, 1) {}
  Dims(int dim) : Dims(static_cast<int64_t>(dim)) {}
  Dims(std::initializer_list<int64_t> v) : Ints(v) {}
  Dims(const Ints& v) : Ints(v) {}
};

} // namespace weft
