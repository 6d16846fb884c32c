#include "runtime/core/kept_panels.h"

#include "runtime/core/allocator.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

namespace weft {

namespace {

// Calls that must have found the same contents before panels are made: a weight that each step of a
// training changes never has any.
constexpr uint32_t kCalls = 3;
// Layouts of one storage; further ones are packed in each call.
constexpr size_t kMostLayouts = 8;
// All panels may take this part of what tensors may take.
constexpr size_t kShare = 8;

} // namespace

// Of one storage.
struct KeptPanels {
  struct Entry {
    PanelsKey key;
    uint32_t version = 0, calls = 0;
    bool is_asked = false; // for panels of this version
    std::shared_ptr<const Panels> panels = {};
  };
  std::vector<Entry> entries;
};

namespace {

// Lives as long as the process, as the allocator does.
struct Kept {
  std::mutex mutex; // of all below, and of what storages keep
  std::unordered_set<KeptPanels*> storages;
  std::map<std::string, int32_t> layouts;
  std::atomic<size_t> bytes{0};
};

Kept& kept() {
  static Kept& k = *new Kept;
  return k;
}

KeptPanels::Entry* find(KeptPanels& all, const PanelsKey& key) {
  auto it = std::find_if(all.entries.begin(), all.entries.end(),
                         [&](const KeptPanels::Entry& e) { return e.key == key; });
  return it == all.entries.end() ? nullptr : &*it;
}

bool is_told_by_version(const Storage& s) {
  return !s.external && !s.exposed && !s.owner && s.device == Device::cpu();
}

} // namespace

Panels::Panels(size_t bytes) : data_(allocate_bytes(bytes, Loc())), bytes_(bytes) {
  kept().bytes.fetch_add(allocation_size(bytes_));
}

Panels::~Panels() {
  kept().bytes.fetch_sub(allocation_size(bytes_));
  free_bytes(data_, bytes_);
}

int32_t number_of_layout(const std::string& layout) {
  std::lock_guard lock(kept().mutex);
  const auto next = static_cast<int32_t>(kept().layouts.size());
  return kept().layouts.try_emplace(layout, next).first->second;
}

PanelsFound find_panels(Storage& s, const PanelsKey& key, size_t bytes) {
  PanelsFound found;
  if (!is_told_by_version(s)) {
    forget_panels(s);
    return found;
  }
  std::shared_ptr<const Panels> old; // freed behind the lock
  std::lock_guard lock(kept().mutex);
  KeptPanels* all = s.panels.load(std::memory_order_relaxed);
  if (!all) {
    all = new KeptPanels;
    kept().storages.insert(all);
    s.panels.store(all, std::memory_order_relaxed);
  }
  found.version = s.version.load(std::memory_order_acquire);
  KeptPanels::Entry* entry = find(*all, key);
  if (!entry) {
    if (all->entries.size() == kMostLayouts) return found;
    entry = &all->entries.emplace_back(KeptPanels::Entry{key, found.version});
  }
  if (entry->version != found.version) {
    old = std::move(entry->panels);
    *entry = {key, found.version};
  }
  found.panels = entry->panels;
  if (entry->is_asked || ++entry->calls <= kCalls) return found;
  if (kept_bytes() + allocation_size(bytes) > memory::stats().cap / kShare) return found;
  entry->is_asked = found.is_wanted = true;
  return found;
}

void keep_panels(Storage& s, const PanelsKey& key, uint32_t version,
                 std::shared_ptr<const Panels> panels) {
  std::lock_guard lock(kept().mutex);
  KeptPanels* all = s.panels.load(std::memory_order_relaxed);
  KeptPanels::Entry* entry = all ? find(*all, key) : nullptr;
  if (entry && entry->is_asked && entry->version == version &&
      s.version.load(std::memory_order_acquire) == version)
    entry->panels = std::move(panels);
}

void drop_kept(Storage& s) noexcept {
  std::unique_ptr<KeptPanels> all;
  std::lock_guard lock(kept().mutex);
  all.reset(s.panels.exchange(nullptr, std::memory_order_relaxed));
  kept().storages.erase(all.get());
}

size_t kept_bytes() { return kept().bytes.load(std::memory_order_relaxed); }

bool drop_panels() noexcept {
  bool were_some = false;
  std::lock_guard lock(kept().mutex);
  for (KeptPanels* all : kept().storages)
    for (KeptPanels::Entry& entry : all->entries) {
      were_some |= entry.panels != nullptr;
      entry.panels.reset();
      entry.is_asked = false;
      entry.calls = 0;
    }
  return were_some;
}

} // namespace weft
