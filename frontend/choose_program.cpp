// Which program a segment runs: by what the outside can see, by sizes, and by the times that its
// first runs took. A program that is missing is compiled here.

#include "frontend/left_out.h"
#include "frontend/segment_builder.h"
#include "frontend/session.h"

#include <algorithm>

namespace weft {

namespace {

// Makes `all` what serves `other` as well.
void join(std::vector<uint8_t>& all, const std::vector<uint8_t>& other) {
  all.resize(std::max(all.size(), other.size()), 0);
  for (size_t k = 0; k < other.size(); k++)
    all[k] = std::max(all[k], other[k]);
}

bool covers(const std::vector<uint8_t>& have, const std::vector<uint8_t>& want) {
  for (size_t k = 0; k < want.size(); k++)
    if (want[k] > (k < have.size() ? have[k] : 0)) return false;
  return true;
}

// The leaf sizes, strides of leaves with gaps, and size attributes of the call at hand.
void collect_sizes(const Flush& f, TensorImpl* const* values,
                   const std::vector<int64_t>& attributes, SizeList& list) {
  list.values.clear();
  list.is_given.clear();
  auto add = [&](const int64_t* from, int count, bool is_given) {
    list.values.insert(list.values.end(), from, from + count);
    list.is_given.insert(list.is_given.end(), static_cast<size_t>(count), is_given);
  };
  for (const Flush::Leaf& l : f.leaves) {
    const Meta& m = values[l.slot]->meta;
    add(m.sizes, m.rank, true);
    if (!m.contiguous) add(m.strides, m.rank, false);
  }
  add(attributes.data(), f.size_count, false);
}

// Programs for other storages of a segment may have been made for the same sizes.
int count_sizes(const std::vector<std::unique_ptr<SegmentProgram>>& programs) {
  int count = 0;
  for (auto p = programs.begin(); p != programs.end(); ++p) {
    const auto is_same = [&](const auto& q) {
      return !q->taken.generic && q->sizes == (*p)->sizes;
    };
    count += !(*p)->taken.generic && std::none_of(programs.begin(), p, is_same);
  }
  return count;
}

} // namespace

// Devices run programs later than they are launched: no time of a call says much about them.
void Session::begin_trial(const Flush& f, SegmentProgram& p) const {
  double recorded = 0;
  for (const ColdNode* c : f.path)
    recorded += c->nanoseconds;
  p.trial.begin(recorded);
  if (f.device != Device::cpu() || !region_.may_choose()) p.trial.skip();
}

// Programs that were measured to be slower than their ops are not run again, here or in a later
// process.
void end_trial(SegmentProgram& p) {
  if (!p.trial.is_over() || p.trial.slower_by() == 0) return;
  p.program->set_slower_by(p.trial.slower_by());
  keep_verdict(p.report.key, p.trial.slower_by());
}

// Sizes that come back so often have a program of their own as well, where that is up to the
// library; so many of them at most, and so many are counted.
constexpr int kOften = 32, kMostOften = 8;
constexpr size_t kMostCounted = 256;

// Says whether sizes that a segment runs with are to be arguments of its program.
bool Session::wants_generic(Flush& f, const std::vector<int64_t>& sizes) const {
  const CompileOptions& options = region_.options();
  if (options.sizes == CompileOptions::Sizes::generic) return true;
  if (options.deterministic) return false; // which sizes came first must not matter
  for (const auto& p : f.programs)
    if (!p->taken.generic && p->sizes == sizes) return false;
  const bool is_automatic = options.sizes == CompileOptions::Sizes::automatic;
  const int most = is_automatic ? 1 : options.max_specialised, count = count_sizes(f.programs);
  if (count < most) return false;
  if (!is_automatic || count >= kMostOften) return true;
  if (f.calls_of_sizes.size() >= kMostCounted) f.calls_of_sizes.clear();
  return ++f.calls_of_sizes[sizes] < kOften;
}

// A program whose sizes are arguments is first made for what the sizes so far have in common: most
// stay as they are, such as those of weights. Sizes that do not fit get a program that assumes
// less, and after a few of these one that assumes nothing.
SizesOf Session::sizes_taken(const Flush& f, const SizeList& sizes, bool generic) const {
  constexpr size_t kMostGuesses = 3;
  SizesOf taken{generic, {}};
  if (!taken.generic || region_.options().sizes == CompileOptions::Sizes::generic) return taken;
  std::vector<std::vector<int64_t>> seen{sizes.values};
  std::vector<const std::vector<SizeFact>*> guesses; // programs of other live sets share them
  for (const auto& p : f.programs) {
    seen.push_back(p->sizes);
    const auto is_same = [&](const auto* facts) { return *facts == p->taken.facts; };
    if (p->taken.generic && std::none_of(guesses.begin(), guesses.end(), is_same))
      guesses.push_back(&p->taken.facts);
  }
  if (guesses.size() < kMostGuesses) taken.facts = common_facts(seen, sizes.is_given);
  return taken;
}

SegmentProgram* Session::find_program(Flush& f, const std::vector<uint8_t>& live) {
  // A program that makes more than this call needs serves it, unless calls must not depend on those
  // before them.
  auto fits = [&](const std::vector<uint8_t>& have, const std::vector<uint8_t>& want) {
    return region_.options().deterministic ? have == want : covers(have, want);
  };
  SegmentProgram* last = f.last.load(std::memory_order_acquire);
  // The common case: sizes as recorded, or any, and the storages of last time.
  if (last &&
      (last->taken.generic ? region_.options().sizes == CompileOptions::Sizes::generic
                           : last->is_as_recorded && !generic_) &&
      fits(last->live, live))
    return last;
  // While another thread compiles, this call runs its ops one by one.
  std::unique_lock lock(f.mutex, std::defer_lock);
  if (region_.options().deterministic)
    lock.lock();
  else if (!lock.try_lock())
    return nullptr;
  collect_sizes(f, values, sizes_, size_list_);
  const std::vector<int64_t>& sizes = size_list_.values;
  const bool generic = wants_generic(f, sizes);
  std::vector<uint8_t> wanted = live;
  for (const auto& p : f.programs) {
    if (p->taken.generic != generic) continue;
    if (generic ? !hold(p->taken.facts, sizes) : p->sizes != sizes) continue;
    if (fits(p->live, live)) {
      if (!p->is_ready.load(std::memory_order_acquire)) return nullptr;
      f.last.store(p.get(), std::memory_order_release);
      return p.get();
    }
    if (!region_.options().deterministic) join(wanted, p->live);
  }
  auto made = std::make_unique<SegmentProgram>();
  made->live = wanted;
  made->taken = sizes_taken(f, size_list_, generic);
  made->sizes = sizes;
  made->is_as_recorded = !generic && !generic_;
  Segment segment = build_segment(f, values, sizes_, wanted, made->taken);
  SegmentProgram* p = f.programs.emplace_back(std::move(made)).get();
  begin_trial(f, *p);
  stats.programs++;
  if (region_.options().background) {
    region_.compile_in_background(f, *p, std::move(segment));
    return nullptr;
  }
  region_.compile_now(f, *p, segment);
  stats.compile_seconds += p->report.total_ms * 1e-3;
  f.last.store(p, std::memory_order_release);
  return p;
}

} // namespace weft
