// NumPy's .npy format (NumPy Enhancement Proposal 1): a magic, a version, a Python dictionary,
// elements.
#pragma once

#include "weft/dtype.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weft {

/// The most bytes in front of the elements that are read, beyond any header of plain elements.
inline constexpr uint64_t kNpyMostStart = 12 + 65535;

struct NpyHeader {
  DType dtype = DType::f32;
  bool is_big_endian = false;
  bool is_fortran = false; // the first dim's elements lie next to each other
  std::vector<int64_t> shape;
  uint64_t start = 0; // where the elements begin
  uint64_t bytes = 0; // of the elements, which end the file
};

/// Reads a header. `start` holds the file's first bytes, all or kNpyMostStart of them; `total` is
/// the file's length. bf16 is '<V2', as ml_dtypes writes it, or with `bf16_as_uint16` '<u2'.
NpyHeader parse_npy(std::span<const uint8_t> start, uint64_t total, bool bf16_as_uint16 = false);

/// Returns what stands in front of the elements, a multiple of 64 bytes.
std::string print_npy(DType dtype, std::span<const int64_t> shape, bool bf16_as_uint16 = false);

} // namespace weft
