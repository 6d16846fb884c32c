#include "runtime/program/tile_launch.h"

#include "runtime/core/parallel.h"
#include "runtime/program/thread_scratch.h"

#include <algorithm>
#include <array>
#include <atomic>

namespace weft {

namespace {

thread_local ThreadScratch kernel_scratch, tile_arena;

// What a thread has found out in a run: of a tile its columns, from and to, and of an entry of the
// batch its guard.
struct Found {
  alignas(8) std::array<int64_t, kTileResults> results;
  uint64_t run;
  int64_t entry; // of the guard
  // By place along the last dim; an empty range where it is not known.
  std::vector<std::pair<int64_t, int64_t>> columns;
};
thread_local Found found{};
std::atomic<uint64_t> runs{0};

int64_t bytes_of(const ProgramTiles& tiles, const int64_t* values) {
  int64_t bytes = 0;
  tiles.each_body([&](const ProgramTileBody& body) {
    if (body.arena_bytes >= 0) bytes = std::max(bytes, values[body.arena_bytes]);
  });
  if (tiles.blocks)
    for (int32_t e : tiles.blocks->state_bytes)
      bytes += 2 * whole_lines(values[e]);
  return bytes;
}

} // namespace

struct TileLaunch::Tile {
  const int64_t* values;
  const uint64_t* scalars;
  uint32_t* error;
  std::vector<int64_t> starts; // by dim, then the columns
  // Of each body's buffers.
  std::vector<void*> addresses = {}, of_visible = {}, of_guards = {}, of_none = {};
  // By whether it takes the second state and returns the first one, or the other way round.
  std::array<std::vector<void*>, 2> of_block = {}, of_rest = {}, of_result = {};
  std::vector<void*> buffers;     // of one launch
  std::vector<int64_t> arguments; // likewise
  int64_t entry = 0, place = 0;   // of the batch; along the last dim

  // `results` are the places of outputs.
  std::vector<void*> addresses_of(const ProgramTileBody& body, void* const* given, char* arena,
                                  std::span<void* const> results) {
    std::vector<void*> addresses;
    for (const ProgramBuffer& b : body.buffers) {
      void* address = nullptr;
      if (b.kind == ProgramBuffer::Kind::leaf)
        address = given[b.index];
      else if (b.kind == ProgramBuffer::Kind::output)
        address = results[static_cast<size_t>(b.index)];
      else
        address = arena + values[b.offset];
      addresses.push_back(address);
    }
    return addresses;
  }
  void find_addresses(const ProgramTiles& tiles, void* const* given, char* arena);
  void find_addresses(const ProgramTileBlocks& blocks, const ProgramTileBody& result,
                      void* const* given, char* arena);
};

void TileLaunch::Tile::find_addresses(const ProgramTiles& tiles, void* const* given, char* arena) {
  std::array<void*, kTileResults> results{};
  for (size_t k = 0; k < results.size(); k++)
    results[k] = &found.results[k];
  if (tiles.visible) of_visible = addresses_of(*tiles.visible, given, arena, results);
  if (tiles.guards) of_guards = addresses_of(*tiles.guards, given, arena, results);
  if (tiles.blocks)
    find_addresses(*tiles.blocks, tiles.body, given, arena);
  else
    addresses = addresses_of(tiles.body, given, arena, {});
}

// Two states lie at the arena's begin: one is read, the other written.
void TileLaunch::Tile::find_addresses(const ProgramTileBlocks& blocks,
                                      const ProgramTileBody& result, void* const* given,
                                      char* arena) {
  std::array<std::array<void*, kTileState>, 2> states{};
  for (auto& state : states)
    for (size_t k = 0; k < state.size(); k++) {
      state[k] = arena;
      arena += whole_lines(values[blocks.state_bytes[k]]);
    }
  of_none = addresses_of(blocks.none, given, arena, states[0]);
  for (size_t k : {0, 1}) {
    std::array<void*, 2 * kTileState> results{};
    std::ranges::copy(states[k], results.begin());
    std::ranges::copy(states[1 - k], results.begin() + kTileState);
    of_block[k] = addresses_of(blocks.block, given, arena, results);
    if (blocks.rest) of_rest[k] = addresses_of(*blocks.rest, given, arena, results);
    of_result[k] = addresses_of(result, given, arena, results);
  }
}

TileLaunch::TileLaunch(const ProgramTiles& tiles, std::span<const weft_kernel_fn> functions)
    : tiles_(tiles), functions_(functions) {
  tiles.each_body([this](const ProgramTileBody& body) {
    for (const ProgramLaunch& l : body.launches) {
      most_buffers_ = std::max(most_buffers_, l.buffers.size());
      most_arguments_ = std::max(most_arguments_, l.arguments.size());
    }
  });
}

void TileLaunch::run_body(const ProgramTileBody& body, const std::vector<void*>& addresses,
                          Tile& tile) const {
  for (const ProgramLaunch& l : body.launches) {
    for (size_t b = 0; b < l.buffers.size(); b++)
      tile.buffers[b] = addresses[static_cast<size_t>(l.buffers[b])];
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
    weft_kernel_context context{WEFT_KERNEL_ABI, tile.error, scratch, nullptr};
    // Chunks are numbered through the phases: one after another they run in order.
    int64_t chunks = 0;
    for (const ProgramPhase& phase : l.phases)
      chunks += phase.chunks < 0 ? 1 : tile.values[phase.chunks];
    functions_[static_cast<size_t>(l.kernel)](&context, tile.buffers.data(), tile.arguments.data(),
                                              0, chunks);
  }
}

// Tiles of one entry follow each other.
bool TileLaunch::guards_hold(Tile& tile) const {
  if (!tiles_.guards) return true;
  if (found.entry != tile.entry) run_body(*tiles_.guards, tile.of_guards, tile);
  found.entry = tile.entry;
  return found.results[kTileColumns] != 0;
}

// The first column that some row sees, and one more than the last. Where there are none any column
// will do: hidden ones are alike.
std::pair<int64_t, int64_t> TileLaunch::visible_columns(Tile& tile) const {
  if (!tiles_.visible || !guards_hold(tile)) return {0, tiles_.columns};
  std::pair<int64_t, int64_t> unknown;
  std::pair<int64_t, int64_t>& columns =
      tiles_.visible_by_rows ? found.columns[static_cast<size_t>(tile.place)] : unknown;
  if (columns.second > 0) return columns;
  run_body(*tiles_.visible, tile.of_visible, tile);
  const int64_t from = std::max<int64_t>(found.results[0], 0);
  const int64_t to = std::min(found.results[1], tiles_.columns);
  return columns = to > from ? std::pair(from, to) : std::pair<int64_t, int64_t>(0, 1);
}

// The smallest window of granules, and of what they leave over, that holds the visible columns.
void TileLaunch::set_granules(Tile& tile) const {
  auto [from, to] = visible_columns(tile);
  const int64_t rest = tiles_.columns % kTileGranule, most = tiles_.columns / kTileGranule;
  int64_t first = std::clamp<int64_t>(from / kTileGranule, 0, most - 1);
  int64_t missing = to - first * kTileGranule - rest;
  int64_t count = std::clamp<int64_t>((missing + kTileGranule - 1) / kTileGranule, 1, most);
  tile.starts[tiles_.counts.size()] = std::min(first, most - count);
  tile.starts[tiles_.counts.size() + 1] = count;
}

void TileLaunch::run_blocks(Tile& tile) const {
  const ProgramTileBlocks& blocks = *tiles_.blocks;
  auto [from, to] = visible_columns(tile);
  run_body(blocks.none, tile.of_none, tile);
  size_t written = 0; // the state
  for (int64_t block = from / blocks.length; block * blocks.length < to; block++) {
    tile.starts[tiles_.counts.size()] = block;
    written = 1 - written;
    if ((block + 1) * blocks.length <= tiles_.columns)
      run_body(blocks.block, tile.of_block[written], tile);
    else
      run_body(*blocks.rest, tile.of_rest[written], tile);
  }
  run_body(tiles_.body, tile.of_result[1 - written], tile);
}

void TileLaunch::run_tile(int64_t number, Tile& tile) const {
  const int64_t in_entry = tiles_.counts.empty() ? 1 : tile.values[tiles_.counts.back()];
  tile.entry = number / in_entry;
  tile.place = number % in_entry;
  for (size_t d = tiles_.counts.size(); d-- > 0;) {
    int64_t count = tile.values[tiles_.counts[d]];
    int64_t step = tile.values[tiles_.steps[d]], extent = tile.values[tiles_.extents[d]];
    int64_t start = number % count * step;
    if (start >= extent) return;
    tile.starts[d] = std::min(start, extent - step);
    number /= count;
  }
  if (tiles_.blocks) return run_blocks(tile);
  if (tiles_.visible) set_granules(tile);
  run_body(tiles_.body, tile.addresses, tile);
}

uint32_t TileLaunch::run(const int64_t* values, void* const* buffers,
                         const uint64_t* scalars) const {
  int64_t count = 1;
  for (int32_t e : tiles_.counts)
    count *= values[e];
  const int64_t bytes = bytes_of(tiles_, values);
  const int64_t places = tiles_.counts.empty() ? 1 : values[tiles_.counts.back()];
  uint32_t error = 0;
  const uint64_t run = runs.fetch_add(1, std::memory_order_relaxed) + 1;
  parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    Tile tile{.values = values,
              .scalars = scalars,
              .error = &error,
              .starts = std::vector<int64_t>(tiles_.counts.size() + 2),
              .buffers = std::vector<void*>(most_buffers_),
              .arguments = std::vector<int64_t>(most_arguments_)};
    if (found.run != run) {
      found.run = run;
      found.entry = -1;
      found.columns.assign(tiles_.visible_by_rows ? static_cast<size_t>(places) : 0, {});
    }
    auto arena = static_cast<char*>(bytes ? tile_arena.at_least(bytes) : nullptr);
    tile.find_addresses(tiles_, buffers, arena);
    for (int64_t number = begin; number < end; number++)
      run_tile(number, tile);
  });
  return error;
}

} // namespace weft
