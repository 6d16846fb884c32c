#include "runtime/autograd/grad_node.h"

#include "runtime/autograd/block_list.h"
#include "runtime/autograd/node_extra.h"
#include "runtime/autograd/view_history.h"

#include <memory>
#include <new>

namespace weft {

namespace {

constinit thread_local GradNode* graveyard = nullptr;
constinit thread_local bool burying = false;

} // namespace

GradEdge GradEdge::to(GradNode* node) {
  GradEdge edge;
  edge.word_ = reinterpret_cast<uintptr_t>(node);
  edge.retain();
  return edge;
}

void GradEdge::retain() const {
  if (TensorImpl* t = leaf())
    t->retain_tape();
  else if (GradNode* n = node())
    n->retain();
}

void GradEdge::release() {
  uintptr_t word = std::exchange(word_, 0);
  if (word & 1)
    reinterpret_cast<TensorImpl*>(word - 1)->release_tape();
  else if (word)
    reinterpret_cast<GradNode*>(word)->release();
}

namespace {

bool is_as_result(const Meta& operand, const Meta& result) {
  return operand.contiguous && operand.dtype == result.dtype && operand.device == result.device &&
         operand.rank == result.rank && operand.same_sizes(result);
}

size_t count_metas(const OpCall& call, const Meta& result) {
  size_t n = 0;
  for (const TensorImpl* t : call.operands)
    n += t && !is_as_result(t->meta, result);
  return n;
}

bool may_read_result(const OpCall& call) {
  const uint8_t* reads = call.op == kNoOp ? nullptr : info(call.op).gradient_reads;
  for (size_t k = 0; reads && k < call.operands.size(); k++)
    if (reads[k] & kReadsResult) return true;
  return false;
}

} // namespace

GradNode* GradNode::make(const OpCall& call, const Meta& result, BlockSlab* slab) {
  const bool keeps_result = may_read_result(call);
  size_t bytes = sizeof(GradNode) + (call.operands.size() + keeps_result) * sizeof(GradOperand) +
                 count_metas(call, result) * sizeof(Meta) + call.scalars.size() * sizeof(Scalar) +
                 (call.structure.size() + call.sizes.size() + result.rank) * sizeof(int64_t);
  uint8_t size_class;
  GradNode* n = new (slab ? slab->take(bytes, size_class) : take_block(bytes, size_class)) GradNode;
  n->size_class = size_class;
  n->op = call.op;
  n->in_place = call.in_place;
  n->keeps_result = keeps_result;
  n->dtype = result.dtype;
  n->rank = result.rank;
  n->loc = call.location();
  n->operand_count = static_cast<uint32_t>(call.operands.size());
  n->scalar_count = static_cast<uint8_t>(call.scalars.size());
  n->structure_count = static_cast<uint8_t>(call.structure.size());
  n->size_count = static_cast<uint8_t>(call.sizes.size());
  for (uint32_t k = 0; k < n->value_count(); k++)
    new (n->operands() + k) GradOperand;
  std::uninitialized_copy(call.scalars.begin(), call.scalars.end(), n->scalars());
  std::copy(call.structure.begin(), call.structure.end(), n->structure());
  std::copy(call.sizes.begin(), call.sizes.end(), n->sizes());
  std::copy_n(result.sizes, result.rank, n->result_sizes());
  int32_t next_meta = 0;
  for (uint32_t k = 0; k < n->operand_count; k++) {
    const TensorImpl* t = call.operands[k];
    if (!t) {
      n->operands()[k].meta = GradOperand::kNumber;
    } else if (!is_as_result(t->meta, result)) {
      n->operands()[k].meta = next_meta;
      new (n->metas() + next_meta++) Meta(t->meta);
    }
  }
  return n;
}

void GradNode::drop_extra() { delete std::exchange(extra, nullptr); }

void GradNode::release_saved() {
  for (uint32_t k = 0; k < value_count(); k++)
    if (TensorImpl* t = std::exchange(operands()[k].value, nullptr); t && !lent) t->release_tape();
}

void GradNode::take_saved(GradNode& twin) {
  for (uint32_t k = 0; k < value_count(); k++) {
    GradOperand &mine = operands()[k], &other = twin.operands()[k];
    if (mine.value || !other.value) continue;
    mine.value = other.value;
    mine.version = other.version;
    if (!lent) mine.value->retain_tape();
  }
}

void GradNode::own() {
  for (uint32_t k = 0; k < value_count(); k++) {
    const GradEdge& edge = operands()[k].edge;
    if (GradNode* n = edge.node(); n && n->lent) // nobody else can see it yet
      n->refs.store(n->refs.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    else
      edge.retain();
    if (TensorImpl* t = operands()[k].value) t->retain_tape();
  }
  lent = false;
}

void GradNode::free(GradNode* node) {
  uint8_t c = node->size_class;
  node->~GradNode();
  give_block(node, c);
}

void GradNode::destroy() {
  release_saved();
  if (extra) drop_extra();
  for (uint32_t k = 0; k < operand_count && !lent; k++)
    operands()[k].edge.release();
  NodeHome claimed = NodeHome::slot;
  if (home.load(std::memory_order_acquire) == NodeHome::none ||
      !home.compare_exchange_strong(claimed, NodeHome::resting, std::memory_order_acq_rel))
    free(this);
}

void GradNode::give_up(GradNode* node) {
  NodeHome in_use = NodeHome::slot;
  if (!node->home.compare_exchange_strong(in_use, NodeHome::none, std::memory_order_acq_rel))
    free(node);
}

void GradNode::bury(GradNode* node) {
  node->next = std::exchange(graveyard, node);
  if (burying) return;
  burying = true;
  while (GradNode* n = graveyard) {
    graveyard = n->next;
    n->destroy();
  }
  burying = false;
}

GradNode* node_of(const TensorImpl* t) {
  return t->is_leaf ? nullptr : static_cast<GradNode*>(t->autograd);
}

LeafState& leaf_state(TensorImpl* leaf) {
  AutogradState* state = autograd_state(leaf);
  if (!state) {
    auto made = std::make_unique<LeafState>();
    if (std::atomic_ref(leaf->autograd).compare_exchange_strong(state, made.get()))
      state = made.release();
  }
  return *static_cast<LeafState*>(state);
}

namespace {

// Of a tensor, which nobody can ask for the node's gradient any more.
void release_history(GradNode* node) {
  if (node->extra) node->extra->stop_retaining();
  node->release();
}

} // namespace

void TensorImpl::clear_autograd() {
  AutogradState* state = std::exchange(autograd, nullptr);
  bool was_leaf = std::exchange(is_leaf, true);
  meta.requires_grad = 0;
  if (!state) return;
  if (was_leaf)
    delete static_cast<LeafState*>(state);
  else
    release_history(static_cast<GradNode*>(state)); // may free this tensor
}

void drop_history(TensorImpl* t) {
  if (t->is_leaf) return;
  if (AutogradState* state = std::exchange(t->autograd, nullptr))
    release_history(static_cast<GradNode*>(state));
}

void TensorImpl::last_handle_gone(uint64_t refs_left) {
  if (refs_left == 0) return destroy();
  if (is_view) unlink_view(this);
  // Nobody can ask for a leaf's gradient any more, and it may lead back to the leaf.
  Tensor gradient;
  if (is_leaf && autograd) {
    LeafState& state = leaf_state(this);
    std::lock_guard lock(state.mutex);
    gradient.swap(state.grad);
  }
  drop_history(this);
  gradient = {};
  release_tape();
}

} // namespace weft
