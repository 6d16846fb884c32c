// Flushing: decides what of a followed segment the outside can see, runs the segment's program (or
// its ops one by one), and hands the values over.

#include "frontend/alias.h"
#include "frontend/early_run.h"
#include "frontend/left_out.h"
#include "frontend/session.h"
#include "runtime/autograd/tape_slot.h"
#include "runtime/core/execute.h"
#include "runtime/core/op_scope.h"
#include "runtime/core/profile.h"
#include "runtime/core/refusal.h"
#include "runtime/device/copies.h"
#include "runtime/device/execute.h"

#include <algorithm>
#include <map>

namespace weft {

namespace {

/// Raises a flag for a scope.
class Busy {
public:
  explicit Busy(bool& flag) : flag_(flag), before_(flag) { flag = true; }
  ~Busy() { flag_ = before_; }
  Busy(const Busy&) = delete;

private:
  bool& flag_;
  bool before_;
};

bool has_room(TensorImpl* t, const Loc& loc) {
  try {
    allocate(t->storage, t->meta.nbytes(), t->meta.device, loc);
  } catch (const Error&) {
    return false;
  }
  return true;
}

} // namespace

// Before anything asks who holds which value: lent nodes get their references or rest, from the
// last one back, so that the node of a dead value lets go of the values before it; one pass is
// exact.
void Session::settle_tape(const Flush& f) noexcept {
  for (size_t k = f.values.size(); k-- > 0;) {
    const auto slot = static_cast<size_t>(f.values[k].slot);
    settle(value_table_[slot], tape_table_[slot]);
  }
}

// Which storages the outside can still see, and of which it has but saved values: those, and the
// edges to a leaf, are the tape's.
void Session::find_live(const Flush& f, std::vector<uint8_t>& live) {
  live.assign(f.owners.size(), kDead);
  bool is_any_saved = false;
  for (size_t k = f.values.size(); k-- > 0;) {
    TensorImpl* t = value_table_[static_cast<size_t>(f.values[k].slot)];
    if (t->refs.load(std::memory_order_acquire) != TensorImpl::kUser) {
      if (f.owner_index[k] < 0) continue;
      const bool is_saved = t->user_refs() == 1 && !(t->is_leaf && t->meta.requires_grad);
      uint8_t& how = live[static_cast<size_t>(f.owner_index[k])];
      how = std::max<uint8_t>(how, is_saved ? kSaved : kHeld);
      is_any_saved |= is_saved;
      continue;
    }
    if (t->autograd) t->clear_autograd();
  }
  if (is_any_saved) weigh_saved(f, live);
}

void Session::launch(Flush& f) {
  const Busy busy(flushing_);
  const TracePlace& place = f.place.line ? f.place : f.path.front()->place;
  profile::Span span(profile::Kind::flush, f.name.c_str(),
                     profile::Place(place.file.c_str(), place.line));
  span.detail({"segment", f.number});
  span.detail({"ops", static_cast<int64_t>(f.path.size())});
  computed_ = nullptr;
  ran_ = nullptr;
  settle_tape(f);
  std::vector<uint8_t>& live = live_scratch_;
  find_live(f, live);
  f.hits.fetch_add(1, std::memory_order_relaxed);
  stats.flushes++;
  uint32_t mark = 0;
  const bool aliases_fit = !f.has_written_leaf || (!f.overlapping && same_aliases(f, values, mark));
  if (!f.has_written_leaf || mark) check_leaves(mark);
  if (!aliases_fit) stats.alias_fallbacks++;
  SegmentProgram* p = aliases_fit && !f.mixed ? find_program(f, live) : nullptr;
  if (p && p->program && is_verified(f, *p)) return verify(f, *p);
  const bool is_dropped = p && p->program && p->program->slower_by() > 0 && region_.may_choose();
  if (p && p->program && !is_dropped) {
    const uint64_t start = p->trial.is_over() ? 0 : profile::now();
    if (start && p->trial.wants_ops()) {
      run_eagerly(&cold(current));
      p->trial.ops_took(static_cast<double>(profile::now() - start));
      return end_trial(*p);
    }
    if (run_program(f, *p)) {
      ran_ = p;
      if (p->left_out) leave_out(f, *p->left_out);
      if (!start) return mark_early(f, *p);
      p->trial.program_took(static_cast<double>(profile::now() - start));
      return end_trial(*p);
    }
  }
  span.detail({"ran", !aliases_fit ? "op by op: inputs overlap in another way than recorded"
                      : is_dropped ? "op by op: the program is slower"
                                   : "op by op"});
  stats.eager_segments++;
  f.eager_runs.fetch_add(1, std::memory_order_relaxed);
  run_eagerly(&cold(current));
}

// Calls f with an op of this call as it was made: with its numbers, its line and its words.
template <class F> void Session::replay(const ColdNode& c, F f) {
  std::vector<TensorImpl*> operands;
  for (int32_t slot : c.operands)
    operands.push_back(slot < 0 ? nullptr : values[slot]);
  OpCall call;
  call.op = c.op;
  call.in_place = c.in_place;
  call.operands = operands;
  call.scalars = {scalars_.data() + c.scalar_position, c.scalar_kinds.size()};
  call.structure = c.structure;
  call.sizes = {sizes_.data() + c.size_position, c.sizes.size()};
  call.loc = &c.loc;
  call.device = c.meta.device;
  const LocOverride line(c.loc);
  const OpOverride name(c.name);
  const RefusalWords words(c.refusal);
  f(call);
}

// What a device has to say of this call's ops, should it find an element that one refuses: one of
// the program's errors, or of any op where no program is named.
std::function<void(int32_t)> Session::refusals(Flush& f, const SegmentProgram* p) {
  std::map<int32_t, KeptCall> kept;
  auto keep = [&](int32_t at) {
    if (at >= 0 && static_cast<size_t>(at) < f.path.size())
      replay(*f.path[static_cast<size_t>(at)],
             [&](const OpCall& call) { kept.emplace(at, KeptCall(call)); });
  };
  if (p) {
    for (const ProgramError& e : p->program->program().errors)
      keep(e.location);
  } else {
    for (size_t k = 0; k < f.path.size(); k++)
      keep(static_cast<int32_t>(k));
  }
  return [kept = std::move(kept)](int32_t op) {
    if (auto call = kept.find(op); call != kept.end()) call->second.refuse();
  };
}

// What the program reads. Returns false where a leaf has no contents: the op that reads it says so.
bool Session::take_leaves(const Flush& f, std::vector<Tensor>& brought) {
  leaf_data_.clear();
  leaf_metas_.clear();
  leaf_tensors_.clear();
  for (const Flush::Leaf& l : f.leaves) {
    TensorImpl* t = values[l.slot];
    if (!t->storage->data || t->storage->poison || device::is_lost(*t->storage)) return false;
    if (t->meta.device != f.device) t = brought.emplace_back(device::bring(t, f.device)).impl();
    leaf_data_.push_back(t->data());
    leaf_metas_.push_back(&t->meta);
    leaf_tensors_.push_back(t);
  }
  return true;
}

// Where the program writes. Returns false where there is no memory for a result.
bool Session::take_outputs(const Flush& f, const SegmentProgram& p) {
  output_data_.clear();
  const auto leaf_count = static_cast<int32_t>(f.leaves.size());
  for (const ProgramOutput& o : p.program->program().outputs) {
    if (o.value < leaf_count) {
      output_data_.push_back(leaf_data_[static_cast<size_t>(o.value)]);
      continue;
    }
    TensorImpl* t = values[f.values[static_cast<size_t>(o.value - leaf_count)].slot];
    if (!has_room(t, f.path.back()->loc)) return false;
    output_data_.push_back(t->storage->data);
  }
  return true;
}

RunArguments Session::run_arguments(Flush& f, const SegmentProgram& p) {
  scalar_bits_.clear();
  for (int k = 0; k < f.scalar_count; k++)
    scalar_bits_.push_back(bits_of(scalars_[static_cast<size_t>(k)]));
  RunArguments a;
  a.leaves = leaf_data_;
  a.leaf_metas = leaf_metas_;
  if (p.program->keeps_panels()) {
    leaf_storages_.resize(f.leaves.size());
    find_unwritten(f, leaf_tensors_.data(), leaf_storages_.data());
    a.leaf_storages = leaf_storages_;
  }
  a.outputs = output_data_;
  a.scalars = scalar_bits_;
  a.size_attributes = {sizes_.data(), static_cast<size_t>(f.size_count)};
  a.op_locations = f.op_locations;
  a.device = f.device;
  if (f.device != Device::cpu()) a.refuse = [this, &f, &p] { return refusals(f, &p); };
  return a;
}

// Returns false where the program refuses: a value that a kernel does not take, or too little
// memory. Then it has written no leaf (passes/place_outputs.cpp), and the ops one by one do what
// eager code does: those before the refused one count, that one throws.
bool Session::run_program(Flush& f, SegmentProgram& p) {
  if (finish_early(f, p)) return true;
  std::vector<Tensor> brought; // to the device
  if (!take_leaves(f, brought) || !take_outputs(f, p)) return false;
  RunArguments a = run_arguments(f, p);
  uint64_t last_launch = 0;
  a.last_launch = &last_launch;
  try {
    p.program->run(a);
  } catch (const LaunchFailed&) {
    throw;
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::internal) throw;
    return false;
  }
  const auto leaf_count = static_cast<int32_t>(f.leaves.size());
  if (f.device != Device::cpu())
    for (const ProgramOutput& o : p.program->program().outputs)
      if (o.value >= leaf_count)
        values[f.values[static_cast<size_t>(o.value - leaf_count)].slot]->storage->born =
            last_launch;
  count_run(p);
  return true;
}

void Session::count_run(SegmentProgram& p) {
  p.runs.fetch_add(1, std::memory_order_relaxed);
  stats.kernels += static_cast<int64_t>(p.program->program().launches.size());
}

// Runs the ops from the segment's start up to `last` one by one, into the objects that the caller
// holds already.
void Session::run_eagerly(ColdNode* last) {
  drop_early();
  const Busy busy(flushing_);
  computed_ = nullptr;
  std::vector<ColdNode*> path;
  for (ColdNode* c = last; c != &cold(region_.trace().root()); c = c->parent)
    path.push_back(c);
  for (size_t k = path.size(); k-- > 0;) {
    const ColdNode& c = *path[k];
    if (!c.is_view)
      replay(c, [&](const OpCall& call) {
        compute(call, c.in_place ? call.operands[0] : values[c.hot->result]);
      });
    computed_ = &c;
  }
}

// What the outside holds leaves its slot with the storage; the rest is wiped for the next call.
void Session::release_values(ColdNode* last) {
  for (ColdNode* c = last; c != &cold(region_.trace().root()); c = c->parent) {
    if (c->hot->result < 0) continue;
    TensorImpl*& t = value_table_[static_cast<size_t>(c->hot->result)];
    if (!t) continue;
    const bool held = t->refs.load(std::memory_order_acquire) != TensorImpl::kUser;
    if (held || generic_) {
      if (t->session) t->slot = -1; // else it has the number of a recipe's step
      t->session = nullptr;
      t->release();
      t = generic_ ? nullptr : prepare_result(*c);
      continue;
    }
    if (t->autograd) t->clear_autograd();
    t->meta.requires_grad = 0;
    t->is_leaf = true;
    if (c->is_view) {
      if (t->storage) t->storage->release();
      t->storage = nullptr;
    } else if (t->storage->data || t->storage->refs.load(std::memory_order_relaxed) != 1 ||
               t->storage->poison) {
      // A view of it lives on, or it was made real for a call that needs more.
      t->storage->release();
      t->storage = Storage::make();
      t->storage->device = c->meta.device;
    } else {
      t->storage->version.store(0, std::memory_order_relaxed);
      forget_panels(*t->storage);
    }
  }
}

// After an op that failed: it and those behind it never were. Who holds one of their values reads
// the reason.
void Session::give_up(ColdNode* last, const char* why) noexcept {
  const char* text = keep_text(why);
  const ColdNode* root = &cold(region_.trace().root());
  for (ColdNode* c = last; c != root && c != computed_; c = c->parent) {
    if (c->hot->result < 0 || c->is_view) continue;
    TensorImpl* t = value_table_[static_cast<size_t>(c->hot->result)];
    if (t && t->storage) t->storage->poison = text;
  }
  for (size_t k = undo_.size(); k-- > 0;)
    undo_[k]();
  for (ColdNode* c = last; c != root; c = c->parent)
    if (const auto slot = static_cast<size_t>(c->hot->result); c->hot->result >= 0)
      if (value_table_[slot]) settle(value_table_[slot], tape_table_[slot]);
  release_values(last);
  go_to_root(nullptr);
}

} // namespace weft