// A program that starts before its segment ends: while the host follows the ops of a long segment,
// a thread of the pool runs launches whose leaves and numbers are known. Nothing of it can be seen
// before the segment ends as expected: no launch that writes a leaf runs, and results lie in memory
// that no tensor has yet. So it can be dropped at any time.
#pragma once

#include "frontend/trace.h"
#include "runtime/core/parallel.h"
#include "runtime/program/executor.h"

#include <optional>

namespace weft {

/// Segments from so many ops on start early, and offer launches each time so many more were
/// followed.
inline constexpr size_t kLongSegment = 512, kEarlyStride = 128;

class EarlyRun {
public:
  /// Makes a run of a flush's program with memory for its results. Throws Error where there is too
  /// little.
  EarlyRun(Flush& flush, SegmentProgram& program);
  EarlyRun(const EarlyRun&) = delete;
  ~EarlyRun() { stop(); }

  bool is_of(const Flush& f, const SegmentProgram& p) const {
    return &flush_ == &f && &made_ == &p;
  }
  Flush& flush() { return flush_; }
  /// Takes the leaves that the call has bound by now and the numbers that it has given, and offers
  /// the launches that need no more.
  void advance(TensorImpl* const* values, std::span<const Scalar> scalars);

  /// The segment has ended as expected: stops, takes the leaves and numbers that were still to
  /// come, gives the results to their tensors and runs the rest. Returns how many launches ran
  /// early, or nothing where one refused an element; then nothing was given. Throws as
  /// LoadedProgram::run.
  std::optional<size_t> finish(TensorImpl* const* values, std::span<const Scalar> scalars);

private:
  void stop();
  void take(TensorImpl* const* values, std::span<const Scalar> scalars);
  void work();
  void find_storages(TensorImpl* const* values);
  void give_results(TensorImpl* const* values);

  struct Release {
    void operator()(Storage* s) const { s->release(); }
  };
  Flush& flush_;
  SegmentProgram& made_;
  std::vector<void*> leaves_, outputs_;
  std::vector<Storage*> storages_; // of the leaves, once all are known
  std::vector<uint64_t> scalars_;
  std::vector<std::unique_ptr<Storage, Release>> results_; // by output; null: a leaf
  RunArguments arguments_;
  std::optional<ProgramRun> run_;
  size_t bound_ = 0, given_ = 0; // leaves and numbers so far
  std::atomic<size_t> ready_{0}; // launches that may run
  std::atomic<bool> is_working_{false}, ends_{false}, has_failed_{false};
  struct Worker {
    EarlyRun* run;
    void operator()(int64_t, int64_t) const { run->work(); }
  } worker_{this};
  std::optional<AsideWork> aside_;
};

} // namespace weft
