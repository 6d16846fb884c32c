#include "tools/weft-bench/modes.h"

#include <fstream>

namespace weft::bench {

Place place_of(const std::string& name, const RunOptions& options) {
  const size_t at = name.find('@');
  const std::string device = at == std::string::npos ? options.device : name.substr(at + 1);
  return {mode_of(name.substr(0, at)), device_named(device)};
}

std::vector<const Workload*> chosen(const RunOptions& options) {
  std::vector<const Workload*> result;
  for (const std::string& name : options.names)
    result.push_back(&workload(name));
  if (result.empty())
    for (const Workload& w : workloads())
      result.push_back(&w);
  for (const std::string& mode : options.modes)
    place_of(mode, options);
  return result;
}

void write_json(const std::string& path, const Json& figures) {
  if (path.empty()) return;
  std::ofstream file(path);
  file << figures.dump(1) << "\n";
  if (!file.flush()) throw Error(ErrorKind::io, "weft-bench: " + path + " must be writable");
}

} // namespace weft::bench
