// Profiler: what ran while it lived, as a trace for ui.perfetto.dev and as a table.
#pragma once

#include "weft/error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weft {

/// Where the trace goes, and how much of it is kept.
struct ProfilerOptions {
  std::string file = {};                // where the trace goes when the scope ends; empty: nowhere
  size_t max_bytes = size_t{256} << 20; // for events; what comes beyond is counted, not kept
};

/// What the calls of one op, kernel or region took together.
struct ProfilerRow {
  std::string kind; // op, kernel, routine, region, flush, compile, backward, range
  std::string name;
  int64_t calls = 0;
  double total_ms = 0; // with what ran inside
  double self_ms = 0;  // without
  std::string where;   // the line that took most, and how many others there are
};

/// What rows are sorted by, the greatest first.
enum class ProfilerOrder { total, self, calls };

/// While one lives, records what every thread runs: eager ops with operands, regions, flushes,
/// compilations, kernels with the ops that they hold, and memory, each with the user's line. Scopes
/// may overlap, and end in another thread. The variable WEFT_PROFILE=FILE does the same for a whole
/// process.
class Profiler {
public:
  /// Starts recording.
  Profiler() : Profiler(ProfilerOptions()) {}
  explicit Profiler(ProfilerOptions options);
  /// Stops. Where the trace cannot be written, stderr says so.
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  /// Ends the recording and writes the file of the options, if any. Throws weft::Error (io). Later
  /// calls do nothing.
  void stop();

  // Each of these stops first.

  /// Writes the trace: JSON for ui.perfetto.dev and chrome://tracing. Throws weft::Error (io).
  void export_chrome_trace(const std::string& file);
  /// Returns that trace as text.
  std::string chrome_trace();
  /// Returns a row for each name, the most expensive first.
  std::vector<ProfilerRow> key_averages(ProfilerOrder order = ProfilerOrder::total);
  /// Returns the first `rows` of those rows as a table.
  std::string table(ProfilerOrder order = ProfilerOrder::total, size_t rows = 100);
  /// Returns how many events found no memory left.
  uint64_t dropped_events();

private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Names what its scope does in the trace and the table, as PyTorch's record_function does. Costs a
/// branch where no profiler runs.
class ProfilerRange {
public:
  explicit ProfilerRange(std::string name, Loc loc = Loc::current());
  ~ProfilerRange();
  ProfilerRange(const ProfilerRange&) = delete;
  ProfilerRange& operator=(const ProfilerRange&) = delete;

private:
  std::string name_;
  Loc loc_;
  uint64_t start_; // 0: no profiler ran
};

} // namespace weft
