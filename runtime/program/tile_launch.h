// A launch of a program that runs others for each tile of its result.
#pragma once

#include "runtime/program/kernel_abi.h"
#include "runtime/program/program.h"

namespace weft {

class TileLaunch {
public:
  /// `functions` are those of the program's kernels, and outlive this.
  TileLaunch(const ProgramTiles& tiles, std::span<const weft_kernel_fn> functions);

  /// Runs every tile. `values` are those of the program's expressions, `buffers` the launch's,
  /// `scalars` the run's. Returns the largest code that a kernel raised, or 0.
  uint32_t run(const int64_t* values, void* const* buffers, const uint64_t* scalars) const;

private:
  struct Tile; // what one thread needs while it runs tiles
  void run_tile(int64_t number, Tile& tile) const;
  void run_body(const ProgramTileBody& body, const std::vector<void*>& addresses, Tile& tile) const;
  bool guards_hold(Tile& tile) const;
  std::pair<int64_t, int64_t> visible_columns(Tile& tile) const;
  void set_granules(Tile& tile) const;
  void run_blocks(Tile& tile) const;

  const ProgramTiles& tiles_;
  std::span<const weft_kernel_fn> functions_; // by kernel
  size_t most_buffers_ = 0, most_arguments_ = 0;
};

} // namespace weft
