// What makes a program wrong: it is compiled anew without one thing after the other.

#include "frontend/segment_builder.h"
#include "frontend/verification.h"
#include "runtime/core/op_info.h"

#include <fmt/format.h>

namespace weft {

bool Verification::is_right(const std::vector<uint8_t>& live, const std::string& without) const {
  CompileSettings settings = settings_;
  settings.use_disk_cache = false;
  settings.disable = without;
  CompileReport report;
  const auto program = compile_segment(
      build_segment(flush_, bound_.values, bound_.sizes, live, taken_), settings, report);
  return program && difference(*program).empty();
}

// An optional pass without which the program is right; empty where there is none.
std::string Verification::pass_at_fault() const {
  CompileSettings settings = settings_;
  settings.use_disk_cache = false;
  settings.keep_stages = true; // the report then names the steps
  CompileReport report;
  compile_segment(build_segment(flush_, bound_.values, bound_.sizes, live_, taken_), settings,
                  report);
  for (const CompileStep& step : report.steps)
    if (is_right(live_, step.name)) return step.name;
  return {};
}

// A value that is live lies in memory between kernels. Looks for the op from which on that makes
// the program right: the fault lies where it and what follows it are one kernel.
std::string Verification::place_at_fault() const {
  auto live_up_to = [&](size_t count) { // the first values, and what was live
    std::vector<uint8_t> live = live_;
    for (size_t k = 0; k < count; k++)
      live[k] = kHeld;
    return live;
  };
  const size_t all = flush_.owners.size();
  if (!is_right(live_up_to(all), "")) return {};
  size_t wrong = 0, right = all;
  while (right - wrong > 1) {
    const size_t middle = wrong + (right - wrong) / 2;
    (is_right(live_up_to(middle), "") ? right : wrong) = middle;
  }
  for (const Flush::Value& v : flush_.values)
    if (v.slot == flush_.owners[right - 1])
      return fmt::format("{} (at {})", info(v.node->op).name, v.node->place.str());
  return {};
}

std::string Verification::culprit() const {
  const std::string pass = pass_at_fault(), place = place_at_fault();
  std::string text =
      pass.empty() ? "no single pass makes it so" : "it is right without the pass " + pass;
  if (!place.empty()) text += ", and where the result of " + place + " has a kernel of its own";
  return text;
}

} // namespace weft
