// Small blocks of the tape, from free lists of the thread that frees them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft {

/// Returns whole cache lines; `size_class` is what give_block needs to know.
void* take_block(size_t bytes, uint8_t& size_class);
void give_block(void* block, uint8_t size_class);

/// Blocks that lie in memory in the order in which they are taken, since that is the order in which
/// they are used. They go back one by one, by give_block, also after the slab has ended.
class BlockSlab {
public:
  BlockSlab() = default;
  BlockSlab(const BlockSlab&) = delete;
  BlockSlab& operator=(const BlockSlab&) = delete;
  ~BlockSlab();
  void* take(size_t bytes, uint8_t& size_class);

private:
  char* chunk_ = nullptr;
  size_t used_ = 0;
};

} // namespace weft
