// Blocks are cut into size classes, four a power of two. A thread keeps a bin of small free blocks
// per class without a lock; what does not fit there, and all larger blocks, are kept in one central
// store. Nothing is given back to the system before trim() or the cap asks for it.

#include "runtime/core/allocator.h"

#include "runtime/core/fail_at.h"
#include "runtime/core/kept_panels.h"
#include "runtime/core/op_scope.h"
#include "runtime/core/size_classes.h"
#include "runtime/device/context.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <vector>

namespace weft {

namespace {

constexpr int kSmallClasses = 44;             // up to 64 KiB: classes of the thread-local bins
constexpr size_t kBinBytes = size_t{1} << 18; // most that one bin of a thread keeps
constexpr int64_t kDeltaLimit = 1 << 18;      // a thread's count goes to the total beyond this
constexpr size_t kHugePage = size_t{1} << 21;

struct FreeBlock {
  FreeBlock* next;
};

static_assert(class_of(size_t{1} << 16) < kSmallClasses);

struct Bin {
  FreeBlock* head = nullptr;
  uint32_t count = 0;
};

size_t physical_memory() {
  return static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

struct ThreadCache;

// Lives as long as the process: tensors with static storage duration are freed after it would die.
struct Central {
  std::mutex mutex;
  std::array<Bin, kSizeClasses> bins;
  std::vector<ThreadCache*> threads;
  std::atomic<int64_t> live{0}, peak{0}, held{0};
  std::atomic<size_t> cap{physical_memory()};

  void add_live(int64_t delta, int64_t highest) {
    int64_t before = live.fetch_add(delta, std::memory_order_relaxed);
    int64_t seen = peak.load(std::memory_order_relaxed), now = before + highest;
    while (now > seen && !peak.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
    }
  }
  void put(int c, FreeBlock* block) {
    block->next = bins[c].head;
    bins[c].head = block;
    bins[c].count++;
  }
  FreeBlock* take(int c) {
    FreeBlock* block = bins[c].head;
    if (!block) return nullptr;
    bins[c].head = block->next;
    bins[c].count--;
    return block;
  }
  void release_all();
};

Central& central() {
  static Central& c = *new Central;
  return c;
}

struct ThreadCache {
  std::array<Bin, kSmallClasses> bins;
  // Bytes this thread took minus gave back since it last told the total, and the most of that.
  std::atomic<int64_t> delta{0};
  int64_t highest = 0;

  void flush_delta() {
    int64_t d = delta.load(std::memory_order_relaxed);
    central().add_live(d, std::max(d, highest));
    delta.store(0, std::memory_order_relaxed);
    highest = 0;
  }
  void count(int64_t bytes) {
    int64_t d = delta.load(std::memory_order_relaxed) + bytes;
    delta.store(d, std::memory_order_relaxed);
    if (d > highest) highest = d;
    if (d > kDeltaLimit || d < -kDeltaLimit) flush_delta();
  }
  // Hands every block to the central store. The caller holds its lock.
  void drain() {
    for (int c = 0; c < kSmallClasses; c++) {
      while (FreeBlock* block = bins[c].head) {
        bins[c].head = block->next;
        central().put(c, block);
      }
      bins[c].count = 0;
    }
  }
  ThreadCache() {
    std::lock_guard lock(central().mutex);
    central().threads.push_back(this);
  }
  ~ThreadCache();
};

constinit thread_local ThreadCache* cache = nullptr;
constinit thread_local bool thread_ended = false;

ThreadCache::~ThreadCache() {
  cache = nullptr;
  thread_ended = true;
  flush_delta();
  std::lock_guard lock(central().mutex);
  drain();
  std::erase(central().threads, this);
}

[[gnu::noinline]] ThreadCache* make_cache() {
  if (thread_ended) return nullptr;
  thread_local ThreadCache owner;
  return cache = &owner;
}

void* from_system(size_t size) {
  const bool is_large = size >= kHugePage;
  void* block = nullptr;
  if (posix_memalign(&block, is_large ? kHugePage : kBlockAlign, size)) return nullptr;
  if (is_large) // a hint: fewer page faults
    madvise(block, size / kHugePage * kHugePage, MADV_HUGEPAGE);
  return block;
}

void Central::release_all() {
  for (int c = 0; c < kSizeClasses; c++)
    while (FreeBlock* block = take(c)) {
      std::free(block);
      held.fetch_sub(static_cast<int64_t>(class_size(c)), std::memory_order_relaxed);
    }
}

// Takes a block of class c from the central store or the system.
[[gnu::noinline]] void* refill(int c, size_t nbytes, const Loc& loc) {
  Central& all = central();
  auto size = static_cast<int64_t>(class_size(c));
  do {
    std::lock_guard lock(all.mutex);
    if (FreeBlock* block = all.take(c)) return block;
    auto cap = static_cast<int64_t>(all.cap.load(std::memory_order_relaxed));
    if (all.held.load(std::memory_order_relaxed) > cap - size) {
      if (cache) cache->drain();
      all.release_all();
    }
    if (all.held.load(std::memory_order_relaxed) <= cap - size) {
      if (void* block = from_system(static_cast<size_t>(size))) {
        all.held.fetch_add(size, std::memory_order_relaxed);
        return block;
      }
    }
  } while (drop_panels());
  refuse_memory("allocate", "", nbytes, loc);
}

} // namespace

std::string text_of_bytes(size_t bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int unit = 0;
  double value = static_cast<double>(bytes);
  for (; value >= 1024 && unit < 6; unit++)
    value /= 1024;
  char text[32];
  snprintf(text, sizeof text, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text;
}

void refuse_memory(const char* op, const std::string& what, size_t nbytes, const Loc& loc) {
  memory::Stats s = memory::stats();
  fail_at(ErrorKind::out_of_memory,
          OpScope::name_or(op) + ": " +
              (what.empty() ? text_of_bytes(nbytes) : what + " of " + text_of_bytes(nbytes)) +
              " must fit in memory, got " + text_of_bytes(s.live) + " live of a cap of " +
              text_of_bytes(s.cap) + "; free tensors or raise weft::memory::set_cap",
          loc);
}

size_t allocation_size(size_t nbytes) { return class_size(class_of(nbytes)); }

void* allocate_bytes(size_t nbytes, const Loc& loc) {
  if (nbytes > size_t{1} << 62) refuse_memory("allocate", "", nbytes, loc);
  int c = class_of(nbytes);
  auto size = static_cast<int64_t>(class_size(c));
  ThreadCache* local = cache ? cache : make_cache();
  void* result;
  if (local && c < kSmallClasses && local->bins[c].head) {
    Bin& bin = local->bins[c];
    FreeBlock* block = bin.head;
    bin.head = block->next;
    bin.count--;
    result = block;
  } else {
    result = refill(c, nbytes, loc);
  }
  if (local)
    local->count(size);
  else
    central().add_live(size, size);
  return result;
}

void free_bytes(void* block, size_t nbytes) noexcept {
  int c = class_of(nbytes);
  size_t size = class_size(c);
  auto* free_block = static_cast<FreeBlock*>(block);
  ThreadCache* local = cache ? cache : make_cache();
  if (local)
    local->count(-static_cast<int64_t>(size));
  else
    central().add_live(-static_cast<int64_t>(size), 0);
  if (local && c < kSmallClasses && (local->bins[c].count + 1) * size <= kBinBytes) {
    Bin& bin = local->bins[c];
    free_block->next = bin.head;
    bin.head = free_block;
    bin.count++;
    return;
  }
  std::lock_guard lock(central().mutex);
  central().put(c, free_block);
}

namespace memory {

namespace {

device::Allocator& of(Device device) { return device::Context::of(device, Loc()).memory(); }
bool is_cpu(Device device) { return device.type == DeviceType::cpu; }

} // namespace

Stats stats(Device device) {
  if (!is_cpu(device)) return of(device).stats();
  Central& all = central();
  if (cache) cache->flush_delta();
  std::lock_guard lock(all.mutex);
  int64_t live = all.live.load();
  for (ThreadCache* t : all.threads)
    live += t->delta.load(std::memory_order_relaxed);
  Stats s;
  s.live = static_cast<size_t>(std::max<int64_t>(live, 0));
  s.peak = std::max(static_cast<size_t>(all.peak.load()), s.live);
  s.cached = static_cast<size_t>(std::max<int64_t>(all.held.load() - live, 0));
  s.cap = all.cap.load();
  s.packed = kept_bytes();
  return s;
}

void reset_peak(Device device) {
  if (!is_cpu(device)) return of(device).reset_peak();
  if (cache) cache->flush_delta();
  central().peak.store(central().live.load());
}

void trim(Device device) {
  if (!is_cpu(device)) return of(device).trim();
  drop_panels();
  std::lock_guard lock(central().mutex);
  if (cache) cache->drain();
  central().release_all();
}

void set_cap(size_t bytes, Device device) {
  if (!is_cpu(device)) return of(device).set_cap(bytes);
  constexpr size_t most = std::numeric_limits<int64_t>::max();
  central().cap.store(std::min(bytes ? bytes : physical_memory(), most));
}

} // namespace memory

} // namespace weft
