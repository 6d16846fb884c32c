// Two products with a normalisation of rows between them (attention) run tile by tile: what lies
// between them is never whole.
// 1. From a product C upwards through its left factor, ops that keep rows apart are collected until
//    a product A is found: pointwise ops, reductions within a row, views that leave rows as they
//    are (tile_chain.cpp).
// 2. If a row is reduced on the way and nobody else reads what depends on A, these ops become a
//    function of one tile: one entry of the batch, some rows. It reads slices of its operands,
//    whose starts are symbols, and writes a window of C's result (tile_function.cpp).
// 3. Where a mask may hide columns from all rows of a tile, and hidden ones change nothing, it
//    computes a window of the columns alone; another function finds them, and a third one what it
//    asks of whole operands (hidden_columns.cpp).
// 4. weft.tiles calls the function for each tile, any of them on any thread.
//   softmax(Q K^T) V, rows i of it  =  softmax(Q[i] K^T) V
// The rows of a tile depend on shapes alone, and each row is computed as it would be in whole.
// Where sizes are arguments the rows of a tile are an expression of them, and the last two tiles
// may share rows, which both compute alike.
#include "ir/weft/tiles.h"
#include "passes/hidden_columns.h"
#include "passes/passes.h"
#include "passes/tile_function.h"

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

std::string summaryOf(const TileChain& chain) {
  std::string text;
  for (Operation* op : llvm::reverse(chain.members))
    if (!isTransparent(op)) text += (text.empty() ? "" : " ") + op->getName().stripDialect().str();
  return text;
}

void eraseUnused(TileChain& chain) {
  for (bool changed = true; changed;) {
    changed = false;
    for (Operation* op : llvm::make_early_inc_range(chain.members))
      if (op->use_empty()) {
        chain.members.remove(op);
        op->erase();
        changed = true;
        break;
      }
  }
}

// Makes the functions of a tile and their call.
void tile(func::FuncOp function, TileChain& chain, unsigned number) {
  std::string name = "tiles" + std::to_string(number);
  MLIRContext* context = function.getContext();
  OpBuilder builder(chain.last);
  FlatSymbolRefAttr visible, guards;
  IntegerAttr columns;
  HiddenColumns hidden(chain);
  if (hidden.find() && chain.narrow()) {
    SmallVector<Type> known = hidden.findGuards();
    TileFunction largest(function, chain, name + "_guards", TileFunction::Returns::guards, known);
    largest.finish(hidden.emitLargest(largest));
    guards = FlatSymbolRefAttr::get(context, largest.name);
    TileFunction finder(function, chain, name + "_visible", TileFunction::Returns::columns, known);
    finder.finish(hidden.emitVisible(finder));
    visible = FlatSymbolRefAttr::get(context, finder.name);
    columns = builder.getI64IntegerAttr(*chain.columns());
  }
  TileFunction body(function, chain, name, TileFunction::Returns::window);
  body.finish(body.tiled(chain.last->getResult(0), chain.form));
  SmallVector<Value> operands(chain.inputs.begin(), chain.inputs.end());
  llvm::append_range(operands, body.numbers());
  auto [counts, steps, extents] = body.places();
  auto mapOf = [&](const Exprs& list) {
    return AffineMap::get(0, ir::countSymbols(list), list, context);
  };
  SmallVector<Location> places;
  for (Operation* op : chain.members)
    places.push_back(op->getLoc());
  Value old = chain.last->getResult(0);
  auto tiles = ir::TilesOp::create(builder, FusedLoc::get(context, places), old.getType(), name,
                                   operands, mapOf(counts), mapOf(steps), mapOf(extents), visible,
                                   columns, summaryOf(chain));
  if (guards) tiles->setAttr(ir::kGuardsName, guards);
  old.replaceAllUsesWith(tiles.getResult());
  eraseUnused(chain);
}

} // namespace

LogicalResult tileProducts(ModuleOp module, PassContext&) {
  unsigned number = 0;
  SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
  for (func::FuncOp function : functions) {
    if (function.isDeclaration()) continue;
    SmallVector<Operation*> products;
    for (Operation& op : function.getBody().front())
      if (isMatrixProduct(&op)) products.push_back(&op);
    // From the end on: a product that became part of a tile is no end of another one.
    llvm::DenseSet<Operation*> taken;
    for (Operation* op : llvm::reverse(products)) {
      if (taken.contains(op)) continue;
      TileChain chain(op);
      if (!chain.find()) continue;
      taken.insert(chain.first);
      tile(function, chain, number++);
    }
  }
  return success();
}

} // namespace weft
