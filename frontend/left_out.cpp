// A forward whose backward pass runs outside of it does not write all that the tape saved:
// 1. Storages of which the outside has saved values alone may be left out. Leaves whose contents
//    nobody vouches for, and storages that the segment writes in place, take no part.
// 2. The program keeps what its compiler chose (passes/keep_saved.cpp), of these and beside them.
// 3. A recipe (runtime/autograd/recipe.h) makes the others: the segment's ops between what is kept
//    and what is left out.

#include "frontend/left_out.h"

#include "frontend/session.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace weft {

namespace {

// Below so many bytes a recipe is not worth its making where no budget asks for it.
constexpr size_t kLeastSaved = 1 << 20;

// What a leaf holds when a backward pass comes is known if it lives anyway, and all who write it do
// so by ops, which tell.
bool is_reliable(const TensorImpl& t) {
  const bool lives = t.user_refs() > 1 || t.tape_refs() > 0; // one reference is the session's
  return lives && !t.storage->external && !t.storage->exposed;
}

bool is_written(const Flush& f, const Flush::Leaf& leaf) {
  return leaf.written || (leaf.same_as >= 0 && f.leaves[static_cast<size_t>(leaf.same_as)].written);
}

/// Finds the ops between what a program keeps and what it leaves out.
class LeftOutBuilder {
public:
  LeftOutBuilder(const Flush& f, const SegmentProgram& p) : flush_(f), live_(p.live) {
    for (size_t k = 0; k < f.leaves.size(); k++)
      leaf_of_[f.leaves[k].slot] = k;
    for (size_t k = 0; k < f.values.size(); k++)
      value_of_[f.values[k].slot] = k;
    const auto leaf_count = static_cast<int32_t>(f.leaves.size());
    for (const ProgramOutput& o : p.program->program().outputs)
      if (o.value >= leaf_count)
        outputs_.insert(f.values[static_cast<size_t>(o.value - leaf_count)].slot);
  }

  std::unique_ptr<LeftOut> run() {
    find_steps();
    if (is_step_.empty()) return nullptr;
    auto plan = std::make_shared<RecipePlan>();
    for (size_t k = 0; k < flush_.values.size(); k++)
      if (is_step_[k]) add_step(k, *plan);
    plan->kept_count = static_cast<int32_t>(result_->kept.size());
    result_->plan = std::move(plan);
    return std::move(result_);
  }

private:
  bool is_left_out(size_t value) const {
    const int32_t owner = flush_.owner_index[value];
    return owner >= 0 && live_[static_cast<size_t>(owner)] == kSaved &&
           !outputs_.count(flush_.values[value].owner);
  }

  void find_steps() {
    std::vector<size_t> waiting;
    for (size_t k = 0; k < flush_.values.size(); k++)
      if (is_left_out(k)) waiting.push_back(k);
    if (waiting.empty()) return;
    is_step_.resize(flush_.values.size());
    while (!waiting.empty()) {
      const size_t k = waiting.back();
      waiting.pop_back();
      if (std::exchange(is_step_[k], 1)) continue;
      for (int32_t slot : flush_.values[k].node->operands)
        if (slot >= 0 && !is_kept(slot)) waiting.push_back(value_of_.at(slot));
    }
  }

  // Says whether a tensor will be there: a leaf or an output.
  bool is_kept(int32_t slot) const {
    if (auto leaf = leaf_of_.find(slot); leaf != leaf_of_.end()) {
      require(!live_[flush_.owners.size() + leaf->second]);
      return true;
    }
    const int32_t owner = flush_.owner_index[value_of_.at(slot)];
    require(owner < 0 || !flush_.owner_written[static_cast<size_t>(owner)]);
    return outputs_.count(slot) > 0;
  }

  void require(bool holds) const {
    if (!holds)
      throw Error(ErrorKind::internal,
                  "compile: what a program leaves out must follow from what is kept",
                  flush_.path.back()->loc);
  }

  void add_step(size_t k, RecipePlan& plan) {
    const Flush::Value& v = flush_.values[k];
    const ColdNode& c = *v.node;
    const auto at = static_cast<int32_t>(plan.steps.size());
    step_of_[v.slot] = at;
    RecipePlan::Step& s = plan.steps.emplace_back();
    s.op = c.op;
    s.device = c.meta.device;
    s.loc = c.loc;
    s.structure = c.structure;
    s.scalar_position = c.scalar_position;
    s.scalar_count = static_cast<int>(c.scalar_kinds.size());
    s.size_position = c.size_position;
    s.size_count = static_cast<int>(c.sizes.size());
    for (int32_t slot : c.operands)
      s.operands.push_back(slot < 0 ? RecipePlan::kNumber : operand(slot));
    if (!is_left_out(k)) return;
    const int32_t base = step_of_.at(v.owner);
    plan.steps[static_cast<size_t>(base)].shown_by.push_back(at);
    result_->values.push_back({v.slot, at, base});
  }

  int32_t operand(int32_t slot) {
    if (auto step = step_of_.find(slot); step != step_of_.end()) return step->second;
    auto [kept, is_new] = kept_.try_emplace(slot, static_cast<int32_t>(kept_.size()));
    if (is_new) result_->kept.push_back(slot);
    return RecipePlan::kept_operand(kept->second);
  }

  const Flush& flush_;
  const std::vector<uint8_t>& live_;
  std::unique_ptr<LeftOut> result_ = std::make_unique<LeftOut>();
  std::unordered_map<int32_t, size_t> leaf_of_, value_of_; // by slot
  std::unordered_set<int32_t> outputs_;                    // slots
  std::vector<uint8_t> is_step_;                           // by position in Flush::values
  std::unordered_map<int32_t, int32_t> step_of_, kept_;    // by slot
};

} // namespace

// Time does not choose against such a program: its backward pass would see other ops in turn.
void describe_left_out(const Flush& f, SegmentProgram& p) {
  if (!p.program || std::find(p.live.begin(), p.live.end(), kSaved) == p.live.end()) return;
  p.left_out = LeftOutBuilder(f, p).run();
  if (p.left_out) p.trial.skip();
}

// Whether it is worth it, and what may be left out: a storage that nobody else has, which no op in
// place writes.
void Session::weigh_saved(const Flush& f, std::vector<uint8_t>& live) const {
  size_t bytes = 0;
  for (size_t k = 0; k < f.owners.size(); k++) {
    if (live[k] != kSaved) continue;
    const TensorImpl& t = *value_table_[static_cast<size_t>(f.owners[k])];
    if (given_ || f.owner_written[k] || t.storage->refs.load() != f.owner_uses[k])
      live[k] = kHeld;
    else
      bytes += t.meta.nbytes();
  }
  if (bytes < (region_.options().memory_budget ? 1 : kLeastSaved)) {
    for (uint8_t& how : live)
      if (how == kSaved) how = kHeld;
    return;
  }
  for (const Flush::Leaf& leaf : f.leaves)
    live.push_back(!is_reliable(*value_table_[static_cast<size_t>(leaf.slot)]) ||
                   is_written(f, leaf));
}

// The program has run: what it left out gets a recipe instead of contents.
void Session::leave_out(const Flush& f, const LeftOut& left_out) {
  missing_.clear();
  for (const LeftOut::Value& v : left_out.values) {
    TensorImpl* t = value_table_[static_cast<size_t>(v.slot)];
    if (t->refs.load(std::memory_order_acquire) == TensorImpl::kUser) continue;
    t->session = nullptr;
    missing_.push_back({t, v.step, v.base});
  }
  if (missing_.empty()) return;
  kept_.clear();
  for (int32_t slot : left_out.kept)
    kept_.push_back(value_table_[static_cast<size_t>(slot)]);
  Recipe::make(left_out.plan, kept_, {scalars_.data(), static_cast<size_t>(f.scalar_count)},
               {sizes_.data(), static_cast<size_t>(f.size_count)}, missing_);
}

} // namespace weft
