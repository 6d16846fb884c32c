// Following: each op is compared with the next node of the trace; its result is an object that the
// session prepared, without data until a flush.

#include "frontend/divergence.h"
#include "frontend/session.h"
#include "runtime/core/execute.h"

#include <cstring>

namespace weft {

TensorImpl* Session::op(const OpCall& call) {
  if (given_ && info(call.op).is_random) [[unlikely]]
    refuse_pure("take random numbers", call.location());
  if (is_full_) [[unlikely]]
    end_segment("segment length", call.location());
  if (call.in_place) before_write(*call.operands[0]->storage);
  switch (mode_) {
  case Mode::follow:
    return follow(call);
  case Mode::record:
    return record(call);
  case Mode::bypass:
    break;
  }
  return execute(call);
}

TensorImpl* Session::follow(const OpCall& call) {
  TraceNode* predicted = next;
  if (predicted && match(cold(predicted), call)) return accept(cold(predicted), call);
  for (TraceNode* n = current->next.load(std::memory_order_acquire); n;
       n = n->sibling.load(std::memory_order_acquire))
    if (n != predicted && match(cold(n), call)) return accept(cold(n), call);
  if (region_.options().deterministic)
    if (ColdNode* made = extend(call)) return accept(*made, call);
  diverge(call);
  return op(call);
}

bool Session::match(ColdNode& c, const OpCall& call) {
  if (std::max(c.hot->result, c.highest_operand) >= slot_limit)
    ensure_slots(); // another thread has made the node since the call began
  if (c.is_flush() || c.op != call.op || c.in_place != call.in_place ||
      c.operands.size() != call.operands.size() || c.scalar_kinds.size() != call.scalars.size() ||
      c.sizes.size() != call.sizes.size() ||
      !std::equal(c.structure.begin(), c.structure.end(), call.structure.begin(),
                  call.structure.end()))
    return false;
  for (size_t k = 0; k < call.scalars.size(); k++)
    if (c.scalar_kinds[k] != call.scalars[k].kind) return false;
  if (call.operands.empty() && c.meta.device != call.device) return false;
  if (!match_operands(c, call)) return false;
  const bool same_sizes = c.sizes.empty() || !std::memcmp(c.sizes.data(), call.sizes.data(),
                                                          c.sizes.size() * sizeof(int64_t));
  if (same_sizes && !call_differs_) return true;
  call_differs_ = true;
  try {
    if (match_structure(c, call)) return true;
  } catch (...) {
    unbind(c, call.operands.size());
    throw;
  }
  unbind(c, call.operands.size());
  return false;
}

// Some size differs in this call: only structure is compared, "is 1" included, and the shape rule
// says what the result is. It also finds the user's errors.
bool Session::match_structure(const ColdNode& c, const OpCall& call) {
  for (size_t k = 0; k < c.sizes.size(); k++)
    if ((c.sizes[k] == 1) != (call.sizes[k] == 1)) return false;
  pending_offset_ = 0;
  infer(call, pending_meta_, pending_offset_);
  return c.in_place || pending_meta_.structure() == c.meta.structure();
}

// Binds operands new to the segment as it goes, so that x * x matches itself; unbinds on failure.
bool Session::match_operands(ColdNode& c, const OpCall& call) {
  call_differs_ = generic_ || c.mixed;
  for (size_t k = 0; k < call.operands.size(); k++) {
    TensorImpl* t = call.operands[k];
    const int32_t slot = c.operands[k];
    bool ok;
    if (!t || slot < 0) {
      ok = !t && slot < 0;
    } else if (!c.new_leaf[k]) {
      ok = value_table_[static_cast<size_t>(slot)] == t;
    } else {
      const Meta& m = c.leaf_metas[k];
      ok = t->session != this && t->meta.structure() == m.structure();
      if (ok) {
        value_table_[static_cast<size_t>(slot)] = t;
        if (!t->meta.same_sizes(m) || !t->meta.same_strides(m)) call_differs_ = true;
      }
    }
    if (ok) continue;
    unbind(c, k);
    return false;
  }
  return true;
}

void Session::unbind(const ColdNode& c, size_t operand_count) {
  for (size_t k = 0; k < operand_count; k++)
    if (c.new_leaf[k]) value_table_[static_cast<size_t>(c.operands[k])] = nullptr;
}

TensorImpl* Session::accept(ColdNode& c, const OpCall& call) {
  for (size_t k = 0; k < call.operands.size(); k++) {
    if (!c.new_leaf[k]) continue;
    call.operands[k]->retain();
    bound_leaves_.push_back(c.operands[k]);
    leaf_versions_.push_back(call.operands[k]->storage->version.load(std::memory_order_relaxed));
  }
  store_arguments(c, call);
  if (call_differs_ && !generic_) {
    generic_ = true;
    stats.generic_calls++;
    if (!c.resized.exchange(true, std::memory_order_relaxed)) note_sizes(c, call);
  }
  if (current == region_.trace().root()) note_successor(c);
  current = c.hot;
  next = c.hot->next.load(std::memory_order_acquire);
  if (generic_) {
    next = nullptr;
    tape = nullptr;
  }
  if (c.hot->result >= 0) prefetch_ahead(c.hot, values);
  TensorImpl* r;
  if (c.in_place) {
    r = call.operands[0];
    r->retain();
    r->storage->version.fetch_add(1, std::memory_order_relaxed);
    wrote = true;
  } else {
    r = generic_ ? make_generic_result(c, call) : make_result(c, call);
  }
  if (c.early.load(std::memory_order_relaxed)) [[unlikely]]
    start_early(c);
  if (!c.cut.load(std::memory_order_relaxed)) return r;
  is_full_ = c.depth >= region_.options().max_segment_ops;
  if (is_full_) return r;
  try {
    end_segment("hot branch", call.location());
  } catch (...) {
    r->release();
    throw;
  }
  return r;
}

void Session::note_successor(const ColdNode& start) {
  if (last_flush_) last_flush_->successor.store(start.hot, std::memory_order_relaxed);
}

// The first call whose sizes differ from here on says which one did.
void Session::note_sizes(const ColdNode& c, const OpCall& call) {
  Divergence d = explain_divergence(c, call, c.meta, bound(), true);
  d.kind = Divergence::Kind::sizes;
  if (!d.difference.empty()) region_.note_divergence(std::move(d));
}

void Session::store_arguments(ColdNode& c, const OpCall& call) {
  if (!call.scalars.empty()) {
    const size_t end = static_cast<size_t>(c.scalar_position) + call.scalars.size();
    if (scalars_.size() < end) scalars_.resize(end);
    std::copy(call.scalars.begin(), call.scalars.end(), scalars_.begin() + c.scalar_position);
  }
  if (!call.sizes.empty()) {
    const size_t end = static_cast<size_t>(c.size_position) + call.sizes.size();
    if (sizes_.size() < end) sizes_.resize(end);
    std::copy(call.sizes.begin(), call.sizes.end(), sizes_.begin() + c.size_position);
  }
}

// The object was prepared at the end of an earlier call: nobody else can see it, so a plain store
// makes it the caller's and the session's.
TensorImpl* Session::make_result(ColdNode& c, const OpCall& call) {
  TensorImpl*& r = value_table_[static_cast<size_t>(c.hot->result)];
  if (!r) r = prepare_result(c);
  if (c.is_view) link_view(r, call, call.operands[0]->offset + c.offset_delta);
  r->refs.store(2 * TensorImpl::kUser, std::memory_order_relaxed);
  return r;
}

TensorImpl* Session::prepare_result(const ColdNode& c) {
  TensorImpl* r = TensorImpl::make();
  r->meta = c.meta;
  r->session = this;
  r->slot = c.hot->result;
  r->is_view = c.is_view;
  if (!c.is_view) {
    r->storage = Storage::make();
    r->storage->device = c.meta.device;
  }
  return r;
}

TensorImpl* Session::make_generic_result(ColdNode& c, const OpCall& call) {
  TensorImpl*& r = value_table_[static_cast<size_t>(c.hot->result)];
  if (r) r->release(); // prepared for other sizes
  r = TensorImpl::make();
  r->meta = pending_meta_;
  r->meta.requires_grad = 0;
  r->session = this;
  r->slot = c.hot->result;
  r->is_view = c.is_view;
  if (c.is_view) {
    link_view(r, call, pending_offset_);
  } else {
    r->storage = Storage::make();
    r->storage->device = c.meta.device;
  }
  r->refs.store(2 * TensorImpl::kUser, std::memory_order_relaxed);
  return r;
}

void Session::link_view(TensorImpl* view, const OpCall& call, int64_t offset) {
  Storage* s = call.operands[0]->storage;
  if (view->storage != s) {
    s->retain();
    if (view->storage) view->storage->release();
    view->storage = s;
  }
  view->offset = offset;
}

} // namespace weft
