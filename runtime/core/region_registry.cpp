// The regions of the process by number.

#include "runtime/core/region_hook.h"

#include <mutex>
#include <unordered_map>

namespace weft {

namespace {

struct Registry {
  std::mutex mutex;
  std::unordered_map<uint32_t, std::weak_ptr<RegionOwner>> regions;
  uint32_t last = 0;
};

// Never destroyed: a region with static lifetime may end after it would.
Registry& registry() {
  static Registry* r = new Registry;
  return *r;
}

} // namespace

uint32_t register_region(std::weak_ptr<RegionOwner> owner) {
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  r.regions.emplace(++r.last, std::move(owner));
  return r.last;
}

void forget_region(uint32_t number) {
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  r.regions.erase(number);
}

std::shared_ptr<RegionOwner> find_region(uint32_t number) {
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  auto known = r.regions.find(number);
  return known == r.regions.end() ? nullptr : known->second.lock();
}

} // namespace weft
