#include "runtime/autograd/view_history.h"

#include "runtime/autograd/block_list.h"
#include "runtime/autograd/node_extra.h"
#include "runtime/autograd/vjp_view.h"
#include "weft/autograd.h"
#include "weft/ops.h"

#include <fmt/format.h>

#include <mutex>

namespace weft {

namespace {

/// A view op with its arguments: structure, then sizes.
struct ViewStep {
  Op op;
  uint8_t structure_count, size_count;
  Loc loc;
  int64_t arguments[kMaxRank];

  std::span<const int64_t> structure() const { return {arguments, structure_count}; }
  std::span<const int64_t> sizes() const { return {arguments + structure_count, size_count}; }
};

constexpr uint8_t kMostSteps = 8;

} // namespace

/// How a view follows from its root. Paths that are too long to keep have no steps.
struct ViewLink {
  TensorImpl* root; // a user's reference: the root keeps its history while views live
  /// The number of the root's node that the view's history was derived from. Published after that
  /// history: threads that read one tensor may find it outdated at the same time.
  std::atomic<uint64_t> seen;
  uint8_t size_class;
  uint8_t count; // of steps
  bool repeats;  // elements of the root

  ViewStep* steps() { return reinterpret_cast<ViewStep*>(this + 1); }
};
static_assert(alignof(ViewStep) <= alignof(ViewLink));

namespace {

uint64_t history_of(const TensorImpl* t) {
  const GradNode* node = node_of(t);
  return node ? node->sequence : 0;
}

// A view whose memory was exchanged, or that was made a leaf of its own, has no part in the root's
// past.
bool shares_history(const TensorImpl* view) {
  return view->storage == view->link->root->storage && !(view->is_leaf && view->meta.requires_grad);
}

Tensor handle(TensorImpl* t) {
  t->retain();
  return Tensor::adopt(t);
}

OpCall call_of(const ViewStep& step, std::span<TensorImpl* const> operand) {
  OpCall call;
  call.op = step.op;
  call.operands = operand;
  call.structure = step.structure();
  call.sizes = step.sizes();
  call.loc = &step.loc;
  return call;
}

Tensor replay(const ViewStep& step, const Tensor& x) {
  LocOverride line(step.loc);
  TensorImpl* operand[] = {x.impl()};
  return Tensor::adopt(dispatch(call_of(step, operand)));
}

void take_history(TensorImpl* to, const Tensor& from) {
  GradNode* node = node_of(from.impl());
  if (node) {
    node->retain();
    move_retained(node_of(to), *node);
  }
  to->clear_autograd();
  if (node) attach_node(to, node);
}

// The elements of `x` where the step looks: `part`; elsewhere those of x.
Tensor put_slice(const ViewStep& step, const Tensor& x, const Tensor& part) {
  const int dim = static_cast<int>(step.arguments[0]);
  const int64_t start = step.arguments[1], length = step.arguments[2], stride = step.arguments[3];
  const int64_t size = x.size(dim);
  if (length == size) return part;
  // To the tape the result is a tensor of its own; its elements are in place already.
  const Tensor result = x.detach();
  OpCall call;
  call.loc = &step.loc;
  if (stride > 1 && length > 1) {
    const Tensor spread = place_slice(part, x.shape(), dim, start, stride);
    const Tensor mask = place_slice(full(part.shape(), true, DType::boolean, x.device()), x.shape(),
                                    dim, start, stride);
    TensorImpl* operands[] = {mask.impl(), spread.impl(), x.impl()};
    call.op = Op::where;
    call.operands = operands;
    replace_history(call, result.impl());
    return result;
  }
  Tensor before, behind;
  std::vector<TensorImpl*> parts;
  if (start > 0) parts.push_back((before = slice(x, dim, 0, start)).impl());
  parts.push_back(part.impl());
  if (start + length < size) parts.push_back((behind = slice(x, dim, start + length)).impl());
  const int64_t structure[] = {dim};
  call.op = Op::concatenate;
  call.operands = parts;
  call.structure = structure;
  replace_history(call, result.impl());
  return result;
}

// The elements of `x` but for the diagonal, which is `part`.
Tensor put_diagonal(const ViewStep& step, const Tensor& x, const Tensor& part) {
  const int a = static_cast<int>(step.arguments[0]), b = static_cast<int>(step.arguments[1]);
  const Tensor result = x.detach();
  const Tensor spread = place_diagonal(part, x.shape(), a, b);
  const Tensor mask = expand(diagonal_mask(x.shape(), a, b, x.device()), x.shape());
  TensorImpl* operands[] = {mask.impl(), spread.impl(), x.impl()};
  OpCall call;
  call.loc = &step.loc;
  call.op = Op::where;
  call.operands = operands;
  replace_history(call, result.impl());
  return result;
}

// The elements of the list `x` but for those that the view shows, each once: `part`.
Tensor put_strided(const ViewStep& step, const Tensor& x, const Tensor& part) {
  const Tensor result = x.detach();
  const Tensor at = strided_positions(step.sizes(), x.device());
  const Tensor elements = reshape(part, {-1});
  const int64_t structure[] = {0};
  TensorImpl* operands[] = {x.impl(), at.impl(), elements.impl()};
  OpCall call;
  call.loc = &step.loc;
  call.op = Op::scatter;
  call.operands = operands;
  call.structure = structure;
  replace_history(call, result.impl());
  return result;
}

// The history of `x` after what the step sees of it became `part`.
Tensor put_back(const ViewStep& step, const Tensor& x, const Tensor& part) {
  LocOverride line(step.loc);
  switch (step.op) {
  case Op::slice:
    return put_slice(step, x, part);
  case Op::diagonal_view:
    return put_diagonal(step, x, part);
  case Op::strided_view:
    return put_strided(step, x, part);
  case Op::permute: {
    Dims inverse = Ints::filled(x.rank(), 0);
    for (int k = 0; k < x.rank(); k++)
      inverse[static_cast<int>(step.arguments[k])] = k;
    return permute(part, inverse);
  }
  default:
    return part.view(x.shape());
  }
}

[[noreturn]] void refuse(const OpCall& call, const std::string& what) {
  fail(call, ErrorKind::autograd,
       fmt::format("operand 1, {}, must not be {} while a gradient is recorded; clone() it, or "
                   "write the op out of place",
                   describe(call.operands[0]->meta), what));
}

} // namespace

void link_view(const OpCall& call, TensorImpl* view) {
  TensorImpl* source = call.operands[0];
  ViewLink* before = source->is_view ? source->link : nullptr;
  const size_t arguments = call.structure.size() + call.sizes.size();
  const bool fits =
      (!before || (before->count && before->count < kMostSteps)) && arguments <= kMaxRank;
  const uint8_t count = !fits ? 0 : before ? before->count + 1 : 1;
  uint8_t size_class;
  void* block = take_block(sizeof(ViewLink) + count * sizeof(ViewStep), size_class);
  auto* link = new (block) ViewLink{
      before ? before->root : source,
      before ? before->seen.load(std::memory_order_relaxed) : history_of(source), size_class, count,
      (before && before->repeats) || view->meta.numel() > source->meta.numel()};
  if (before && count) std::uninitialized_copy_n(before->steps(), count - 1, link->steps());
  if (count) {
    auto* step = new (link->steps() + count - 1) ViewStep;
    step->op = call.op;
    step->structure_count = static_cast<uint8_t>(call.structure.size());
    step->size_count = static_cast<uint8_t>(call.sizes.size());
    step->loc = call.location();
    std::copy(call.sizes.begin(), call.sizes.end(),
              std::copy(call.structure.begin(), call.structure.end(), step->arguments));
  }
  link->root->retain();
  if (view->link) unlink_view(view);
  view->link = link;
}

void unlink_view(TensorImpl* view) {
  ViewLink* link = std::exchange(view->link, nullptr);
  if (!link) return;
  TensorImpl* root = link->root;
  give_block(link, link->size_class);
  root->release();
}

void refresh_view(TensorImpl* view) {
  ViewLink* link = view->link;
  if (!link) return;
  const uint64_t history = history_of(link->root);
  if (link->seen.load(std::memory_order_acquire) == history) return;
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  if (link->seen.load(std::memory_order_relaxed) == history || !shares_history(view)) return;
  if (!link->count)
    throw Error(ErrorKind::autograd,
                fmt::format("{} must not be a view of views, more than {} deep, made before its "
                            "base was changed in place; make the view again",
                            describe(view->meta), kMostSteps));
  EnableGrad on;
  Tensor now = handle(link->root);
  for (uint8_t k = 0; k < link->count; k++)
    now = replay(link->steps()[k], now);
  take_history(view, now);
  link->seen.store(history, std::memory_order_release);
}

void check_view_in_place(const OpCall& call) {
  const TensorImpl* view = call.operands[0];
  ViewLink* link = view->link;
  if (!link || !shares_history(view)) refuse(call, "a view made in a NoGrad scope");
  if (!link->count) refuse(call, "a view of views that deep");
  if (link->repeats) refuse(call, "a part of a tensor that repeats elements");
  const TensorImpl* root = link->root;
  if (root->is_leaf && root->meta.requires_grad)
    refuse(call, "a view of a leaf that requires a gradient");
  if (root->is_view && !root->detached) refuse(call, "a view of a view made in a NoGrad scope");
}

void extend_root(const OpCall& call, TensorImpl* view) {
  ViewLink* link = view->link;
  TensorImpl* root = link->root;
  LocOverride line(call.location());
  EnableGrad on;
  std::vector<Tensor> wholes{handle(root)}; // [k]: what step k looks into, with its old history
  for (uint8_t k = 0; k + 1 < link->count; k++)
    wholes.push_back(replay(link->steps()[k], wholes.back()));
  Tensor part = handle(view);
  for (uint8_t k = link->count; k-- > 0;)
    part = put_back(link->steps()[k], wholes[k], part);
  wholes.clear();
  take_history(root, part);
  link->seen.store(history_of(root), std::memory_order_release);
}

} // namespace weft
