// Attributes of weft.tiles and its functions.
#pragma once

#include "llvm/ADT/StringRef.h"

namespace weft::ir {

/// On weft.tiles that compute visible columns alone, and once it is lowered on its function:
/// another function of the same arguments. It returns a tensor of one i64, which is 0 where all
/// columns must be computed, whatever the function that finds them returns. It does not depend on
/// where the tile starts along its last dim, so it is called once for all tiles of a thread that
/// differ in that alone.
inline constexpr llvm::StringLiteral kGuardsName = "weft.guards";

/// There also, where the columns that are found depend on where a tile starts along its last dim
/// alone: a thread finds them once for all tiles that start there.
inline constexpr llvm::StringLiteral kByRowsName = "weft.by_rows";

/// On weft.tiles that compute their columns in blocks, and once it is lowered on its function: the
/// length of a block, then functions of the same arguments. The first returns tensors, the state of
/// a tile that has seen no column. The second takes a state, behind the window, and the number of a
/// block, and returns the state with those columns. The third, if blocks leave columns over, does
/// that for them. The function of the tile takes the last state.
inline constexpr llvm::StringLiteral kBlocksName = "weft.blocks";

} // namespace weft::ir
