// Parameters, inputs and eager results of workloads as .npy files, so that any library can run the
// same numbers.
#include "tools/weft-bench/commands.h"
#include "tools/weft-bench/workloads.h"
#include "weft/io.h"

#include <filesystem>

namespace weft::bench {

namespace {

namespace fs = std::filesystem;

// Halves are written as f32, which holds them exactly and every library reads.
void save(const fs::path& path, const Tensor& t) {
  const Tensor plain = t.detach();
  save_npy(path, is_floating(t.dtype()) && t.dtype() != f64 ? plain.to(f32) : plain);
}

} // namespace

int export_command(const std::vector<std::string>& names, const std::string& data) {
  for (const std::string& name : names) {
    const Workload& w = workload(name);
    const fs::path folder = fs::path(data) / name;
    fs::create_directories(folder);
    Running running(w, Mode::eager);
    for (const auto& [key, t] : running.params())
      save(folder / ("p_" + key + ".npy"), t);
    for (size_t k = 0; k < running.inputs().size(); k++)
      save(folder / ("in_" + std::to_string(k) + ".npy"), running.inputs()[k]);
    save(folder / "out_0.npy", running.answer());
  }
  return 0;
}

} // namespace weft::bench
