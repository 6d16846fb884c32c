// 1. Symbolic shapes of all values: sizes that an op needs equal become one symbol.
// 2. One op after another: a storage has a current value; a view is read through its chain of view
//    ops; an in-place op makes a new value and writes it back through the chain.
// 3. The final values of the outputs are returned.
#include "codegen/import.h"

#include "ir/weft/index_math.h"
#include "ir/weft/shape_rules.h"
#include "ir/weft/weft.h"
#include "runtime/program/program.h"
#include "weft/error.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace weft {
namespace {

using ir::Exprs;

class Importer {
public:
  Importer(const Segment& segment, MLIRContext& context)
      : segment(segment), context(&context), builder(&context) {}

  OwningOpRef<ModuleOp> run() {
    define_values();
    infer_shapes();
    number_symbols();
    OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module->getBody());
    create_function();
    for (size_t k = 0; k < segment.ops.size(); k++)
      import_op(k);
    return_outputs();
    return module;
  }

private:
  [[noreturn]] void fail(size_t op, const std::string& message) const {
    throw Error(ErrorKind::unsupported, "compile: " + segment.ops[op].op + ": " + message);
  }
  void require(bool ok, const char* message) const {
    if (!ok)
      throw Error(ErrorKind::internal,
                  std::string("compile: the segment is inconsistent: ") + message);
  }
  AffineExpr constant(int64_t v) const { return getAffineConstantExpr(v, context); }

  //===--- Values -----------------------------------------------------------------------------===//

  void define_values() {
    size_t n = segment.values.size();
    defining_op.assign(n, -1);
    shapes.resize(n);
    owner.resize(n);
    layouts.resize(segment.leaves.size());
    for (size_t v = 0; v < n; v++) {
      require(segment.values[v].base >= 0 && segment.values[v].base < static_cast<int32_t>(n),
              "a base is out of range");
      owner[v] = segment.values[v].base;
    }
    for (size_t k = 0; k < segment.leaves.size(); k++)
      leaf_position[segment.leaves[k]] = k;
    for (const SegmentAlias& alias : segment.aliases)
      same_leaf[segment.leaves[alias.leaf]] = segment.leaves[alias.same_as];
    for (int32_t& v : owner)
      v = resolve_alias(v);
    for (size_t k = 0; k < segment.ops.size(); k++) {
      const SegmentOp& op = segment.ops[k];
      records.push_back(ir::findRecord(op.op));
      if (!records.back()) fail(k, "the compiler does not know this op");
      for (int32_t v : op.operands)
        require(v < static_cast<int32_t>(n) &&
                    -1 - v < static_cast<int32_t>(segment.scalars.size()),
                "an operand is out of range");
      if (op.result >= 0) defining_op[op.result] = k;
    }
  }
  int32_t resolve_alias(int32_t v) const {
    auto it = same_leaf.find(v);
    return it == same_leaf.end() ? v : resolve_alias(it->second);
  }

  //===--- Shapes -----------------------------------------------------------------------------===//

  AffineExpr new_symbol(ProgramSymbol::Kind kind, int32_t index, int32_t dim, int64_t recorded) {
    if (!segment.generic || recorded == 1) return constant(recorded);
    symbols.push_back({kind, index, dim});
    meanings.push_back({});
    return getAffineSymbolExpr(symbols.size() - 1, context);
  }

  // What is known of a symbol replaces it.
  AffineExpr resolved(AffineExpr e) const {
    if (!segment.generic) return e;
    AffineExpr r = e;
    for (bool changed = true; changed;) {
      changed = false;
      SmallVector<AffineExpr> replacements;
      for (size_t s = 0; s < symbols.size(); s++) {
        replacements.push_back(meanings[s] ? meanings[s] : getAffineSymbolExpr(s, context));
        changed |= meanings[s] && r.isFunctionOfSymbol(s);
      }
      if (changed) r = r.replaceSymbols(replacements);
    }
    return ir::canonical(r);
  }

  bool make_equal(AffineExpr a, AffineExpr b) {
    a = resolved(a), b = resolved(b);
    if (a == b) return true;
    if (!segment.generic || (isa<AffineConstantExpr>(a) && isa<AffineConstantExpr>(b)))
      return false;
    auto bind = [&](AffineExpr symbol, AffineExpr meaning) {
      auto s = dyn_cast<AffineSymbolExpr>(symbol);
      if (!s || meaning.isFunctionOfSymbol(s.getPosition())) return false;
      meanings[s.getPosition()] = meaning;
      return true;
    };
    // The symbol seen last gives way: leaves' sizes come before attributes of later ops.
    auto position = [](AffineExpr e) {
      auto s = dyn_cast<AffineSymbolExpr>(e);
      return s ? static_cast<int>(s.getPosition()) : -1;
    };
    if (position(a) > position(b)) std::swap(a, b);
    bind(b, a) || bind(a, b);
    return true; // the runtime has checked the rule for these sizes, whatever their form
  }

  void infer_shapes() {
    for (size_t k = 0; k < segment.leaves.size(); k++)
      infer_leaf(k);
    op_sizes.resize(segment.ops.size());
    for (size_t k = 0; k < segment.ops.size(); k++)
      infer_op(k);
  }

  void infer_leaf(size_t k) {
    int32_t v = segment.leaves[k];
    const Meta& meta = segment.values[v].meta;
    for (int dim = 0; dim < meta.rank; dim++)
      shapes[v].push_back(new_symbol(ProgramSymbol::Kind::leaf_size, k, dim, meta.sizes[dim]));
    auto same = same_leaf.find(v);
    if (same != same_leaf.end())
      for (auto [a, b] : llvm::zip_equal(shapes[v], shapes[same->second]))
        make_equal(b, a);
    if (meta.contiguous) return;
    AffineExpr offset = constant(0);
    for (int dim = 0; dim < meta.rank; dim++)
      if (meta.sizes[dim] != 1) {
        // A stride of 0 or 1 is kept as a size argument too: which of them it is, is not structure.
        AffineExpr stride = constant(meta.strides[dim]);
        if (segment.generic) {
          symbols.push_back({ProgramSymbol::Kind::leaf_stride, static_cast<int32_t>(k), dim});
          meanings.push_back({});
          stride = getAffineSymbolExpr(symbols.size() - 1, context);
        }
        offset = offset + getAffineDimExpr(dim, context) * stride;
      }
    layouts[k] = offset;
  }

  void infer_op(size_t k) {
    const SegmentOp& op = segment.ops[k];
    for (size_t a = 0; a < op.sizes.size(); a++)
      op_sizes[k].push_back(
          new_symbol(ProgramSymbol::Kind::attribute, op.first_size + a, 0, op.sizes[a]));
    ir::ShapeCall call{records[k], {}, op.structure, op_sizes[k], context};
    for (int32_t v : op.operands)
      call.operands.push_back(v < 0 ? Exprs() : shapes[v]);
    for (size_t a = 0; a < op.scalar_attributes.size(); a++)
      call.operands.push_back({});
    if (op.in_place) call.operands.resize(std::max(call.operands.size(), size_t(1)));
    std::string why;
    auto shape = ir::inferShape(
        call, [&](AffineExpr a, AffineExpr b) { return make_equal(a, b); }, why);
    if (!shape) fail(k, why);
    if (records[k]->kind == ir::RecordKind::view && segment.generic)
      make_equal(ir::countOf(call.operands[0], context), ir::countOf(*shape, context));
    if (op.result >= 0) shapes[op.result] = *shape;
  }

  // Symbols that remain get the numbers of the function's index arguments.
  void number_symbols() {
    if (!segment.generic) return;
    std::vector<bool> used(symbols.size());
    auto settle = [&](AffineExpr& e) {
      e = resolved(e);
      e.walk([&](AffineExpr x) {
        if (auto s = dyn_cast<AffineSymbolExpr>(x)) used[s.getPosition()] = true;
      });
    };
    auto each = [&](auto visit) {
      for (Exprs& shape : shapes)
        for (AffineExpr& e : shape)
          visit(e);
      for (Exprs& sizes : op_sizes)
        for (AffineExpr& e : sizes)
          visit(e);
      for (AffineExpr& e : layouts)
        if (e) visit(e);
    };
    each(settle);
    SmallVector<AffineExpr> renumbered;
    std::vector<ProgramSymbol> kept;
    for (size_t s = 0; s < symbols.size(); s++) {
      renumbered.push_back(getAffineSymbolExpr(kept.size(), context));
      if (used[s]) kept.push_back(symbols[s]);
    }
    each([&](AffineExpr& e) { e = e.replaceSymbols(renumbered); });
    symbols = kept;
  }

  //===--- The function -----------------------------------------------------------------------===//

  Type element(DType t) {
    switch (t) {
    case DType::f32:
      return builder.getF32Type();
    case DType::f64:
      return builder.getF64Type();
    case DType::bf16:
      return builder.getBF16Type();
    case DType::i64:
      return builder.getI64Type();
    default:
      return builder.getI1Type();
    }
  }
  RankedTensorType type_of(int32_t v) {
    return ir::tensorType(shapes[v], element(segment.values[v].meta.dtype));
  }

  Location location(size_t k) {
    int32_t l = segment.ops[k].location;
    Location line = builder.getUnknownLoc();
    if (l >= 0 && l < static_cast<int32_t>(segment.locations.size())) {
      const SourceLine& s = segment.locations[l];
      line = FileLineColLoc::get(context, s.file, s.line, 0);
      if (!s.function.empty()) line = NameLoc::get(builder.getStringAttr(s.function), line);
    }
    return FusedLoc::get(context, {line}, builder.getI64IntegerAttr(k));
  }

  void create_function() {
    SmallVector<Type> arguments, results;
    for (int32_t v : segment.leaves)
      arguments.push_back(type_of(v));
    for (Scalar::Kind kind : segment.scalars)
      arguments.push_back(kind == Scalar::Kind::floating  ? Type(builder.getF64Type())
                          : kind == Scalar::Kind::integer ? Type(builder.getI64Type())
                                                          : Type(builder.getI1Type()));
    arguments.append(symbols.size(), builder.getIndexType());
    for (int32_t v : segment.outputs)
      results.push_back(type_of(owner[v]));
    function = func::FuncOp::create(builder, builder.getUnknownLoc(), "segment",
                                    builder.getFunctionType(arguments, results));
    Block* block = function.addEntryBlock();
    builder.setInsertionPointToStart(block);
    for (auto [k, v] : llvm::enumerate(segment.leaves)) {
      if (!same_leaf.contains(v)) current[v] = block->getArgument(k);
      if (layouts[k])
        function.setArgAttr(k, ir::kLayoutName,
                            AffineMapAttr::get(AffineMap::get(segment.values[v].meta.rank,
                                                              symbols.size(), layouts[k])));
    }
    size_t first = segment.leaves.size() + segment.scalars.size();
    for (auto [k, s] : llvm::enumerate(symbols))
      function.setArgAttr(
          first + k, kSymbolName,
          builder.getDenseI64ArrayAttr({static_cast<int64_t>(s.kind), s.index, s.dim}));
    for (auto [k, v] : llvm::enumerate(segment.outputs))
      if (segment.values[owner[v]].is_leaf)
        function.setResultAttr(k, ir::kLeafName,
                               builder.getI64IntegerAttr(leaf_position.lookup(owner[v])));
  }

  //===--- Reading and writing ----------------------------------------------------------------===//

  Value read(int32_t v) {
    v = resolve_alias(v);
    int32_t base = owner[v];
    if (v == base) {
      Value value = current.lookup(v);
      require(static_cast<bool>(value), "a value is read before it is computed");
      return value;
    }
    auto& [seen, value] = views[v];
    if (value && seen == current.lookup(base)) return value;
    int32_t k = defining_op[v];
    require(k >= 0 && records[k]->kind == ir::RecordKind::view,
            "a value that looks into another is no view");
    Value source = read(segment.ops[k].operands[0]);
    Value result = ir::createRecord(builder, location(k), segment.ops[k].op, source, type_of(v),
                                    segment.ops[k].structure, op_sizes[k]);
    views[v] = {current.lookup(base), result};
    return result;
  }

  void write(size_t at, int32_t v, Value value) {
    v = resolve_alias(v);
    if (v == owner[v]) {
      current[v] = value;
      return;
    }
    int32_t k = defining_op[v];
    Value shown = read(v);
    int32_t u = segment.ops[k].operands[0];
    OpBuilder::InsertionGuard guard(builder);
    auto view = dyn_cast_or_null<ir::ViewOp>(shown.getDefiningOp());
    Value source = read(u);
    Value updated = view ? view.writeBack(builder, source, value) : Value();
    if (!updated) fail(at, "cannot write into a view whose elements share memory");
    write(at, u, updated);
  }

  //===--- Ops --------------------------------------------------------------------------------===//

  Value scalar(size_t k, int32_t number, Type to) {
    Value argument = function.getArgument(segment.leaves.size() + number);
    return ir::ScalarOp::create(builder, location(k), RankedTensorType::get({}, to), argument);
  }

  // The type that an op's numbers have: that in which it computes.
  Type scalar_type(size_t k, size_t position) {
    const SegmentOp& op = segment.ops[k];
    const ir::Record& record = *records[k];
    if (record.isMask(position)) return builder.getI1Type();
    if (record.isRandom && position < record.operands + 2) return builder.getI64Type();
    int32_t from = op.in_place ? op.operands[0] : op.result;
    for (auto [p, v] : llvm::enumerate(op.operands))
      if (v >= 0 && !record.isMask(p)) {
        from = v;
        break;
      }
    return ir::computeElement(element(segment.values[from].meta.dtype));
  }

  void import_op(size_t k) {
    const SegmentOp& op = segment.ops[k];
    if (records[k]->kind == ir::RecordKind::view) {
      read(op.result);
      return;
    }
    SmallVector<Value> operands;
    for (auto [p, v] : llvm::enumerate(op.operands))
      operands.push_back(v < 0 ? scalar(k, -1 - v, scalar_type(k, p)) : read(v));
    for (auto [a, number] : llvm::enumerate(op.scalar_attributes))
      operands.push_back(scalar(k, number, scalar_type(k, op.operands.size() + a)));
    int32_t to = op.in_place ? op.operands[0] : op.result;
    require(to >= 0, "an op has no result");
    Value result = ir::createRecord(builder, location(k), op.op, operands, type_of(to),
                                    op.structure, op_sizes[k]);
    if (op.in_place)
      write(k, to, result);
    else
      current[to] = result;
  }

  void return_outputs() {
    SmallVector<Value> results;
    for (int32_t v : segment.outputs) {
      require(v >= 0 && v < static_cast<int32_t>(owner.size()), "an output is out of range");
      results.push_back(read(owner[v]));
    }
    func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
  }

  const Segment& segment;
  MLIRContext* context;
  OpBuilder builder;
  func::FuncOp function;
  std::vector<const ir::Record*> records;  // by op
  std::vector<int32_t> defining_op, owner; // by value
  llvm::DenseMap<int32_t, int32_t> same_leaf, leaf_position;
  std::vector<Exprs> shapes, op_sizes;
  std::vector<AffineExpr> layouts; // by leaf; null: contiguous
  std::vector<ProgramSymbol> symbols;
  std::vector<AffineExpr> meanings;       // by symbol; null: free
  llvm::DenseMap<int32_t, Value> current; // by storage
  llvm::DenseMap<int32_t, std::pair<Value, Value>>
      views; // the storage's value when the view was made, the view
};

} // namespace

OwningOpRef<ModuleOp> import_segment(const Segment& segment, MLIRContext& context) {
  return Importer(segment, context).run();
}

int32_t op_position(Location loc) {
  if (auto fused = dyn_cast<FusedLoc>(loc))
    if (auto position = dyn_cast_or_null<IntegerAttr>(fused.getMetadata()))
      return static_cast<int32_t>(position.getInt());
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (int32_t p = op_position(part); p >= 0) return p;
  return -1;
}

} // namespace weft
