// Attributes of weft.tiles and its functions.
#pragma once

#include "llvm/ADT/StringRef.h"

namespace weft::ir {

/// On weft.tiles that compute visible columns alone, and once it is lowered on its function:
/// another function of the same arguments. What it returns, up to 3 tensors of one element, does
/// not depend on where the tile starts along its last dim, so it is called once for all tiles of a
/// thread that differ in that alone. The function that finds columns takes it behind the window.
inline constexpr llvm::StringLiteral kGuardsName = "weft.guards";

/// On weft.tiles that compute their columns in blocks, and once it is lowered on its function: the
/// length of a block, then functions of the same arguments. The first returns tensors, the state of
/// a tile that has seen no column. The second takes a state, behind the window, and the number of a
/// block, and returns the state with those columns. The third, if blocks leave columns over, does
/// that for them. The function of the tile takes the last state.
inline constexpr llvm::StringLiteral kBlocksName = "weft.blocks";

} // namespace weft::ir
