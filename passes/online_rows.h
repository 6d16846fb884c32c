// Softmax of long rows between two products, some columns at a time: the online form (Milakov and
// Gimelshein 2018; Dao et al. 2022).
#pragma once

#include "passes/tile_function.h"

namespace weft {

/// Proves that a chain is the softmax of some scores x times a matrix V, and writes the functions
/// that compute it block by block. Behind some columns a tile's state is, for each row,
///     m = max x,   t = sum exp(x - m),   s = sum exp(x - m) V,
/// and a block x', V' of further columns makes of it, with m' = max(m, max x') and f = exp(m - m'),
///     m',   t f + sum exp(x' - m'),   s f + exp(x' - m') V'.
/// The result is s / t.
class OnlineRows {
public:
  explicit OnlineRows(TileChain& chain) : chain(chain) {}

  bool find();
  /// The types of m, t and s.
  llvm::SmallVector<mlir::Type> stateTypes() const;
  /// Emits the state, of these types, of a tile that has seen no column.
  llvm::SmallVector<mlir::Value> emitNone(TileFunction& tile, llvm::ArrayRef<mlir::Type> state);
  /// Emits the state behind a block of columns, of the one that the function takes.
  llvm::SmallVector<mlir::Value> emitBlock(TileFunction& tile);
  /// Emits the result of the state that the function takes.
  mlir::Value emitResult(TileFunction& tile);

private:
  enum class Role {
    unknown,
    scores,  // anything of which nothing is reduced yet
    largest, // m
    shifted, // x - m
    terms,   // exp of that
    total,   // t, or made of it
    shares   // terms by that
  };
  Role roleOf(mlir::Value v) const {
    auto known = roles.find(v);
    return known == roles.end() ? Role::unknown : known->second;
  }
  Role find(mlir::Operation* op);
  Role reduced(mlir::Operation* op);
  bool isKnown(mlir::Operation* op, Role role) const;
  mlir::RankedTensorType typeInTile(mlir::Value v, const Form& form) const;

  TileChain& chain;
  llvm::DenseMap<mlir::Value, Role> roles;
  mlir::Value scores, largest, terms, total;
  mlir::Operation* division = nullptr;
};

} // namespace weft
