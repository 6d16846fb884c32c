#include "frontend/early_run.h"

#include "frontend/alias.h"
#include "frontend/session.h"
#include "runtime/core/profile.h"

namespace weft {

namespace {

// How long a worker waits for more launches before it leaves: the host follows kEarlyStride ops in
// a few microseconds, unless it does something else.
constexpr uint64_t kPatience = 20'000; // ns

} // namespace

EarlyRun::EarlyRun(Flush& flush, SegmentProgram& made)
    : flush_(flush), made_(made), leaves_(flush.leaves.size()),
      scalars_(static_cast<size_t>(flush.scalar_count)) {
  const auto leaf_count = static_cast<int32_t>(flush.leaves.size());
  for (const ProgramOutput& o : made.program->program().outputs) {
    const bool is_leaf = o.value < leaf_count;
    Storage* s = nullptr;
    if (!is_leaf) {
      const Meta& meta = flush.values[static_cast<size_t>(o.value - leaf_count)].node->meta;
      s = Storage::allocate(meta.nbytes(), flush.device, flush.path.back()->loc);
    }
    results_.emplace_back(s);
    outputs_.push_back(s ? s->data : nullptr);
  }
  arguments_.leaves = leaves_;
  arguments_.outputs = outputs_;
  arguments_.scalars = scalars_;
  arguments_.op_locations = flush.op_locations;
  run_.emplace(*made.program, arguments_);
}

void EarlyRun::take(TensorImpl* const* values, std::span<const Scalar> scalars) {
  for (; bound_ < leaves_.size(); bound_++) {
    const TensorImpl* t = values[flush_.leaves[bound_].slot];
    if (!t || !t->storage->data || t->storage->poison) break;
    leaves_[bound_] = t->data();
  }
  for (; given_ < std::min(scalars.size(), scalars_.size()); given_++)
    scalars_[given_] = bits_of(scalars[given_]);
}

void EarlyRun::advance(TensorImpl* const* values, std::span<const Scalar> scalars) {
  take(values, scalars);
  const size_t ready = made_.program->count_ready(bound_, given_);
  const bool is_more = ready != ready_.load(std::memory_order_relaxed);
  ready_.store(ready);
  if (is_working_.load() || has_failed_.load() || (aside_ && !is_more)) return;
  stop(); // the worker lost its patience
  ends_.store(false);
  is_working_.store(true);
  aside_.emplace(worker_);
}

void EarlyRun::stop() {
  ends_.store(true);
  aside_.reset();
  is_working_.store(false);
}

// In a thread of the pool.
void EarlyRun::work() {
  try {
    uint64_t since = profile::now();
    while (!ends_.load()) {
      const size_t ready = ready_.load();
      if (run_->next() < ready) {
        run_->run_to(run_->next() + 1);
        since = profile::now();
      } else if (profile::now() - since > kPatience) {
        break;
      }
    }
  } catch (...) {
    has_failed_.store(true); // the segment's end runs it again and says what it has to say
  }
  is_working_.store(false);
}

std::optional<size_t> EarlyRun::finish(TensorImpl* const* values, std::span<const Scalar> scalars) {
  stop();
  take(values, scalars);
  if (has_failed_ || bound_ < leaves_.size()) return std::nullopt;
  const size_t early = run_->next();
  give_results(values);
  find_storages(values);
  run_->run_to(made_.program->program().launches.size());
  return early;
}

// Launches that ran early kept nothing: while they ran, versions told of ops that were to come.
void EarlyRun::find_storages(TensorImpl* const* values) {
  if (!made_.program->keeps_panels()) return;
  std::vector<TensorImpl*> leaves;
  for (const Flush::Leaf& l : flush_.leaves)
    leaves.push_back(values[l.slot]);
  storages_.resize(leaves.size());
  find_unwritten(flush_, leaves.data(), storages_.data());
  arguments_.leaf_storages = storages_;
}

void EarlyRun::give_results(TensorImpl* const* values) {
  const auto leaf_count = static_cast<int32_t>(flush_.leaves.size());
  const std::vector<ProgramOutput>& outputs = made_.program->program().outputs;
  for (size_t k = 0; k < outputs.size(); k++) {
    if (!results_[k]) continue; // written by way of the leaf
    Storage& to =
        *values[flush_.values[static_cast<size_t>(outputs[k].value - leaf_count)].slot]->storage;
    std::swap(to.data, results_[k]->data);
    std::swap(to.nbytes, results_[k]->nbytes);
  }
}

} // namespace weft
