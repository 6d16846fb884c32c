// explain(): the state of a region as text, and what both forms read of it.

#include "frontend/explain.h"

#include "frontend/size_facts.h"
#include "runtime/core/size_classes.h"
#include "runtime/program/workspace.h"
#include "weft/device.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace weft::detail {

std::string op_list(const Flush& f) {
  constexpr size_t kMostColumns = 150;
  std::string r;
  for (size_t k = 0; k < f.path.size();) {
    auto name = [&](size_t at) {
      return std::string(info(f.path[at]->op).name) + (f.path[at]->in_place ? "_" : "");
    };
    size_t end = k + 1;
    while (end < f.path.size() && name(end) == name(k))
      end++;
    std::string word = name(k) + (end - k > 1 ? fmt::format("*{}", end - k) : "");
    if (r.size() + word.size() > kMostColumns)
      return r + fmt::format(" and {} more", f.path.size() - k);
    r += (r.empty() ? "" : " ") + word;
    k = end;
  }
  return r;
}

std::string line_of(const Flush& f, int32_t position) {
  bool known = position >= 0 && static_cast<size_t>(position) < f.path.size();
  return known ? f.path[static_cast<size_t>(position)]->place.str() : "";
}

std::string pure_note(const Region& region) {
  if (region.pure().is_false()) return "; a check found that the function is not pure";
  const char* why = region.pure().why();
  return why ? fmt::format("; the last one with it: {}", why) : "";
}

std::vector<Flush*> flushes_of(const Region& region) {
  std::lock_guard lock(region.mutex());
  const std::deque<Flush*>& all = region.trace().flushes();
  return {all.begin(), all.end()};
}
std::vector<Divergence> divergences_of(const Region& region) {
  std::lock_guard lock(region.mutex());
  return region.divergences();
}

namespace {

/// "1 segment", "2 segments", "3 flushes".
std::string counted(int64_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : what.ends_with('h') ? "es" : "s");
}

/// Why ops are kernels apart, each reason for a pair of lines once.
void remarks_text(std::string& out, const Flush& f, const Program& program) {
  constexpr size_t kMostRemarks = 8;
  std::vector<std::string> said;
  for (const ProgramRemark& m : program.remarks) {
    if (m.kind != ProgramRemark::Kind::apart) continue;
    auto name = [&](const std::string& op, int32_t position) {
      const std::string line = line_of(f, position);
      return line.empty() ? op : op + " (" + line + ")";
    };
    std::string text = m.other.empty() ? fmt::format("{}: {}", name(m.op, m.position), m.text)
                                       : fmt::format("{} and {}: {}", name(m.op, m.position),
                                                     name(m.other, m.other_position), m.text);
    if (std::find(said.begin(), said.end(), text) == said.end()) said.push_back(std::move(text));
  }
  for (size_t k = 0; k < std::min(said.size(), kMostRemarks); k++)
    out += "      apart: " + said[k] + "\n";
  if (said.size() > kMostRemarks)
    out += fmt::format("      and {} more reasons in explain_json()\n", said.size() - kMostRemarks);
}

/// "workspace: 80.1 MiB, ...", where there is one.
std::string workspace_text(const Program& program, int64_t budget) {
  const std::optional<WorkspaceUse> use = workspace_of(program);
  if (!use || (!use->bytes && !use->in_results && !use->recomputed && !use->left_out && !use->kept))
    return "";
  auto text = [](int64_t bytes) { return text_of_bytes(static_cast<size_t>(bytes)); };
  std::string r = fmt::format("      workspace: {}, {} of it in use at once", text(use->bytes),
                              text(use->at_once));
  if (use->in_results)
    r += fmt::format("; {} in results that are written later", text(use->in_results));
  if (use->recomputed)
    r += fmt::format("; {} computed again, {} are not kept for them",
                     counted(use->recomputed, "value"), text(use->recomputed_bytes));
  if (use->left_out)
    r += fmt::format(
        "; {}, {}, left to the backward pass, which computes what it needs of them again",
        counted(use->left_out, "value"), text(use->left_out_bytes));
  if (use->kept)
    r += fmt::format("; {}, {}, kept packed from call to call while they do not change",
                     counted(use->kept, "factor"), text(use->kept_bytes));
  if (budget && use->bytes > budget)
    r += fmt::format("; more than memory_budget, {}: nothing else is cheap to compute again",
                     text(budget));
  return r + "\n";
}

void program_text(std::string& out, const Flush& f, const SegmentProgram& p,
                  int64_t memory_budget) {
  auto it = std::back_inserter(out);
  if (!p.is_ready.load(std::memory_order_acquire)) {
    out += "    is being compiled\n";
    return;
  }
  if (!p.program) {
    fmt::format_to(it, "    runs eagerly: {}\n", p.report.failure);
    return;
  }
  const Program& program = p.program->program();
  const std::string device =
      program.device == DeviceType::cpu ? "" : std::string(", ") + name_of(program.device);
  fmt::format_to(it, "    program ({}{}): {}, {}, {:.1f} ms from {}\n", words_of(p.taken), device,
                 counted(static_cast<int64_t>(program.launches.size()), "kernel"),
                 counted(p.runs.load(), "run"), p.report.total_ms, name_of(p.report.source));
  if (p.program->slower_by() > 0)
    fmt::format_to(it, "      not run: it took {:.2f} times as long as its ops one by one\n",
                   p.program->slower_by());
  if (!p.report.cache_note.empty()) fmt::format_to(it, "      {}\n", p.report.cache_note);
  out += workspace_text(program, memory_budget);
  std::vector<int> launches(program.kernels.size());
  for (const ProgramLaunch& l : program.launches)
    launches[static_cast<size_t>(l.kernel)]++;
  for (size_t k = 0; k < program.kernels.size(); k++) {
    const ProgramKernel& kernel = program.kernels[k];
    bool on_cpu = kernel.routine && program.device != DeviceType::cpu;
    fmt::format_to(it, "      {}: {}{}{}\n", kernel.symbol, kernel.summary,
                   launches[k] > 1 ? fmt::format(" (runs {} times)", launches[k]) : "",
                   on_cpu ? " (on the CPU, on copies: it has no kernel for devices)" : "");
  }
  remarks_text(out, f, program);
}

void region_text(std::string& out, const Region& region) {
  const RegionStats s = region.stats();
  auto it = std::back_inserter(out);
  const std::string place = region.place().str();
  // A name made of the place, as that of a region without another, says both.
  const std::string& name = region.options().name;
  fmt::format_to(it, "region {}compiled at {}\n", name.starts_with(place) ? "" : name + " ",
                 name.starts_with(place) ? name : place);
  fmt::format_to(it, "  {}: {} followed, {} recorded; {}, {}, {}\n", counted(s.calls, "call"),
                 counted(s.ops_followed, "op"), s.ops_recorded, counted(s.flushes, "flush"),
                 counted(s.divergences, "divergence"), counted(s.kernels, "kernel launch"));
  fmt::format_to(it, "  {}, {}, compiling took {:.1f} ms\n", counted(s.segments, "segment"),
                 counted(s.programs, "program"), s.compile_seconds * 1e3);
  if (s.timed_calls) {
    const double call = s.timed_seconds / static_cast<double>(s.timed_calls) * 1e3;
    const double run = s.timed_run_seconds / static_cast<double>(s.timed_calls) * 1e3;
    fmt::format_to(it, "  a call takes {:.4f} ms, {:.4f} ms of it in the body (mean of {})\n", call,
                   call - run, counted(s.timed_calls, "call"));
  }
  if (region.options().pure)
    fmt::format_to(it, "  {} without the body{}\n", counted(s.pure_calls, "call"),
                   pure_note(region));
  if (s.early_kernels)
    fmt::format_to(it, "  {} ran while the ops behind them were followed\n",
                   s.early_kernels == 1 ? "1 launch" : fmt::format("{} launches", s.early_kernels));
  if (s.generic_calls)
    fmt::format_to(it, "  {} with sizes other than the recorded ones\n",
                   counted(s.generic_calls, "call"));
  if (s.alias_fallbacks)
    fmt::format_to(it, "  {} ran eagerly, as inputs overlapped in another way than recorded\n",
                   counted(s.alias_fallbacks, "launch"));
  if (s.verified)
    fmt::format_to(it, "  {} compared with the ops run one by one\n", counted(s.verified, "run"));
  if (s.unrecorded)
    fmt::format_to(it, "  {} not recorded, as the budget of {} is spent\n",
                   counted(s.unrecorded, "new path"),
                   counted(region.options().max_segments, "segment"));
}

std::string place_text(const TracePlace& place) { return place.line ? place.str() : "the return"; }

/// "divergence (2 times): expected mul (f.cpp:3), got mul at f.cpp:3: operand 1 was f32, is f64".
void divergences_text(std::string& out, const Region& region) {
  auto it = std::back_inserter(out);
  for (const Divergence& d : divergences_of(region)) {
    const std::string times = counted(d.count, "time");
    if (d.kind == Divergence::Kind::sizes)
      fmt::format_to(it, "  other sizes from {} at {} on: {}\n", d.got, d.got_at.str(),
                     d.difference);
    else
      fmt::format_to(it, "  {} ({}): expected {} ({}), got {} at {}: {}\n",
                     d.kind == Divergence::Kind::start ? "new segment" : "divergence", times,
                     d.expected, place_text(d.expected_at), d.got, d.got_at.str(), d.difference);
  }
}

std::string as_text(const Region& region, bool with_programs) {
  std::string out;
  region_text(out, region);
  auto it = std::back_inserter(out);
  for (Flush* f : flushes_of(region)) {
    std::lock_guard lock(f->mutex);
    fmt::format_to(it, "  segment {}: {} from {} until {} at {}; {}, {}\n", f->number,
                   counted(static_cast<int64_t>(f->path.size()), "op"),
                   f->path.front()->place.str(), f->reason, place_text(f->place),
                   counted(f->hits.load(), "hit"), counted(f->eager_runs.load(), "eager run"));
    fmt::format_to(it, "    ops: {}\n", op_list(*f));
    if (f->overlapping) out += "    runs eagerly: a written input overlaps another one\n";
    if (f->mixed) out += "    runs eagerly: its tensors lie on more than one device\n";
    if (const int64_t n = f->timed_launches.load())
      fmt::format_to(
          it, "    a launch takes {:.4f} ms (mean of {})\n",
          static_cast<double>(f->timed_nanoseconds.load()) / static_cast<double>(n) * 1e-6, n);
    for (const auto& p : f->programs)
      if (with_programs) program_text(out, *f, *p, region.options().memory_budget);
  }
  divergences_text(out, region);
  return out;
}

} // namespace

std::string explain(const Region& region, bool json) {
  const std::shared_ptr<Region> backward = region.backward();
  if (!json) return as_text(region, true) + (backward ? explain(*backward, false) : "");
  std::string out = as_json(region);
  if (backward) {
    out.pop_back();
    out += ",\"backward\":" + explain(*backward, true) + "}";
  }
  return out;
}

std::string explain_calls(const Region& region) {
  const std::shared_ptr<Region> backward = region.backward();
  return as_text(region, false) + (backward ? explain_calls(*backward) : "");
}

} // namespace weft::detail
