// Columns of the scores that a mask hides from all rows of a tile.
#pragma once

#include "passes/tile_function.h"

namespace weft {

/// Proves that hidden columns of a chain change nothing, and writes the function that finds those
/// that are not hidden.
class HiddenColumns {
public:
  explicit HiddenColumns(TileChain& chain) : chain(chain) {}

  /// Says whether a mask may hide columns, and what they contribute is then 0 or NaN as if they
  /// were computed.
  bool find();
  /// Finds what must be known of whole operands, which are inputs of the chain then, and returns
  /// the type of emitGuards.
  mlir::Type findGuards();
  /// Emits whether it holds in the tile's entry of the batch: an i64, 0 where hidden columns could
  /// show.
  mlir::Value emitGuards(TileFunction& tile);
  /// Emits the first column that the mask shows to some row of the tile, and one more than the
  /// last.
  llvm::SmallVector<mlir::Value> emitVisible(TileFunction& tile);

private:
  /// What a value is where the mask hides its column.
  enum class State {
    unknown,
    scores, // anything: what the mask is put on
    low,    // -inf
    below,  // -inf less a number of the row
    zero,   // exp of that: 0 unless the row is NaN
    share,  // that divided by the sum of the row
    row     // no column: a number of the row, which hidden columns do not change
  };
  State stateOf(mlir::Value v) const {
    auto known = states.find(v);
    return known == states.end() ? State::unknown : known->second;
  }
  State find(mlir::Operation* op);
  State reduced(mlir::Operation* op);
  State pointwise(mlir::Operation* op);
  State masked(mlir::Operation* op);
  State ofRows(mlir::Operation* op);
  State use(mlir::Value low, State state);
  std::optional<int64_t> termsOfScore();
  bool isBounded(mlir::Value scores);
  mlir::Value emitHidden(TileFunction& tile, mlir::Value v, const Form& form);

  TileChain& chain;
  llvm::DenseMap<mlir::Value, State> states;
  llvm::DenseSet<mlir::Value> positive;     // sums of what is not negative
  llvm::SetVector<mlir::Value> divisors;    // numbers that must not be 0
  mlir::Value scores;                       // with the mask, as rows are reduced
  llvm::SetVector<mlir::Operation*> scales; // from the product to scores that must be finite
  bool needsBound = false;
  // Operands whose largest element is asked for: v, then the left and right factor of the scores.
  llvm::SmallVector<std::pair<mlir::Value, Form>> guarded;
};

} // namespace weft
