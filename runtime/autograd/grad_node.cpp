#include "runtime/autograd/grad_node.h"

#include <new>

namespace weft {

namespace {

// Blocks come in multiples of 64 bytes; what is longer goes to the heap.
constexpr size_t kStep = 64, kClasses = 16;
constexpr uint32_t kMostFree = 4096; // blocks of a class

struct FreeBlocks {
  struct Block {
    Block* next;
  };
  Block* heads[kClasses] = {};
  uint32_t counts[kClasses] = {};
  ~FreeBlocks();
};

// Null before the thread's first node and again while the thread ends.
constinit thread_local FreeBlocks* blocks = nullptr;
constinit thread_local bool blocks_ended = false;

FreeBlocks::~FreeBlocks() {
  blocks = nullptr;
  blocks_ended = true;
  for (Block*& head : heads)
    while (head)
      ::operator delete(std::exchange(head, head->next));
}

[[gnu::noinline]] FreeBlocks* make_blocks() {
  if (blocks_ended) return nullptr;
  thread_local FreeBlocks owner;
  return blocks = &owner;
}

FreeBlocks* local_blocks() { return blocks ? blocks : make_blocks(); }

void* take_block(size_t bytes, uint8_t& size_class) {
  size_t c = (bytes - 1) / kStep;
  if (c >= kClasses) {
    size_class = kClasses;
    return ::operator new(bytes);
  }
  size_class = static_cast<uint8_t>(c);
  FreeBlocks* list = local_blocks();
  if (!list || !list->heads[c]) return ::operator new((c + 1) * kStep);
  list->counts[c]--;
  char* next = reinterpret_cast<char*>(list->heads[c]->next);
  for (size_t line = 0; next && line <= c;
       line++) // a whole step of the tape passes until it is needed
    __builtin_prefetch(next + line * kStep, 1);
  return std::exchange(list->heads[c], list->heads[c]->next);
}

void give_block(void* p, uint8_t size_class) {
  FreeBlocks* list = size_class < kClasses ? local_blocks() : nullptr;
  if (!list || list->counts[size_class] == kMostFree) return ::operator delete(p);
  list->heads[size_class] = new (p) FreeBlocks::Block{list->heads[size_class]};
  list->counts[size_class]++;
}

constinit thread_local GradNode* graveyard = nullptr;
constinit thread_local bool burying = false;

} // namespace

GradEdge GradEdge::to(TensorImpl* t) {
  GradEdge edge;
  if (!t->meta.requires_grad) return edge;
  if (t->is_leaf) {
    t->retain_tape();
    edge.word_ = reinterpret_cast<uintptr_t>(t) + 1;
  } else if (GradNode* node = node_of(t)) {
    node->retain();
    edge.word_ = reinterpret_cast<uintptr_t>(node);
  }
  return edge;
}

void GradEdge::release() {
  uintptr_t word = std::exchange(word_, 0);
  if (word & 1)
    reinterpret_cast<TensorImpl*>(word - 1)->release_tape();
  else if (word)
    reinterpret_cast<GradNode*>(word)->release();
}

GradNode* GradNode::make(const OpCall& call, const Meta& result, int meta_count) {
  size_t bytes = sizeof(GradNode) + call.operands.size() * sizeof(GradOperand) +
                 static_cast<size_t>(meta_count) * sizeof(Meta) +
                 call.scalars.size() * sizeof(Scalar) +
                 (call.structure.size() + call.sizes.size() + result.rank) * sizeof(int64_t);
  uint8_t size_class;
  GradNode* n = new (take_block(bytes, size_class)) GradNode;
  n->size_class = size_class;
  n->op = call.op;
  n->in_place = call.in_place;
  n->dtype = result.dtype;
  n->rank = result.rank;
  n->loc = call.location();
  n->operand_count = static_cast<uint32_t>(call.operands.size());
  n->meta_count = static_cast<uint16_t>(meta_count);
  n->scalar_count = static_cast<uint16_t>(call.scalars.size());
  n->structure_count = static_cast<uint16_t>(call.structure.size());
  n->size_count = static_cast<uint16_t>(call.sizes.size());
  for (uint32_t k = 0; k < n->operand_count; k++)
    new (n->operands() + k) GradOperand;
  std::uninitialized_copy(call.scalars.begin(), call.scalars.end(), n->scalars());
  std::copy(call.structure.begin(), call.structure.end(), n->structure());
  std::copy(call.sizes.begin(), call.sizes.end(), n->sizes());
  std::copy_n(result.sizes, result.rank, n->result_sizes());
  return n;
}

void GradNode::release_saved() {
  for (uint32_t k = 0; k < operand_count; k++)
    if (TensorImpl* t = std::exchange(operands()[k].value, nullptr)) t->release_tape();
  if (TensorImpl* t = std::exchange(result, nullptr)) t->release_tape();
}

void GradNode::destroy() {
  release_saved();
  for (uint32_t k = 0; k < operand_count; k++)
    operands()[k].edge.release();
  uint8_t c = size_class;
  this->~GradNode();
  give_block(this, c);
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
  if (!leaf->autograd) leaf->autograd = new LeafState;
  return *static_cast<LeafState*>(leaf->autograd);
}

void TensorImpl::clear_autograd() {
  AutogradState* state = std::exchange(autograd, nullptr);
  bool was_leaf = std::exchange(is_leaf, true);
  meta.requires_grad = 0;
  if (!state) return;
  if (was_leaf)
    delete static_cast<LeafState*>(state);
  else
    static_cast<GradNode*>(state)->release(); // may free this tensor
}

void drop_history(TensorImpl* t) {
  if (t->is_leaf) return;
  if (AutogradState* state = std::exchange(t->autograd, nullptr))
    static_cast<GradNode*>(state)->release();
}

void TensorImpl::last_handle_gone(uint64_t refs_left) {
  if (refs_left == 0) return destroy();
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
