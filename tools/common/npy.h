// NumPy's .npy files: little-endian, row-major, of the dtypes that Weft has.
#pragma once

#include "weft/tensor.h"

#include <stdexcept>
#include <string>

namespace weft::tools {

/// What a file holds that Weft has no dtype for.
struct UnsupportedDType : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Reads an array; uint16 elements are taken as the bits of bf16. Throws weft::Error (io) for a
/// file that is damaged, and UnsupportedDType for one of another dtype.
Tensor read_npy(const std::string& path);

/// Writes a tensor's elements in row-major order; bf16 as uint16. Throws weft::Error (io).
void write_npy(const std::string& path, const Tensor& t);

} // namespace weft::tools
