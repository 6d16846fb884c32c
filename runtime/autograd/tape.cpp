#include "runtime/autograd/tape.h"

#include "runtime/autograd/grad_node.h"
#include "runtime/core/region_hook.h"
#include "weft/autograd.h"

#include <fmt/format.h>

namespace weft {

constinit thread_local bool grad_mode __attribute__((tls_model("initial-exec"))) = true;

NoGrad::NoGrad() : previous_(std::exchange(grad_mode, false)) {}
NoGrad::~NoGrad() { grad_mode = previous_; }
EnableGrad::EnableGrad() : previous_(std::exchange(grad_mode, true)) {}
EnableGrad::~EnableGrad() { grad_mode = previous_; }
bool grad_enabled() { return grad_mode; }

namespace {

/// Numbers nodes of all threads so that each comes after what it was made from, and nodes of one
/// thread in the order of their ops.
constinit thread_local uint64_t last_sequence = 0;

bool is_as_result(const Meta& operand, const Meta& result) {
  return operand.contiguous && operand.dtype == result.dtype && operand.rank == result.rank &&
         operand.same_sizes(result);
}

bool records(const OpCall& call, const Meta& result) {
  return info(call.op).vjp && is_floating(result.dtype);
}

int count_metas(const OpCall& call, const Meta& result) {
  int n = 0;
  for (const TensorImpl* t : call.operands)
    n += t && !is_as_result(t->meta, result);
  return n;
}

// A view's node leads to what its base was when the view was made.
void check_view(const OpCall& call, size_t k) {
  const TensorImpl* t = call.operands[k];
  const GradNode* node = node_of(t);
  uint32_t history = t->storage->history.load(std::memory_order_relaxed);
  if (history == (node ? node->view_history : 0)) return;
  fail(call, ErrorKind::autograd,
       fmt::format("operand {}, {}, must not be a view made before its base was changed in place "
                   "with a gradient; make the view again",
                   k, describe(t->meta)));
}

void save(const OpCall& call, size_t k, GradOperand& operand) {
  TensorImpl* t = call.operands[k];
  t->retain_tape();
  operand.value = t;
  operand.version = t->storage->version.load(std::memory_order_relaxed);
  // An op in place has destroyed what its gradient would read: it must not be found unchanged.
  if (call.in_place && t->storage == call.operands[0]->storage) operand.version--;
}

constexpr unsigned kReadsResult = 1u << 7;

// Makes the node's edges and returns what the gradients that somebody waits for will read.
unsigned record_edges(const OpCall& call, const OpInfo& op, const Meta& result, GradNode* node) {
  unsigned reads = 0;
  int next_meta = 0;
  for (size_t k = 0; k < call.operands.size(); k++) {
    GradOperand& operand = node->operands()[k];
    TensorImpl* t = call.operands[k];
    if (!t) {
      operand.meta = GradOperand::kNumber;
      continue;
    }
    operand.edge = GradEdge::to(t);
    if (GradNode* source = operand.edge.node())
      node->sequence = std::max(node->sequence, source->sequence);
    // Ops with any number of operands read none.
    if (operand.edge && op.gradient_reads) reads |= op.gradient_reads[k];
    if (!is_as_result(t->meta, result)) {
      operand.meta = next_meta;
      new (node->metas() + next_meta++) Meta(t->meta);
    }
  }
  return reads;
}

void save_values(const OpCall& call, unsigned reads, TensorImpl* result, GradNode* node) {
  node->saved = reads != 0;
  for (size_t k = 0; k < 7 && k < call.operands.size(); k++)
    if (reads >> k & 1 && call.operands[k]) save(call, k, node->operands()[k]);
  if (!(reads & kReadsResult)) return;
  result->retain_tape();
  node->result = result;
  node->result_version = result->storage->version.load(std::memory_order_relaxed);
}

} // namespace

void check_in_place(const OpCall& call) {
  const TensorImpl* target = call.operands[0];
  if (target->is_leaf && target->meta.requires_grad)
    fail(
        call, ErrorKind::autograd,
        fmt::format("operand 0, {}, must not be a leaf that requires a gradient; write it inside a "
                    "NoGrad scope, or out of place",
                    describe(target->meta)));
  if (target->is_view)
    fail(call, ErrorKind::autograd,
         fmt::format("operand 0, {}, must not be a view while a gradient is recorded; "
                     "clone() it, or write the op out of place",
                     describe(target->meta)));
  if (!info(call.op).vjp)
    fail(call, ErrorKind::autograd,
         fmt::format("operand 0, {}, must not require a gradient: the op has none",
                     describe(target->meta)));
}

void record_tape(const OpCall& call, TensorImpl* result) {
  if (!records(call, result->meta)) return;
  for (size_t k = 0; k < call.operands.size(); k++)
    if (const TensorImpl* t = call.operands[k]; t && t->is_view) check_view(call, k);

  const OpInfo& op = info(call.op);
  GradNode* node = GradNode::make(call, result->meta, count_metas(call, result->meta));
  save_values(call, record_edges(call, op, result->meta, node), result, node);
  last_sequence = std::max(last_sequence, node->sequence) + 1;
  node->sequence = last_sequence;
  if (current_session) node->region = current_session->region;
  if (op.kind == OpKind::view)
    node->view_history = result->storage->history.load(std::memory_order_relaxed);
  if (call.in_place) {
    result->storage->history.fetch_add(1, std::memory_order_relaxed);
    result->clear_autograd(); // the node's first edge holds what was there
  }
  result->is_leaf = false;
  result->meta.requires_grad = 1;
  result->autograd = node;
}

} // namespace weft
