#include "tools/weft-bench/commands.h"
#include "tools/weft-bench/limits.h"
#include "tools/weft-bench/modes.h"
#include "tools/weft-bench/sampling.h"

#include <fmt/core.h>

#include <cmath>

namespace weft::bench {

namespace {

const char* name_of(LimitClass c) {
  constexpr const char* names[] = {"", "of copy", "of read", "of peak"};
  return names[static_cast<int>(c)];
}

std::string time_text(double seconds) {
  if (seconds < 1e-6) return fmt::format("{:.0f} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.1f} us", seconds * 1e6);
  return fmt::format("{:.3f} ms", seconds * 1e3);
}

/// One workload: a row of text and of JSON for each mode.
Json run_one(const Workload& w, const RunOptions& options) {
  std::vector<std::unique_ptr<Running>> running;
  std::vector<std::function<double()>> samplers;
  Device device = Device::cpu(); // of the last mode, whose limit it is
  for (const std::string& name : options.modes) {
    const Place place = place_of(name, options);
    device = place.device;
    running.push_back(std::make_unique<Running>(w, place.mode, device));
    auto timed = std::make_shared<Timed>([r = running.back().get()] { r->call(); }, 0.1,
                                         [device] { synchronize(device); });
    samplers.push_back([timed] { return timed->sample(); });
  }
  if (Limit limit = limit_of(w, device)) samplers.push_back(limit);
  bool has_limit = samplers.size() > options.modes.size();
  auto samples = interleave(samplers, options.seconds);
  Json row = {{"name", w.name}, {"threads", num_threads()}, {"device", name_of(device)}};
  for (size_t k = 0; k < options.modes.size(); k++) {
    Json& m = row["modes"][options.modes[k]];
    m = {{"seconds", median(samples[k])},
         {"spread", spread(samples[k])},
         {"samples", samples[k].size()}};
    std::string text =
        fmt::format("{:<20}{:<14}{:>12}  +-{:<4.0f}%", k ? "" : w.name, options.modes[k],
                    time_text(median(samples[k])), 50 * spread(samples[k]));
    if (k > 0) {
      Interval r = bootstrap(ratios(samples[0], samples[k]));
      m["ratio"] = {
          {"to", options.modes[0]}, {"median", r.middle}, {"low", r.low}, {"high", r.high}};
      text +=
          fmt::format("  {:6.2f}x {} [{:.2f}, {:.2f}]", r.middle, options.modes[0], r.low, r.high);
    }
    if (has_limit) {
      Interval share = bootstrap(ratios(samples.back(), samples[k]));
      m["share_of_limit"] = {{"median", share.middle}, {"low", share.low}, {"high", share.high}};
      text += fmt::format("  {:5.1f}% {} [{:.1f}, {:.1f}]", 100 * share.middle, name_of(w.limit),
                          100 * share.low, 100 * share.high);
    }
    if (w.bytes > 0) text += fmt::format("  {:.1f} GB/s", w.bytes / median(samples[k]) * 1e-9);
    if (w.flops > 0) text += fmt::format("  {:.0f} GFLOP/s", w.flops / median(samples[k]) * 1e-9);
    fmt::print("{}\n", text);
    std::fflush(stdout);
  }
  if (has_limit) row["limit_seconds"] = median(samples.back());
  return row;
}

} // namespace

int list_command(bool as_json) {
  constexpr const char* kKinds[] = {"call", "inference", "gradients", "training"};
  Json rows = Json::array();
  for (const Workload& w : workloads()) {
    if (!as_json) fmt::print("{:<24}{}\n", w.name, w.about);
    rows.push_back({{"name", w.name},
                    {"about", w.about},
                    {"expression", w.expression},
                    {"dtype", std::string(name_of(w.dtype))},
                    {"kind", kKinds[static_cast<int>(w.kind)]},
                    {"weight_bits", w.weight_bits},
                    {"learning_rate", w.lr},
                    {"weight_decay", w.weight_decay},
                    {"each", w.each},
                    {"positions", w.positions},
                    {"row", w.row.empty() ? w.name : w.row},
                    {"reach", w.reach}});
  }
  if (as_json) fmt::print("{}\n", rows.dump(1));
  return 0;
}

int run_command(const RunOptions& options) {
  Json rows = Json::array();
  for (const Workload* w : chosen(options))
    rows.push_back(run_one(*w, options));
  write_json(options.json, rows);
  return 0;
}

} // namespace weft::bench
