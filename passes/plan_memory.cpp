// 1. A launch's buffers are its inputs, then its results that are not written over an input.
// 2. Leaves and outputs have memory of their own. A temporary lives from the launch that writes it
//    to the last that reads it.
// 3. A result that is written over an input shares its place: with an output the output's, else it
//    is one temporary with the life of both.
// 4. Temporaries of known size: largest first, at the lowest offset free during their life. Others:
//    a place of the same size that is free.
#include "passes/passes.h"

#include "ir/loom/loom.h"
#include "ir/weft/index_math.h"
#include "ir/weft/weft.h"

using namespace mlir;

namespace weft {
namespace {

constexpr int64_t kAlignment = 64;

struct Temporary {
  unsigned first, last; // launches
  AffineExpr bytes;     // a multiple of the alignment
  AffineExpr offset;
};

class MemoryPlan {
public:
  explicit MemoryPlan(func::FuncOp function) : function(function), context(function.getContext()) {}

  void run() {
    for (auto launch : function.getOps<ir::LaunchOp>()) {
      numbers[launch] = launches.size();
      launches.push_back(launch);
    }
    for (OpOperand& operand : function.getBody().front().getTerminator()->getOpOperands()) {
      auto leaf =
          function.getResultAttrOfType<IntegerAttr>(operand.getOperandNumber(), ir::kLeafName);
      if (operand.get().getDefiningOp<ir::LaunchOp>())
        places[operand.get()] =
            leaf ? ir::BufferAttr::get(context, ir::BufferKind::leaf, leaf.getInt())
                 : ir::BufferAttr::get(context, ir::BufferKind::output, operand.getOperandNumber());
    }
    for (BlockArgument argument : function.getArguments())
      if (isa<RankedTensorType>(argument.getType()))
        places[argument] =
            ir::BufferAttr::get(context, ir::BufferKind::leaf, argument.getArgNumber());
    placeUnderOutputs();
    findTemporaries();
    AffineExpr arena = place();
    attach(arena);
  }

private:
  AffineExpr constant(int64_t v) { return getAffineConstantExpr(v, context); }

  // Returns what a result is written over, or null.
  static Value inputUnder(OpResult result) {
    auto launch = cast<ir::LaunchOp>(result.getOwner());
    int64_t input = launch.getTied()[result.getResultNumber()];
    return input < 0 ? Value() : launch.getInputs()[input];
  }

  void placeUnderOutputs() {
    for (ir::LaunchOp launch : llvm::reverse(launches))
      for (OpResult result : launch->getResults())
        if (Value under = inputUnder(result); under && places.contains(result))
          places.try_emplace(under, places.lookup(result));
  }

  void findTemporaries() {
    for (auto [k, launch] : llvm::enumerate(launches))
      for (OpResult result : launch->getResults()) {
        if (places.contains(result)) continue;
        unsigned last = k;
        for (Operation* user : result.getUsers())
          if (auto reader = dyn_cast<ir::LaunchOp>(user))
            last = std::max(last, numbers.lookup(reader));
        if (Value under = inputUnder(result)) {
          places[result] = places.lookup(under);
          temporaries[places.lookup(under).getIndex()].last = last;
          continue;
        }
        AffineExpr bytes =
            ir::countOf(ir::shapeOf(result), context) * loom::elementBytes(ir::elementOf(result));
        bytes = ir::canonical(bytes.ceilDiv(kAlignment) * kAlignment);
        places[result] =
            ir::BufferAttr::get(context, ir::BufferKind::temporary, temporaries.size());
        temporaries.push_back({static_cast<unsigned>(k), last, bytes, {}});
      }
  }

  AffineExpr place() {
    SmallVector<Temporary*> known, others;
    for (Temporary& t : temporaries)
      (isa<AffineConstantExpr>(t.bytes) ? known : others).push_back(&t);
    AffineExpr end = constant(placeKnown(known));
    for (Temporary* t : others)
      end = placeOther(*t, end, others);
    return ir::canonical(end);
  }

  static bool overlap(const Temporary& a, const Temporary& b) {
    return a.first <= b.last && b.first <= a.last;
  }

  int64_t placeKnown(SmallVectorImpl<Temporary*>& known) {
    auto bytes = [](const Temporary* t) { return cast<AffineConstantExpr>(t->bytes).getValue(); };
    auto offset = [](const Temporary* t) { return cast<AffineConstantExpr>(t->offset).getValue(); };
    llvm::stable_sort(known, [&](Temporary* a, Temporary* b) { return bytes(a) > bytes(b); });
    int64_t end = 0;
    SmallVector<Temporary*> placed; // by offset
    for (Temporary* t : known) {
      int64_t at = 0;
      for (Temporary* other : placed)
        if (overlap(*t, *other) && at < offset(other) + bytes(other) &&
            offset(other) < at + bytes(t))
          at = offset(other) + bytes(other);
      t->offset = constant(at);
      end = std::max(end, at + bytes(t));
      placed.insert(
          llvm::upper_bound(placed, t,
                            [&](Temporary* a, Temporary* b) { return offset(a) < offset(b); }),
          t);
    }
    return end;
  }

  AffineExpr placeOther(Temporary& t, AffineExpr end, ArrayRef<Temporary*> others) {
    for (Temporary* mate : others) {
      if (!mate->offset || mate->bytes != t.bytes) continue;
      bool isFree = llvm::none_of(others, [&](Temporary* o) {
        return o->offset == mate->offset && o->offset && overlap(*o, t);
      });
      if (isFree) {
        t.offset = mate->offset;
        return end;
      }
    }
    t.offset = end;
    return ir::canonical(end + t.bytes);
  }

  void attach(AffineExpr arena) {
    unsigned symbols = 0;
    for (BlockArgument argument : function.getArguments())
      symbols += argument.getType().isIndex();
    Builder builder(context);
    SmallVector<Attribute> offsets;
    for (const Temporary& t : temporaries)
      offsets.push_back(AffineMapAttr::get(AffineMap::get(0, symbols, t.offset)));
    function->setAttr(ir::kTemporariesName, builder.getArrayAttr(offsets));
    function->setAttr(ir::kArenaName, AffineMapAttr::get(AffineMap::get(0, symbols, arena)));
    for (ir::LaunchOp launch : launches) {
      SmallVector<Attribute> buffers;
      for (Value v : launch.getInputs())
        buffers.push_back(places.lookup(v));
      for (auto [k, result] : llvm::enumerate(launch.getResults()))
        if (launch.getTied()[k] < 0) buffers.push_back(places.lookup(result));
      launch.setBuffersAttr(builder.getArrayAttr(buffers));
    }
  }

  func::FuncOp function;
  MLIRContext* context;
  SmallVector<ir::LaunchOp> launches;
  llvm::DenseMap<Operation*, unsigned> numbers;
  llvm::DenseMap<Value, ir::BufferAttr> places;
  SmallVector<Temporary> temporaries;
};

} // namespace

LogicalResult planMemory(ModuleOp module, PassContext&) {
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration()) MemoryPlan(function).run();
  return success();
}

} // namespace weft
