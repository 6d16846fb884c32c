#include "runtime/device/program_runner.h"

#include "runtime/device/routine_on_cpu.h"
#include "runtime/program/size_expression.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace weft::device {

namespace {

constexpr size_t kOwnArguments = 20; // bytes of those that every kernel has

/// Memory of one run. It may be taken again while its launches still run, since what comes later
/// runs later.
class RunMemory {
public:
  RunMemory(Context& context, const Loc& loc) : context_(context), loc_(loc) {}
  ~RunMemory() {
    for (auto [address, bytes] : blocks_)
      context_.memory().free(address, bytes);
  }
  RunMemory(const RunMemory&) = delete;
  Address take(int64_t bytes) {
    if (!bytes) return nullptr;
    auto size = static_cast<size_t>(bytes);
    blocks_.reserve(blocks_.size() + 1);
    blocks_.emplace_back(context_.memory().allocate(size, loc_), size);
    return blocks_.back().first;
  }

private:
  Context& context_;
  const Loc& loc_;
  std::vector<std::pair<Address, size_t>> blocks_;
};

size_t bytes_of(const ProgramLaunch& l) {
  size_t bytes = kOwnArguments + l.buffers.size() * 16;
  for (ProgramArgument a : l.arguments)
    bytes += a.kind == ProgramArgument::Kind::narrow ? 4 : 8;
  return bytes;
}

} // namespace

ProgramRunner::ProgramRunner(Program& program)
    : program_(program), source_(std::move(program.code)) {
  needs_f64_ = source_.find("double ") != std::string::npos;
  if (program.symbols.empty()) {
    constants_.resize(program.exprs.size());
    evaluate_expressions(program.exprs, {}, constants_.data());
    check_geometry(program, constants_.data());
  }
  for (const ProgramBuffer& b : program.buffers) {
    has_temporaries_ |= b.kind == ProgramBuffer::Kind::temporary;
    if (b.kind == ProgramBuffer::Kind::leaf)
      leaf_count_ = std::max(leaf_count_, static_cast<size_t>(b.index) + 1);
  }
  for (const ProgramKernel& k : program.kernels) {
    numbers_.push_back(kernel_count_);
    routines_.push_back(k.routine ? find_routine(*k.routine) : nullptr);
    kernel_count_ += !k.routine;
  }
  for (const ProgramLaunch& l : program.launches) {
    argument_bytes_ = std::max(argument_bytes_, bytes_of(l));
    threads_ = std::max(threads_, l.threads);
    for (ProgramArgument a : l.arguments)
      if (a.kind != ProgramArgument::Kind::size)
        scalar_count_ = std::max(scalar_count_, static_cast<size_t>(a.index) + 1);
  }
}

std::shared_ptr<DriverCode> ProgramRunner::code_on(Context& context) const {
  std::lock_guard lock(mutex_);
  std::shared_ptr<DriverCode>& code = codes_[&context];
  if (code) return code;
  const DeviceInfo& device = context.backend().info();
  if (needs_f64_ && !device.has_f64)
    throw Error(ErrorKind::unsupported, "device: " + device.name + " has no f64");
  if (argument_bytes_ > device.argument_bytes)
    throw Error(ErrorKind::unsupported,
                "device: a kernel must have at most " + std::to_string(device.argument_bytes) +
                    " bytes of arguments, got " + std::to_string(argument_bytes_));
  if (threads_ > device.threads)
    throw Error(ErrorKind::unsupported, "device: a block must have at most " +
                                            std::to_string(device.threads) + " threads, got " +
                                            std::to_string(threads_));
  code = std::make_shared<DriverCode>();
  code->source = source_;
  for (const ProgramKernel& k : program_.kernels) {
    if (k.routine) continue;
    code->names.push_back(k.symbol);
    code->ops.push_back(k.summary);
  }
  context.count_program();
  return code;
}

// The user's line of a launch's first op.
Loc ProgramRunner::location(const ProgramLaunch& l, const RunArguments& a) const {
  bool known =
      !l.ops.empty() && l.ops[0] >= 0 && static_cast<size_t>(l.ops[0]) < a.op_locations.size();
  return known ? a.op_locations[static_cast<size_t>(l.ops[0])] : Loc();
}

Launch ProgramRunner::launch(const ProgramLaunch& l, const int64_t* values,
                             const std::vector<Address>& buffers, const RunArguments& a) const {
  Launch made;
  made.kernel = numbers_[static_cast<size_t>(l.kernel)];
  made.threads = l.threads;
  made.loc = location(l, a);
  made.blocks = l.phases[0].chunks < 0 ? 1 : values[l.phases[0].chunks];
  if (l.most_blocks) made.blocks = std::min<int64_t>(made.blocks, l.most_blocks);
  for (int32_t b : l.buffers)
    made.arguments.push_back(Argument::buffer(buffers[static_cast<size_t>(b)]));
  for (ProgramArgument from : l.arguments) {
    if (from.kind == ProgramArgument::Kind::size)
      made.arguments.push_back(Argument::word(static_cast<uint64_t>(values[from.index])));
    else if (uint64_t bits = a.scalars[static_cast<size_t>(from.index)];
             from.kind == ProgramArgument::Kind::scalar)
      made.arguments.push_back(Argument::word(bits));
    else
      made.arguments.push_back(Argument::half_word(
          std::bit_cast<uint32_t>(static_cast<float>(std::bit_cast<double>(bits)))));
  }
  return made;
}

std::vector<Address> ProgramRunner::buffers(const RunArguments& a, const int64_t* values,
                                            Address arena) const {
  std::vector<Address> all;
  for (const ProgramBuffer& b : program_.buffers) {
    const auto index = static_cast<size_t>(std::max(b.index, 0));
    all.push_back(b.kind == ProgramBuffer::Kind::leaf     ? static_cast<Address>(a.leaves[index])
                  : b.kind == ProgramBuffer::Kind::output ? static_cast<Address>(a.outputs[index])
                  : b.host < 0                            ? arena + values[b.offset]
                               : static_cast<Address>(a.outputs[static_cast<size_t>(b.host)]) +
                                     values[b.offset]);
  }
  return all;
}

// Empty where nothing can be refused.
Refuse ProgramRunner::refusals(const RunArguments& a) const {
  if (program_.errors.empty()) return {};
  std::function<void(int32_t)> say;
  if (a.refuse) say = a.refuse();
  return [say = std::move(say), errors = program_.errors](uint32_t number) {
    if (number == 0 || number > errors.size())
      throw Error(ErrorKind::internal, "program: a kernel raised an unknown error");
    if (say) say(errors[number - 1].location);
    throw ElementRefused(errors[number - 1], Loc());
  };
}

// What was enqueued before it must run first, and say what it has refused.
void ProgramRunner::call_routine(const ProgramLaunch& l, const int64_t* values,
                                 const std::vector<Address>& buffers, const RunArguments& a,
                                 Context& context) const {
  const ProgramRoutine& called = *program_.kernels[static_cast<size_t>(l.kernel)].routine;
  std::vector<Address> seen;
  std::vector<int64_t> numbers;
  for (int32_t b : l.buffers)
    seen.push_back(buffers[static_cast<size_t>(b)]);
  for (ProgramArgument number : l.arguments)
    numbers.push_back(static_cast<int64_t>(a.scalars[static_cast<size_t>(number.index)]));
  bool accepted;
  try {
    accepted = call_on_cpu(context, routines_[static_cast<size_t>(l.kernel)], called, values, seen,
                           numbers.data(), location(l, a));
  } catch (const Error& e) {
    throw LaunchFailed(e);
  }
  if (!accepted) refusals(a)(static_cast<uint32_t>(called.error));
}

void ProgramRunner::run(const RunArguments& a) const {
  const Program& p = program_;
  if (a.leaves.size() < leaf_count_ || a.outputs.size() < p.outputs.size() ||
      a.scalars.size() < scalar_count_)
    throw Error(ErrorKind::internal,
                "program: it must be run with all its leaves, outputs and scalars");
  const Loc loc = a.op_locations.empty() ? Loc() : a.op_locations[0];
  Context& context = Context::of(a.device, loc);
  std::shared_ptr<DriverCode> code = code_on(context);
  std::vector<int64_t> evaluated;
  if (!p.symbols.empty()) {
    evaluated.resize(p.exprs.size());
    evaluate_sizes(p, a, evaluated.data());
  }
  const int64_t* values = p.symbols.empty() ? constants_.data() : evaluated.data();
  RunMemory memory(context, loc);
  // Also a temporary that holds nothing must have an address.
  int64_t arena_bytes = p.arena_bytes < 0 ? 0 : values[p.arena_bytes];
  Address arena = memory.take(has_temporaries_ ? std::max<int64_t>(arena_bytes, 1) : 0);
  const std::vector<Address> all = buffers(a, values, arena);
  std::vector<Launch> launches;
  uint64_t last = 0;
  for (const ProgramLaunch& l : p.launches) {
    if (routines_[static_cast<size_t>(l.kernel)]) {
      last = context.launch(std::exchange(launches, {}), refusals(a));
      call_routine(l, values, all, a, context);
      continue;
    }
    Launch next = launch(l, values, all, a);
    if (next.blocks == 0) continue;
    next.code = code;
    int64_t scratch = l.scratch_bytes < 0 ? 0 : values[l.scratch_bytes];
    next.scratch = memory.take(next.blocks * scratch);
    launches.push_back(std::move(next));
  }
  if (!launches.empty()) last = context.launch(std::move(launches), refusals(a));
  if (a.last_launch) *a.last_launch = last;
}

} // namespace weft::device
