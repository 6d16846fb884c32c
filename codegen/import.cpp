// 1. Symbolic shapes of all values (segment_values.h).
// 2. One op after another: a storage has a current value; a view is read through its chain of view
//    ops; an in-place op makes a new value and writes it back through the chain.
// 3. The final values of the outputs are returned.
#include "codegen/import.h"

#include "codegen/segment_values.h"
#include "ir/weft/weft.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace weft {
namespace {

class Importer {
public:
  Importer(const Segment& segment, MLIRContext& context)
      : segment(segment), context(&context), known(segment, &context), builder(&context) {}

  OwningOpRef<ModuleOp> run() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module->getBody());
    create_function();
    for (size_t k = 0; k < segment.ops.size(); k++)
      import_op(k);
    return_outputs();
    return module;
  }

private:
  //===--- The function -----------------------------------------------------------------------===//

  Type element(DType t) {
    switch (t) {
    case DType::f32:
      return builder.getF32Type();
    case DType::f64:
      return builder.getF64Type();
    case DType::bf16:
      return builder.getBF16Type();
    case DType::f16:
      return builder.getF16Type();
    case DType::i64:
    case DType::i32:
    case DType::i16:
    case DType::i8:
      return builder.getIntegerType(8 * size_of(t));
    case DType::u8:
      return builder.getIntegerType(8, false);
    default:
      return builder.getI1Type();
    }
  }
  RankedTensorType type_of(int32_t v) {
    return ir::tensorType(known.shapes[v], element(segment.values[v].meta.dtype));
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
    arguments.append(known.symbols.size(), builder.getIndexType());
    for (int32_t v : segment.outputs)
      results.push_back(type_of(known.owner[v]));
    function = func::FuncOp::create(builder, builder.getUnknownLoc(), "segment",
                                    builder.getFunctionType(arguments, results));
    Block* block = function.addEntryBlock();
    builder.setInsertionPointToStart(block);
    for (auto [k, v] : llvm::enumerate(segment.leaves)) {
      if (!known.same_leaf.contains(v)) current[v] = block->getArgument(k);
      if (known.layouts[k])
        function.setArgAttr(
            k, ir::kLayoutName,
            AffineMapAttr::get(AffineMap::get(segment.values[v].meta.rank, known.symbols.size(),
                                              known.layouts[k])));
    }
    size_t first = segment.leaves.size() + segment.scalars.size();
    for (auto [k, s] : llvm::enumerate(known.symbols))
      function.setArgAttr(
          first + k, kSymbolName,
          builder.getDenseI64ArrayAttr({static_cast<int64_t>(s.kind), s.index, s.dim}));
    for (auto [k, v] : llvm::enumerate(segment.outputs))
      if (segment.values[known.owner[v]].is_leaf)
        function.setResultAttr(
            k, ir::kLeafName,
            builder.getI64IntegerAttr(known.leaf_position.lookup(known.owner[v])));
    if (!segment.saved.empty()) mark_saved();
  }

  void mark_saved() {
    for (auto [k, v] : llvm::enumerate(segment.outputs)) {
      function.setResultAttr(k, ir::kValueName, builder.getI64IntegerAttr(v));
      if (llvm::is_contained(segment.saved, v))
        function.setResultAttr(k, ir::kSavedName, builder.getUnitAttr());
    }
    for (auto [k, v] : llvm::enumerate(segment.leaves))
      if (llvm::is_contained(segment.fixed, v))
        function.setArgAttr(k, ir::kFixedName, builder.getUnitAttr());
  }

  //===--- Reading and writing ----------------------------------------------------------------===//

  Value read(int32_t v) {
    v = known.resolve_alias(v);
    int32_t base = known.owner[v];
    if (v == base) {
      Value value = current.lookup(v);
      known.require(static_cast<bool>(value), "a value is read before it is computed");
      return value;
    }
    auto& [seen, value] = views[v];
    if (value && seen == current.lookup(base)) return value;
    int32_t k = known.defining_op[v];
    known.require(k >= 0 && known.records[k]->kind == ir::RecordKind::view,
                  "a value that looks into another is no view");
    Value source = read(segment.ops[k].operands[0]);
    Value result = ir::createRecord(builder, location(k), segment.ops[k].op, source, type_of(v),
                                    segment.ops[k].structure, known.op_sizes[k]);
    views[v] = {current.lookup(base), result};
    return result;
  }

  void write(size_t at, int32_t v, Value value) {
    v = known.resolve_alias(v);
    if (v == known.owner[v]) {
      current[v] = value;
      return;
    }
    int32_t k = known.defining_op[v];
    Value shown = read(v);
    int32_t u = segment.ops[k].operands[0];
    OpBuilder::InsertionGuard guard(builder);
    auto view = dyn_cast_or_null<ir::ViewOp>(shown.getDefiningOp());
    Value source = read(u);
    Value updated = view ? view.writeBack(builder, source, value) : Value();
    if (!updated) known.fail(at, "cannot write through this view");
    write(at, u, updated);
  }

  //===--- Ops --------------------------------------------------------------------------------===//

  Value scalar(size_t k, int32_t number, Type to) {
    Value argument = function.getArgument(segment.leaves.size() + number);
    return ir::ScalarOp::create(builder, location(k), RankedTensorType::get({}, to), argument);
  }

  // The type that an op's numbers have: that in which it computes, but narrow integers and bool
  // their own, so that 0.5 is true.
  Type scalar_type(size_t k, size_t position) {
    const SegmentOp& op = segment.ops[k];
    const ir::Record& record = *known.records[k];
    if (record.isMask(position)) return builder.getI1Type();
    if (record.isRandom && position < record.operands + 2) return builder.getI64Type();
    for (auto [p, v] : llvm::enumerate(op.operands))
      if (v >= 0 && !record.isMask(p)) return compute_of(v);
    if (record.result == ir::ResultRule::boolean) return type_of_numbers(op);
    return compute_of(op.in_place ? op.operands[0] : op.result);
  }
  Type compute_of(int32_t value) {
    DType dtype = segment.values[value].meta.dtype;
    return is_floating(dtype) ? ir::computeElement(element(dtype)) : element(dtype);
  }

  // A mask says nothing of the numbers alone that it is made of: f64 if one is floating, else i64.
  Type type_of_numbers(const SegmentOp& op) {
    const auto is_floating = [&](int32_t v) {
      return v < 0 && segment.scalars[-1 - v] == Scalar::Kind::floating;
    };
    return llvm::any_of(op.operands, is_floating) ? Type(builder.getF64Type())
                                                  : Type(builder.getI64Type());
  }

  void import_op(size_t k) {
    const SegmentOp& op = segment.ops[k];
    if (known.records[k]->kind == ir::RecordKind::view) {
      read(op.result);
      return;
    }
    SmallVector<Value> operands;
    for (auto [p, v] : llvm::enumerate(op.operands))
      operands.push_back(v < 0 ? scalar(k, -1 - v, scalar_type(k, p)) : read(v));
    for (auto [a, number] : llvm::enumerate(op.scalar_attributes))
      operands.push_back(scalar(k, number, scalar_type(k, op.operands.size() + a)));
    int32_t to = op.in_place ? op.operands[0] : op.result;
    known.require(to >= 0, "an op has no result");
    Value result = ir::createRecord(builder, location(k), op.op, operands, type_of(to),
                                    op.structure, known.op_sizes[k]);
    if (op.in_place)
      write(k, to, result);
    else
      current[to] = result;
    if (!segment.saved.empty() && !op.in_place && !llvm::is_contained(segment.fixed, to))
      result.getDefiningOp()->setAttr(ir::kValueName, builder.getI64IntegerAttr(to));
  }

  void return_outputs() {
    SmallVector<Value> results;
    for (int32_t v : segment.outputs) {
      known.require(v >= 0 && v < static_cast<int32_t>(known.owner.size()),
                    "an output is out of range");
      results.push_back(read(known.owner[v]));
    }
    func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
  }

  const Segment& segment;
  MLIRContext* context;
  SegmentValues known;
  OpBuilder builder;
  func::FuncOp function;
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
