#include "tools/weft-inspect/cache.h"
#include "tools/weft-inspect/report.h"

#include "runtime/program/cache_archive.h"
#include "runtime/program/host_target.h"

#include <fmt/chrono.h>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace weft::tools {

namespace {

using Listed = ProgramStore::Listed;

ProgramStore open() {
  if (cache_is_off())
    throw Error(ErrorKind::io, "cache: WEFT_CACHE must not be off for its upkeep");
  return ProgramStore(cache_path(), cache_limit());
}

// Entries, those used last first.
std::vector<Listed> entries(const ProgramStore& store) {
  if (!store.refusal().empty()) throw Error(ErrorKind::io, store.refusal());
  std::vector<Listed> all = store.list();
  std::reverse(all.begin(), all.end());
  return all;
}

std::vector<Listed> matching(const ProgramStore& store, const std::string& key) {
  std::vector<Listed> all = entries(store);
  std::erase_if(all, [&](const Listed& e) { return !e.key.hex().starts_with(key); });
  if (all.empty())
    throw Error(ErrorKind::value,
                "cache: a key must be the beginning of one of `weft-inspect cache list`, got " +
                    key);
  return all;
}

std::string size_text(int64_t bytes) {
  return bytes < 10240      ? fmt::format("{} B", bytes)
         : bytes < 10 << 20 ? fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024)
                            : fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string time_text(const timespec& t) {
  return fmt::format("{:%F %T}", fmt::localtime(t.tv_sec));
}

bool is_foreign(const Program& p) {
  return p.device == DeviceType::cpu && p.target != host_target();
}

std::string ops_of(const Program& p) {
  std::string text;
  for (const ProgramKernel& k : p.kernels)
    text += (text.empty() ? "" : ", ") + k.summary;
  return text;
}

} // namespace

std::string cache_list(bool as_json) {
  ProgramStore store = open();
  nlohmann::json rows = nlohmann::json::array();
  std::string text;
  int64_t held = 0;
  std::vector<Listed> all = entries(store);
  for (const Listed& e : all) {
    std::string why;
    auto entry = store.look_at(e.key, why);
    held += e.bytes;
    std::string what = entry ? ops_of(entry->program) : why;
    rows.push_back({{"key", e.key.hex()},
                    {"bytes", e.bytes},
                    {"used", e.used.tv_sec},
                    {"kernels", entry ? entry->program.kernels.size() : 0},
                    {"ops", what},
                    {"is_whole", entry.has_value()},
                    {"is_foreign", entry && is_foreign(entry->program)}});
    text += fmt::format("{:.12}  {:>10}  {}  {:>2} kernels  {}{}\n", e.key.hex(),
                        size_text(e.bytes), time_text(e.used),
                        entry ? entry->program.kernels.size() : 0, what.substr(0, 60),
                        entry && is_foreign(entry->program) ? " (another processor)" : "");
  }
  if (as_json) return rows.dump(1) + "\n";
  return text + fmt::format("{} in {}, {} of at most {}\n",
                            all.size() == 1 ? "1 entry" : fmt::format("{} entries", all.size()),
                            cache_path(), size_text(held), size_text(cache_limit()));
}

std::string cache_explain(const std::string& key) {
  ProgramStore store = open();
  std::string text;
  for (const Listed& e : matching(store, key)) {
    std::string why;
    auto entry = store.look_at(e.key, why);
    text += fmt::format("{} {}, used {}\n", e.key.hex(), size_text(e.bytes), time_text(e.used));
    if (!entry) {
      text += "  " + why + "\n";
      continue;
    }
    const Program& p = entry->program;
    text += fmt::format("  for {}{}\n", p.target,
                        is_foreign(p) ? ": not this machine, never run here" : "");
    text += fmt::format("  {} of code, {}, {}, {}\n",
                        size_text(static_cast<int64_t>(entry->code_bytes)),
                        counted(p.kernels.size(), "kernel"), counted(p.launches.size(), "launch"),
                        counted(p.outputs.size(), "output"));
    if (p.slower_by > 0)
      text += fmt::format("  not run: it took {:.2f} times as long as its ops\n", p.slower_by);
    for (const ProgramKernel& k : p.kernels)
      text += fmt::format("  {}: {}\n", k.symbol.empty() ? "-" : k.symbol, k.summary);
  }
  return text;
}

std::string cache_verify(bool removes, bool& is_good) {
  ProgramStore store = open();
  std::string text;
  size_t bad = 0;
  std::vector<Listed> all = entries(store);
  for (const Listed& e : all) {
    std::string why;
    if (store.look_at(e.key, why)) continue;
    bad++;
    text += fmt::format("{} {}{}\n", e.key.hex(), why,
                        removes && store.remove(e.key) ? ", removed" : "");
  }
  is_good = bad == 0;
  return text + fmt::format("{} of {} whole\n", all.size() - bad, all.size());
}

std::string cache_trim(int64_t bytes) {
  ProgramStore store = open();
  size_t before = entries(store).size(), removed = store.trim(bytes);
  return fmt::format("{} of {} removed\n", removed, before);
}

std::string cache_export(const std::string& file, const std::vector<std::string>& keys) {
  ProgramStore store = open();
  std::vector<Hash128> chosen;
  for (const std::string& key : keys.empty() ? std::vector<std::string>{""} : keys)
    for (const Listed& e : matching(store, key))
      if (std::find(chosen.begin(), chosen.end(), e.key) == chosen.end()) chosen.push_back(e.key);
  export_cache(store, chosen, file);
  return fmt::format("{} written to {}\n", counted(chosen.size(), "program"), file);
}

std::string cache_import(const std::string& file) {
  ProgramStore store = open();
  ImportReport report = import_cache(store, file);
  std::string text = fmt::format("{} taken\n", counted(report.taken, "program"));
  if (report.foreign)
    text += fmt::format("{} of them for another processor: never run here\n", report.foreign);
  return text;
}

} // namespace weft::tools
