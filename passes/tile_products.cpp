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
// 4. Where rows are so long that a tile could have only few of them, blocks of columns follow one
//    another instead (online_rows.cpp).
// 5. weft.tiles calls the function for each tile, any of them on any thread.
//   softmax(Q K^T) V, rows i of it  =  softmax(Q[i] K^T) V
// The rows of a tile depend on shapes alone, and each row is computed as it would be in whole, or
// in blocks that depend on shapes alone. Where sizes are arguments the rows of a tile are an
// expression of them, and the last two tiles may share rows, which both compute alike.
#include "ir/weft/tiles.h"
#include "passes/hidden_columns.h"
#include "passes/online_rows.h"
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
class Tiler {
public:
  Tiler(func::FuncOp function, TileChain& chain, unsigned number)
      : function(function), chain(chain), builder(chain.last), hidden(chain), online(chain),
        name("tiles" + std::to_string(number)) {}

  void run() {
    bool hides = hidden.find(), blocks = chain.isLong() && online.find();
    if ((hides || blocks) && chain.narrow()) {
      columns = builder.getI64IntegerAttr(*chain.columns());
      if (blocks) chain.cutBlocks();
      if (hides) makeVisible();
      if (blocks)
        makeBlocks();
      else
        makeBody({.columns = {TileColumns::Kind::visible}});
    } else {
      makeBody({});
    }
    call();
  }

private:
  using Signature = TileFunction::Signature;
  using Returns = Signature::Returns;

  FlatSymbolRefAttr symbolOf(const TileFunction& tile) {
    return FlatSymbolRefAttr::get(function.getContext(), tile.name);
  }

  void makeVisible() {
    Type type = hidden.findGuards();
    TileFunction guard(function, chain, name + "_guards",
                       {.returns = Returns::tensors, .tensors = type});
    guard.finish(hidden.emitGuards(guard));
    guards = symbolOf(guard);
    TileFunction finder(function, chain, name + "_visible", {.returns = Returns::columns});
    finder.finish(hidden.emitVisible(finder));
    visible = symbolOf(finder);
    seesByRows = !finder.readsBatch();
  }

  void makeBody(const Signature& signature) {
    TileFunction body(function, chain, name, signature);
    body.finish(body.tiled(chain.last->getResult(0), chain.form));
    describe(body);
  }

  void makeBlocks() {
    SmallVector<Attribute> made{builder.getI64IntegerAttr(chain.block)};
    SmallVector<Type> state = online.stateTypes();
    TileFunction none(function, chain, name + "_none",
                      {.returns = Returns::tensors, .tensors = state});
    none.finish(online.emitNone(none, state));
    made.push_back(symbolOf(none));
    auto makeBlock = [&](StringRef suffix, int64_t length) {
      TileFunction block(function, chain, name + suffix.str(),
                         {.returns = Returns::tensors,
                          .tensors = state,
                          .further = state,
                          .columns = {TileColumns::Kind::block, length}});
      block.finish(online.emitBlock(block));
      made.push_back(symbolOf(block));
    };
    makeBlock("_block", chain.block);
    if (int64_t rest = *chain.columns() % chain.block) makeBlock("_rest", rest);
    blocks = builder.getArrayAttr(made);
    TileFunction body(function, chain, name, {.further = state});
    body.finish(online.emitResult(body));
    describe(body);
  }

  void describe(TileFunction& body) {
    numbers = body.numbers();
    places = body.places();
  }

  void call() {
    MLIRContext* context = function.getContext();
    SmallVector<Value> operands(chain.inputs.begin(), chain.inputs.end());
    llvm::append_range(operands, numbers);
    auto mapOf = [&](const Exprs& list) {
      return AffineMap::get(0, ir::countSymbols(list), list, context);
    };
    SmallVector<Location> locations;
    for (Operation* op : chain.members)
      locations.push_back(op->getLoc());
    Value old = chain.last->getResult(0);
    auto tiles = ir::TilesOp::create(builder, FusedLoc::get(context, locations), old.getType(),
                                     name, operands, mapOf(places.counts), mapOf(places.steps),
                                     mapOf(places.extents), visible, columns, summaryOf(chain));
    if (guards) tiles->setAttr(ir::kGuardsName, guards);
    if (seesByRows) tiles->setAttr(ir::kByRowsName, builder.getUnitAttr());
    if (blocks) tiles->setAttr(ir::kBlocksName, blocks);
    old.replaceAllUsesWith(tiles.getResult());
    eraseUnused(chain);
  }

  func::FuncOp function;
  TileChain& chain;
  OpBuilder builder;
  HiddenColumns hidden;
  OnlineRows online;
  std::string name;
  FlatSymbolRefAttr visible, guards;
  ArrayAttr blocks;
  bool seesByRows = false;
  IntegerAttr columns;
  SmallVector<Value> numbers;
  TileFunction::Places places;
};

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
      Tiler(function, chain, number++).run();
    }
  }
  return success();
}

} // namespace weft
