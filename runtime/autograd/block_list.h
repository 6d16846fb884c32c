// Small blocks of the tape, from free lists of the thread that frees them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft {

/// Returns whole cache lines; `size_class` is what give_block needs to know.
void* take_block(size_t bytes, uint8_t& size_class);
void give_block(void* block, uint8_t size_class);

} // namespace weft
