// explain(): the state of a region as text or JSON, from one walk over its segments.

#include "frontend/region.h"

#include <fmt/format.h>
#include <iterator>

namespace weft::detail {

namespace {

std::string json_text(const std::string& s) {
  std::string r = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\')
      r += '\\', r += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      r += fmt::format("\\u{:04x}", c);
    else
      r += c;
  }
  return r + '"';
}

std::string op_list(const Flush& f) {
  std::string r;
  std::string previous;
  int times = 0;
  auto put = [&] {
    if (times == 0) return;
    if (!r.empty()) r += ' ';
    r += times > 1 ? fmt::format("{}x{}", previous, times) : previous;
  };
  for (const ColdNode* c : f.path) {
    const std::string name = std::string(info(c->op).name) + (c->in_place ? "_" : "");
    if (name == previous) {
      times++;
      continue;
    }
    put();
    previous = name;
    times = 1;
  }
  put();
  return r.size() > 160 ? r.substr(0, 157) + "..." : r;
}

void program_text(std::string& out, const SegmentProgram& p) {
  auto it = std::back_inserter(out);
  if (!p.program) {
    fmt::format_to(it, "    runs eagerly: {}\n", p.report.failure);
    return;
  }
  const Program& program = p.program->program();
  fmt::format_to(it, "    program ({}): {} kernels, {} runs, {:.1f} ms from {}\n",
                 p.generic ? "any sizes" : "these sizes", program.launches.size(), p.runs.load(),
                 p.report.total_ms, name_of(p.report.source));
  if (!p.report.cache_note.empty()) fmt::format_to(it, "      cache: {}\n", p.report.cache_note);
  for (const ProgramLaunch& l : program.launches) {
    const ProgramKernel& k = program.kernels[static_cast<size_t>(l.kernel)];
    fmt::format_to(it, "      {}: {}\n", k.symbol, k.summary);
  }
}

std::string as_text(const Region& region) {
  const RegionStats s = region.stats();
  std::string out;
  auto it = std::back_inserter(out);
  fmt::format_to(it, "region {} (compiled at {})\n", region.options().name, region.place().str());
  fmt::format_to(it,
                 "  {} calls, {} ops followed, {} recorded, {} flushes, {} divergences, "
                 "{} kernel launches\n",
                 s.calls, s.ops_followed, s.ops_recorded, s.flushes, s.divergences, s.kernels);
  fmt::format_to(it, "  {} segments, {} programs, compiling took {:.1f} ms\n", s.segments,
                 s.programs, s.compile_seconds * 1e3);
  if (s.generic_calls)
    fmt::format_to(it, "  {} times a size differed from the recorded one\n", s.generic_calls);
  if (s.alias_fallbacks)
    fmt::format_to(it, "  {} times inputs overlapped in another way than recorded: ran eagerly\n",
                   s.alias_fallbacks);
  if (s.unrecorded)
    fmt::format_to(
        it, "  {} times a new path was not recorded, as the budget of {} segments is spent\n",
        s.unrecorded, region.options().max_segments);
  std::lock_guard lock(region.mutex());
  for (const Flush* f : region.trace().flushes()) {
    fmt::format_to(it, "  segment {}: {} ops from {}, until {} at {}; {} hits, {} run eagerly\n",
                   f->number, f->path.size(), f->path.front()->place.str(), f->reason,
                   f->place.line ? f->place.str() : "the return", f->hits.load(),
                   f->eager_runs.load());
    fmt::format_to(it, "    ops: {}\n", op_list(*f));
    if (f->overlapping) out += "    runs eagerly: a written input overlaps another one\n";
    for (const auto& p : f->programs)
      program_text(out, *p);
  }
  for (const Divergence& d : region.divergences())
    fmt::format_to(it, "  divergence ({} times): expected {} ({}), got {} at {}: {}\n", d.count,
                   d.expected, d.expected_at.line ? d.expected_at.str() : "the return", d.got,
                   d.got_at.str(), d.difference);
  return out;
}

std::string as_json(const Region& region) {
  const RegionStats s = region.stats();
  std::string out;
  auto it = std::back_inserter(out);
  fmt::format_to(
      it,
      "{{\"name\":{},\"place\":{},\"calls\":{},\"ops_followed\":{},\"ops_recorded\":{},"
      "\"flushes\":{},\"divergences\":{},\"kernel_launches\":{},\"generic_calls\":{},"
      "\"eager_segments\":{},\"alias_fallbacks\":{},\"unrecorded\":{},\"compile_ms\":{:.3f},"
      "\"segments\":[",
      json_text(region.options().name), json_text(region.place().str()), s.calls, s.ops_followed,
      s.ops_recorded, s.flushes, s.divergences, s.kernels, s.generic_calls, s.eager_segments,
      s.alias_fallbacks, s.unrecorded, s.compile_seconds * 1e3);
  std::lock_guard lock(region.mutex());
  const char* comma = "";
  for (const Flush* f : region.trace().flushes()) {
    fmt::format_to(it,
                   "{}{{\"number\":{},\"ops\":{},\"start\":{},\"reason\":{},\"place\":{},"
                   "\"hits\":{},\"eager_runs\":{},\"programs\":[",
                   comma, f->number, f->path.size(), json_text(f->path.front()->place.str()),
                   json_text(f->reason), json_text(f->place.str()), f->hits.load(),
                   f->eager_runs.load());
    comma = "";
    for (const auto& p : f->programs) {
      fmt::format_to(it,
                     "{}{{\"generic\":{},\"source\":{},\"runs\":{},\"ms\":{:.3f},\"failure\":{},"
                     "\"kernels\":[",
                     comma, p->generic, json_text(name_of(p->report.source)), p->runs.load(),
                     p->report.total_ms, json_text(p->report.failure));
      comma = "";
      if (p->program)
        for (const ProgramLaunch& l : p->program->program().launches) {
          const ProgramKernel& k = p->program->program().kernels[static_cast<size_t>(l.kernel)];
          fmt::format_to(it, "{}{{\"symbol\":{},\"summary\":{}}}", comma, json_text(k.symbol),
                         json_text(k.summary));
          comma = ",";
        }
      out += "]}";
      comma = ",";
    }
    out += "]}";
    comma = ",";
  }
  out += "],\"divergence_list\":[";
  comma = "";
  for (const Divergence& d : region.divergences()) {
    fmt::format_to(it,
                   "{}{{\"count\":{},\"expected\":{},\"expected_at\":{},\"got\":{},\"got_at\":{},"
                   "\"difference\":{}}}",
                   comma, d.count, json_text(d.expected), json_text(d.expected_at.str()),
                   json_text(d.got), json_text(d.got_at.str()), json_text(d.difference));
    comma = ",";
  }
  return out + "]}";
}

} // namespace

std::string explain(const Region& region, bool json) {
  const std::shared_ptr<Region> backward = region.backward();
  if (!json) return as_text(region) + (backward ? explain(*backward, false) : "");
  std::string out = as_json(region);
  if (backward) {
    out.pop_back();
    out += ",\"backward\":" + explain(*backward, true) + "}";
  }
  return out;
}

} // namespace weft::detail
