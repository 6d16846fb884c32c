// RegionSession: the hook through which a compiled region sees every op of its thread. The runtime
// knows nothing else about regions; frontend/ implements it.
#pragma once

#include "runtime/autograd/block_list.h"
#include "runtime/autograd/tape.h"
#include "runtime/core/op_call.h"

#include <functional>
#include <memory>

namespace weft {

inline constexpr uint32_t kInPlaceKey = 1u << 24;

/// The part of a trace node that following reads: one cache line, contiguous in recording order.
/// `key` is op | operand count << 16 for ops without attributes, scalars, or operands new to the
/// segment, plus kInPlaceKey; 0 sends the op through RegionSession::op.
struct alignas(64) TraceNode {
  uint32_t key = 0;
  int32_t result = -1; // slot of the result
  int32_t operands[3] = {-1, -1, -1};
  uint32_t index = 0;                       // of the cold part
  std::atomic<TraceNode*> next{nullptr};    // first child
  std::atomic<TraceNode*> sibling{nullptr}; // next alternative to this node
  void* cold = nullptr;
};
static_assert(sizeof(TraceNode) == 64);

class RegionSession {
public:
  virtual ~RegionSession() = default;
  /// Records or follows one op. Returns a reference that the caller owns.
  virtual TensorImpl* op(const OpCall& call) = 0;
  /// Makes every deferred value of the session real. `reason` is what the host did ("item").
  virtual void flush(const char* reason, const Loc& loc) = 0;
  /// Hears of the end of a tensor that carries this session and is not owned by it.
  virtual void died(TensorImpl* t) noexcept = 0;
  /// Takes what to do should the pending ops fail: the host has gone past where eager code throws.
  virtual void on_failure(std::function<void()> undo) = 0;

  uint32_t region = 0;           // number of the region, kept by the tape of its ops
  TraceNode* next = nullptr;     // the node the path predicts; null while recording or generic
  TensorImpl** values = nullptr; // by slot
  int32_t slot_limit = 0;        // of `values`: another thread may add nodes with higher ones
  TraceNode* current = nullptr;  // last node matched
  GradNode** tape = nullptr; // by slot: see autograd/tape_slot.h; null unless sizes are as recorded
  bool wrote = false;        // the segment has an op in place
  BlockSlab tape_memory;     // of the nodes in slots
};

/// A stay of this thread in a region; leaving is finish(), or abandon() while an exception travels.
class RegionStay {
public:
  virtual ~RegionStay() = default;
  virtual void finish() = 0;
  virtual void abandon() noexcept = 0;
};

/// A region as the tape knows it: it compiles the backward pass over its ops when that runs
/// outside.
class RegionOwner {
public:
  virtual ~RegionOwner() = default;
  virtual std::unique_ptr<RegionStay> enter_backward() = 0;
};

/// Numbers regions, from 1. A tape may outlive the region that it was recorded in: find_region then
/// returns null.
uint32_t register_region(std::weak_ptr<RegionOwner> owner);
void forget_region(uint32_t number);
std::shared_ptr<RegionOwner> find_region(uint32_t number);

/// The session of the innermost region running in this thread, or null.
extern constinit thread_local RegionSession* current_session
    __attribute__((tls_model("initial-exec")));

/// Slots beyond the last one that a session's table must have, for prefetch_ahead.
inline constexpr int kPrefetchResults = 10;

/// Fetches what following will touch some ops ahead: nodes lie in recording order, and slots grow
/// with them. (Inlined by force: GCC takes a function that only prefetches for one without effect
/// and drops its calls.)
[[gnu::always_inline]] inline void prefetch_ahead(TraceNode* n, TensorImpl** values) {
  __builtin_prefetch(n + 12);
  __builtin_prefetch(values[n->result + kPrefetchResults]);
}

/// Fetches the tape node that recording will touch some ops ahead, and, where versions may not be
/// new, the storage whose version it will save.
[[gnu::always_inline]] inline void prefetch_for_tape(const RegionSession& s, int32_t slot) {
  const char* node = reinterpret_cast<const char*>(s.tape[slot + kPrefetchResults]);
  __builtin_prefetch(node, 1);
  __builtin_prefetch(node + 64, 1);
  if (!s.wrote) return;
  if (const TensorImpl* t = s.values[slot + kPrefetchResults / 2]) __builtin_prefetch(t->storage);
}

/// Follows an op whose operands are all known to the segment, or returns null. N operands.
template <int N> inline TensorImpl* follow_known(Op op, TensorImpl* a, TensorImpl* b = nullptr) {
  RegionSession* s = current_session;
  if (!s || !s->next) return nullptr;
  TraceNode* n = s->next;
  TensorImpl** values = s->values;
  if (n->key != (static_cast<uint32_t>(op) | uint32_t{N} << 16) || n->result >= s->slot_limit ||
      values[n->operands[0]] != a || (N > 1 && values[n->operands[1]] != b))
    return nullptr;
  TensorImpl* r = values[n->result];
  if (!r) return nullptr;
  s->current = n;
  s->next = n->next.load(std::memory_order_acquire);
  // The session's own reference plus the caller's; nobody else can see the object yet.
  r->refs.store(2 * TensorImpl::kUser, std::memory_order_relaxed);
  prefetch_ahead(n, values);
  return r;
}

/// Follows an op that writes into `a`, where all operands (`b` is null where there is one) are
/// known to the segment and no tape is to be recorded.
inline bool follow_in_place(Op op, TensorImpl* a, TensorImpl* b) {
  RegionSession* s = current_session;
  if (!s || !s->next) return false;
  TraceNode* n = s->next;
  const uint32_t key = static_cast<uint32_t>(op) | (b ? 2u : 1u) << 16 | kInPlaceKey;
  if (n->key != key || s->values[n->operands[0]] != a || (b && s->values[n->operands[1]] != b) ||
      a->storage->readers.load(std::memory_order_relaxed))
    return false;
  const bool may_record =
      a->meta.requires_grad || a->is_view || (b && (b->meta.requires_grad || b->is_view));
  if (may_record && grad_mode) return false;
  s->current = n;
  s->next = n->next.load(std::memory_order_acquire);
  a->storage->version.fetch_add(1, std::memory_order_relaxed);
  s->wrote = true;
  __builtin_prefetch(n + 12);
  return true;
}

} // namespace weft
