#include "runtime/core/profile_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace weft::profile {

namespace {

const char* name_of(Kind kind) {
  constexpr const char* names[] = {"op",   "backward", "region",  "flush", "compile",
                                   "step", "kernel",   "routine", "chunk", "range"};
  return names[static_cast<int>(kind)];
}

struct Sum {
  int64_t calls = 0;
  uint64_t total = 0, self = 0;
  std::map<std::string, uint64_t> lines; // nanoseconds
};

using Sums = std::map<std::pair<Kind, std::string>, Sum>;

/// Adds a thread's events. Those of a thread lie in each other or apart, and come in the order of
/// their ends.
void add(Sums& sums, const ThreadEvents& t) {
  std::vector<const Event*> events;
  for (const Event& e : t.events)
    if (e.kind != Kind::chunk && e.kind != Kind::step) events.push_back(&e);
  std::stable_sort(events.begin(), events.end(), [](const Event* a, const Event* b) {
    return a->start != b->start ? a->start < b->start : a->end > b->end;
  });
  std::vector<std::pair<const Event*, Sum*>> open;
  for (const Event* e : events) {
    while (!open.empty() && open.back().first->end <= e->start)
      open.pop_back();
    uint64_t took = e->end - e->start;
    if (!open.empty()) open.back().second->self -= took;
    Sum& sum = sums[{e->kind, e->name}];
    // A region or op inside of one of its name counts once.
    bool is_outermost =
        std::none_of(open.begin(), open.end(), [&](const auto& o) { return o.second == &sum; });
    sum.calls++;
    sum.self += took;
    if (is_outermost) sum.total += took;
    if (e->line) sum.lines[fmt::format("{}:{}", e->file, e->line)] += took;
    open.emplace_back(e, &sum);
  }
}

std::string where(const Sum& sum) {
  if (sum.lines.empty()) return "";
  auto most = std::max_element(sum.lines.begin(), sum.lines.end(),
                               [](const auto& a, const auto& b) { return a.second < b.second; });
  size_t others = sum.lines.size() - 1;
  return most->first + (others ? fmt::format(" and {} more", others) : "");
}

double milliseconds(uint64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-6; }

/// What a column of some width shows: the end of a path, the beginning of anything else.
std::string cut(const std::string& text, size_t width) {
  if (text.size() <= width) return text;
  bool is_path = text[0] == '/';
  return is_path ? "..." + text.substr(text.size() - width + 3) : text.substr(0, width - 3) + "...";
}

/// A line without the folders of its file.
std::string short_line(const std::string& where) {
  size_t end = where.find(':'), slash = where.rfind('/', end);
  return slash == std::string::npos ? where : where.substr(slash + 1);
}

std::string time_text(double ms) {
  if (ms >= 1000) return fmt::format("{:.3f} s", ms * 1e-3);
  if (ms >= 1) return fmt::format("{:.3f} ms", ms);
  return fmt::format("{:.3f} us", ms * 1e3);
}

} // namespace

std::vector<ProfilerRow> rows_of(const Recording& recording) {
  Sums sums;
  for (const ThreadEvents& t : recording.threads)
    add(sums, t);
  std::vector<ProfilerRow> rows;
  for (const auto& [key, sum] : sums)
    rows.push_back({name_of(key.first), key.second, sum.calls, milliseconds(sum.total),
                    milliseconds(sum.self), where(sum)});
  return rows;
}

void sort_rows(std::vector<ProfilerRow>& rows, ProfilerOrder order) {
  auto value = [&](const ProfilerRow& r) {
    return order == ProfilerOrder::total  ? r.total_ms
           : order == ProfilerOrder::self ? r.self_ms
                                          : static_cast<double>(r.calls);
  };
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const ProfilerRow& a, const ProfilerRow& b) { return value(a) > value(b); });
}

std::string table_of(const std::vector<ProfilerRow>& rows, const Recording& recording,
                     size_t most) {
  constexpr size_t kMostName = 48;
  double all = 0;
  size_t name = 4, place = 5;
  for (const ProfilerRow& r : rows)
    all += r.self_ms;
  for (size_t k = 0; k < std::min(most, rows.size()); k++) {
    name = std::max(name, std::min(rows[k].name.size(), kMostName));
    place = std::max(place, short_line(rows[k].where).size());
  }
  std::string text;
  auto line = [&](auto&&... cells) {
    fmt::format_to(std::back_inserter(text),
                   "{:<{}}  {:<8}  {:>8}  {:>11}  {:>8}  {:>11}  {:>11}  {:>8}  {}\n", cells...);
  };
  const std::string rule = std::string(name + place + 85, '-') + "\n";
  text += rule;
  line("name", name, "kind", "self %", "self", "total %", "total", "mean", "calls", "where");
  text += rule;
  for (size_t k = 0; k < std::min(most, rows.size()); k++) {
    const ProfilerRow& r = rows[k];
    auto share = [&](double ms) { return fmt::format("{:.2f} %", all > 0 ? 100 * ms / all : 0); };
    line(cut(r.name, kMostName), name, r.kind, share(r.self_ms), time_text(r.self_ms),
         share(r.total_ms), time_text(r.total_ms),
         time_text(r.total_ms / static_cast<double>(r.calls)), r.calls, short_line(r.where));
  }
  text += rule;
  if (rows.size() > most) text += fmt::format("{} rows more\n", rows.size() - most);
  fmt::format_to(std::back_inserter(text), "{} in events of {} recorded\n", time_text(all),
                 time_text(milliseconds(recording.end - recording.begin)));
  if (recording.dropped)
    fmt::format_to(std::back_inserter(text),
                   "{} events found no memory left: raise ProfilerOptions::max_bytes\n",
                   recording.dropped);
  return text;
}

} // namespace weft::profile
