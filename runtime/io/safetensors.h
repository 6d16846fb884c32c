// Safetensors files for the ops that are made of them. Both throw FormatError.
#pragma once

#include "weft/io.h"

namespace weft {

Safetensors map_safetensors(const std::string& path, const Loc& loc);
void write_safetensors(const char* op, const std::string& path, const TensorMap& tensors,
                       std::map<std::string, std::string> metadata, const Loc& loc);

} // namespace weft
