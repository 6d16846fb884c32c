// Hooks on gradients: lists of them, and the methods of Tensor that make one.

#include "runtime/autograd/hooks.h"

#include "runtime/autograd/node_extra.h"
#include "runtime/core/fail_at.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace weft {

namespace {

std::atomic<int64_t> leaves_with_hooks{0};

std::string describe_gradient(const Tensor& t) { return describe(t.impl()->meta); }

// The list that `place` of a leaf holds, made at the first call.
std::shared_ptr<HookList> list_of(TensorImpl* leaf, std::shared_ptr<HookList> LeafState::*place) {
  LeafState& state = leaf_state(leaf);
  std::lock_guard lock(state.mutex);
  if (!state.hooks && !state.after_hooks) leaves_with_hooks++;
  std::shared_ptr<HookList>& list = state.*place;
  if (!list) list = std::make_shared<HookList>();
  return list;
}

} // namespace

LeafState::~LeafState() {
  if (hooks || after_hooks) leaves_with_hooks--;
}

bool any_leaf_has_hooks() { return leaves_with_hooks.load(std::memory_order_relaxed) > 0; }

uint64_t HookList::add(Hook hook, const Loc& loc) {
  std::lock_guard lock(mutex_);
  entries_.push_back({++last_, std::make_shared<const Hook>(std::move(hook)), loc});
  return last_;
}

void HookList::remove(uint64_t id) {
  std::shared_ptr<const Hook> dropped; // its end may call back
  std::lock_guard lock(mutex_);
  for (Entry& e : entries_)
    if (e.id == id) dropped = e.hook;
  std::erase_if(entries_, [id](const Entry& e) { return e.id == id; });
}

Tensor HookList::run(Tensor gradient) const {
  std::vector<Entry> now;
  {
    std::lock_guard lock(mutex_);
    now = entries_;
  }
  for (const Entry& e : now) {
    Tensor replaced = (*e.hook)(gradient);
    if (!replaced.defined()) continue;
    if (replaced.dtype() != gradient.dtype() || replaced.shape() != gradient.shape())
      throw Error(ErrorKind::autograd,
                  fmt::format("register_hook: what a hook returns must have the gradient's dtype "
                              "and shape, {}, got {}",
                              describe_gradient(gradient), describe_gradient(replaced)),
                  e.loc);
    gradient = std::move(replaced);
  }
  return gradient;
}

void HookHandle::remove() {
  if (std::shared_ptr<HookList> list = list_.lock()) list->remove(id_);
  list_.reset();
}

HookHandle detail::add_hook(const Tensor& t, GradientHook hook, const Loc& loc) {
  if (!t.defined()) fail_at(ErrorKind::autograd, "register_hook: the tensor must be defined", loc);
  if (!t.requires_grad())
    fail_at(ErrorKind::autograd,
            fmt::format("register_hook: {} must require a gradient", describe_gradient(t)), loc);
  std::shared_ptr<HookList> list;
  if (t.impl()->is_leaf) {
    list = list_of(t.impl(), &LeafState::hooks);
  } else {
    NodeExtra& extra = node_extra(*node_of(t.impl()));
    if (!extra.hooks) extra.hooks = std::make_shared<HookList>();
    list = extra.hooks;
  }
  const uint64_t id = list->add(std::move(hook), LocScope::resolve(loc));
  return HookHandle(std::move(list), id);
}

HookHandle detail::add_after_hook(const Tensor& t, std::function<void(const Tensor&)> hook,
                                  const Loc& loc) {
  if (!t.defined())
    fail_at(ErrorKind::autograd, "register_post_accumulate_grad_hook: the tensor must be defined",
            loc);
  if (!t.requires_grad() || !t.is_leaf())
    fail_at(ErrorKind::autograd,
            fmt::format("register_post_accumulate_grad_hook: {} must be a leaf that requires "
                        "a gradient",
                        describe_gradient(t)),
            loc);
  std::shared_ptr<HookList> list = list_of(t.impl(), &LeafState::after_hooks);
  const uint64_t id = list->add(
      [hook = std::move(hook)](const Tensor& leaf) {
        hook(leaf);
        return Tensor();
      },
      LocScope::resolve(loc));
  return HookHandle(std::move(list), id);
}

} // namespace weft
