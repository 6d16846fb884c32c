// Scratchpad: an array of a size known at run time that seldom needs memory from the heap.
#pragma once

#include <cstddef>

namespace weft {

/// `N` elements on the stack, more on the heap; not initialised.
template <class T, size_t N> class Scratchpad {
public:
  explicit Scratchpad(size_t n) : data_(n <= N ? fixed_ : new T[n]) {}
  ~Scratchpad() {
    if (data_ != fixed_) delete[] data_;
  }
  Scratchpad(const Scratchpad&) = delete;
  T& operator[](size_t k) { return data_[k]; }
  T* data() { return data_; }

private:
  T fixed_[N];
  T* data_;
};

} // namespace weft
