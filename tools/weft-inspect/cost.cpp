#include "tools/weft-inspect/cost.h"

#include "runtime/program/size_expression.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace weft::tools {

namespace {

using Json = nlohmann::json;

struct Cost {
  size_t program = 0; // its number in the collection
  size_t launches = 0, calls = 0, phases = 0, spills = 0;
  std::optional<int64_t> moved, arena; // bytes
};

size_t count_spills(const Program& p) {
  size_t count = 0;
  for (const ProgramStage& s : p.stages)
    if (s.stage == "asm")
      for (size_t at = 0; (at = s.text.find("Spill", at)) != std::string::npos; at++)
        count++;
  return count;
}

/// Adds phases, and bytes: those of launches in tiles as often as there are tiles, each with all of
/// its columns; guards once for each entry.
void add(const Program& p, const std::vector<ProgramLaunch>& launches,
         const std::vector<int64_t>& values, int64_t times, Cost& cost) {
  for (const ProgramLaunch& l : launches) {
    cost.phases += l.phases.size();
    if (!values.empty())
      for (const ProgramPhase& phase : l.phases)
        if (phase.bytes >= 0)
          cost.moved = *cost.moved + times * values[static_cast<size_t>(phase.bytes)];
    const std::optional<ProgramTiles>& tiles = p.kernels[static_cast<size_t>(l.kernel)].tiles;
    if (!tiles) continue;
    int64_t count = times, rows = 1;
    for (int32_t dim : tiles->counts)
      if (!values.empty()) count *= rows = values[static_cast<size_t>(dim)];
    tiles->each_body([&](const ProgramTileBody& body) {
      const bool is_guards = tiles->guards && &body == &*tiles->guards;
      const bool is_block = tiles->blocks && &body == &tiles->blocks->block;
      const int64_t calls = is_guards  ? count / rows
                            : is_block ? count * (tiles->columns / tiles->blocks->length)
                                       : count;
      add(p, body.launches, values, calls, cost);
    });
  }
}

Cost cost_of(const Program& p, size_t number) {
  Cost cost;
  cost.program = number;
  cost.launches = p.launches.size();
  for (const ProgramLaunch& l : p.launches)
    cost.calls += p.kernels[static_cast<size_t>(l.kernel)].routine.has_value();
  cost.spills = count_spills(p);
  std::vector<int64_t> values;
  if (p.symbols.empty()) {
    values.resize(p.exprs.size());
    evaluate_expressions(p.exprs, {}, values.data());
    cost.moved = 0;
    cost.arena = p.arena_bytes < 0 ? 0 : values[static_cast<size_t>(p.arena_bytes)];
  }
  add(p, p.launches, values, 1, cost);
  return cost;
}

std::vector<Cost> costs(const std::vector<Collected>& all) {
  std::vector<Cost> result;
  for (size_t k = 0; k < all.size(); k++)
    if (all[k].report.failure.empty() && all[k].times.runs > 0)
      result.push_back(cost_of(all[k].program, k));
  return result;
}

std::string number(const std::optional<int64_t>& n) { return n ? fmt::format("{}", *n) : "?"; }

} // namespace

std::string cost_text(const std::vector<Collected>& all) {
  std::string text = fmt::format("{:>7} {:>8} {:>6} {:>7} {:>14} {:>14} {:>7}\n", "program",
                                 "launches", "calls", "phases", "bytes moved", "arena", "spills");
  for (const Cost& c : costs(all))
    text += fmt::format("{:>7} {:>8} {:>6} {:>7} {:>14} {:>14} {:>7}\n", c.program, c.launches,
                        c.calls, c.phases, number(c.moved), number(c.arena), c.spills);
  return text;
}

std::string cost_json(const std::vector<Collected>& all) {
  const auto or_null = [](const std::optional<int64_t>& n) { return n ? Json(*n) : Json(); };
  Json rows = Json::array();
  for (const Cost& c : costs(all))
    rows.push_back({{"program", c.program},
                    {"launches", c.launches},
                    {"calls", c.calls},
                    {"phases", c.phases},
                    {"bytes_moved", or_null(c.moved)},
                    {"arena_bytes", or_null(c.arena)},
                    {"spills", c.spills}});
  return rows.dump(1) + "\n";
}

} // namespace weft::tools
