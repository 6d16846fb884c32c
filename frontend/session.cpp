// A call of a region: where it is in the trie, and what ends a segment.

#include "frontend/session.h"

#include "frontend/early_run.h"
#include "runtime/autograd/grad_node.h"
#include "runtime/core/profile.h"

#include <algorithm>

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
    std::lock_guard lock(died_mutex_); // a recorded result may end in another thread meanwhile
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
  leaf_versions_.clear();
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

// Nobody else may have written what deferred ops are about to read. `mark` is on the storages that
// the segment itself writes; 0: it writes none of its leaves.
void Session::check_leaves(uint32_t mark) const {
  for (size_t k = 0; k < leaf_versions_.size(); k++) {
    const TensorImpl* t = value_table_[static_cast<size_t>(bound_leaves_[k])];
    const Storage& s = *t->storage;
    if (s.version.load(std::memory_order_relaxed) == leaf_versions_[k]) [[likely]]
      continue;
    if (mark && s.scratch.load(std::memory_order_relaxed) == mark) continue;
    const ColdNode* c = &cold(current);
    auto reads_first = [&](const ColdNode& node) {
      for (size_t j = 0; j < node.operands.size(); j++)
        if (node.new_leaf[j] && node.operands[j] == bound_leaves_[k]) return true;
      return false;
    };
    while (!reads_first(*c))
      c = c->parent;
    throw Error(ErrorKind::value,
                std::string(info(c->op).name) + (c->in_place ? "_" : "") +
                    ": no other thread must write an operand while the op is deferred, got " +
                    describe(t->meta) +
                    ", which changed before the op ran; call weft::sync() before the other thread "
                    "goes on",
                c->loc);
  }
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

} // namespace weft
