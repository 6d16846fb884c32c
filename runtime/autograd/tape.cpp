#include "runtime/autograd/tape.h"

#include "runtime/autograd/node_extra.h"
#include "runtime/autograd/old_values.h"
#include "runtime/autograd/tape_slot.h"
#include "runtime/autograd/view_history.h"
#include "weft/autograd.h"

#include <fmt/format.h>

namespace weft {

constinit thread_local bool grad_mode __attribute__((tls_model("initial-exec"))) = true;

constinit thread_local bool anomaly_mode = false;

NoGrad::NoGrad() : previous_(std::exchange(grad_mode, false)) {}
NoGrad::~NoGrad() { grad_mode = previous_; }
EnableGrad::EnableGrad() : previous_(std::exchange(grad_mode, true)) {}
EnableGrad::~EnableGrad() { grad_mode = previous_; }
GradMode::GradMode(bool on) : previous_(std::exchange(grad_mode, on)) {}
GradMode::~GradMode() { grad_mode = previous_; }
AnomalyMode::AnomalyMode(bool on) : previous_(std::exchange(anomaly_mode, on)) {}
AnomalyMode::~AnomalyMode() { anomaly_mode = previous_; }
void set_grad_enabled(bool on) { grad_mode = on; }
bool grad_enabled() { return grad_mode; }

namespace {

/// Numbers nodes of all threads so that each comes after what it was made from, and nodes of one
/// thread in the order of their ops.
constinit thread_local uint64_t last_sequence = 0;

bool records(const OpCall& call, const Meta& result) {
  return info(call.op).vjp && is_floating(result.dtype);
}

/// A lent node takes no references: see tape_slot.h.
enum class Hold : uint8_t { owned, lent };

template <Hold hold> void keep(TensorImpl* t, GradOperand& place) {
  if (hold == Hold::owned) t->retain_tape();
  place.value = t;
  // Nothing has been written in a segment yet: then its new storages, far from any cache, are at 0.
  const bool is_new =
      hold == Hold::lent && !current_session->wrote && t->session == current_session && !t->is_view;
  place.version = is_new ? 0 : t->storage->version.load(std::memory_order_relaxed);
}

// Makes the node's edges and keeps what the gradients that somebody waits for will read.
template <Hold hold>
void connect(std::span<TensorImpl* const> operands, TensorImpl* result, GradNode* node) {
  // Ops with any number of operands read none.
  const uint8_t* gradient_reads = node->op == kNoOp ? nullptr : info(node->op).gradient_reads;
  unsigned reads = 0;
  for (size_t k = 0; k < operands.size(); k++) {
    TensorImpl* t = operands[k];
    if (!t) continue;
    GradOperand& place = node->operands()[k];
    place.edge = hold == Hold::owned ? GradEdge::to(t) : GradEdge::lent(t);
    // What a session lends was numbered in this thread and this call.
    if (hold == Hold::owned)
      if (const GradNode* source = place.edge.node())
        node->sequence = std::max(node->sequence, source->sequence);
    if (place.edge && gradient_reads) reads |= gradient_reads[k];
  }
  node->saved = reads != 0;
  for (size_t k = 0; k < OldValues::kMost && k < operands.size(); k++) {
    if (reads >> k & 1 && operands[k])
      keep<hold>(operands[k], node->operands()[k]);
    else
      node->operands()[k].value = nullptr;
  }
  if (GradOperand* place = node->result()) {
    if (reads & kReadsResult)
      keep<hold>(result, *place);
    else
      place->value = nullptr;
  }
}

// What an op in place has destroyed is saved as the copy that was made before.
void keep_old(const OpCall& call, const OldValues& old, GradNode* node) {
  for (size_t k = 0; k < OldValues::kMost && k < call.operands.size(); k++) {
    GradOperand& place = node->operands()[k];
    TensorImpl* copy = place.value ? old.of(call.operands[k]) : nullptr;
    if (!copy) continue;
    place.value->release_tape();
    keep<Hold::owned>(copy, place);
  }
}

// Says whether the session at hand keeps the node of such an operand, and what it leads to. A node
// that is not lent belongs to its tensor, which an op in place gives another one.
bool can_lend(const RegionSession* s, const TensorImpl* t) {
  return t->is_leaf || !t->meta.requires_grad ||
         (t->session == s && static_cast<const GradNode*>(t->autograd)->lent);
}

void arm(std::span<TensorImpl* const> operands, TensorImpl* result, GradNode* node) {
  // The session's reference and the value's. Nobody else can see the node.
  node->refs.store(2, std::memory_order_relaxed);
  node->home.store(NodeHome::slot, std::memory_order_relaxed);
  node->lent = true;
  node->released = false;
  node->sequence = ++last_sequence;
  connect<Hold::lent>(operands, result, node);
  attach_node(result, node);
}

GradNode* make_node(const OpCall& call, const Meta& result, BlockSlab* slab = nullptr) {
  GradNode* node = GradNode::make(call, result, slab);
  if (current_session) node->region = current_session->region;
  return node;
}

void own_edges(const OpCall& call, TensorImpl* result, GradNode* node) {
  connect<Hold::owned>(call.operands, result, node);
  node->sequence = last_sequence = std::max(last_sequence, node->sequence) + 1;
}

} // namespace

void check_in_place(const OpCall& call) {
  const TensorImpl* target = call.operands[0];
  if (target->is_leaf && target->meta.requires_grad)
    fail(
        call, ErrorKind::autograd,
        fmt::format("operand 1, {}, must not be a leaf that requires a gradient; write it inside a "
                    "NoGrad scope, or out of place",
                    describe(target->meta)));
  if (!info(call.op).vjp)
    fail(call, ErrorKind::autograd,
         fmt::format("operand 1, {}, must not require a gradient: the op has none",
                     describe(target->meta)));
  if (target->is_view && !target->detached) check_view_in_place(call);
}

unsigned overwritten_reads(const OpCall& call) {
  const uint8_t* gradient_reads = info(call.op).gradient_reads;
  if (!gradient_reads) return 0;
  unsigned reads = 0, overwritten = 0;
  for (size_t k = 0; k < call.operands.size(); k++)
    if (const TensorImpl* t = call.operands[k]; t && t->meta.requires_grad)
      reads |= gradient_reads[k];
  for (size_t k = 0; k < OldValues::kMost && k < call.operands.size(); k++)
    if (const TensorImpl* t = call.operands[k]; t && t->storage == call.operands[0]->storage)
      overwritten |= reads & 1u << k;
  return overwritten;
}

void OldValues::add(const TensorImpl* operand, Tensor copy) {
  operands_[count_] = operand;
  copies_[count_++] = std::move(copy);
}

TensorImpl* OldValues::of(const TensorImpl* operand) const {
  for (size_t k = 0; k < count_; k++)
    if (operands_[k] == operand) return copies_[k].impl();
  return nullptr;
}

void attach_node(TensorImpl* result, GradNode* node) {
  result->is_leaf = false;
  result->meta.requires_grad = 1;
  result->autograd = node;
}

void record_tape(const OpCall& call, TensorImpl* result) {
  if (!records(call, result->meta)) return;
  GradNode** slot = tape_slot(call, result);
  GradNode* node = slot ? *slot : nullptr;
  if (node) { // made by an earlier call that followed the op: only numbers differ
    std::copy(call.scalars.begin(), call.scalars.end(), node->scalars());
    node->loc = call.location();
  } else {
    node = make_node(call, result->meta, slot ? &current_session->tape_memory : nullptr);
    if (slot) *slot = node;
  }
  if (slot) return arm(call.operands, result, node);

  own_edges(call, result, node);
  attach_node(result, node);
}

void record_in_place(const OpCall& call, const OldValues& old) {
  TensorImpl* target = call.operands[0];
  if (!records(call, target->meta)) return;
  GradNode* node = make_node(call, target->meta);
  own_edges(call, target, node);
  keep_old(call, old, node);
  move_retained(node_of(target), *node);
  target->clear_autograd(); // the node's first edge holds what was there
  attach_node(target, node);
}

uint64_t newest_sequence(std::span<const Tensor> tensors) {
  uint64_t newest = last_sequence;
  for (const Tensor& t : tensors)
    if (const GradNode* node = t.defined() && t.requires_grad() ? node_of(t.impl()) : nullptr)
      newest = std::max(newest, node->sequence);
  return newest;
}

GradNode* make_plain_node(const OpCall& call, const Meta& result) {
  GradNode* node = make_node(call, result);
  own_edges(call, nullptr, node);
  return node;
}

void replace_history(const OpCall& call, TensorImpl* t) {
  GradNode* node = make_node(call, t->meta);
  own_edges(call, t, node);
  t->clear_autograd();
  attach_node(t, node);
}

GradNode** tape_slot(const OpCall& call, const TensorImpl* result) {
  const RegionSession* s = current_session;
  if (!s || !s->tape || result->session != s || call.in_place) return nullptr;
  for (const TensorImpl* t : call.operands)
    if (t && !can_lend(s, t)) return nullptr;
  GradNode** slot = s->tape + result->slot;
  if (GradNode* node = *slot; node && !node->is_resting()) {
    if (node->lent) return nullptr;                   // its segment could not be flushed
    GradNode::give_up(std::exchange(*slot, nullptr)); // what an earlier call made lives on
  }
  return slot;
}

bool record_followed(std::span<TensorImpl* const> tensors, const Loc& loc, TensorImpl* result) {
  const RegionSession* s = current_session;
  GradNode* node = s->tape[result->slot];
  if (!node || !node->is_resting()) return false;
  for (const TensorImpl* t : tensors)
    if (!can_lend(s, t)) return false;
  node->loc = LocScope::resolve(loc);
  arm(tensors, result, node);
  return true;
}

void settle(TensorImpl* value, GradNode*& slot) noexcept {
  if (value->is_view && value->user_refs() == 1) unlink_view(value);
  GradNode* node = slot;
  const bool lent = node && node->lent && !node->is_resting();
  // Until a node is settled only this thread counts its references.
  const auto references = [&] { return node->refs.load(std::memory_order_relaxed); };
  if (value->autograd && value->user_refs() == 1) {
    if (lent && value->autograd == node && references() == 2) {
      value->autograd = nullptr;
      node->rest();
      return;
    }
    drop_history(value);
  }
  if (!lent) return;
  if (references() == 1) return node->rest();
  node->own();
  node->refs.store(references() - 1, std::memory_order_release);
}

} // namespace weft
