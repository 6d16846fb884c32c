// The function of a tile: its arguments, and what it makes of the values of the function around.
#pragma once

#include "passes/tile_chain.h"

#include <map>

namespace weft {

/// The columns of the scores that a function computes.
struct TileColumns {
  enum class Kind {
    all,     // or none
    visible, // takes the first granule of them and the number of granules
    block    // takes the block's number
  };
  Kind kind = Kind::all;
  int64_t length = 0; // of the block: those of the chain, or what they leave over
};

/// Arguments are the chain's inputs, the window of the result, what another function has returned,
/// run-time numbers, the caller's sizes, where the tile starts along the dims that have more than
/// one place, its rows, if their number is no constant, and what its columns take.
class TileFunction {
public:
  struct Signature {
    enum class Returns { window, columns, tensors }; // of the result; two numbers; or these
    Returns returns = Returns::window;
    llvm::ArrayRef<mlir::Type> tensors = {}; // that are returned
    llvm::ArrayRef<mlir::Type> further = {}; // that are taken
    TileColumns columns = {};
  };
  TileFunction(mlir::func::FuncOp function, TileChain& chain, std::string name,
               const Signature& signature);

  /// Returns the part of a value that the tile reads in that form.
  mlir::Value tiled(mlir::Value v, const Form& form);
  /// Returns a part of an input of the chain.
  mlir::Value ofInput(mlir::Value v, const Form& form);
  /// Says whether it depends on the tile's entry of the batch.
  bool readsBatch() const { return ofBatch; }
  /// Returns what another function has returned.
  mlir::Value further(unsigned k) { return tile.getArgument(chain.inputs.size() + 1 + k); }
  /// Reads `given` wherever the tile reads a value in that form.
  void set(mlir::Value v, const Form& form, mlir::Value given) { made[keyOf(v, form)] = given; }
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
  int indices() const;
  ir::Exprs shapeOf(mlir::Value v, const Form& form);
  void create(const Signature& signature);
  mlir::AffineMap windowLayout(mlir::Value result);
  mlir::Value sliced(mlir::Value v, const Form& form);
  mlir::Value make(mlir::Value v, const Form& form);
  mlir::Value computed(mlir::Operation* op, const Form& form);

  mlir::func::FuncOp function;
  TileChain& chain;
  mlir::MLIRContext* context;
  mlir::func::FuncOp tile;
  TileColumns columns;
  bool ofBatch = false;
  int sizes = 0;                    // the function's size arguments
  int moving = 0;                   // dims of the tile that have more than one place
  llvm::SmallVector<int, 6> starts; // by dim of the tile: its number among those, or kWhole
  llvm::DenseMap<mlir::Value, unsigned> arguments; // of run-time numbers
  std::map<FormKey, mlir::Value> made;
};

} // namespace weft
