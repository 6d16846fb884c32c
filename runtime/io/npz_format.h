// .npz archives: each entry is an array in NumPy's format under the name NAME.npy.
#pragma once

#include "runtime/io/npy_format.h"
#include "runtime/io/zip_reader.h"

#include <functional>

namespace weft {

/// Called for each array with its name and header; returns memory for its elements, as they lie in
/// the file.
using NpzSink = std::function<std::span<uint8_t>(const std::string& name, const NpyHeader& header)>;

/// Reads every array of an archive. Memory is asked for once an entry is known to hold as much.
void read_npz(const ByteSource& source, bool bf16_as_uint16, const NpzSink& sink);

} // namespace weft
