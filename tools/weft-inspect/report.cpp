#include "tools/weft-inspect/report.h"

#include "weft/error.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

namespace weft::tools {

namespace {

std::string place(const SourceLine& l) {
  return l.line ? fmt::format("{}:{}", l.file, l.line) : std::string("unknown line");
}

/// The source lines of a kernel's ops, in order and without repetitions.
std::vector<SourceLine> lines(const Collected& c, const std::vector<int32_t>& ops) {
  std::vector<SourceLine> found;
  std::set<std::pair<std::string, uint32_t>> seen;
  for (int32_t k : ops) {
    if (k < 0 || static_cast<size_t>(k) >= c.segment.locations.size()) continue;
    const SourceLine& l = c.segment.locations[k];
    if (seen.insert({l.file, l.line}).second) found.push_back(l);
  }
  return found;
}

std::string source_text(const SourceLine& l) {
  std::ifstream file(l.file);
  std::string text;
  for (uint32_t k = 0; k < l.line; k++)
    if (!std::getline(file, text)) return "";
  return text;
}

std::string source(const Collected& c, const std::vector<int32_t>& ops) {
  std::string text;
  for (const SourceLine& l : lines(c, ops))
    text += fmt::format("{}: {}\n", place(l), source_text(l));
  return text;
}

std::vector<int32_t> every_op(const Collected& c) {
  std::vector<int32_t> ops;
  for (size_t k = 0; k < c.segment.ops.size(); k++)
    ops.push_back(static_cast<int32_t>(k));
  return ops;
}

/// Kernel -1 stands for the whole program.
std::string stage_text(const Collected& c, int32_t kernel, const std::string& stage) {
  if (stage == "source")
    return source(c, kernel < 0 ? every_op(c) : ops_of(c.program, static_cast<size_t>(kernel)));
  std::string whole, own, all;
  for (const ProgramStage& s : c.program.stages) {
    if (s.stage != stage) continue;
    (s.kernel < 0 ? whole : all) += s.text;
    if (s.kernel == kernel && kernel >= 0) own += s.text;
  }
  std::string text = !own.empty() ? own : !whole.empty() ? whole : all;
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text;
}

std::string stages_of(const Collected& c) {
  std::string names = "source";
  std::set<std::string> seen = {names};
  for (const ProgramStage& s : c.program.stages)
    if (seen.insert(s.stage).second) names += ", " + s.stage;
  return names;
}

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::value, "weft-inspect: " + why);
}

/// Reads "P" or "P.K"; false where the text is something else.
bool parse(const std::string& text, size_t& program, int32_t& kernel) {
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string::npos ||
      text.size() > 12)
    return false;
  size_t dot = text.find('.');
  program = std::stoul(text);
  kernel =
      dot == std::string::npos || dot + 1 == text.size() ? -1 : std::stoi(text.substr(dot + 1));
  return true;
}

std::string count_ops(const Segment& s) {
  std::map<std::string, int> counts;
  for (const SegmentOp& op : s.ops)
    counts[op.op]++;
  std::string text;
  for (const auto& [op, n] : counts)
    text += fmt::format("{}{}{}", text.empty() ? "" : " ", op, n > 1 ? fmt::format("*{}", n) : "");
  return text;
}

std::string cost(const CompileReport& r) {
  if (r.source != CompileReport::Source::compiler)
    return fmt::format("from {} in {:.2f} ms", name_of(r.source), r.total_ms);
  return fmt::format("compiled in {:.1f} ms (library {:.1f}, compiler {:.1f}, mapping {:.2f})",
                     r.total_ms, r.loading_ms, r.compiling_ms, r.mapping_ms);
}

/// Microseconds of one kernel in a run of its program; all its launches together.
double kernel_us(const Collected& c, size_t kernel) {
  double us = 0;
  for (size_t k = 0; k < std::min(c.times.nanoseconds.size(), c.program.launches.size()); k++)
    if (c.program.launches[k].kernel == static_cast<int32_t>(kernel) && c.times.runs)
      us += 1e-3 * static_cast<double>(c.times.nanoseconds[k]) / static_cast<double>(c.times.runs);
  return us;
}

std::string line_of(const Collected& c, int32_t op) {
  bool known = op >= 0 && static_cast<size_t>(op) < c.segment.locations.size();
  return known ? place(c.segment.locations[static_cast<size_t>(op)]) : "unknown line";
}

/// Why ops did not become one kernel, or launches did, a line each; equal ones once with their
/// count.
std::string remarks(const Collected& c) {
  std::vector<std::string> order;
  std::map<std::string, int> counts;
  for (const ProgramRemark& m : c.program.remarks) {
    std::string line =
        fmt::format("{}: {} {} {} of {}: {} [{}]", line_of(c, m.position), m.op, words_of(m.kind),
                    m.other, line_of(c, m.other_position), m.text, m.reason);
    if (counts[line]++ == 0) order.push_back(line);
  }
  std::string text;
  for (const std::string& line : order)
    text += fmt::format("    {}{}\n", line,
                        counts[line] > 1 ? fmt::format(" ({} times)", counts[line]) : "");
  return text.empty() ? "" : "  kernels that stayed apart:\n" + text;
}

} // namespace

std::string describe(const Segment& s, int32_t value) {
  const Meta& m = s.values[value].meta;
  const bool has_facts = s.generic && s.values[value].is_leaf && !s.facts.empty();
  const size_t first = has_facts ? first_size_of(s, value) : 0;
  auto is_known = [&](int k) {
    return !s.generic || m.sizes[k] == 1 || (has_facts && s.facts[first + k].is_constant());
  };
  std::string text = std::string(name_of(m.dtype)) + "[";
  for (int k = 0; k < m.rank; k++)
    text += (k ? ", " : "") + (is_known(k) ? std::to_string(m.sizes[k]) : std::string("?"));
  return text + "]";
}

std::vector<int32_t> ops_of(const Program& p, size_t kernel) {
  std::set<int32_t> ops;
  auto add = [&](const std::vector<ProgramLaunch>& launches) {
    for (const ProgramLaunch& l : launches)
      if (l.kernel == static_cast<int32_t>(kernel)) ops.insert(l.ops.begin(), l.ops.end());
  };
  add(p.launches);
  for (const ProgramKernel& k : p.kernels)
    if (k.tiles) k.tiles->each_body([&](const ProgramTileBody& body) { add(body.launches); });
  return {ops.begin(), ops.end()};
}

std::string counted(size_t n, const char* what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string list_text(const std::vector<Collected>& all, bool with_times) {
  auto line = [&](const std::string& number, const std::string& symbol, const std::string& source,
                  const std::string& us, const std::string& ops, const std::string& where) {
    std::string time = with_times ? fmt::format("{:>10}  ", us) : "";
    return fmt::format("{:<8}{:<28}{:<10}{}{:<44}  {}\n", number, symbol, source, time, ops, where);
  };
  std::string text = line("kernel", "symbol", "from", "us a run", "ops", "line");
  for (size_t p = 0; p < all.size(); p++) {
    const Collected& c = all[p];
    for (size_t k = 0; k < c.program.kernels.size(); k++) {
      const ProgramKernel& kernel = c.program.kernels[k];
      std::vector<SourceLine> from = lines(c, ops_of(c.program, k));
      text += line(fmt::format("{}.{}", p, k), kernel.symbol, name_of(c.report.source),
                   fmt::format("{:.2f}", kernel_us(c, k)), kernel.summary,
                   from.empty() ? "" : place(from[0]));
    }
    if (!c.report.failure.empty()) text += fmt::format("{:<8}none: {}\n", p, c.report.failure);
  }
  return text;
}

std::string list_json(const std::vector<Collected>& all) {
  nlohmann::json rows = nlohmann::json::array();
  for (size_t p = 0; p < all.size(); p++)
    for (size_t k = 0; k < all[p].program.kernels.size(); k++) {
      const ProgramKernel& kernel = all[p].program.kernels[k];
      nlohmann::json places = nlohmann::json::array();
      for (const SourceLine& l : lines(all[p], ops_of(all[p].program, k)))
        places.push_back(place(l));
      rows.push_back({{"kernel", fmt::format("{}.{}", p, k)},
                      {"symbol", kernel.symbol},
                      {"ops", kernel.summary},
                      {"from", name_of(all[p].report.source)},
                      {"runs", all[p].times.runs},
                      {"us_a_run", kernel_us(all[p], k)},
                      {"lines", places}});
    }
  return rows.dump(1) + "\n";
}

std::string show(const std::vector<Collected>& all, const std::string& kernel,
                 const std::string& stage) {
  size_t p = 0;
  int32_t k = -1;
  if (parse(kernel, p, k)) {
    if (p >= all.size())
      refuse(fmt::format("program {} must be one of the {} collected", p, all.size()));
    if (k >= static_cast<int64_t>(all[p].program.kernels.size()))
      refuse(fmt::format("kernel {} must be one of the {} of program {}", k,
                         all[p].program.kernels.size(), p));
    std::string text = stage_text(all[p], k, stage);
    if (text.empty())
      refuse(fmt::format("stage must be one of {}, got {}", stages_of(all[p]), stage));
    return text;
  }
  bool found = false;
  for (const Collected& c : all)
    for (size_t n = 0; n < c.program.kernels.size(); n++)
      if (c.program.kernels[n].symbol == kernel) {
        found = true;
        std::string text = stage_text(c, static_cast<int32_t>(n), stage);
        if (!text.empty()) return text;
      }
  if (!found)
    refuse(fmt::format("kernel must be a number or symbol of `weft-inspect list`, got {}", kernel));
  refuse(fmt::format("stage must be one of {}, got {}", stages_of(all[0]), stage));
}

std::string explain(const std::vector<Collected>& all, const std::vector<std::string>& calls) {
  std::string text;
  for (const std::string& c : calls)
    text += c;
  for (size_t p = 0; p < all.size(); p++) {
    const Collected& c = all[p];
    text += fmt::format(
        "program {} of {}: {} in {}, {}\n", p, c.process, counted(c.segment.ops.size(), "op"),
        counted(c.program.kernels.size(), "kernel"),
        c.report.failure.empty() ? cost(c.report) : "stays eager: " + c.report.failure);
    if (!c.report.cache_note.empty()) text += "  " + c.report.cache_note + "\n";
    text += "  ops: " + count_ops(c.segment) + "\n";
    for (size_t k = 0; k < c.segment.leaves.size(); k++)
      text += (k ? ", " : "  leaves: ") + describe(c.segment, c.segment.leaves[k]);
    if (!c.segment.leaves.empty()) text += "\n";
    for (size_t k = 0; k < c.program.kernels.size(); k++) {
      const ProgramKernel& kernel = c.program.kernels[k];
      text += fmt::format("  {}.{} {}: {}\n", p, k, kernel.symbol, kernel.summary);
      for (const SourceLine& l : lines(c, ops_of(c.program, k)))
        text += fmt::format("      {}\n", place(l));
    }
    text += remarks(c);
  }
  return text.empty() ? "no program was compiled\n" : text;
}

} // namespace weft::tools
