// The JSON text beside the tensors of a checkpoint.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace weft {

/// What the text holds.
struct CheckpointState {
  int64_t step = 0, epoch = 0, batch = 0;
  std::map<std::string, std::string> notes;
  uint64_t seed = 0, counter = 0; // of the random generator
};

std::string print_checkpoint_state(const CheckpointState& state);
/// Throws FormatError.
CheckpointState parse_checkpoint_state(std::string_view text);

} // namespace weft
