// OpenBLAS as it is installed: opened at the first use, not at the start of the process, since it
// starts threads and takes milliseconds, and told to use the caller's thread alone.
#pragma once

#include <type_traits>

namespace weft::kernels {

/// Returns the address of one of its functions, null where it or the library is not there.
void* find_in_openblas(const char* name);

/// The functions of one kind, F<float> and F<double>.
template <template <class> class F> struct OpenBlas {
  F<float> f32 = {};
  F<double> f64 = {};

  template <class T> const F<T>& of() const {
    if constexpr (std::is_same_v<T, float>)
      return f32;
    else
      return f64;
  }

protected:
  template <class Function> static bool find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(find_in_openblas(name));
    return function != nullptr;
  }
};

} // namespace weft::kernels
