// The checks that make any accepted bytes of a program safe to run through the executor.
#include "runtime/program/program.h"

namespace weft {

namespace {

/// Checks that numbers point at something.
class Checker {
public:
  explicit Checker(const Program& p) : p_(p) {}

  void run() const {
    check(p_.version == kProgramVersion, "its version is another");
    for (size_t k = 0; k < p_.exprs.size(); k++)
      expression(k);
    for (const ProgramSymbol& s : p_.symbols)
      check(s.index >= 0 && s.dim >= 0 && s.dim < kMaxRank, "a symbol names no size");
    for (const ProgramBuffer& b : p_.buffers)
      buffer(b);
    for (const ProgramOutput& o : p_.outputs)
      check(o.value >= 0 && optional(o.bytes), "an output's value or size does not exist");
    for (const ProgramLaunch& l : p_.launches)
      launch(l, p_.buffers, 0);
    check(optional(p_.arena_bytes), "the arena's size does not exist");
    for (const ProgramKernel& k : p_.kernels) {
      check(!k.symbol.empty(), "a kernel has no symbol");
      check(!k.routine || !k.tiles, "a kernel is of two kinds");
      if (k.routine) routine(*k.routine);
      if (k.tiles) tiles(*k.tiles);
      for (const ProgramPanels& panels : k.panels)
        check(k.is_compiled() && !panels.symbol.empty() && panels.count > 0 && panels.bytes > 0,
              "panels are of no kernel");
    }
    for (const ProgramStage& s : p_.stages)
      check(optional(s.kernel, p_.kernels.size()) && s.line_ops.size() % 2 == 0,
            "a stage is of no kernel");
    for (const CompileStep& s : p_.steps)
      check(optional(s.kernel, p_.kernels.size()), "a step is of no kernel");
  }

private:
  static bool below(int32_t index, size_t n) {
    return index >= 0 && static_cast<size_t>(index) < n;
  }
  static bool optional(int32_t index, size_t n) { return index == -1 || below(index, n); }
  bool optional(int32_t e) const { return optional(e, p_.exprs.size()); }
  static void check(bool ok, const char* why) {
    if (!ok) throw Error(ErrorKind::io, std::string("program: it must be consistent, ") + why);
  }

  void expression(size_t k) const {
    const ProgramExpr& e = p_.exprs[k];
    if (e.kind == ProgramExpr::Kind::constant) return;
    if (e.kind == ProgramExpr::Kind::symbol)
      return check(below(e.a, p_.symbols.size()), "a symbol does not exist");
    check(below(e.a, k) && below(e.b, k), "an expression uses a later one");
  }
  void buffer(const ProgramBuffer& b) const {
    check(optional(b.bytes), "a buffer's size does not exist");
    switch (b.kind) {
    case ProgramBuffer::Kind::leaf:
      return check(b.index >= 0, "a buffer is of no leaf");
    case ProgramBuffer::Kind::output:
      return check(below(b.index, p_.outputs.size()), "a buffer is of no output");
    case ProgramBuffer::Kind::temporary:
      check(optional(b.host, p_.outputs.size()), "a temporary is in no output");
      return check(below(b.offset, p_.exprs.size()), "a temporary has no place");
    }
  }
  void routine(const ProgramRoutine& called) const {
    check(!called.views.empty(), "a routine has no result");
    auto exist = [&](const std::vector<int32_t>& list) {
      for (int32_t e : list)
        check(below(e, p_.exprs.size()), "a routine's size does not exist");
    };
    for (const ProgramView& v : called.views) {
      check(below(v.offset, p_.exprs.size()) && v.sizes.size() <= kMaxRank &&
                v.strides.size() == v.sizes.size(),
            "a routine's view is none");
      exist(v.sizes);
      exist(v.strides);
    }
    exist(called.sizes);
    check(called.error >= 0 && static_cast<size_t>(called.error) <= p_.errors.size(),
          "a routine's error does not exist");
  }
  void tiles(const ProgramTiles& t) const {
    check(t.counts.size() == t.steps.size() && t.counts.size() == t.extents.size(),
          "tiles have a count without a step or an extent");
    for (const std::vector<int32_t>* list : {&t.counts, &t.steps, &t.extents})
      for (int32_t e : *list)
        check(below(e, p_.exprs.size()), "a size of tiles does not exist");
    check(!t.visible || t.columns >= kTileGranule, "tiles have no columns");
    const size_t dims = t.counts.size();
    if (t.blocks)
      tile_body(t.body, 2 * size_t{kTileState}, dims);
    else
      tile_body(t.body, 0, dims + (t.visible ? 2 : 0));
    check(!t.guards || t.visible, "tiles have guards of nothing");
    if (t.visible) tile_body(*t.visible, kTileResults, dims);
    if (t.guards) tile_body(*t.guards, kTileResults, dims);
    if (t.blocks) blocks(*t.blocks, t.columns, dims);
  }
  void blocks(const ProgramTileBlocks& b, int64_t columns, size_t dims) const {
    check(b.length > 0 && columns > 0, "blocks of tiles have no columns");
    check(b.rest.has_value() == (columns % b.length != 0),
          "blocks of tiles leave columns over, or none");
    const size_t state = 2 * size_t{kTileState};
    tile_body(b.none, kTileState, dims);
    tile_body(b.block, state, dims + 1);
    if (b.rest) tile_body(*b.rest, state, dims + 1);
    for (int32_t bytes : b.state_bytes)
      check(below(bytes, p_.exprs.size()), "a state of tiles has no size");
  }
  void tile_body(const ProgramTileBody& body, size_t outputs, size_t arguments) const {
    for (const ProgramBuffer& b : body.buffers) {
      check(optional(b.bytes), "a buffer's size does not exist");
      const bool is_own =
          b.kind == ProgramBuffer::Kind::temporary && below(b.offset, p_.exprs.size());
      const bool is_output = b.kind == ProgramBuffer::Kind::output && below(b.index, outputs);
      check(is_own || is_output || (b.kind == ProgramBuffer::Kind::leaf && b.index >= 0),
            "a buffer of tiles is none");
      check(b.host == -1, "a buffer of tiles is in an output");
    }
    for (const ProgramLaunch& l : body.launches) {
      launch(l, body.buffers, arguments);
      check(p_.kernels[static_cast<size_t>(l.kernel)].is_compiled(), "tiles launch no kernel");
    }
    check(optional(body.arena_bytes), "the memory of a tile has no size");
  }
  bool exists(ProgramArgument a, size_t tile_dims) const {
    switch (a.kind) {
    case ProgramArgument::Kind::size:
      return below(a.index, p_.exprs.size());
    case ProgramArgument::Kind::tile:
      return below(a.index, tile_dims);
    case ProgramArgument::Kind::scalar:
    case ProgramArgument::Kind::narrow:
      break;
    }
    return a.index >= 0;
  }
  void launch(const ProgramLaunch& l, const std::vector<ProgramBuffer>& buffers,
              size_t tile_dims) const {
    check(below(l.kernel, p_.kernels.size()), "a launch has no kernel");
    for (int32_t b : l.buffers)
      check(below(b, buffers.size()), "a launch has no such buffer");
    for (ProgramArgument a : l.arguments)
      check(exists(a, tile_dims), "an argument does not exist");
    const bool on_device = p_.device != DeviceType::cpu;
    for (ProgramArgument a : l.arguments)
      check(on_device || a.kind != ProgramArgument::Kind::narrow,
            "the CPU has no narrow arguments");
    const ProgramKernel& kernel = p_.kernels[static_cast<size_t>(l.kernel)];
    called(l, kernel, buffers);
    check(optional(l.scratch_bytes), "a launch's size does not exist");
    check(!l.phases.empty(), "a launch has no phase");
    const bool has_threads = on_device && !kernel.routine;
    check(has_threads ? l.threads > 0 && l.threads <= 1024 && l.phases.size() == 1 : l.threads == 0,
          "a launch has another device's threads");
    check(l.most_blocks >= 0, "a launch has less than no blocks");
    for (const ProgramPhase& phase : l.phases)
      for (int32_t e : {phase.chunks, phase.bytes, phase.flops})
        check(optional(e), "a launch's size does not exist");
  }
  // What a kernel takes of its launch.
  void called(const ProgramLaunch& l, const ProgramKernel& kernel,
              const std::vector<ProgramBuffer>& buffers) const {
    auto reads = [&](const ProgramTileBody& body) {
      for (const ProgramBuffer& b : body.buffers)
        check(b.kind != ProgramBuffer::Kind::leaf || below(b.index, l.buffers.size()),
              "tiles have no such buffer");
    };
    if (kernel.tiles) kernel.tiles->each_body(reads);
    if (kernel.routine) {
      check(l.buffers.size() == kernel.routine->views.size(),
            "a routine has another number of buffers");
      check(l.arguments.size() == kernel.routine->scalars.size(),
            "a routine has another number of numbers");
      for (ProgramArgument a : l.arguments)
        check(a.kind == ProgramArgument::Kind::scalar,
              "a routine has an argument that is no number");
    }
    for (const ProgramPanels& p : kernel.panels) {
      check(below(p.buffer, l.buffers.size()), "panels are of no buffer");
      const int32_t b = l.buffers[static_cast<size_t>(p.buffer)];
      check(&buffers == &p_.buffers &&
                buffers[static_cast<size_t>(b)].kind == ProgramBuffer::Kind::leaf,
            "panels are of no leaf");
    }
  }

  const Program& p_;
};

} // namespace

void Program::validate() const { Checker(*this).run(); }

} // namespace weft
