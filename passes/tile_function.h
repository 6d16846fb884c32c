// The function of a tile: its arguments, and what it makes of the values of the function around.
#pragma once

#include "passes/tile_chain.h"

#include <map>

namespace weft {

/// Arguments are the chain's inputs, the window of the result, what another function has returned,
/// run-time numbers, the caller's sizes, where the tile starts along the dims that have more than
/// one place, its rows, if their number is no constant, and, if the tile computes some columns
/// alone, the first granule of them and their number.
class TileFunction {
public:
  /// `returns` a window of the chain's result, two numbers, or tensors of types `further`, which
  /// one of columns takes.
  enum class Returns { window, columns, guards };
  TileFunction(mlir::func::FuncOp function, TileChain& chain, std::string name, Returns returns,
               llvm::ArrayRef<mlir::Type> further = {});

  /// Returns the part of a value that the tile reads in that form.
  mlir::Value tiled(mlir::Value v, const Form& form);
  /// Returns a part of an input of the chain.
  mlir::Value ofInput(mlir::Value v, const Form& form);
  /// Returns what another function has returned.
  mlir::Value further(unsigned k) { return tile.getArgument(chain.inputs.size() + 1 + k); }
  void finish(mlir::ValueRange results);
  mlir::RankedTensorType typeOf(mlir::Value v, const Form& form) {
    return ir::tensorType(shapeOf(v, form), ir::elementOf(v));
  }
  /// Run-time numbers of the chain that are arguments.
  llvm::SmallVector<mlir::Value> numbers() const;
  // Along the dims that have more than one place.
  struct Places {
    ir::Exprs counts, steps, extents;
  };
  Places places();

  mlir::OpBuilder builder;
  const std::string name;

private:
  mlir::AffineExpr constant(int64_t v) { return getAffineConstantExpr(v, context); }
  mlir::AffineExpr symbol(int k) { return getAffineSymbolExpr(sizes + k, context); }
  mlir::AffineExpr startOf(int dim);
  mlir::AffineExpr lengthOf(int dim);
  bool takesLength() const { return !isa<mlir::AffineConstantExpr>(chain.lengths.back()); }
  int firstColumn() const { return moving + takesLength(); }
  int indices() const { return sizes + firstColumn() + (isNarrow ? 2 : 0); }
  ir::Exprs shapeOf(mlir::Value v, const Form& form);
  void create(Returns returns, llvm::ArrayRef<mlir::Type> further);
  mlir::AffineMap windowLayout(mlir::Value result);
  mlir::Value sliced(mlir::Value v, const Form& form);
  mlir::Value make(mlir::Value v, const Form& form);
  mlir::Value computed(mlir::Operation* op, const Form& form);

  mlir::func::FuncOp function;
  TileChain& chain;
  mlir::MLIRContext* context;
  mlir::func::FuncOp tile;
  bool isNarrow;
  int sizes = 0;                    // the function's size arguments
  int moving = 0;                   // dims of the tile that have more than one place
  llvm::SmallVector<int, 6> starts; // by dim of the tile: its number among those, or kWhole
  llvm::DenseMap<mlir::Value, unsigned> arguments; // of run-time numbers
  std::map<FormKey, mlir::Value> made;
};

} // namespace weft
