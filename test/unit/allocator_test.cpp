// The caching allocator: what it counts, what it keeps, how it refuses.

#include "runtime/core/allocator.h"

#include <catch2/catch.hpp>

#include <thread>
#include <vector>

using namespace weft;

namespace {

constexpr size_t kMiB = size_t{1} << 20;

void* allocate(size_t n) { return allocate_bytes(n, Loc::current()); }

struct CapScope {
  explicit CapScope(size_t bytes) { memory::set_cap(bytes); }
  ~CapScope() { memory::set_cap(0); }
};

} // namespace

TEST_CASE("blocks are aligned, large enough and reused") {
  for (size_t n : {size_t{0}, size_t{1}, size_t{64}, size_t{65}, size_t{1000}, 3 * kMiB}) {
    void* p = allocate(n);
    CHECK(reinterpret_cast<uintptr_t>(p) % 64 == 0);
    CHECK(allocation_size(n) >= n);
    std::fill_n(static_cast<char*>(p), n, 'x');
    free_bytes(p, n);
    void* again = allocate(n);
    CHECK(again == p);
    free_bytes(again, n);
  }
}

TEST_CASE("size classes waste at most a quarter") {
  for (size_t n = 1; n < 8 * kMiB; n = n * 9 / 8 + 1) {
    CHECK(allocation_size(n) >= n);
    CHECK(allocation_size(n) <= n + n / 4 + 64);
  }
}

TEST_CASE("live, peak and cached follow what is taken and given back") {
  memory::trim();
  memory::reset_peak();
  size_t before = memory::stats().live;
  void* a = allocate(4 * kMiB);
  void* b = allocate(2 * kMiB);
  CHECK(memory::stats().live == before + 6 * kMiB);
  free_bytes(a, 4 * kMiB);
  CHECK(memory::stats().live == before + 2 * kMiB);
  CHECK(memory::stats().peak == before + 6 * kMiB);
  CHECK(memory::stats().cached >= 4 * kMiB);
  memory::reset_peak();
  CHECK(memory::stats().peak == before + 2 * kMiB);
  free_bytes(b, 2 * kMiB);
  memory::trim();
  CHECK(memory::stats().cached < kMiB);
}

TEST_CASE("the peak of small blocks is exact in one thread") {
  memory::reset_peak();
  size_t before = memory::stats().live;
  std::vector<void*> blocks;
  for (int k = 0; k < 100; k++)
    blocks.push_back(allocate(64));
  for (void* p : blocks)
    free_bytes(p, 64);
  CHECK(memory::stats().peak == before + 6400);
  CHECK(memory::stats().live == before);
}

TEST_CASE("an allocation beyond the cap is refused with the numbers") {
  memory::trim();
  CapScope cap(memory::stats().live + 16 * kMiB);
  try {
    allocate(64 * kMiB);
    FAIL("no error");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::out_of_memory);
    CHECK_THAT(e.what(), Catch::Contains("allocate: 64.0 MiB must fit in memory, got "));
    CHECK_THAT(e.what(), Catch::Contains("weft::memory::set_cap"));
    CHECK_THAT(e.what(), Catch::Contains("allocator_test.cpp"));
  }
  free_bytes(allocate(8 * kMiB), 8 * kMiB); // what fits still works
}

TEST_CASE("cached blocks make room before an allocation is refused") {
  memory::trim();
  CapScope cap(memory::stats().live + 32 * kMiB);
  free_bytes(allocate(20 * kMiB), 20 * kMiB);
  CHECK(memory::stats().cached >= 20 * kMiB);
  void* p = allocate(28 * kMiB);
  free_bytes(p, 28 * kMiB);
}

TEST_CASE("a cap beyond what addresses can be is none") {
  CapScope cap(~size_t{0});
  free_bytes(allocate(8 * kMiB), 8 * kMiB);
}

TEST_CASE("absurd sizes are refused, not wrapped") {
  CHECK_THROWS_AS(allocate(~size_t{0}), Error);
  CHECK_THROWS_AS(allocate(size_t{1} << 62), Error);
}

TEST_CASE("blocks may be freed by another thread, and a thread's blocks outlive it") {
  size_t before = memory::stats().live;
  std::vector<void*> blocks(1000);
  std::thread([&] {
    for (void*& p : blocks)
      p = allocate(256);
  }).join();
  CHECK(memory::stats().live == before + 1000 * 256);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++)
    threads.emplace_back([&, t] {
      for (size_t k = static_cast<size_t>(t); k < blocks.size(); k += 4)
        free_bytes(blocks[k], 256);
      for (int k = 0; k < 10000; k++)
        free_bytes(allocate(128), 128);
    });
  for (std::thread& t : threads)
    t.join();
  CHECK(memory::stats().live == before);
}
