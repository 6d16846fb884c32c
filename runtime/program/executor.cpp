#include "runtime/program/executor.h"

#include "runtime/core/allocator.h"
#include "runtime/core/parallel.h"
#include "runtime/core/profile.h"
#include "runtime/device/program_runner.h"
#include "runtime/program/code_image.h"
#include "runtime/program/collection.h"
#include "runtime/program/routine_launch.h"
#include "runtime/program/size_expression.h"
#include "runtime/program/thread_scratch.h"
#include "runtime/program/tile_launch.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>

namespace weft {

namespace {

// A piece of a launch worth handing to another thread, which takes a few microseconds to start.
constexpr double kPieceNanoseconds = 8000;
constexpr double kBytesPerNanosecond = 32, kFlopsPerNanosecond = 100; // of one thread, from L2

thread_local ThreadScratch thread_scratch;

} // namespace

ProgramRun::Arena::Arena(int64_t bytes, const Loc& loc) : size_(static_cast<size_t>(bytes)) {
  if (size_) memory_ = static_cast<char*>(allocate_bytes(size_, loc));
}

ProgramRun::Arena::~Arena() {
  if (memory_) free_bytes(memory_, size_);
}

LoadedProgram::LoadedProgram() = default;
LoadedProgram::~LoadedProgram() = default;

std::shared_ptr<LoadedProgram> LoadedProgram::load(Program program) {
  program.validate();
  std::shared_ptr<CodeImage> code;
  if (!program.code.empty() && program.device == DeviceType::cpu)
    code = CodeImage::from_bytes(program.code);
  return load(std::move(program), std::move(code));
}

std::shared_ptr<LoadedProgram> LoadedProgram::load(Program program,
                                                   std::shared_ptr<CodeImage> code) {
  program.validate();
  std::shared_ptr<LoadedProgram> r(new LoadedProgram);
  r->set_slower_by(program.slower_by);
  if (program.device != DeviceType::cpu) {
    r->program_ = std::move(program);
    r->runner_ = std::make_unique<device::ProgramRunner>(r->program_);
    r->program_.code = {};
    return r;
  }
  program.code = {};
  r->program_ = std::move(program);
  r->code_ = std::move(code);
  r->resolve();
  return r;
}

weft_kernel_fn LoadedProgram::find(const std::string& symbol) const {
  void* address = code_ ? code_->find(symbol.c_str()) : nullptr;
  if (!address)
    throw Error(ErrorKind::io, "program: its code must define every kernel, got no " + symbol);
  return reinterpret_cast<weft_kernel_fn>(address);
}

void LoadedProgram::resolve() {
  const Program& p = program_;
  for (const ProgramKernel& k : p.kernels)
    functions_.push_back(k.is_compiled() ? find(k.symbol) : nullptr);
  if (!is_generic()) {
    constants_.resize(p.exprs.size());
    evaluate_expressions(p.exprs, {}, constants_.data());
    check_geometry(p, constants_.data());
  }
  for (const ProgramBuffer& b : p.buffers)
    if (b.kind == ProgramBuffer::Kind::leaf)
      leaf_count_ = std::max(leaf_count_, static_cast<size_t>(b.index) + 1);
  for (const ProgramLaunch& launch : p.launches)
    add_launch(launch);
  if (!collection_folder().empty())
    nanoseconds_ = std::make_unique<std::atomic<uint64_t>[]>(launches_.size());
  if (is_generic()) return;
  if (p.arena_bytes >= 0) arena_bytes_ = constants_[p.arena_bytes];
  find_early();
}

void LoadedProgram::add_launch(const ProgramLaunch& from) {
  const ProgramKernel& kernel = program_.kernels[from.kernel];
  Launch l{};
  l.function = functions_[from.kernel];
  if (kernel.routine) {
    l.called = &*kernel.routine;
    l.routine = find_routine(*kernel.routine);
  }
  if (kernel.tiles) l.tiles = std::make_shared<TileLaunch>(*kernel.tiles, functions_);
  l.number = static_cast<int32_t>(launches_.size());
  auto panels = std::make_shared<LaunchPanels>(
      program_, from, [&](const std::string& symbol) { return find(symbol); });
  if (!panels->empty()) {
    l.panels = std::move(panels);
    keeps_panels_ = true;
  }
  l.scratch_bytes = from.scratch_bytes;
  l.first_buffer = static_cast<uint32_t>(launch_buffers_.size());
  l.buffer_count = static_cast<uint32_t>(from.buffers.size());
  l.first_argument = static_cast<uint32_t>(launch_arguments_.size());
  l.argument_count = static_cast<uint32_t>(from.arguments.size());
  l.first_phase = static_cast<uint32_t>(launch_phases_.size());
  l.phase_count = static_cast<uint32_t>(from.phases.size());
  for (int32_t b : from.buffers) {
    const ProgramBuffer& buffer = program_.buffers[b];
    launch_buffers_.push_back(buffer.kind == ProgramBuffer::Kind::leaf ? ~buffer.index : b);
  }
  launch_arguments_.insert(launch_arguments_.end(), from.arguments.begin(), from.arguments.end());
  for (const ProgramPhase& phase : from.phases)
    launch_phases_.push_back(is_generic() ? Phase{} : geometry(phase, constants_.data()));
  most_buffers_ = std::max(most_buffers_, from.buffers.size());
  most_arguments_ = std::max(most_arguments_, from.arguments.size());
  count_scalars(from);
  if (kernel.tiles)
    kernel.tiles->each_body([&](const ProgramTileBody& body) {
      for (const ProgramLaunch& inner : body.launches)
        count_scalars(inner);
    });
  launches_.push_back(std::move(l));
}

void LoadedProgram::count_scalars(const ProgramLaunch& launch) {
  for (ProgramArgument a : launch.arguments)
    if (a.kind == ProgramArgument::Kind::scalar)
      scalar_count_ = std::max(scalar_count_, static_cast<size_t>(a.index) + 1);
}

LoadedProgram::Phase LoadedProgram::geometry(const ProgramPhase& phase, const int64_t* values) {
  auto value = [&](int32_t e, int64_t otherwise) { return e < 0 ? otherwise : values[e]; };
  Phase g;
  g.chunks = value(phase.chunks, 1);
  double nanoseconds = std::max(static_cast<double>(value(phase.bytes, 0)) / kBytesPerNanosecond,
                                static_cast<double>(value(phase.flops, 0)) / kFlopsPerNanosecond);
  if (nanoseconds < 2 * kPieceNanoseconds || g.chunks <= 1)
    g.grain = std::max<int64_t>(g.chunks, 1);
  else
    g.grain =
        static_cast<int64_t>(kPieceNanoseconds * static_cast<double>(g.chunks) / nanoseconds) + 1;
  if (phase.joined) g.grain = std::max(g.grain, (g.chunks - 1) / num_threads() + 1);
  return g;
}

Loc LoadedProgram::location_of(const Launch& l, const RunArguments& a) const {
  const std::vector<int32_t>& positions = program_.launches[l.number].ops;
  bool known = !positions.empty() && positions[0] >= 0 &&
               static_cast<size_t>(positions[0]) < a.op_locations.size();
  return known ? a.op_locations[positions[0]] : Loc();
}

void LoadedProgram::call(const Launch& l, const int64_t* values, void* const* buffers,
                         const int64_t* args, const RunArguments& a) const {
  bool accepted = call_routine(l.routine, *l.called, values, buffers, args, location_of(l, a));
  if (!accepted) raise(static_cast<uint32_t>(l.called->error), a);
}

void LoadedProgram::launch(const Launch& l, const int64_t* values, void* const* buffers,
                           const int64_t* args, void* const* panels, const RunArguments& a) const {
  if (l.routine) return call(l, values, buffers, args, a);
  if (l.tiles) {
    if (uint32_t error = l.tiles->run(values, buffers, a.scalars.data())) raise(error, a);
    return;
  }
  int64_t scratch_bytes = l.scratch_bytes < 0 ? 0 : values[l.scratch_bytes];
  uint32_t error = 0;
  int64_t first = 0; // chunk of the phase
  auto work = [&](int64_t begin, int64_t end) {
    void* scratch = scratch_bytes ? thread_scratch.at_least(scratch_bytes) : nullptr;
    weft_kernel_context context{WEFT_KERNEL_ABI, &error, scratch, panels};
    l.function(&context, buffers, args, first + begin, first + end);
  };
  for (uint32_t k = 0; k < l.phase_count; k++) {
    Phase g = is_generic() ? geometry(program_.launches[l.number].phases[k], values)
                           : launch_phases_[l.first_phase + k];
    if (g.grain >= g.chunks)
      work(0, g.chunks);
    else
      parallel_for(g.chunks, g.grain, work);
    if (error) raise(error, a); // a later phase may write what eager code would not have reached
    first += g.chunks;
  }
}

std::string LoadedProgram::lines_of(const Launch& l, const RunArguments& a) const {
  constexpr size_t kMostLines = 8;
  std::string text;
  std::vector<std::pair<std::string_view, uint32_t>> seen;
  for (int32_t op : program_.launches[l.number].ops) {
    if (op < 0 || static_cast<size_t>(op) >= a.op_locations.size()) continue;
    const Loc& loc = a.op_locations[op];
    std::pair<std::string_view, uint32_t> line(loc.file_name(), loc.line());
    if (std::find(seen.begin(), seen.end(), line) != seen.end()) continue;
    if (seen.size() == kMostLines) return text + " ...";
    seen.push_back(line);
    text += (text.empty() ? "" : " ") + std::string(line.first) + ":" + std::to_string(line.second);
  }
  return text;
}

void LoadedProgram::launch_observed(const Launch& l, const int64_t* values, void* const* buffers,
                                    const int64_t* args, void* const* panels,
                                    const RunArguments& a) const {
  const ProgramKernel& kernel = program_.kernels[program_.launches[l.number].kernel];
  const profile::Label label(kernel.symbol.c_str(), profile::Place(location_of(l, a)));
  std::string lines = profile::is_on() ? lines_of(l, a) : "";
  profile::Span span(l.routine ? profile::Kind::routine : profile::Kind::kernel, label.name,
                     label.place);
  span.detail({"ops", kernel.summary.c_str()});
  span.detail({"lines", lines.c_str()});
  span.detail({"launch", l.number});
  uint64_t start = profile::now();
  launch(l, values, buffers, args, panels, a);
  if (nanoseconds_)
    nanoseconds_[l.number].fetch_add(profile::now() - start, std::memory_order_relaxed);
}

void LoadedProgram::run(const RunArguments& a) const {
  if (runner_) return runner_->run(a);
  if (a.leaves.size() < leaf_count_ || a.outputs.size() < program_.outputs.size() ||
      a.scalars.size() < scalar_count_)
    throw Error(ErrorKind::internal,
                "program: it must be run with all its leaves, outputs and scalars");
  ProgramRun(*this, a).run_to(launches_.size());
}

ProgramRun::ProgramRun(const LoadedProgram& program, const RunArguments& a)
    : program_(program), arguments_(a), evaluated_(sizes_count(program)),
      arena_(evaluate_arena(), a.op_locations.empty() ? Loc() : a.op_locations[0]),
      addresses_(program.program_.buffers.size()), buffers_(program.most_buffers_),
      numbers_(program.most_arguments_) {
  const std::vector<ProgramBuffer>& buffers = program.program_.buffers;
  for (size_t k = 0; k < buffers.size(); k++) {
    const ProgramBuffer& b = buffers[k];
    switch (b.kind) {
    case ProgramBuffer::Kind::leaf: // taken from the arguments, where it may come later
      addresses_[k] = nullptr;
      break;
    case ProgramBuffer::Kind::output:
      addresses_[k] = a.outputs[b.index];
      break;
    case ProgramBuffer::Kind::temporary:
      addresses_[k] = (b.host < 0 ? arena_.memory() : static_cast<char*>(a.outputs[b.host])) +
                      values_[b.offset];
      break;
    }
  }
}

size_t ProgramRun::sizes_count(const LoadedProgram& program) {
  return program.is_generic() ? program.program_.exprs.size() : 0;
}

int64_t ProgramRun::evaluate_arena() {
  const Program& p = program_.program_;
  values_ = program_.constants_.data();
  if (!program_.is_generic()) return program_.arena_bytes_;
  evaluate_sizes(p, arguments_, evaluated_.data());
  values_ = evaluated_.data();
  return p.arena_bytes >= 0 ? values_[p.arena_bytes] : 0;
}

void ProgramRun::run_to(size_t end) {
  const LoadedProgram& p = program_;
  const RunArguments& a = arguments_;
  for (; next_ < end; next_++) {
    const LoadedProgram::Launch& l = p.launches_[next_];
    for (uint32_t k = 0; k < l.buffer_count; k++) {
      const int32_t number = p.launch_buffers_[l.first_buffer + k];
      buffers_[k] = number < 0 ? a.leaves[~number] : addresses_[number];
    }
    for (uint32_t k = 0; k < l.argument_count; k++) {
      ProgramArgument from = p.launch_arguments_[l.first_argument + k];
      numbers_[k] = from.kind == ProgramArgument::Kind::scalar
                        ? static_cast<int64_t>(a.scalars[from.index])
                        : values_[from.index];
    }
    void* const* panels = nullptr;
    if (l.panels) {
      panels_.find(*l.panels, a.leaf_storages, buffers_.data(), numbers_.data());
      panels = panels_.data();
    }
    if (p.nanoseconds_ || profile::is_on()) [[unlikely]]
      p.launch_observed(l, values_, buffers_.data(), numbers_.data(), panels, a);
    else
      p.launch(l, values_, buffers_.data(), numbers_.data(), panels, a);
  }
  if (end == p.launches_.size() && !std::exchange(is_counted_, true) && p.nanoseconds_)
    p.runs_.fetch_add(1, std::memory_order_relaxed);
}

size_t LoadedProgram::count_ready(size_t leaves, size_t scalars) const {
  size_t ready = 0;
  while (ready < early_.size() && early_[ready].leaves <= leaves &&
         early_[ready].scalars <= scalars)
    ready++;
  return ready;
}

// Launches that one thread runs anyway, up to the first that is not one or that writes a leaf.
void LoadedProgram::find_early() {
  Needs needs{0, 0};
  for (const Launch& l : launches_) {
    const ProgramLaunch& from = program_.launches[l.number];
    bool is_light = l.function && !from.writes_leaf;
    for (uint32_t k = 0; k < l.phase_count; k++)
      is_light &=
          launch_phases_[l.first_phase + k].grain >= launch_phases_[l.first_phase + k].chunks;
    if (!is_light) return;
    for (int32_t b : from.buffers)
      if (program_.buffers[b].kind == ProgramBuffer::Kind::leaf)
        needs.leaves = std::max(needs.leaves, static_cast<size_t>(program_.buffers[b].index) + 1);
    for (ProgramArgument a : from.arguments)
      if (a.kind == ProgramArgument::Kind::scalar)
        needs.scalars = std::max(needs.scalars, static_cast<size_t>(a.index) + 1);
    early_.push_back(needs);
  }
}

LoadedProgram::Times LoadedProgram::times() const {
  Times t{runs_.load(), {}};
  for (size_t k = 0; nanoseconds_ && k < launches_.size(); k++)
    t.nanoseconds.push_back(nanoseconds_[k].load());
  return t;
}

void evaluate_sizes(const Program& p, const RunArguments& a, int64_t* values) {
  Scratchpad<int64_t, 64> symbols(p.symbols.size());
  for (size_t k = 0; k < p.symbols.size(); k++) {
    const ProgramSymbol& s = p.symbols[k];
    size_t index = static_cast<size_t>(s.index);
    bool is_attribute = s.kind == ProgramSymbol::Kind::attribute;
    if (index >= (is_attribute ? a.size_attributes.size() : a.leaf_metas.size()))
      throw Error(ErrorKind::internal, "program: it must be run with all its sizes");
    if (is_attribute)
      symbols[k] = a.size_attributes[index];
    else if (s.kind == ProgramSymbol::Kind::leaf_size)
      symbols[k] = a.leaf_metas[index]->sizes[s.dim];
    else
      symbols[k] = a.leaf_metas[index]->strides[s.dim];
  }
  evaluate_expressions(p.exprs, {symbols.data(), p.symbols.size()}, values);
  check_geometry(p, values);
}

void LoadedProgram::raise(uint32_t code, const RunArguments& a) const {
  if (code == 0 || code > program_.errors.size())
    throw Error(ErrorKind::internal, "program: a kernel raised an unknown error");
  const ProgramError& e = program_.errors[code - 1];
  bool known = e.location >= 0 && static_cast<size_t>(e.location) < a.op_locations.size();
  throw ElementRefused(e, known ? a.op_locations[e.location] : Loc());
}

} // namespace weft
