// The safetensors format (Hugging Face, version 0.x): the header's length as 8 bytes, a JSON
// header, the elements of all tensors without gaps.
#pragma once

#include "weft/dtype.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace weft {

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  uint64_t start = 0, bytes = 0; // in the file
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> tensors; // in the order of their elements
  std::map<std::string, std::string> metadata;
};

/// The most bytes of a header, and the most entries: tensors and texts of the metadata together. A
/// header that is broken at its end is refused in a second and less than 64 MiB.
inline constexpr uint64_t kSafetensorsMostHeader = uint64_t{16} << 20;
inline constexpr size_t kSafetensorsMostEntries = 100'000;

/// Reads the header of a whole file. The tensors' bytes are apart and fill it.
SafetensorsHeader parse_safetensors(std::span<const uint8_t> file);

/// Lays tensors out (`start` and `bytes` are set) and returns what stands in front of their
/// elements. The order is that of sizes of elements and of names, and the first element lies at a
/// multiple of 64 bytes: each element is aligned.
std::string print_safetensors(SafetensorsHeader& header);

} // namespace weft
