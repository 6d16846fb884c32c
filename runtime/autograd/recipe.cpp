// 1. Steps that somebody may ask for are claimed: by a missing value, or by a claimed step that
//    reads them. What claimed steps read of what was kept is held like a saved value.
// 2. Who asks for a step gets what was made before, if that is still real or pending in the same
//    region. Else the steps up to it run, outside of the lock, since ops may flush a region.
// 3. Values of missing steps, and of steps that several read, are remembered.
// 4. With a storage the claims on its steps go, and with the last claim on a step all it held.

#include "runtime/autograd/recipe.h"

#include "runtime/autograd/tape.h"
#include "runtime/core/execute.h"
#include "runtime/core/region_hook.h"
#include "weft/autograd.h"

#include <map>
#include <unordered_set>

namespace weft {

namespace {

/// All recipes, so that a write finds those that read what it is about to change.
struct Recipes {
  std::mutex mutex;
  std::unordered_set<Recipe*> all;
};

// Never destroyed: a tensor with static lifetime may end after it would.
Recipes& recipes() {
  static Recipes* r = new Recipes;
  return *r;
}

Tensor handle(TensorImpl* t) {
  t->retain();
  return Tensor::adopt(t);
}

void hold(TensorImpl* t) {
  t->retain_tape();
  t->storage->readers.fetch_add(1, std::memory_order_relaxed);
}

// The reference becomes the caller's: what ends with it may come back to the recipe.
Tensor stop_holding(TensorImpl* t) {
  t->storage->readers.fetch_sub(1, std::memory_order_relaxed);
  Tensor last = handle(t);
  t->release_tape();
  return last;
}

/// A tensor of its own to the tape, with the place and the metadata of another one.
Tensor tensor_over(Storage* storage, const Meta& meta, int64_t offset) {
  Tensor r = Tensor::adopt(TensorImpl::make());
  storage->retain();
  r.impl()->storage = storage;
  r.impl()->meta = meta;
  r.impl()->meta.requires_grad = 0;
  r.impl()->offset = offset;
  return r;
}

Tensor copy_of_bytes(Storage& s) {
  const Tensor bytes =
      tensor_over(&s, make_meta({static_cast<int64_t>(s.nbytes)}, DType::u8, s.device), 0);
  return copy_of(*bytes.impl(), Loc());
}

} // namespace

void copy_for_readers(Storage& s) {
  std::vector<Tensor> replaced; // let go of outside of the lock: recipes may end with them
  const Tensor copy = copy_of_bytes(s);
  std::lock_guard lock(recipes().mutex);
  for (Recipe* r : recipes().all)
    r->replace(s, copy, replaced);
}

Tensor unpack_saved(TensorImpl* saved) {
  if (Recipe* recipe = saved->storage->recipe) [[unlikely]]
    return recipe->value(saved->slot);
  return handle(saved);
}

Recipe::Recipe(std::shared_ptr<const RecipePlan> plan, std::span<const Scalar> scalars,
               std::span<const int64_t> sizes)
    : plan_(std::move(plan)), scalars_(scalars.begin(), scalars.end()),
      sizes_(sizes.begin(), sizes.end()), kept_(static_cast<size_t>(plan_->kept_count)),
      claims_(plan_->steps.size()), kept_claims_(kept_.size()), is_missing_(plan_->steps.size()),
      made_(plan_->steps.size()) {}

void Recipe::make(std::shared_ptr<const RecipePlan> plan, std::span<TensorImpl* const> kept,
                  std::span<const Scalar> scalars, std::span<const int64_t> sizes,
                  std::span<const Missing> missing) {
  auto* r = new Recipe(std::move(plan), scalars, sizes);
  {
    std::lock_guard lock(recipes().mutex);
    recipes().all.insert(r);
  }
  for (const Missing& m : missing) {
    m.value->slot = m.step;
    r->is_missing_[static_cast<size_t>(m.step)] = 1;
    r->claims_[static_cast<size_t>(m.step)]++;
    Storage& s = *m.value->storage;
    if (s.recipe) continue;
    s.recipe = r;
    s.recipe_step = m.base;
    r->storages_++;
  }
  r->claim(kept);
}

Recipe::~Recipe() {
  std::lock_guard lock(recipes().mutex);
  recipes().all.erase(this);
}

void Recipe::claim(std::span<TensorImpl* const> kept) {
  for (size_t k = claims_.size(); k-- > 0;) {
    if (!claims_[k]) continue;
    for (int32_t operand : plan_->steps[k].operands) {
      if (operand >= 0)
        claims_[static_cast<size_t>(operand)]++;
      else if (operand != RecipePlan::kNumber)
        kept_claims_[static_cast<size_t>(RecipePlan::kept_operand(operand))]++;
    }
  }
  std::lock_guard lock(mutex_); // from here on a write may look for its storage
  for (size_t k = 0; k < kept_.size(); k++)
    if (kept_claims_[k]) hold(kept_[k] = kept[k]);
}

void Recipe::replace(const Storage& s, const Tensor& copy, std::vector<Tensor>& replaced) {
  std::lock_guard lock(mutex_);
  for (TensorImpl*& t : kept_) {
    if (!t || t->storage != &s) continue;
    const Tensor mine = tensor_over(copy.impl()->storage, t->meta, t->offset);
    hold(mine.impl());
    replaced.push_back(stop_holding(std::exchange(t, mine.impl())));
  }
}

struct Recipe::Asked {
  std::map<int32_t, Tensor> values; // of the steps in question; those that are to be made are empty
  std::map<int32_t, Tensor> kept;
  std::vector<int32_t> made;
  std::vector<Tensor> outdated;
};

// What was remembered, if it still has contents, or will have in the region at hand.
Tensor Recipe::known(Made& made, std::vector<Tensor>& outdated) const {
  if (!made.value) return {};
  const TensorImpl& t = *made.value;
  if (!made.was_deferred) return handle(made.value);
  if (made.by != std::this_thread::get_id()) return {};
  const bool is_pending = t.session && t.session == current_session;
  if (is_pending || (!t.session && t.storage->data && !t.storage->poison))
    return handle(made.value);
  outdated.push_back(handle(made.value));
  std::exchange(made.value, nullptr)->release_tape();
  return {};
}

void Recipe::collect(int32_t step, Asked& asked) {
  std::lock_guard lock(mutex_);
  std::vector<int32_t> waiting{step};
  while (!waiting.empty()) {
    const int32_t at = waiting.back();
    waiting.pop_back();
    auto [entry, is_new] = asked.values.try_emplace(at);
    if (!is_new) continue;
    entry->second = known(made_[static_cast<size_t>(at)], asked.outdated);
    if (entry->second.defined()) continue;
    for (int32_t operand : plan_->steps[static_cast<size_t>(at)].operands)
      if (operand >= 0)
        waiting.push_back(operand);
      else if (operand != RecipePlan::kNumber)
        if (auto [kept, is_first] = asked.kept.try_emplace(operand); is_first)
          kept->second = handle(kept_[static_cast<size_t>(RecipePlan::kept_operand(operand))]);
  }
}

Tensor Recipe::run(const RecipePlan::Step& step, const Asked& asked) const {
  std::vector<TensorImpl*> operands;
  for (int32_t operand : step.operands)
    operands.push_back(operand >= 0                     ? asked.values.at(operand).impl()
                       : operand == RecipePlan::kNumber ? nullptr
                                                        : asked.kept.at(operand).impl());
  OpCall call;
  call.op = step.op;
  call.operands = operands;
  call.scalars = {scalars_.data() + step.scalar_position, static_cast<size_t>(step.scalar_count)};
  call.structure = step.structure;
  call.sizes = {sizes_.data() + step.size_position, static_cast<size_t>(step.size_count)};
  call.loc = &step.loc;
  call.device = step.device;
  const LocOverride line(step.loc);
  return Tensor::adopt(dispatch(call));
}

void Recipe::remember(const Asked& asked) {
  std::lock_guard lock(mutex_);
  for (int32_t at : asked.made) {
    const auto k = static_cast<size_t>(at);
    if (made_[k].value || !(is_missing_[k] || claims_[k] > 1)) continue;
    TensorImpl* t = asked.values.at(at).impl();
    t->retain_tape();
    made_[k] = {t, std::this_thread::get_id(), t->session != nullptr};
  }
}

Tensor Recipe::value(int32_t step) {
  const NoGrad no_grad; // who unpacks a value hangs it on the tape
  Asked asked;
  collect(step, asked);
  for (auto& [at, value] : asked.values) // steps come after those that they read
    if (!value.defined()) {
      value = run(plan_->steps[static_cast<size_t>(at)], asked);
      asked.made.push_back(at);
    }
  remember(asked);
  return asked.values.at(step);
}

// One claim less.
void Recipe::let_go(int32_t step, std::vector<Tensor>& gone) {
  std::vector<int32_t> waiting{step};
  while (!waiting.empty()) {
    const auto k = static_cast<size_t>(waiting.back());
    waiting.pop_back();
    if (--claims_[k]) continue;
    if (TensorImpl* t = std::exchange(made_[k].value, nullptr)) {
      gone.push_back(handle(t));
      t->release_tape();
    }
    for (int32_t operand : plan_->steps[k].operands) {
      if (operand >= 0) {
        waiting.push_back(operand);
      } else if (operand != RecipePlan::kNumber) {
        const auto at = static_cast<size_t>(RecipePlan::kept_operand(operand));
        if (--kept_claims_[at] == 0)
          gone.push_back(stop_holding(std::exchange(kept_[at], nullptr)));
      }
    }
  }
}

void Recipe::forget(int32_t base) noexcept {
  std::vector<Tensor> gone; // let go of outside of the lock: they may lead back here
  bool is_last;
  {
    std::lock_guard lock(mutex_);
    for (int32_t step : plan_->steps[static_cast<size_t>(base)].shown_by)
      if (std::exchange(is_missing_[static_cast<size_t>(step)], 0)) let_go(step, gone);
    is_last = --storages_ == 0;
  }
  if (is_last) delete this;
}

} // namespace weft
