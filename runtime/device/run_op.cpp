#include "runtime/device/run_op.h"

#include "runtime/core/refusal.h"
#include "runtime/device/context.h"
#include "runtime/device/one_op.h"
#include "runtime/program/compile_service.h"

#include <bit>
#include <unordered_map>

namespace weft::device {

namespace {

using Program = std::shared_ptr<LoadedProgram>;

struct Entry {
  std::mutex mutex;
  bool is_made = false;
  Program program; // null: there is none
  std::string why;
};

/// Programs of single ops by kind of device and OneOp::key, for the process's life.
struct Programs {
  std::mutex mutex;
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries;
  static Programs& get() {
    static Programs& p = *new Programs;
    return p;
  }
  Entry& at(const std::string& key) {
    std::lock_guard lock(mutex);
    std::unique_ptr<Entry>& e = entries[key];
    if (!e) e = std::make_unique<Entry>();
    return *e;
  }
};

Entry& entry_of(const OneOp& one, const OpCall& call, DeviceType type) {
  Entry& e = Programs::get().at(std::to_string(static_cast<int>(type)) + one.key(call));
  std::lock_guard lock(e.mutex);
  if (e.is_made) return e;
  CompileSettings settings;
  settings.device = type;
  CompileReport report;
  e.program = compile_segment(one.segment(call), settings, report);
  e.why = report.failure;
  e.is_made = true;
  return e;
}

uint64_t bits_of(const Scalar& s) {
  return s.kind == Scalar::Kind::floating ? std::bit_cast<uint64_t>(s.f)
                                          : static_cast<uint64_t>(s.i);
}

uint64_t run(const LoadedProgram& program, const OneOp& one, const OpCall& call, Device device) {
  std::vector<void*> leaves;
  std::vector<const Meta*> metas;
  std::vector<uint64_t> scalars;
  for (const OneOp::Leaf& l : one.leaves) {
    leaves.push_back(l.address);
    metas.push_back(&l.meta);
  }
  for (const Scalar& s : call.scalars)
    scalars.push_back(bits_of(s));
  void* output[] = {one.in_place ? one.leaves[0].address : one.output};
  const Loc lines[] = {call.location()};
  RunArguments a;
  a.leaves = leaves;
  a.leaf_metas = metas;
  a.outputs = output;
  a.scalars = scalars;
  a.size_attributes = one.sizes;
  a.op_locations = lines;
  a.device = device;
  a.refuse = [&] { return [kept = KeptCall(call)](int32_t) { kept.refuse(); }; };
  uint64_t last = 0;
  a.last_launch = &last;
  program.run(a);
  return last;
}

} // namespace

std::string try_run(const OpCall& call, TensorImpl& result) {
  std::optional<OneOp> one = merge_call(call, result);
  if (!one) return "it has no kernel for devices";
  Entry& e = entry_of(*one, call, result.meta.device.type);
  if (!e.program) return e.why;
  try {
    uint64_t last = run(*e.program, *one, call, result.meta.device);
    if (!call.in_place) result.storage->born = last;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    return error.what(); // the device lacks something
  }
  return {};
}

OpCall assign_call(std::span<TensorImpl* const> operands, const Loc& loc) {
  OpCall call;
  call.op = Op::assign;
  call.in_place = true;
  call.operands = operands;
  call.loc = &loc;
  return call;
}

} // namespace weft::device
