// What the commands share that compare workloads in several modes.
#pragma once

#include "tools/weft-bench/commands.h"
#include "tools/weft-bench/workloads.h"

#include <nlohmann/json.hpp>

namespace weft::bench {

using Json = nlohmann::json;

/// A mode as the option names it: "compiled", "eager@cpu".
struct Place {
  Mode mode;
  Device device;
};
Place place_of(const std::string& name, const RunOptions& options);

/// Returns the workloads that the options name, or all, having checked every mode.
std::vector<const Workload*> chosen(const RunOptions& options);

/// Writes figures to a file where one is named; throws weft::Error (io) where that fails.
void write_json(const std::string& path, const Json& figures);

} // namespace weft::bench
