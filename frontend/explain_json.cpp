// explain_json(): the state of a region as one JSON object.

#include "frontend/explain.h"

#include "frontend/region_stats.h"
#include "frontend/size_facts.h"
#include "runtime/core/json_text.h"
#include "runtime/program/workspace.h"
#include "weft/device.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace weft::detail {

namespace {

/// Prints each element behind a comma, but for the first one.
template <class List, class Print> void list(std::string& out, const List& all, Print print) {
  out += "[";
  const size_t start = out.size();
  for (const auto& each : all) {
    const size_t before = out.size();
    if (before > start) out += ",";
    const size_t printed = out.size();
    print(each);
    if (out.size() == printed) out.resize(before); // it had nothing to say
  }
  out += "]";
}

std::string workspace_json(const Program& program, int64_t budget) {
  const std::optional<WorkspaceUse> use = workspace_of(program);
  if (!use) return "null";
  return fmt::format("{{\"bytes\":{},\"at_once\":{},\"in_results\":{},\"recomputed\":{},"
                     "\"recomputed_bytes\":{},\"left_out\":{},\"left_out_bytes\":{},"
                     "\"kept\":{},\"kept_bytes\":{},\"over_budget\":{}}}",
                     use->bytes, use->at_once, use->in_results, use->recomputed,
                     use->recomputed_bytes, use->left_out, use->left_out_bytes, use->kept,
                     use->kept_bytes, budget && use->bytes > budget);
}

/// What the compiler says about the kernels: equal remarks once, with their count.
std::string remarks_json(const Flush& f, const Program& program) {
  std::vector<std::pair<std::string, int>> remarks;
  constexpr const char* kinds[] = {"apart", "joined", "recomputed", "left out"};
  for (const ProgramRemark& m : program.remarks) {
    std::string text = fmt::format("\"kind\":\"{}\",\"op\":{},\"at\":{},\"other\":{},\"other_at\":{"
                                   "},\"reason\":{},\"text\":{}",
                                   kinds[static_cast<int>(m.kind)], json_text(m.op),
                                   json_text(line_of(f, m.position)), json_text(m.other),
                                   json_text(line_of(f, m.other_position)), json_text(m.reason),
                                   json_text(m.text));
    auto same = std::find_if(remarks.begin(), remarks.end(),
                             [&](const auto& known) { return known.first == text; });
    if (same == remarks.end())
      remarks.emplace_back(text, 1);
    else
      same->second++;
  }
  std::string out;
  for (const auto& [text, count] : remarks)
    out += fmt::format("{}{{{},\"count\":{}}}", out.empty() ? "" : ",", text, count);
  return "[" + out + "]";
}

void counts_json(std::string& out, const Region& region) {
  auto it = std::back_inserter(out);
  const RegionStats s = region.stats();
  for (const RegionCount& c : kRegionCounts)
    fmt::format_to(it, "\"{}\":{},", c.name, s.*c.count);
  fmt::format_to(it, "\"compile_ms\":{:.3f},\"timed_ms\":{:.6f},\"timed_run_ms\":{:.6f}",
                 s.compile_seconds * 1e3, s.timed_seconds * 1e3, s.timed_run_seconds * 1e3);
}

void kernels_json(std::string& out, const Program& program) {
  list(out, program.launches, [&](const ProgramLaunch& l) {
    const ProgramKernel& k = program.kernels[static_cast<size_t>(l.kernel)];
    fmt::format_to(std::back_inserter(out), "{{\"symbol\":{},\"summary\":{}}}", json_text(k.symbol),
                   json_text(k.summary));
  });
}

void program_json(std::string& out, const Flush& f, const SegmentProgram& p,
                  int64_t memory_budget) {
  const Program* program = p.program ? &p.program->program() : nullptr;
  fmt::format_to(std::back_inserter(out),
                 "{{\"generic\":{},\"sizes\":{},\"device\":{},\"source\":{},\"runs\":{},"
                 "\"ms\":{:.3f},\"failure\":{},\"cache_note\":{},\"key\":{},"
                 "\"slower_by\":{:.3f},\"kernels\":",
                 p.taken.generic, json_text(words_of(p.taken)),
                 json_text(program ? name_of(program->device) : ""),
                 json_text(name_of(p.report.source)), p.runs.load(), p.report.total_ms,
                 json_text(p.report.failure), json_text(p.report.cache_note),
                 json_text(p.report.key), program ? p.program->slower_by() : 0);
  if (program)
    kernels_json(out, *program);
  else
    out += "[]";
  out += ",\"remarks\":" + (program ? remarks_json(f, *program) : "[]");
  out += ",\"workspace\":" + (program ? workspace_json(*program, memory_budget) : "null") + "}";
}

void segment_json(std::string& out, Flush& f, int64_t memory_budget) {
  std::lock_guard lock(f.mutex);
  fmt::format_to(std::back_inserter(out),
                 "{{\"number\":{},\"ops\":{},\"start\":{},\"reason\":{},\"place\":{},"
                 "\"op_list\":{},\"overlapping\":{},\"mixed\":{},\"hits\":{},\"eager_runs\":{},"
                 "\"timed_launches\":{},\"timed_ms\":{:.6f},\"programs\":",
                 f.number, f.path.size(), json_text(f.path.front()->place.str()),
                 json_text(f.reason), json_text(f.place.line ? f.place.str() : ""),
                 json_text(op_list(f)), f.overlapping, f.mixed, f.hits.load(), f.eager_runs.load(),
                 f.timed_launches.load(), static_cast<double>(f.timed_nanoseconds.load()) * 1e-6);
  list(out, f.programs, [&](const auto& p) {
    if (p->is_ready.load(std::memory_order_acquire)) program_json(out, f, *p, memory_budget);
  });
  out += "}";
}

void divergence_json(std::string& out, const Divergence& d) {
  constexpr const char* kKinds[] = {"midway", "start", "sizes"};
  fmt::format_to(std::back_inserter(out),
                 "{{\"kind\":\"{}\",\"count\":{},\"expected\":{},\"expected_at\":{},\"got\":{},"
                 "\"got_at\":{},\"difference\":{}}}",
                 kKinds[static_cast<int>(d.kind)], d.count, json_text(d.expected),
                 json_text(d.expected_at.line ? d.expected_at.str() : ""), json_text(d.got),
                 json_text(d.got_at.str()), json_text(d.difference));
}

} // namespace

std::string as_json(const Region& region) {
  std::string out;
  fmt::format_to(std::back_inserter(out), "{{\"name\":{},\"place\":{},\"pure_note\":{},",
                 json_text(region.options().name), json_text(region.place().str()),
                 json_text(region.options().pure ? pure_note(region) : ""));
  counts_json(out, region);
  out += ",\"segments\":";
  list(out, flushes_of(region),
       [&](Flush* f) { segment_json(out, *f, region.options().memory_budget); });
  out += ",\"divergence_list\":";
  list(out, divergences_of(region), [&](const Divergence& d) { divergence_json(out, d); });
  return out + "}";
}

} // namespace weft::detail
