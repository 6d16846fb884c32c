#include "tools/weft-inspect/compile_time.h"

#include "tools/weft-inspect/report.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace weft::tools {

namespace {

/// Milliseconds by step, in the order in which steps first ran.
struct Steps {
  std::vector<std::pair<std::string, double>> all;
  std::map<int32_t, std::map<std::string, double>> by_kernel;
  double sum = 0;

  explicit Steps(const Collected& c) {
    for (const CompileStep& s : c.report.steps) {
      auto known = std::find_if(all.begin(), all.end(),
                                [&](const auto& step) { return step.first == s.name; });
      if (known == all.end()) known = all.emplace(all.end(), s.name, 0);
      known->second += s.ms;
      if (s.kernel >= 0) by_kernel[s.kernel][s.name] += s.ms;
      sum += s.ms;
    }
  }
  /// The steps that are told apart by kernel.
  std::vector<std::string> of_kernels() const {
    std::vector<std::string> names;
    for (const auto& [name, ms] : all)
      if (std::any_of(by_kernel.begin(), by_kernel.end(),
                      [&, &step = name](const auto& k) { return k.second.count(step) > 0; }))
        names.push_back(name);
    return names;
  }
};

double of(const std::map<std::string, double>& times, const std::string& step) {
  auto at = times.find(step);
  return at == times.end() ? 0 : at->second;
}

/// A row a kernel, and one for what kernels share: the tiles of their products, LLVM's own set-up.
std::string kernel_table(const Collected& c, const Steps& steps) {
  std::vector<std::string> names = steps.of_kernels();
  if (names.empty()) return "";
  std::string text = fmt::format("  {:<36}", "kernel");
  std::map<std::string, double> shared(steps.all.begin(), steps.all.end());
  for (const std::string& name : names)
    text += fmt::format("{:>10}", name);
  text += fmt::format("{:>10}{:>10}\n", "ms", "share");
  auto row = [&](const std::string& kernel, const std::map<std::string, double>& times) {
    text += fmt::format("  {:<36}", kernel);
    double sum = 0;
    for (const std::string& name : names) {
      sum += of(times, name);
      text += fmt::format("{:>10.3f}", of(times, name));
    }
    text += fmt::format("{:>10.3f}{:>8.1f} %\n", sum, 100 * sum / c.report.total_ms);
  };
  for (const auto& [kernel, times] : steps.by_kernel) {
    row(c.program.kernels[static_cast<size_t>(kernel)].symbol, times);
    for (const auto& [name, ms] : times)
      shared[name] -= ms;
  }
  row("shared by kernels", shared);
  return text;
}

std::string program_table(size_t number, const Collected& c) {
  const double total = c.report.total_ms;
  std::string text =
      fmt::format("program {} of {}: {} in {}, {:.3f} ms from {}\n", number, c.process,
                  counted(c.segment.ops.size(), "op"), counted(c.program.kernels.size(), "kernel"),
                  total, name_of(c.report.source));
  if (!c.report.failure.empty()) text += "  stays eager: " + c.report.failure + "\n";
  Steps steps(c);
  auto row = [&](const std::string& name, double ms) {
    text += fmt::format("  {:<36}{:>10.3f}{:>8.1f} %\n", name, ms, 100 * ms / total);
  };
  text += fmt::format("  {:<36}{:>10}{:>10}\n", "step", "ms", "share");
  for (const auto& [name, ms] : steps.all)
    row(name, ms);
  row("between the steps", total - steps.sum);
  row("all", total);
  return text + kernel_table(c, steps);
}

} // namespace

std::string time_text(const std::vector<Collected>& all) {
  std::string text;
  for (size_t p = 0; p < all.size(); p++)
    text += (p ? "\n" : "") + program_table(p, all[p]);
  return text.empty() ? "no program was compiled\n" : text;
}

std::string time_json(const std::vector<Collected>& all) {
  nlohmann::json programs = nlohmann::json::array();
  for (const Collected& c : all) {
    nlohmann::json rows = nlohmann::json::array();
    double sum = 0;
    for (const CompileStep& s : c.report.steps) {
      nlohmann::json row = {{"step", s.name}, {"start_ms", s.start_ms}, {"ms", s.ms}};
      if (s.kernel >= 0) row["kernel"] = c.program.kernels[static_cast<size_t>(s.kernel)].symbol;
      rows.push_back(row);
      sum += s.ms;
    }
    programs.push_back({{"process", c.process},
                        {"from", name_of(c.report.source)},
                        {"total_ms", c.report.total_ms},
                        {"between_ms", c.report.total_ms - sum},
                        {"steps", rows}});
  }
  return programs.dump(1) + "\n";
}

} // namespace weft::tools
