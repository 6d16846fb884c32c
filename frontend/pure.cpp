// Pure functions: calls that run a PureProgram and not the body.

#include "frontend/pure.h"

#include "frontend/alias.h"
#include "frontend/region.h"
#include "runtime/autograd/tape.h"
#include "runtime/core/profile.h"
#include "runtime/core/scratchpad.h"
#include "runtime/device/copies.h"
#include "runtime/device/execute.h"
#include "weft/device.h"

#include <algorithm>
#include <utility>

namespace weft {

namespace {

constexpr size_t kFew = 24; // leaves or outputs for which a call needs no memory from the heap

/// The storages of a run's results, until they have owners.
class Outputs {
public:
  explicit Outputs(size_t n) : list(n), size_(n) { std::fill_n(list.data(), n, nullptr); }
  ~Outputs() {
    for (size_t k = 0; k < size_; k++)
      if (list[k]) list[k]->release();
  }
  Scratchpad<Storage*, kFew> list;

private:
  size_t size_;
};

} // namespace

bool same_meta(const Meta& a, const Meta& b) {
  return a.structure() == b.structure() && a.same_sizes(b) && a.same_strides(b);
}

bool has_contents(const TensorImpl& t) {
  return !t.session && t.storage->data && !t.storage->poison &&
         !(t.meta.device != Device::cpu() && device::is_lost(*t.storage));
}

bool PureProgram::takes(const detail::PureValues& given) const {
  if (records_gradients != grad_mode || default_device != DeviceScope::current() ||
      given.tensors.size() != arguments.size() || given.numbers.size() != numbers.size())
    return false;
  for (size_t k = 0; k < numbers.size(); k++)
    if (given.numbers[k] != numbers[k]) return false;
  for (size_t k = 0; k < arguments.size(); k++) {
    const Argument& a = arguments[k];
    const TensorImpl* t = given.tensors[k];
    if (a.defined != (t != nullptr)) return false;
    if (t && !same_meta(t->meta, a.meta)) return false;
    if (a.same_as >= 0 && t != given.tensors[static_cast<size_t>(a.same_as)]) return false;
  }
  for (const Leaf& l : leaves)
    if (l.argument < 0 && !same_meta(l.captured.impl()->meta, l.meta)) return false;
  return true;
}

bool PureProgram::is_unproven(const detail::PureValues& given) const {
  for (size_t k = 0; k < arguments.size(); k++)
    if (given.tensors[k] != arguments[k].was && !is_proven[k].load(std::memory_order_relaxed))
      return true;
  return false;
}

// Finds the tensors that the leaves are in this call. Returns false where one has no contents: then
// the body says what is wrong.
bool PureProgram::bind(const detail::PureValues& given, TensorImpl** bound) const {
  for (size_t k = 0; k < leaves.size(); k++) {
    const Leaf& l = leaves[k];
    TensorImpl* t =
        l.argument < 0 ? l.captured.impl() : given.tensors[static_cast<size_t>(l.argument)];
    if (!has_contents(*t)) return false;
    bound[k] = t;
  }
  return true;
}

bool PureProgram::same_overlaps(TensorImpl* const* bound) const {
  int32_t most = 0;
  for (const Flush::Leaf& l : flush->leaves)
    most = std::max(most, l.slot);
  std::vector<TensorImpl*> by_slot(static_cast<size_t>(most) + 1);
  for (size_t k = 0; k < leaves.size(); k++)
    by_slot[static_cast<size_t>(flush->leaves[k].slot)] = bound[k];
  uint32_t mark = 0;
  return same_aliases(*flush, by_slot.data(), mark);
}

bool PureProgram::run(const detail::PureValues& given, detail::PureResults& got) const {
  Scratchpad<TensorImpl*, kFew> bound(leaves.size());
  if (!bind(given, bound.data())) return false;
  if (flush->has_written_leaf && !same_overlaps(bound.data())) return false;
  Scratchpad<void*, kFew> leaf_data(leaves.size()), output_data(outputs.size());
  Scratchpad<const Meta*, kFew> leaf_metas(leaves.size());
  std::vector<Tensor> brought; // to the device
  for (size_t k = 0; k < leaves.size(); k++) {
    const TensorImpl* t = bound[k];
    if (t->meta.device != flush->device)
      t = brought.emplace_back(device::bring(bound[k], flush->device)).impl();
    leaf_data[k] = t->data();
    leaf_metas[k] = &t->meta;
  }
  Scratchpad<Storage*, kFew> storages(leaves.size());
  const bool keeps_panels = segment_program->program->keeps_panels();
  if (keeps_panels) find_unwritten(*flush, bound.data(), storages.data());
  Outputs made(outputs.size());
  uint64_t last_launch = 0;
  RunArguments a;
  a.leaves = {leaf_data.data(), leaves.size()};
  a.leaf_metas = {leaf_metas.data(), leaves.size()};
  if (keeps_panels) a.leaf_storages = {storages.data(), leaves.size()};
  a.outputs = {output_data.data(), outputs.size()};
  a.scalars = scalars;
  a.size_attributes = sizes;
  a.op_locations = flush->op_locations;
  a.device = flush->device;
  a.last_launch = &last_launch;
  if (refusals) a.refuse = [this] { return refusals; };
  try {
    for (size_t k = 0; k < leaves.size(); k++)
      if (leaves[k].written) before_write(*bound[k]->storage);
    for (size_t k = 0; k < outputs.size(); k++) {
      if (outputs[k].leaf >= 0) {
        output_data[k] = leaf_data[static_cast<size_t>(outputs[k].leaf)];
        continue;
      }
      made.list[k] =
          Storage::allocate(outputs[k].nbytes, flush->device, flush->op_locations.back());
      output_data[k] = made.list[k]->data;
    }
    segment_program->program->run(a);
  } catch (const LaunchFailed&) {
    throw;
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::internal) throw;
    return false; // the body's ops say what is wrong
  }
  for (size_t k = 0; k < leaves.size(); k++)
    if (leaves[k].written)
      bound[k]->storage->version.fetch_add(leaves[k].written, std::memory_order_relaxed);
  for (size_t k = 0; k < outputs.size(); k++)
    if (made.list[k]) made.list[k]->born = last_launch;
  segment_program->runs.fetch_add(1, std::memory_order_relaxed);
  give(given, bound.data(), made.list.data(), got);
  return true;
}

void PureProgram::give(const detail::PureValues& given, TensorImpl* const* bound,
                       Storage* const* made, detail::PureResults& got) const {
  for (const Result& r : results) {
    const auto index = static_cast<size_t>(r.index);
    TensorImpl* t = nullptr;
    switch (r.kind) {
    case Result::Kind::undefined:
      break;
    case Result::Kind::argument:
      t = given.tensors[index];
      break;
    case Result::Kind::captured:
      t = r.captured.impl();
      break;
    case Result::Kind::result:
      t = got.values.tensors[index];
      break;
    case Result::Kind::output:
    case Result::Kind::leaf: {
      const bool is_leaf = r.kind == Result::Kind::leaf;
      TensorImpl* view = TensorImpl::make();
      view->meta = r.meta;
      view->storage = is_leaf ? bound[index]->storage : made[r.output];
      view->storage->retain();
      view->offset = r.offset + (is_leaf ? bound[index]->offset : 0);
      view->is_view = r.is_view;
      view->detached = r.is_detached;
      got.values.tensors.push_back(view);
      continue;
    }
    }
    if (t) t->retain();
    got.values.tensors.push_back(t);
  }
  for (uint64_t bits : result_numbers)
    got.values.numbers.push_back(bits);
}

PurePrograms::~PurePrograms() {
  for (PureProgram* p = first_.load(); p;)
    delete std::exchange(p, p->next);
}

PureProgram* PurePrograms::find(const detail::PureValues& given) const {
  for (PureProgram* p = first_.load(std::memory_order_acquire); p; p = p->next)
    if (!p->is_retired.load(std::memory_order_relaxed) && p->takes(given)) return p;
  return nullptr;
}

void PurePrograms::add(std::unique_ptr<PureProgram> program, const detail::PureValues& given) {
  std::lock_guard lock(mutex_);
  if (find(given)) return;
  if (count_ == kMost) return note("it has had arguments of too many kinds");
  count_++;
  program->next = first_.load(std::memory_order_relaxed);
  first_.store(program.release(), std::memory_order_release);
}

int64_t PurePrograms::calls() const {
  int64_t n = 0;
  for (const PureProgram* p = first_.load(std::memory_order_acquire); p; p = p->next)
    n += p->turns.load(std::memory_order_relaxed) - p->bodies.load(std::memory_order_relaxed);
  return n;
}

int64_t PurePrograms::kernels() const {
  int64_t n = 0;
  for (const PureProgram* p = first_.load(std::memory_order_acquire); p; p = p->next)
    n += (p->turns.load(std::memory_order_relaxed) - p->bodies.load(std::memory_order_relaxed)) *
         static_cast<int64_t>(p->segment_program->program->program().launches.size());
  return n;
}

namespace detail {

bool is_pure(const Region& region) { return region.options().pure; }

void refuse_pure_types() {
  throw Error(ErrorKind::unsupported,
              "compile: arguments and results of a pure function must be tensors, numbers, or "
              "vectors, arrays, pairs, tuples and optionals of them");
}

bool run_pure(Region& region, const PureValues& given, PureResults& results,
              PureProgram*& promised) {
  const PurePrograms& programs = region.pure();
  if (programs.is_false()) return false;
  PureProgram* p = programs.find(given);
  if (!p) return false;
  const int64_t turn = p->turns.fetch_add(1, std::memory_order_relaxed) + 1;
  const int every = region.options().pure_check;
  if (p->is_unproven(given) || (every > 0 && turn % every == 0)) {
    promised = p;
    return false;
  }
  // Bodies run the ops one by one, where a trial wants that or where the program lost it.
  SegmentProgram& program = *p->segment_program;
  const bool is_lost = program.program->slower_by() > 0 && region.may_choose();
  const bool is_tried = !program.trial.is_over();
  if (!is_lost && !(is_tried && program.trial.wants_ops())) {
    const uint64_t start = is_tried ? profile::now() : 0;
    profile::Span span(profile::Kind::region, region.options().name.c_str(),
                       profile::Place(region.place().file.c_str(), region.place().line));
    span.detail({"body", "skipped"});
    if (p->run(given, results)) {
      if (start) {
        program.trial.program_took(static_cast<double>(profile::now() - start));
        end_trial(program);
      }
      return true;
    }
  }
  p->bodies.fetch_add(1, std::memory_order_relaxed);
  return false;
}

} // namespace detail

} // namespace weft
