// Recording: ops run eagerly and are logged as nodes of the trace. Nothing is kept alive for the
// log: results are known by number, and a tensor that dies takes its number with it.

#include "frontend/alias.h"
#include "frontend/divergence.h"
#include "frontend/early_run.h"
#include "frontend/session.h"
#include "runtime/autograd/tape_slot.h"
#include "runtime/core/execute.h"
#include "runtime/core/op_scope.h"
#include "runtime/core/profile.h"
#include "runtime/core/refusal.h"

namespace weft {

TensorImpl* Session::record(const OpCall& call) {
  const int64_t old_offset =
      call.operands.empty() || !call.operands[0] ? 0 : call.operands[0]->offset;
  const uint64_t start = profile::now();
  TensorImpl* r = execute(call); // a call in error leaves no trace
  const auto took = static_cast<float>(profile::now() - start);
  {
    std::lock_guard lock(region_.mutex());
    bool known = false;
    for (TraceNode* n = current->next.load(std::memory_order_acquire); n && !known;
         n = n->sibling.load(std::memory_order_acquire)) {
      // Another thread, or an earlier call, may have been here.
      known = match(cold(n), call);
      if (!known) continue;
      current = n;
      mixed_ |= call_differs_;
    }
    if (!known) {
      ColdNode* node = add_node(call, r->meta, r->offset - old_offset);
      node->nanoseconds = took;
      Trace::append(current, node->hot);
      if (current != region_.trace().root() && current->next.load() != node->hot &&
          region_.trace().flushes().size() >
              static_cast<size_t>(region_.options().hot_branch_segments))
        make_boundary(cold(current));
      current = node->hot;
    }
    ensure_slots();
  }
  ColdNode& c = cold(current);
  if (c.depth == 1) note_successor(c);
  for (size_t k = 0; k < call.operands.size(); k++) {
    TensorImpl* t = call.operands[k];
    if (!c.new_leaf[k]) continue;
    recorded_leaves_.emplace(t, c.operands[k]);
    value_table_[static_cast<size_t>(c.operands[k])] = t;
    t->retain();
    bound_leaves_.push_back(c.operands[k]);
  }
  store_arguments(c, call);
  if (!c.in_place) {
    r->session = this;
    r->slot = current->result;
    value_table_[static_cast<size_t>(current->result)] = r;
  }
  stats.ops_recorded++;
  if (c.depth >= region_.options().max_segment_ops) {
    make_boundary(c);
    is_full_ = true; // a region that returns here is one segment
  }
  return r;
}

// Whoever follows the op from now on flushes behind it.
void Session::make_boundary(ColdNode& c) {
  if (!c.cut.exchange(true)) c.hot->key = 0; // its followers take the general path
}

// Makes a node of an op that is new at this place, for a region that puts off every op. Returns
// null where the budget is spent.
ColdNode* Session::extend(const OpCall& call) {
  Meta meta;
  int64_t offset = 0;
  infer(call, meta, offset); // a call in error leaves no trace
  std::lock_guard lock(region_.mutex());
  for (TraceNode* n = current->next.load(std::memory_order_acquire); n;
       n = n->sibling.load(std::memory_order_acquire))
    if (match(cold(n), call)) return &cold(n); // another thread has been here
  if (!region_.has_budget()) return nullptr;
  recorded_leaves_.clear();
  for (int32_t slot : bound_leaves_)
    recorded_leaves_.emplace(value_table_[static_cast<size_t>(slot)], slot);
  mixed_ = generic_;
  const bool is_view = info(call.op).kind == OpKind::view;
  ColdNode* node = add_node(call, meta, is_view ? offset - call.operands[0]->offset : 0);
  recorded_leaves_.clear();
  Trace::append(current, node->hot);
  ensure_slots();
  if (node->depth >= region_.options().max_segment_ops) make_boundary(*node);
  stats.ops_recorded++;
  if (!match(*node, call))
    throw Error(ErrorKind::internal, "compile: an op must match its own record", call.location());
  return node;
}

// Gives each operand its slot, a new one to a tensor that comes from outside for the first time.
// Returns whether all operands are tensors that the trace knows.
bool Session::add_operands(ColdNode& c, const OpCall& call) {
  bool all_known = true;
  for (size_t k = 0; k < call.operands.size(); k++) {
    TensorImpl* t = call.operands[k];
    int32_t slot = -1;
    bool is_new = false;
    if (t && t->session == this) {
      slot = t->slot;
    } else if (t) {
      auto known = recorded_leaves_.find(t);
      is_new = known == recorded_leaves_.end();
      // The same new tensor twice in one call is one leaf.
      if (is_new)
        for (size_t j = 0; j < k; j++)
          if (call.operands[j] == t) slot = c.operands[j], is_new = false;
      if (is_new)
        slot = region_.trace().make_slot();
      else if (slot < 0)
        slot = known->second;
    }
    c.operands.push_back(slot);
    c.highest_operand = std::max(c.highest_operand, slot);
    c.new_leaf.push_back(is_new);
    c.leaf_metas.push_back(is_new ? t->meta : Meta{});
    all_known &= t && !is_new;
    if (k < 3) c.hot->operands[k] = slot;
  }
  return all_known;
}

ColdNode* Session::add_node(const OpCall& call, const Meta& result, int64_t offset_delta) {
  Trace& trace = region_.trace();
  TraceNode* n = trace.make_node();
  ColdNode& c = cold(n);
  const bool first = current == trace.root();
  const ColdNode& p = cold(current);
  c.parent = &cold(current);
  c.op = call.op;
  c.in_place = call.in_place;
  c.is_view = info(call.op).kind == OpKind::view;
  c.depth = first ? 1 : p.depth + 1;
  c.scalar_position = first ? 0 : p.scalar_position + static_cast<int>(p.scalar_kinds.size());
  c.size_position = first ? 0 : p.size_position + static_cast<int>(p.sizes.size());
  c.mixed = mixed_;
  const bool all_known = add_operands(c, call);
  const bool plain = all_known && !mixed_ && !c.is_view && c.depth % kEarlyStride &&
                     call.scalars.empty() && call.structure.empty() && call.sizes.empty() &&
                     call.operands.size() <= 2 && !call.operands.empty();
  c.structure.assign(call.structure.begin(), call.structure.end());
  c.sizes.assign(call.sizes.begin(), call.sizes.end());
  for (const Scalar& s : call.scalars)
    c.scalar_kinds.push_back(s.kind);
  if (!call.in_place) {
    n->result = trace.make_slot();
    c.meta = result;
    c.meta.requires_grad = 0;
    c.offset_delta = c.is_view ? offset_delta : 0;
  }
  c.refusal = RefusalWords::current();
  c.name = OpScope::current();
  c.loc = call.location();
  c.place = TracePlace::of(c.loc);
  if (plain)
    n->key = static_cast<uint32_t>(call.op) | static_cast<uint32_t>(call.operands.size()) << 16 |
             (call.in_place ? kInPlaceKey : 0);
  return &c;
}

// The op is none that followed here before. What was followed becomes real, and the call goes on
// as if it had been recorded from the segment's start.
void Session::diverge(const OpCall& call) {
  Meta meta;
  int64_t offset = 0;
  infer(call, meta, offset); // a call in error throws before anything is given up
  const bool at_start = current == region_.trace().root();
  const ColdNode* expected = nearest(call);
  // That a new path begins with another op is no news.
  if (expected && (!at_start || !stats.ops_recorded || expected->op == call.op)) {
    Divergence d = explain_divergence(*expected, call, meta, bound());
    d.kind = at_start ? Divergence::Kind::start : Divergence::Kind::midway;
    region_.note_divergence(std::move(d));
    stats.divergences += !at_start;
  }
  if (!at_start) {
    stats.eager_segments++;
    ColdNode* last = &cold(current);
    try {
      if (!wrote) check_leaves(0);
      run_eagerly(last);
    } catch (const std::exception& e) {
      give_up(last, e.what());
      throw;
    }
    undo_.clear();
  }
  start_recording();
}

// What the call might have been: a known op of the same line, else of the same kind, else what came
// here before. Null where nothing was expected: at a start that has not been followed yet.
const ColdNode* Session::nearest(const OpCall& call) const {
  const TraceNode* root = region_.trace().root();
  TraceNode* first = current->next.load(std::memory_order_acquire);
  if (current == root && last_flush_) {
    TraceNode* then = last_flush_->successor.load(std::memory_order_acquire);
    if (!then) return nullptr;
    first = then;
  }
  const Loc& loc = call.location();
  const ColdNode *same_line = nullptr, *same_op = nullptr;
  for (TraceNode* n = current->next.load(std::memory_order_acquire); n;
       n = n->sibling.load(std::memory_order_acquire)) {
    const ColdNode& c = cold(n);
    if (c.is_flush() || c.op != call.op || c.in_place != call.in_place) continue;
    if (!same_op) same_op = &c;
    if (!same_line && c.place.line == loc.line() && c.place.file == loc.file_name()) same_line = &c;
  }
  if (same_line || same_op) return same_line ? same_line : same_op;
  return first ? &cold(first) : nullptr;
}

BoundSegment Session::bound() const {
  return {this, value_table_, &cold(current), &cold(region_.trace().root())};
}

void Session::start_recording() {
  bool allowed;
  {
    std::lock_guard lock(region_.mutex());
    allowed = region_.has_budget();
  }
  ColdNode* last = &cold(current);
  // Results belong to the caller alone from here on; those without an owner end.
  for (ColdNode* c = last; c != &cold(region_.trace().root()); c = c->parent) {
    if (c->hot->result < 0) continue;
    TensorImpl*& v = value_table_[static_cast<size_t>(c->hot->result)];
    if (!v) continue;
    settle(v, tape_table_[static_cast<size_t>(c->hot->result)]);
    TensorImpl* mine = v;
    if (!allowed) {
      v->session = nullptr;
      v->slot = -1;
      v = nullptr;
    }
    mine->release(); // died() clears the slot of a value that ends here
  }
  recorded_leaves_.clear();
  if (allowed)
    for (int32_t slot : bound_leaves_)
      recorded_leaves_.emplace(value_table_[static_cast<size_t>(slot)], slot);
  stats.unrecorded += !allowed;
  mode_ = allowed ? Mode::record : Mode::bypass;
  next = nullptr;
  tape = nullptr;
  mixed_ = generic_;
  generic_ = false;
}

void Session::died(TensorImpl* t) noexcept {
  std::lock_guard lock(died_mutex_);
  if (t->slot >= 0 && static_cast<size_t>(t->slot) < value_table_.size() &&
      value_table_[static_cast<size_t>(t->slot)] == t)
    value_table_[static_cast<size_t>(t->slot)] = nullptr;
}

void Session::end_recording(const char* reason, const Loc& loc) {
  if (current != region_.trace().root()) {
    Flush* done = find_or_make_end(reason, loc);
    stats.flushes++;
    if (given_) check_pure_writes(*done);
    drop_recorded();
    go_to_root(done);
  } else {
    drop_recorded();
    go_to_root(nullptr);
  }
}

// Survivors lose their numbers; leaves are let go.
void Session::drop_recorded() {
  for (ColdNode* c = &cold(current); c != &cold(region_.trace().root()); c = c->parent) {
    if (c->hot->result < 0) continue;
    std::lock_guard lock(died_mutex_);
    TensorImpl*& v = value_table_[static_cast<size_t>(c->hot->result)];
    if (v) v->session = nullptr, v->slot = -1;
    v = nullptr;
  }
  recorded_leaves_.clear();
}

Flush* Session::make_flush(const char* reason, const Loc& loc) {
  Trace& trace = region_.trace();
  TraceNode* n = trace.make_node();
  ColdNode& c = cold(n);
  n->key = kFlushKey;
  c.parent = &cold(current);
  c.flush = std::make_unique<Flush>();
  Flush& f = *c.flush;
  f.reason = reason;
  f.name = "flush: " + f.reason;
  f.place = TracePlace::of(LocScope::resolve(loc));
  for (ColdNode* p = &cold(current); p != &cold(trace.root()); p = p->parent)
    f.path.push_back(p);
  std::reverse(f.path.begin(), f.path.end());
  describe_segment(f);
  describe_aliases(f, value_table_.data());
  f.number = static_cast<int>(trace.flushes().size());
  trace.flushes().push_back(&f);
  Trace::append(current, n);
  return &f;
}

} // namespace weft
