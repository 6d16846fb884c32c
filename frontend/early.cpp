// Long segments start early: which do, and what becomes of it at their end.

#include "frontend/early_run.h"
#include "frontend/session.h"
#include "weft/parallel.h"

namespace weft {

namespace {

// So often may a segment end otherwise than expected before that is no longer tried.
constexpr int kMostMisses = 3;

} // namespace

// Once the program of a long segment is there for good, some of its nodes say that it may start.
void Session::mark_early(Flush& f, const SegmentProgram& p) {
  if (f.path.size() < kLongSegment || f.starts_early.load(std::memory_order_relaxed)) return;
  if (f.device != Device::cpu() || !p.is_as_recorded || region_.options().verify) return;
  std::lock_guard lock(region_.mutex());
  if (f.starts_early.exchange(true)) return;
  auto mark = [&](ColdNode& c) {
    c.forks.store(c.forks.load() || c.early.load());
    c.early.store(c.forks.load() ? nullptr : &f, std::memory_order_release);
  };
  mark(*f.path[0]); // a thread takes a while to wake up
  for (size_t depth = kEarlyStride; depth < f.path.size(); depth += kEarlyStride)
    mark(*f.path[depth - 1]);
}

void Session::start_early(const ColdNode& c) {
  Flush* f = c.early.load(std::memory_order_acquire);
  if (!f || generic_ || num_threads() == 1) return;
  if (!early_) {
    SegmentProgram* p = f->last.load(std::memory_order_acquire);
    const bool is_expected = p && p->is_ready.load(std::memory_order_acquire) && p->program &&
                             p->is_as_recorded && p->trial.is_over() &&
                             p->program->slower_by() == 0 && f->early_misses.load() < kMostMisses;
    if (!is_expected || p->program->count_ready(SIZE_MAX, SIZE_MAX) == 0) return;
    try {
      early_ = std::make_unique<EarlyRun>(*f, *p);
    } catch (const Error&) {
      return; // too little memory: the end of the segment has to say so
    }
  }
  if (&early_->flush() != f) return;
  const size_t given = static_cast<size_t>(c.scalar_position) + c.scalar_kinds.size();
  early_->advance(values, {scalars_.data(), given});
}

// Runs what is left of a program that started early. Returns false where none did, or where an
// element was refused: then it is to be run from the start.
bool Session::finish_early(Flush& f, SegmentProgram& p) {
  if (!early_ || !early_->is_of(f, p)) {
    drop_early();
    return false;
  }
  const std::unique_ptr<EarlyRun> run = std::move(early_);
  std::optional<size_t> count;
  try {
    count = run->finish(values, {scalars_.data(), static_cast<size_t>(f.scalar_count)});
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::internal) throw;
  }
  if (!count) {
    f.early_misses.fetch_add(1);
    return false;
  }
  stats.early_kernels += static_cast<int64_t>(*count);
  count_run(p);
  return true;
}

void Session::drop_early() noexcept {
  if (!early_) return;
  early_->flush().early_misses.fetch_add(1);
  early_.reset();
}

} // namespace weft
