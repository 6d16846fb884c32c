// Flushing: decides what of a followed segment the outside can see, runs the segment's program (or
// its ops one by one), and hands the values over.

#include "frontend/alias.h"
#include "frontend/early_run.h"
#include "frontend/left_out.h"
#include "frontend/segment_builder.h"
#include "frontend/session.h"
#include "runtime/autograd/tape_slot.h"
#include "runtime/core/execute.h"
#include "runtime/core/profile.h"
#include "runtime/core/refusal.h"
#include "runtime/device/copies.h"
#include "runtime/device/execute.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <map>

namespace weft {

namespace {

// A few of the first calls are timed, then one in 64.
bool is_timed(uint64_t turn) { return turn % 64 == 0 || turn == 4 || turn == 8 || turn == 16; }

} // namespace

Session::Session(Region& owner) : region_(owner) { region = owner.number(); }

Session::~Session() {
  for (TensorImpl* t : value_table_)
    if (t && t->session == this) t->release();
  for (GradNode* node : tape_table_)
    if (node) GradNode::give_up(node);
}

void Session::begin() {
  ensure_slots();
  last_flush_ = nullptr;
  stats.calls++;
  timed_since_ = is_timed(turn_++) ? profile::now() : 0;
  run_seconds_ = 0;
  given_ = nullptr;
  promised_ = nullptr;
  go_to_root(nullptr);
}

void Session::end() {
  end_segment("end of the region", Loc());
  if (timed_since_) [[unlikely]]
    end_timing();
}

// A call that recorded something says little about others.
void Session::end_timing() {
  if (stats.ops_recorded) return;
  stats.timed_calls++;
  stats.timed_seconds += static_cast<double>(profile::now() - timed_since_) * 1e-9;
  stats.timed_seconds -= stats.compile_seconds;
  stats.timed_run_seconds += run_seconds_ - stats.compile_seconds;
}

void Session::launch_timed(Flush& f) {
  const uint64_t start = profile::now();
  const double compiled = stats.compile_seconds;
  launch(f);
  const double seconds = static_cast<double>(profile::now() - start) * 1e-9;
  run_seconds_ += seconds;
  f.timed_launches.fetch_add(1, std::memory_order_relaxed);
  f.timed_nanoseconds.fetch_add(
      static_cast<int64_t>((seconds - (stats.compile_seconds - compiled)) * 1e9),
      std::memory_order_relaxed);
}

void Session::abandon() noexcept {
  given_ = nullptr; // what a pure function must not do counts no more
  try {
    end_segment("exception", Loc());
  } catch (...) {
    // The values are poisoned; the exception that is already travelling says more.
  }
}

void Session::ensure_slots() {
  const auto n = static_cast<size_t>(region_.trace().slot_count() + kPrefetchResults + 1);
  if (value_table_.size() < n) {
    value_table_.resize(std::max(n, value_table_.size() * 2), nullptr);
    tape_table_.resize(value_table_.size(), nullptr);
  }
  values = value_table_.data();
  slot_limit = static_cast<int32_t>(value_table_.size()) - kPrefetchResults;
  if (tape) tape = tape_table_.data();
}

void Session::go_to_root(Flush* done) {
  drop_early();
  for (int32_t slot : bound_leaves_) {
    TensorImpl*& t = value_table_[static_cast<size_t>(slot)];
    if (t) t->release();
    t = nullptr;
  }
  bound_leaves_.clear();
  undo_.clear();
  last_flush_ = done;
  mode_ = Mode::follow;
  generic_ = false;
  mixed_ = false;
  is_full_ = false;
  wrote = false;
  tape = tape_table_.data();
  current = region_.trace().root();
  next = done ? done->successor.load(std::memory_order_acquire) : nullptr;
  if (!next) next = current->next.load(std::memory_order_acquire);
  if (next && next->key == kFlushKey) next = nullptr;
}

void Session::flush(const char* reason, const Loc& loc) {
  if (given_ && !flushing_) [[unlikely]]
    refuse_pure(std::string("read values (") + reason + ")", LocScope::resolve(loc));
  end_segment(reason, loc);
}

void Session::end_segment(const char* reason, const Loc& loc) {
  if (mode_ == Mode::bypass) return go_to_root(nullptr);
  if (mode_ == Mode::record) return end_recording(reason, loc);
  TraceNode* root = region_.trace().root();
  if (current == root || flushing_) return;
  Flush* f = find_or_make_end(reason, loc);
  if (given_) check_pure_writes(*f);
  stats.ops_followed += cold(current).depth;
  ColdNode* last = &cold(current);
  try {
    timed_since_ ? launch_timed(*f) : launch(*f);
  } catch (const std::exception& e) {
    give_up(last, e.what());
    throw;
  }
  release_values(last);
  go_to_root(f);
}

// The end of a segment that is known at this place, or null.
Flush* Session::find_end() const {
  for (TraceNode* n = current->next.load(std::memory_order_acquire); n;
       n = n->sibling.load(std::memory_order_acquire))
    if (n->key == kFlushKey) return cold(n).flush.get();
  return nullptr;
}

// The same; made where known ops are read at a new place.
Flush* Session::find_or_make_end(const char* reason, const Loc& loc) {
  if (Flush* known = find_end()) return known;
  std::lock_guard lock(region_.mutex());
  Flush* other = find_end(); // another thread has been here
  return other ? other : make_flush(reason, loc);
}

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

// Makes `all` what serves `other` as well.
void join(std::vector<uint8_t>& all, const std::vector<uint8_t>& other) {
  all.resize(std::max(all.size(), other.size()), 0);
  for (size_t k = 0; k < other.size(); k++)
    all[k] = std::max(all[k], other[k]);
}

bool covers(const std::vector<uint8_t>& have, const std::vector<uint8_t>& want) {
  for (size_t k = 0; k < want.size(); k++)
    if (want[k] > (k < have.size() ? have[k] : 0)) return false;
  return true;
}

// The leaf sizes, strides of leaves with gaps, and size attributes of the call at hand.
void collect_sizes(const Flush& f, TensorImpl* const* values,
                   const std::vector<int64_t>& attributes, SizeList& list) {
  list.values.clear();
  list.is_given.clear();
  auto add = [&](const int64_t* from, int count, bool is_given) {
    list.values.insert(list.values.end(), from, from + count);
    list.is_given.insert(list.is_given.end(), static_cast<size_t>(count), is_given);
  };
  for (const Flush::Leaf& l : f.leaves) {
    const Meta& m = values[l.slot]->meta;
    add(m.sizes, m.rank, true);
    if (!m.contiguous) add(m.strides, m.rank, false);
  }
  add(attributes.data(), f.size_count, false);
}

// Programs for other storages of a segment may have been made for the same sizes.
int count_sizes(const std::vector<std::unique_ptr<SegmentProgram>>& programs) {
  int count = 0;
  for (auto p = programs.begin(); p != programs.end(); ++p) {
    const auto is_same = [&](const auto& q) {
      return !q->taken.generic && q->sizes == (*p)->sizes;
    };
    count += !(*p)->taken.generic && std::none_of(programs.begin(), p, is_same);
  }
  return count;
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
  const bool aliases_fit = !f.has_written_leaf || (!f.overlapping && same_aliases(f, values));
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

// Devices run programs later than they are launched: no time of a call says much about them.
void Session::begin_trial(const Flush& f, SegmentProgram& p) const {
  double recorded = 0;
  for (const ColdNode* c : f.path)
    recorded += c->nanoseconds;
  p.trial.begin(recorded);
  if (f.device != Device::cpu() || !region_.may_choose()) p.trial.skip();
}

// Programs that were measured to be slower than their ops are not run again, here or in a later
// process.
void end_trial(SegmentProgram& p) {
  if (!p.trial.is_over() || p.trial.slower_by() == 0) return;
  p.program->set_slower_by(p.trial.slower_by());
  keep_verdict(p.report.key, p.trial.slower_by());
}

// Sizes that come back so often have a program of their own as well, where that is up to the
// library; so many of them at most, and so many are counted.
constexpr int kOften = 32, kMostOften = 8;
constexpr size_t kMostCounted = 256;

// Says whether sizes that a segment runs with are to be arguments of its program.
bool Session::wants_generic(Flush& f, const std::vector<int64_t>& sizes) const {
  const CompileOptions& options = region_.options();
  if (options.sizes == CompileOptions::Sizes::generic) return true;
  if (options.deterministic) return false; // which sizes came first must not matter
  for (const auto& p : f.programs)
    if (!p->taken.generic && p->sizes == sizes) return false;
  const bool is_automatic = options.sizes == CompileOptions::Sizes::automatic;
  const int most = is_automatic ? 1 : options.max_specialised, count = count_sizes(f.programs);
  if (count < most) return false;
  if (!is_automatic || count >= kMostOften) return true;
  if (f.calls_of_sizes.size() >= kMostCounted) f.calls_of_sizes.clear();
  return ++f.calls_of_sizes[sizes] < kOften;
}

// A program whose sizes are arguments is first made for what the sizes so far have in common: most
// stay as they are, such as those of weights. Sizes that do not fit get a program that assumes
// less, and after a few of these one that assumes nothing.
SizesOf Session::sizes_taken(const Flush& f, const SizeList& sizes, bool generic) const {
  constexpr size_t kMostGuesses = 3;
  SizesOf taken{generic, {}};
  if (!taken.generic || region_.options().sizes == CompileOptions::Sizes::generic) return taken;
  std::vector<std::vector<int64_t>> seen{sizes.values};
  std::vector<const std::vector<SizeFact>*> guesses; // programs of other live sets share them
  for (const auto& p : f.programs) {
    seen.push_back(p->sizes);
    const auto is_same = [&](const auto* facts) { return *facts == p->taken.facts; };
    if (p->taken.generic && std::none_of(guesses.begin(), guesses.end(), is_same))
      guesses.push_back(&p->taken.facts);
  }
  if (guesses.size() < kMostGuesses) taken.facts = common_facts(seen, sizes.is_given);
  return taken;
}

SegmentProgram* Session::find_program(Flush& f, const std::vector<uint8_t>& live) {
  // A program that makes more than this call needs serves it, unless calls must not depend on those
  // before them.
  auto fits = [&](const std::vector<uint8_t>& have, const std::vector<uint8_t>& want) {
    return region_.options().deterministic ? have == want : covers(have, want);
  };
  SegmentProgram* last = f.last.load(std::memory_order_acquire);
  // The common case: sizes as recorded, or any, and the storages of last time.
  if (last &&
      (last->taken.generic ? region_.options().sizes == CompileOptions::Sizes::generic
                           : last->is_as_recorded && !generic_) &&
      fits(last->live, live))
    return last;
  // While another thread compiles, this call runs its ops one by one.
  std::unique_lock lock(f.mutex, std::defer_lock);
  if (region_.options().deterministic)
    lock.lock();
  else if (!lock.try_lock())
    return nullptr;
  collect_sizes(f, values, sizes_, size_list_);
  const std::vector<int64_t>& sizes = size_list_.values;
  const bool generic = wants_generic(f, sizes);
  std::vector<uint8_t> wanted = live;
  for (const auto& p : f.programs) {
    if (p->taken.generic != generic) continue;
    if (generic ? !hold(p->taken.facts, sizes) : p->sizes != sizes) continue;
    if (fits(p->live, live)) {
      if (!p->is_ready.load(std::memory_order_acquire)) return nullptr;
      f.last.store(p.get(), std::memory_order_release);
      return p.get();
    }
    if (!region_.options().deterministic) join(wanted, p->live);
  }
  auto made = std::make_unique<SegmentProgram>();
  made->live = wanted;
  made->taken = sizes_taken(f, size_list_, generic);
  made->sizes = sizes;
  made->is_as_recorded = !generic && !generic_;
  SegmentProgram* p = f.programs.emplace_back(std::move(made)).get();
  begin_trial(f, *p);
  stats.programs++;
  Segment segment = build_segment(f, values, sizes_, wanted, p->taken);
  if (region_.options().background) {
    region_.compile_in_background(f, *p, std::move(segment));
    return nullptr;
  }
  p->program = compile_segment(segment, region_.settings(f.device.type), p->report);
  describe_left_out(f, *p);
  stats.compile_seconds += p->report.total_ms * 1e-3;
  f.last.store(p, std::memory_order_release);
  return p;
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

// Returns false where the program refuses: a value that a kernel does not take, or too little
// memory. Then it has written no leaf (passes/place_outputs.cpp), and the ops one by one do what
// eager code does: those before the refused one count, that one throws.
bool Session::run_program(Flush& f, SegmentProgram& p) {
  if (finish_early(f, p)) return true;
  const std::vector<ProgramOutput>& outputs = p.program->program().outputs;
  leaf_data_.clear();
  leaf_metas_.clear();
  output_data_.clear();
  scalar_bits_.clear();
  std::vector<Tensor> brought; // to the device
  for (const Flush::Leaf& l : f.leaves) {
    TensorImpl* t = values[l.slot];
    if (!t->storage->data || t->storage->poison || device::is_lost(*t->storage))
      return false; // the op that reads it says so
    if (t->meta.device != f.device) t = brought.emplace_back(device::bring(t, f.device)).impl();
    leaf_data_.push_back(t->data());
    leaf_metas_.push_back(&t->meta);
  }
  const auto leaf_count = static_cast<int32_t>(f.leaves.size());
  for (const ProgramOutput& o : outputs) {
    if (o.value < leaf_count) {
      output_data_.push_back(leaf_data_[static_cast<size_t>(o.value)]);
      continue;
    }
    TensorImpl* t = values[f.values[static_cast<size_t>(o.value - leaf_count)].slot];
    if (!has_room(t, f.path.back()->loc)) return false;
    output_data_.push_back(t->storage->data);
  }
  for (int k = 0; k < f.scalar_count; k++)
    scalar_bits_.push_back(bits_of(scalars_[static_cast<size_t>(k)]));
  RunArguments a;
  a.leaves = leaf_data_;
  a.leaf_metas = leaf_metas_;
  a.outputs = output_data_;
  a.scalars = scalar_bits_;
  a.size_attributes = {sizes_.data(), static_cast<size_t>(f.size_count)};
  a.op_locations = f.op_locations;
  a.device = f.device;
  uint64_t last_launch = 0;
  a.last_launch = &last_launch;
  if (f.device != Device::cpu()) a.refuse = [&] { return refusals(f, &p); };
  try {
    p.program->run(a);
  } catch (const LaunchFailed&) {
    throw;
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::internal) throw;
    return false;
  }
  if (f.device != Device::cpu())
    for (const ProgramOutput& o : outputs)
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
      t->storage->id.store(0, std::memory_order_relaxed);
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
