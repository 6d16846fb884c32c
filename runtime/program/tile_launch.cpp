#include "runtime/program/tile_launch.h"

#include "runtime/core/parallel.h"
#include "runtime/program/thread_scratch.h"

#include <algorithm>

namespace weft {

namespace {

thread_local ThreadScratch kernel_scratch, tile_arena;

} // namespace

struct TileLaunch::Tile {
  const int64_t* values;
  const uint64_t* scalars;
  uint32_t* error;
  std::vector<int64_t> starts;    // by dim
  std::vector<void*> addresses;   // of ProgramTiles::buffers
  std::vector<void*> buffers;     // of one launch
  std::vector<int64_t> arguments; // likewise
};

TileLaunch::TileLaunch(const ProgramTiles& tiles, std::span<const weft_kernel_fn> functions)
    : tiles_(tiles) {
  for (const ProgramLaunch& l : tiles.launches) {
    functions_.push_back(functions[static_cast<size_t>(l.kernel)]);
    most_buffers_ = std::max(most_buffers_, l.buffers.size());
    most_arguments_ = std::max(most_arguments_, l.arguments.size());
  }
}

void TileLaunch::run_tile(int64_t number, Tile& tile) const {
  for (size_t d = tiles_.counts.size(); d-- > 0;) {
    int64_t count = tile.values[tiles_.counts[d]];
    int64_t step = tile.values[tiles_.steps[d]], extent = tile.values[tiles_.extents[d]];
    int64_t start = number % count * step;
    if (start >= extent) return;
    tile.starts[d] = std::min(start, extent - step);
    number /= count;
  }
  for (size_t k = 0; k < functions_.size(); k++) {
    const ProgramLaunch& l = tiles_.launches[k];
    for (size_t b = 0; b < l.buffers.size(); b++)
      tile.buffers[b] = tile.addresses[static_cast<size_t>(l.buffers[b])];
    for (size_t a = 0; a < l.arguments.size(); a++) {
      auto index = static_cast<size_t>(l.arguments[a].index);
      ProgramArgument::Kind kind = l.arguments[a].kind;
      tile.arguments[a] = kind == ProgramArgument::Kind::scalar
                              ? static_cast<int64_t>(tile.scalars[index])
                          : kind == ProgramArgument::Kind::size ? tile.values[index]
                                                                : tile.starts[index];
    }
    int64_t scratch_bytes = l.scratch_bytes < 0 ? 0 : tile.values[l.scratch_bytes];
    void* scratch = scratch_bytes ? kernel_scratch.at_least(scratch_bytes) : nullptr;
    weft_kernel_context context{WEFT_KERNEL_ABI, tile.error, scratch};
    // Chunks are numbered through the phases: one after another they run in order.
    int64_t chunks = 0;
    for (const ProgramPhase& phase : l.phases)
      chunks += phase.chunks < 0 ? 1 : tile.values[phase.chunks];
    functions_[k](&context, tile.buffers.data(), tile.arguments.data(), 0, chunks);
  }
}

uint32_t TileLaunch::run(const int64_t* values, void* const* buffers,
                         const uint64_t* scalars) const {
  int64_t count = 1;
  for (int32_t e : tiles_.counts)
    count *= values[e];
  uint32_t error = 0;
  parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    Tile tile{values,
              scalars,
              &error,
              std::vector<int64_t>(tiles_.counts.size()),
              std::vector<void*>(tiles_.buffers.size()),
              std::vector<void*>(most_buffers_),
              std::vector<int64_t>(most_arguments_)};
    int64_t bytes = tiles_.arena_bytes < 0 ? 0 : values[tiles_.arena_bytes];
    auto arena = static_cast<char*>(bytes ? tile_arena.at_least(bytes) : nullptr);
    for (size_t k = 0; k < tiles_.buffers.size(); k++) {
      const ProgramBuffer& b = tiles_.buffers[k];
      tile.addresses[k] =
          b.kind == ProgramBuffer::Kind::leaf ? buffers[b.index] : arena + values[b.offset];
    }
    for (int64_t number = begin; number < end; number++)
      run_tile(number, tile);
  });
  return error;
}

} // namespace weft
