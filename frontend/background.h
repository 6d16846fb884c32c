// The thread that compiles in the background.
#pragma once

#include <functional>

namespace weft {

/// Runs a job on that thread, after those that were given before. When the process ends, the job
/// that runs is finished and the others are dropped.
void run_in_background(std::function<void()> job);

} // namespace weft
