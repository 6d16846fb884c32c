// Region: what one compile() call owns: the trie of segments, idle sessions, counters.
#pragma once

#include "frontend/trace.h"
#include "weft/compile.h"

namespace weft {

class Session;

/// Why a followed path ended in an op that it did not expect.
struct Divergence {
  std::string expected, got, difference;
  TracePlace expected_at, got_at;
  int64_t count = 1;
};

class Region {
public:
  Region(CompileOptions options, const Loc& loc);
  ~Region();

  Session* acquire();
  void give_back(Session* session);

  const CompileOptions& options() const { return options_; }
  const TracePlace& place() const { return place_; }
  Trace& trace() { return trace_; }
  const Trace& trace() const { return trace_; }
  std::mutex& mutex() const { return mutex_; }

  /// Says whether new paths may still be recorded. Needs the mutex.
  bool has_budget() const;
  void note_divergence(Divergence d);
  const std::vector<Divergence>& divergences() const { return divergences_; }
  RegionStats stats() const;

private:
  static constexpr size_t kMostDivergences = 64, kMostNodes = 200'000;
  CompileOptions options_;
  TracePlace place_;
  mutable std::mutex mutex_;
  Trace trace_;
  std::vector<std::unique_ptr<Session>> idle_;
  std::vector<Divergence> divergences_;
  RegionStats stats_;
};

} // namespace weft
