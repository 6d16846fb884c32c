#include "runtime/device/launch_times.h"

#include <algorithm>
#include <utility>

namespace weft::device {

namespace {

constexpr size_t kMostWatched = 4096; // then those that are done are asked

} // namespace

void LaunchTimes::watch(std::unique_ptr<LaunchClock> clock, std::shared_ptr<DriverCode> code,
                        size_t kernel, profile::Place place, uint64_t enqueued) {
  if (watched_.size() % kMostWatched == kMostWatched - 1) collect();
  watched_.push_back({std::move(clock), std::move(code), kernel, place, enqueued});
}

void LaunchTimes::collect() {
  while (!watched_.empty() && watched_.front().clock->is_done()) {
    const Watched w = std::move(watched_.front());
    watched_.pop_front();
    std::optional<LaunchClock::Times> times = w.clock->times();
    if (!times) continue;
    // Two clocks agree only so far; nothing runs before it was enqueued.
    const uint64_t start = std::clamp(times->start, w.enqueued, profile::now());
    const uint64_t end = std::clamp(times->end, start, profile::now());
    const profile::Arg ops("ops", w.code->ops[w.kernel].c_str());
    track_.add({profile::Kind::kernel, w.code->names[w.kernel].c_str(), w.place, start, end},
               {&ops, 1});
  }
}

} // namespace weft::device
