// 1. A launch's buffers are its inputs, then its results that are not written over an input.
// 2. Leaves and outputs have memory of their own. A temporary lives from the launch that writes it
//    to the last that reads it.
// 3. A result that is written over an input shares its place: with an output the output's, else it
//    is one temporary with the life of both.
// 4. Temporaries of known size: each in the smallest output that is not written before it dies and
//    has room for it, else in the arena, at the lowest offset free during its life. Once largest
//    first, once those that live at the fullest launch before the others; the smaller arena counts.
//    Others: a place of the same size that is free.
#include "passes/passes.h"

#include "ir/loom/loom.h"
#include "ir/weft/index_math.h"
#include "ir/weft/weft.h"

using namespace mlir;

namespace weft {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kArena = -1; // as the host of a temporary

struct Temporary {
  unsigned first, last; // launches
  AffineExpr bytes;     // a multiple of the alignment
  AffineExpr offset = {};
  int64_t host = kArena; // the number of the output that it lies in

  int64_t size() const { return cast<AffineConstantExpr>(bytes).getValue(); }
  int64_t start() const { return cast<AffineConstantExpr>(offset).getValue(); }
};

// Memory that temporaries share.
struct Space {
  int64_t host, room;
  unsigned born;                       // launch from which on it holds something else
  SmallVector<Temporary*> placed = {}; // by offset

  // Returns the lowest offset that is free during the life of a temporary.
  int64_t offsetFor(const Temporary& t) const {
    int64_t at = 0;
    for (Temporary* other : placed)
      if (t.first <= other->last && other->first <= t.last && at < other->start() + other->size() &&
          other->start() < at + t.size())
        at = other->start() + other->size();
    return at;
  }
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
        AffineExpr bytes = ir::canonical(bytesOf(result).ceilDiv(kAlignment) * kAlignment);
        places[result] =
            ir::BufferAttr::get(context, ir::BufferKind::temporary, temporaries.size());
        temporaries.push_back({static_cast<unsigned>(k), last, bytes});
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

  int64_t placeKnown(SmallVector<Temporary*> known) {
    llvm::stable_sort(known, [](Temporary* a, Temporary* b) { return a->size() > b->size(); });
    SmallVector<Temporary*> byFullest(known);
    llvm::stable_sort(byFullest, [full = fullestLaunch(known)](Temporary* a, Temporary* b) {
      auto lives = [full](Temporary* t) { return t->first <= full && full <= t->last; };
      return lives(a) && !lives(b);
    });
    int64_t bySize = placeInOrder(known), arena = placeInOrder(byFullest);
    return arena <= bySize ? arena : placeInOrder(known);
  }

  unsigned fullestLaunch(ArrayRef<Temporary*> known) {
    SmallVector<int64_t> change(launches.size() + 1);
    for (const Temporary* t : known) {
      change[t->first] += t->size();
      change[t->last + 1] -= t->size();
    }
    int64_t live = 0, most = -1;
    unsigned fullest = 0;
    for (unsigned k = 0; k < launches.size(); k++)
      if ((live += change[k]) > most) {
        most = live;
        fullest = k;
      }
    return fullest;
  }

  // Returns the bytes of the arena.
  int64_t placeInOrder(ArrayRef<Temporary*> order) {
    SmallVector<Space> spaces = outputSpaces();
    spaces.push_back({kArena, std::numeric_limits<int64_t>::max(), ~0u});
    int64_t arena = 0;
    for (Temporary* t : order)
      for (Space& space : spaces) {
        int64_t at = t->last < space.born && t->size() <= space.room ? space.offsetFor(*t) : 0;
        if (t->last >= space.born || t->size() > space.room - at) continue;
        t->offset = constant(at);
        t->host = space.host;
        space.placed.insert(
            llvm::upper_bound(space.placed, t,
                              [](Temporary* a, Temporary* b) { return a->start() < b->start(); }),
            t);
        if (space.host == kArena) arena = std::max(arena, at + t->size());
        break;
      }
    return arena;
  }

  // The outputs of known size, the smallest first. A function of tiles has its temporaries in the
  // memory of the tile alone.
  SmallVector<Space> outputSpaces() {
    llvm::MapVector<int64_t, Space> found;
    if (function.isPrivate()) return {};
    for (auto [number, launch] : llvm::enumerate(launches))
      for (Value result : launch.getResults()) {
        ir::BufferAttr buffer = places.lookup(result);
        auto bytes = dyn_cast<AffineConstantExpr>(bytesOf(result));
        if (buffer.getKind() != ir::BufferKind::output || !bytes) continue;
        int64_t room = bytes.getValue() / kAlignment * kAlignment;
        found.insert({buffer.getIndex(), {buffer.getIndex(), room, unsigned(number)}});
      }
    SmallVector<Space> spaces(llvm::make_second_range(found));
    llvm::stable_sort(spaces, [](const Space& a, const Space& b) { return a.room < b.room; });
    return spaces;
  }

  AffineExpr bytesOf(Value v) {
    AffineExpr count = ir::atMost(ir::countOf(ir::shapeOf(v), context), ir::mostOf(function));
    return ir::canonical(count * loom::elementBytes(ir::elementOf(v)));
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
    SmallVector<int64_t> hosts;
    for (const Temporary& t : temporaries) {
      offsets.push_back(AffineMapAttr::get(AffineMap::get(0, symbols, t.offset)));
      hosts.push_back(t.host);
    }
    function->setAttr(ir::kTemporariesName, builder.getArrayAttr(offsets));
    function->setAttr(ir::kHostsName, builder.getDenseI64ArrayAttr(hosts));
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
