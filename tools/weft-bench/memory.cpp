// How much memory a call takes: what is live before it, and the most that is live while it runs.
#include "weft/memory.h"
#include "tools/weft-bench/commands.h"
#include "tools/weft-bench/modes.h"

#include <fmt/core.h>

#include <algorithm>

namespace weft::bench {

namespace {

constexpr int kWarmCalls = 3; // the first records, the second compiles
constexpr double kMiB = 1 << 20;

struct Use {
  size_t held = 0; // live before the call: parameters, their gradients, the optimizer's state
  size_t peak = 0; // most that is live while it runs, with the workspace of its programs
};

Use measure(const Workload& w, const Place& place) {
  Running running(w, place.mode, place.device);
  for (int k = 0; k < kWarmCalls; k++)
    running.call();
  synchronize(place.device);
  memory::reset_peak(place.device);
  Use use;
  use.held = memory::stats(place.device).live;
  running.call();
  synchronize(place.device);
  use.peak = memory::stats(place.device).peak;
  return use;
}

/// One workload: a row of text and of JSON for each mode.
Json measure_modes(const Workload& w, const RunOptions& options) {
  Json row = {{"name", w.name}};
  size_t first = 0;
  for (const std::string& name : options.modes) {
    const Use use = measure(w, place_of(name, options));
    Json& m = row["modes"][name];
    m = {{"held_bytes", use.held}, {"peak_bytes", use.peak}};
    std::string text = fmt::format("{:<20}{:<14}{:>10.1f} MiB held {:>10.1f} MiB at most",
                                   first ? "" : w.name, name, static_cast<double>(use.held) / kMiB,
                                   static_cast<double>(use.peak) / kMiB);
    if (first) {
      const double ratio = static_cast<double>(use.peak) / static_cast<double>(first);
      m["ratio"] = {{"to", options.modes[0]}, {"peak", ratio}};
      text += fmt::format("  {:.2f}x {}", ratio, options.modes[0]);
    }
    first = first ? first : std::max<size_t>(use.peak, 1);
    fmt::print("{}\n", text);
    std::fflush(stdout);
  }
  return row;
}

} // namespace

int memory_command(const RunOptions& options) {
  Json rows = Json::array();
  for (const Workload* w : chosen(options))
    rows.push_back(measure_modes(*w, options));
  write_json(options.json, rows);
  return 0;
}

} // namespace weft::bench
