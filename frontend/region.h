// Region: what one compile() call owns: the trie of segments, idle sessions, counters.
#pragma once

#include "frontend/pure.h"
#include "frontend/trace.h"
#include "weft/compile.h"

namespace weft {

class Session;

/// Why a followed path ended in an op that it did not expect, or went on with other sizes.
struct Divergence {
  enum class Kind : uint8_t {
    midway, // what was followed ran one by one
    start,  // at the first op of a segment: nothing was given up
    sizes   // the op was followed; a size differed for the first time in its call
  };
  Kind kind = Kind::midway;
  std::string expected, got, difference;
  TracePlace expected_at, got_at;
  int64_t count = 1;
};

class Region;
namespace detail {
/// Returns what explain() says of a region's calls: without programs and kernels.
std::string explain_calls(const Region& region);
} // namespace detail

class Region final : public RegionOwner, public std::enable_shared_from_this<Region> {
public:
  /// Makes a region that tapes can find by its number.
  static std::shared_ptr<Region> make(CompileOptions options, const TracePlace& place);
  ~Region() override;

  Session* acquire();
  void give_back(Session* session);

  /// Backward passes outside the region, over what ran inside, are a region of their own.
  std::unique_ptr<RegionStay> enter_backward() override;
  /// The region of those passes, or null before the first one.
  std::shared_ptr<Region> backward() const;

  uint32_t number() const { return number_; }

  const CompileOptions& options() const { return options_; }
  /// Returns what the region's programs for a kind of device ask of the compiler.
  CompileSettings settings(DeviceType device) const;
  const TracePlace& place() const { return place_; }
  Trace& trace() { return trace_; }
  const Trace& trace() const { return trace_; }
  PurePrograms& pure() { return pure_; }
  const PurePrograms& pure() const { return pure_; }
  std::mutex& mutex() const { return mutex_; }

  /// Whether time may decide how a segment runs.
  bool may_choose() const;
  /// Says whether new paths may still be recorded. Needs the mutex.
  bool has_budget() const;
  void note_divergence(Divergence d);
  /// Makes the program, or says in its report why there is none.
  void compile_now(Flush& flush, SegmentProgram& program, const Segment& segment) const;
  /// The same on the background's thread; until then the program is not ready.
  void compile_in_background(Flush& flush, SegmentProgram& program, Segment segment);
  const std::vector<Divergence>& divergences() const { return divergences_; }
  RegionStats stats() const;

private:
  Region(CompileOptions options, const TracePlace& place);

  static constexpr size_t kMostDivergences = 64, kMostNodes = 200'000;
  uint32_t number_ = 0;
  CompileOptions options_;
  TracePlace place_;
  mutable std::mutex mutex_;
  Trace trace_;
  PurePrograms pure_; // look into the trace
  std::vector<std::unique_ptr<Session>> idle_;
  std::vector<Divergence> divergences_;
  RegionStats stats_;
  std::shared_ptr<Region> backward_;
  bool is_backward_ = false; // of the backward passes of another region, which speaks for both
};

} // namespace weft
