// Walks the segment's function once: buffers are numbered as launches name them, expressions are
// shared.
#include "codegen/program_builder.h"

#include "codegen/cpu/kernel_function.h"
#include "codegen/dtypes.h"
#include "codegen/import.h"
#include "ir/loom/loom.h"
#include "ir/weft/index_math.h"
#include "ir/weft/tiles.h"
#include "ir/weft/weft.h"

#include "passes/buffer_layout.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace weft {
namespace {

static_assert(ir::kGranule == kTileGranule);

class Builder {
public:
  Builder(ModuleOp module, const Segment& segment, const DeviceKernels* device)
      : module(module), segment(segment), device(device),
        function(*module.getOps<func::FuncOp>().begin()) {}

  Program run() {
    add_symbols();
    add_outputs();
    add_kernels();
    for (auto launch : function.getOps<ir::LaunchOp>())
      add_launch(launch);
    add_errors();
    program.locations = segment.locations;
    program.arena_bytes =
        expression(function->getAttrOfType<AffineMapAttr>(ir::kArenaName).getValue().getResult(0));
    return std::move(program);
  }

private:
  int32_t add(ProgramExpr e) {
    for (size_t k = 0; k < program.exprs.size(); k++) {
      const ProgramExpr& x = program.exprs[k];
      if (x.kind == e.kind && x.a == e.a && x.b == e.b && x.value == e.value)
        return static_cast<int32_t>(k);
    }
    program.exprs.push_back(e);
    return static_cast<int32_t>(program.exprs.size()) - 1;
  }
  int32_t constant(int64_t v) { return add({ProgramExpr::Kind::constant, -1, -1, v}); }

  int32_t expression(AffineExpr e) {
    if (auto c = dyn_cast<AffineConstantExpr>(e)) return constant(c.getValue());
    if (auto s = dyn_cast<AffineSymbolExpr>(e); s && !tile_sizes.empty())
      if (AffineExpr size = tile_sizes[s.getPosition()]; size && size != e) return expression(size);
    if (auto s = dyn_cast<AffineSymbolExpr>(e))
      return add({ProgramExpr::Kind::symbol, static_cast<int32_t>(s.getPosition()), -1, 0});
    auto binary = cast<AffineBinaryOpExpr>(e);
    int32_t a = expression(binary.getLHS()), b = expression(binary.getRHS());
    using Kind = ProgramExpr::Kind;
    Kind kind = e.getKind() == AffineExprKind::Add        ? Kind::add
                : e.getKind() == AffineExprKind::Mul      ? Kind::mul
                : e.getKind() == AffineExprKind::FloorDiv ? Kind::floor_div
                : e.getKind() == AffineExprKind::CeilDiv  ? Kind::ceil_div
                                                          : Kind::mod;
    return add({kind, a, b, 0});
  }
  // A map of a kernel's sizes, which are the function's.
  int32_t expression(Operation* op, StringRef attribute, int64_t otherwise, unsigned result = 0) {
    auto map = op->getAttrOfType<AffineMapAttr>(attribute);
    return map ? expression(map.getValue().getResult(result)) : constant(otherwise);
  }

  void add_symbols() {
    for (BlockArgument argument : function.getArguments())
      if (argument.getType().isIndex()) {
        auto symbol =
            function.getArgAttrOfType<DenseI64ArrayAttr>(argument.getArgNumber(), kSymbolName)
                .asArrayRef();
        program.symbols.push_back({static_cast<ProgramSymbol::Kind>(symbol[0]),
                                   static_cast<int32_t>(symbol[1]),
                                   static_cast<int32_t>(symbol[2])});
      }
  }

  void add_outputs() {
    for (auto [k, type] : llvm::enumerate(function.getResultTypes())) {
      auto number = function.getResultAttrOfType<IntegerAttr>(k, ir::kValueName);
      int32_t value = number ? static_cast<int32_t>(number.getInt()) : segment.outputs[k];
      program.outputs.push_back({value, segment.values[value].meta.dtype, bytes_of(type)});
    }
  }

  void add_kernels() {
    auto add = [&](StringRef name) {
      kernels[name] = static_cast<int32_t>(program.kernels.size());
      program.kernels.push_back({name.str(), ""});
    };
    for (auto kernel : module.getOps<loom::KernelOp>()) {
      if (!device) {
        add(kernel.getSymName());
        continue;
      }
      kernels[kernel.getSymName()] = static_cast<int32_t>(program.kernels.size());
      for (const gpu::DeviceKernel& phase : phasesOf(kernel))
        program.kernels.push_back({phase.name, ""});
    }
    for (auto routine : module.getOps<ir::RoutineOp>())
      add(routine.getSymName());
    for (auto tiles : module.getOps<func::FuncOp>())
      if (tiles->hasAttr(ir::kCountsName)) add(tiles.getSymName());
  }

  ProgramView view(Type type, AffineMap layout, ArrayRef<AffineExpr> shape) {
    ProgramView v;
    v.dtype = dtype_of(ir::elementOf(type));
    SmallVector<AffineExpr> zeros(layout.getNumDims(), getAffineConstantExpr(0, type.getContext()));
    auto at = [&](ArrayRef<AffineExpr> indices) {
      return layout.getResult(0).replaceDims(indices);
    };
    AffineExpr start = at(zeros);
    v.offset = expression(ir::canonical(start));
    for (unsigned k = 0; k < shape.size(); k++) {
      SmallVector<AffineExpr> indices = zeros;
      indices[k] = getAffineConstantExpr(1, type.getContext());
      v.sizes.push_back(expression(shape[k]));
      v.strides.push_back(expression(ir::canonical(at(indices) - start)));
    }
    return v;
  }

  void add_routine(ir::RoutineOp op, ir::LaunchOp launch, ProgramLaunch& l) {
    ProgramRoutine r;
    r.op = op.getRecord().str();
    auto layouts = op.getLayouts().getAsValueRange<AffineMapAttr>();
    auto shapes = op.getShapes().getAsValueRange<AffineMapAttr>();
    for (auto [input, layout, shape] : llvm::zip_equal(launch.getInputs(), layouts, shapes))
      r.views.push_back(view(input.getType(), layout, shape.getResults()));
    Value result = launch.getResult(0);
    r.views.push_back(view(result.getType(), layoutOf(function, result), ir::shapeOf(result)));
    r.structure.assign(op.getStructure().begin(), op.getStructure().end());
    if (op.getSizes())
      for (AffineExpr e : op.getSizes()->getResults())
        r.sizes.push_back(expression(e));
    for (ProgramArgument a : l.arguments)
      r.scalars.push_back(segment.scalars[static_cast<size_t>(a.index)]);
    r.error = static_cast<int32_t>(op.getCode());
    l.phases = {{constant(1), constant(0), constant(0)}};
    program.kernels[static_cast<size_t>(l.kernel)].routine = std::move(r);
  }

  int32_t bytes_of(Type tensor, ArrayRef<int64_t> most = {}) {
    AffineExpr count = ir::countOf(ir::shapeOf(tensor), tensor.getContext());
    return expression(
        ir::canonical(ir::atMost(count, most) * loom::elementBytes(ir::elementOf(tensor))));
  }

  int32_t buffer(ir::BufferAttr place, Type tensor) {
    auto [it, is_new] = buffers.try_emplace(place, static_cast<int32_t>(program.buffers.size()));
    if (!is_new) return it->second;
    ProgramBuffer b;
    b.kind = place.getKind() == ir::BufferKind::leaf     ? ProgramBuffer::Kind::leaf
             : place.getKind() == ir::BufferKind::output ? ProgramBuffer::Kind::output
                                                         : ProgramBuffer::Kind::temporary;
    b.index = static_cast<int32_t>(place.getIndex());
    if (b.kind == ProgramBuffer::Kind::temporary) {
      auto offsets = function->getAttrOfType<ArrayAttr>(ir::kTemporariesName);
      b.offset = expression(cast<AffineMapAttr>(offsets[place.getIndex()]).getValue().getResult(0));
      auto hosts = function->getAttrOfType<DenseI64ArrayAttr>(ir::kHostsName).asArrayRef();
      b.host = static_cast<int32_t>(hosts[place.getIndex()]);
    }
    b.bytes = bytes_of(tensor);
    program.buffers.push_back(b);
    return it->second;
  }

  void add_tiles(func::FuncOp body, ProgramLaunch& l) {
    ProgramTiles t;
    for (AffineExpr e : body->getAttrOfType<AffineMapAttr>(ir::kCountsName).getValue().getResults())
      t.counts.push_back(expression(e));
    ArrayRef<AffineExpr> steps =
        body->getAttrOfType<AffineMapAttr>(ir::kStepsName).getValue().getResults();
    for (AffineExpr e : steps)
      t.steps.push_back(expression(e));
    for (AffineExpr e :
         body->getAttrOfType<AffineMapAttr>(ir::kExtentsName).getValue().getResults())
      t.extents.push_back(expression(e));
    if (auto columns = body->getAttrOfType<IntegerAttr>(ir::kColumnsName))
      t.columns = columns.getInt();
    if (auto visible = body->getAttrOfType<FlatSymbolRefAttr>(ir::kVisibleName)) {
      t.visible = tile_body(function_of(visible), steps, l, 0);
      t.visible_by_rows = body->hasAttr(ir::kByRowsName);
    }
    if (auto guards = body->getAttrOfType<FlatSymbolRefAttr>(ir::kGuardsName)) {
      t.guards = tile_body(function_of(guards), steps, l, 0);
      // What guards return comes behind what the function that finds columns does.
      for (ProgramBuffer& b : t.guards->buffers)
        if (b.kind == ProgramBuffer::Kind::output) b.index += kTileColumns;
    }
    if (auto blocks = body->getAttrOfType<ArrayAttr>(ir::kBlocksName))
      t.blocks = tile_blocks(blocks, steps, l);
    t.body = tile_body(body, steps, l, kTileState);
    l.phases = {{constant(1), constant(0), constant(0)}};
    program.kernels[static_cast<size_t>(l.kernel)].tiles = std::move(t);
  }

  func::FuncOp function_of(Attribute symbol) {
    return module.lookupSymbol<func::FuncOp>(cast<FlatSymbolRefAttr>(symbol));
  }

  ProgramTileBlocks tile_blocks(ArrayAttr blocks, ArrayRef<AffineExpr> steps,
                                const ProgramLaunch& l) {
    ProgramTileBlocks t;
    t.length = cast<IntegerAttr>(blocks[0]).getInt();
    t.none = tile_body(function_of(blocks[1]), steps, l, kTileState);
    t.block = tile_body(function_of(blocks[2]), steps, l, kTileState);
    if (blocks.size() > 3) t.rest = tile_body(function_of(blocks[3]), steps, l, kTileState);
    for (auto [bytes, type] :
         llvm::zip_equal(t.state_bytes, function_of(blocks[1]).getResultTypes()))
      bytes = bytes_of(type);
    return t;
  }

  // A function of tiles: its tensors are the launch's buffers and then what another function has
  // returned, results from number `further` on, its numbers the launch's, its sizes the segment's
  // and then those of the tile.
  ProgramTileBody tile_body(func::FuncOp body, ArrayRef<AffineExpr> steps, const ProgramLaunch& l,
                            int32_t further) {
    ProgramTileBody t;
    tile_sizes = sizes_of_tile(body, steps);
    t.arena_bytes =
        expression(body->getAttrOfType<AffineMapAttr>(ir::kArenaName).getValue().getResult(0));
    const auto given = static_cast<int32_t>(l.buffers.size());
    const auto tensors = static_cast<size_t>(llvm::count_if(
        body.getArgumentTypes(), [](Type type) { return isa<RankedTensorType>(type); }));
    llvm::DenseMap<Attribute, int32_t> places;
    for (auto inner : body.getOps<ir::LaunchOp>()) {
      ProgramLaunch call;
      call.kernel = kernels.lookup(inner.getKernel());
      call.ops = ops_of(inner);
      for (auto [place, tensor] : llvm::zip_equal(*inner.getBuffers(), tensors_of(inner))) {
        auto [it, is_new] = places.try_emplace(place, static_cast<int32_t>(t.buffers.size()));
        if (is_new) t.buffers.push_back(tile_buffer(body, cast<ir::BufferAttr>(place), tensor));
        call.buffers.push_back(it->second);
      }
      auto numbers = l.arguments;
      for (Value number : inner.getScalars())
        call.arguments.push_back(numbers[cast<BlockArgument>(number).getArgNumber() - tensors]);
      int32_t own = 0;
      for (AffineExpr size : ArrayRef(tile_sizes).take_front(inner.getSizes().size()))
        call.arguments.push_back(
            size ? ProgramArgument{ProgramArgument::Kind::size, expression(size)}
                 : ProgramArgument{ProgramArgument::Kind::tile, own++});
      add_phases(module.lookupSymbol<loom::KernelOp>(inner.getKernel()), call);
      t.launches.push_back(call);
      describe(call.kernel, inner);
    }
    for (ProgramBuffer& b : t.buffers)
      if (b.kind == ProgramBuffer::Kind::leaf && b.index >= given) {
        b.kind = ProgramBuffer::Kind::output;
        b.index += further - given;
      }
    tile_sizes.clear();
    return t;
  }

  // Sizes of the segment, where the tile starts, a step that is no constant, its columns. What each
  // tile has of its own is null: no other size depends on it.
  SmallVector<AffineExpr> sizes_of_tile(func::FuncOp body, ArrayRef<AffineExpr> steps) {
    SmallVector<AffineExpr> sizes;
    for (unsigned k = 0; k < program.symbols.size(); k++)
      sizes.push_back(getAffineSymbolExpr(k, body.getContext()));
    sizes.append(steps.size(), nullptr);
    for (AffineExpr e : steps)
      if (!isa<AffineConstantExpr>(e)) sizes.push_back(e);
    sizes.resize(llvm::count_if(body.getArgumentTypes(), [](Type t) { return t.isIndex(); }));
    return sizes;
  }

  ProgramBuffer tile_buffer(func::FuncOp body, ir::BufferAttr place, Type tensor) {
    ProgramBuffer b;
    b.index = static_cast<int32_t>(place.getIndex());
    b.bytes = bytes_of(tensor, ir::mostOf(body));
    if (place.getKind() == ir::BufferKind::output) b.kind = ProgramBuffer::Kind::output;
    if (place.getKind() != ir::BufferKind::temporary) return b;
    b.kind = ProgramBuffer::Kind::temporary;
    auto offsets = body->getAttrOfType<ArrayAttr>(ir::kTemporariesName);
    b.offset = expression(cast<AffineMapAttr>(offsets[place.getIndex()]).getValue().getResult(0));
    return b;
  }

  void add_phases(loom::KernelOp kernel, ProgramLaunch& l) {
    for (unsigned k = 0; k < kernel.getPhases().size(); k++)
      l.phases.push_back({expression(kernel, loom::LoomDialect::kChunksName, 1, k),
                          expression(kernel, loom::LoomDialect::kBytesName, 0, k),
                          expression(kernel, loom::LoomDialect::kFlopsName, 0, k),
                          kernel->hasAttr(loom::LoomDialect::kJoinedName)});
    l.scratch_bytes = expression(kernel, loom::LoomDialect::kScratchName, 0);
  }

  void add_panels(loom::KernelOp kernel, ProgramKernel& k) {
    auto all = kernel->getAttrOfType<ArrayAttr>(loom::LoomDialect::kPanelsName);
    if (!all || !k.panels.empty()) return;
    for (auto [number, panels] : llvm::enumerate(all.getAsRange<ArrayAttr>())) {
      auto integer = [&](size_t i) { return cast<IntegerAttr>(panels[i]).getInt(); };
      k.panels.push_back({cpu::panelsSymbol(kernel.getSymName(), number),
                          static_cast<int32_t>(integer(0)), integer(1), integer(2),
                          cast<StringAttr>(panels[3]).str()});
    }
  }

  const std::vector<gpu::DeviceKernel>& phasesOf(loom::KernelOp kernel) const {
    return device->find(kernel.getSymName())->second;
  }

  void describe(int32_t kernel, ir::LaunchOp launch) {
    std::string& summary = program.kernels[kernel].summary;
    if (summary.empty()) summary = launch.getSummary().str();
  }

  static std::vector<int32_t> ops_of(ir::LaunchOp launch) {
    auto positions = launch->getAttrOfType<DenseI64ArrayAttr>("positions");
    if (!positions) return {};
    return {positions.asArrayRef().begin(), positions.asArrayRef().end()};
  }

  // Of the tensors in a launch's buffers, in their order.
  static SmallVector<Type> tensors_of(ir::LaunchOp launch) {
    SmallVector<Type> tensors(launch.getInputs().getTypes());
    for (auto [result, input] : llvm::zip_equal(launch.getResults(), launch.getTied()))
      if (input < 0) tensors.push_back(result.getType());
    return tensors;
  }

  static bool writes_leaf(ir::LaunchOp launch) {
    auto isLeaf = [](Attribute place) {
      return cast<ir::BufferAttr>(place).getKind() == ir::BufferKind::leaf;
    };
    ArrayRef<Attribute> places = launch.getBuffers()->getValue();
    return llvm::any_of(places.drop_front(launch.getInputs().size()), isLeaf) ||
           llvm::any_of(launch.getTied(),
                        [&](int64_t input) { return input >= 0 && isLeaf(places[input]); });
  }

  // Each phase of a kernel, with the arguments of them all.
  void add_device_launches(ProgramLaunch l, loom::KernelOp kernel, ir::LaunchOp launch) {
    auto given = llvm::drop_begin(kernel.getBody().getArguments(), l.buffers.size());
    for (auto [argument, value] : llvm::zip(l.arguments, given))
      if (argument.kind == ProgramArgument::Kind::scalar && value.getType().isF32())
        argument.kind = ProgramArgument::Kind::narrow;
    const int32_t first = l.kernel;
    for (auto [k, phase] : llvm::enumerate(phasesOf(kernel))) {
      l.kernel = first + static_cast<int32_t>(k);
      l.threads = phase.threads;
      l.most_blocks = static_cast<int32_t>(phase.most_blocks);
      l.phases = {{expression(phase.blocks.getResult(0)), -1, -1}};
      l.scratch_bytes = expression(phase.scratch_bytes.getResult(0));
      describe(l.kernel, launch);
      program.launches.push_back(l);
    }
  }

  void add_launch(ir::LaunchOp launch) {
    ProgramLaunch l;
    l.kernel = kernels.lookup(launch.getKernel());
    l.ops = ops_of(launch);
    for (auto [place, tensor] : llvm::zip_equal(*launch.getBuffers(), tensors_of(launch)))
      l.buffers.push_back(buffer(cast<ir::BufferAttr>(place), tensor));
    l.writes_leaf = writes_leaf(launch);
    for (Value number : launch.getScalars())
      l.arguments.push_back({ProgramArgument::Kind::scalar,
                             static_cast<int32_t>(cast<BlockArgument>(number).getArgNumber() -
                                                  segment.leaves.size())});
    for (auto [k, size] : llvm::enumerate(launch.getSizes()))
      l.arguments.push_back({ProgramArgument::Kind::size,
                             add({ProgramExpr::Kind::symbol, static_cast<int32_t>(k), -1, 0})});
    if (auto routine = module.lookupSymbol<ir::RoutineOp>(launch.getKernel())) {
      add_routine(routine, launch, l);
    } else if (auto tiles = module.lookupSymbol<func::FuncOp>(launch.getKernel())) {
      add_tiles(tiles, l);
    } else {
      auto kernel = module.lookupSymbol<loom::KernelOp>(launch.getKernel());
      if (device) return add_device_launches(std::move(l), kernel, launch);
      add_phases(kernel, l);
      add_panels(kernel, program.kernels[static_cast<size_t>(l.kernel)]);
    }
    program.launches.push_back(l);
    describe(l.kernel, launch);
  }

  void add_errors() {
    auto errors = module->getAttrOfType<ArrayAttr>(ir::kErrorsName);
    if (!errors) return;
    for (Attribute error : errors) {
      auto pair = cast<ArrayAttr>(error);
      program.errors.push_back({cast<StringAttr>(pair[0]).str(),
                                op_position(Location(cast<LocationAttr>(pair[1]))),
                                ErrorKind::index});
    }
  }

  ModuleOp module;
  const Segment& segment;
  const DeviceKernels* device; // null: for the CPU
  func::FuncOp function;
  Program program;
  SmallVector<AffineExpr> tile_sizes; // in a function of tiles: sizes_of_tile, else none
  llvm::DenseMap<StringRef, int32_t> kernels;
  llvm::DenseMap<Attribute, int32_t> buffers;
};

} // namespace

static Program build(ModuleOp module, const Segment& segment, const PipelineReport& report,
                     const DeviceKernels* device) {
  Program program = Builder(module, segment, device).run();
  auto position = [](Location loc) {
    SmallVector<int64_t> all = positionsOf(loc);
    return all.empty() ? -1 : static_cast<int32_t>(all.front());
  };
  for (const PipelineStage& stage : report.stages)
    program.stages.push_back(program_stage(-1, stage.name, stage.print));
  for (const Remark& m : report.remarks.list)
    program.remarks.push_back({static_cast<ProgramRemark::Kind>(m.kind), m.op, m.other,
                               position(m.loc), position(m.otherLoc), m.reason.code, m.reason.text,
                               m.bytes});
  return program;
}

Program build_program(ModuleOp module, const Segment& segment, const PipelineReport& report) {
  return build(module, segment, report, nullptr);
}

Program build_program(ModuleOp module, const Segment& segment, const PipelineReport& report,
                      const DeviceKernels& kernels) {
  return build(module, segment, report, &kernels);
}

ProgramStage program_stage(int32_t kernel, StringRef name, const StageText& print) {
  ProgramStage stage{kernel, name.str(), print.text};
  for (auto [line, op] : print.lines) {
    stage.line_ops.push_back(static_cast<int32_t>(line));
    stage.line_ops.push_back(op);
  }
  return stage;
}

} // namespace weft
