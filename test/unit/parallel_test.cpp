// parallel_for: every index once, exceptions, nesting, several owners.

#include "runtime/core/parallel.h"
#include "test/unit/threads.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace weft;
using weft::test::Threads;

TEST_CASE("each index is visited once, for any number of threads") {
  for (int threads : {1, 2, 3, 8}) {
    Threads scope(threads);
    CHECK(num_threads() == threads);
    for (int64_t n : {0, 1, 7, 1000, 100000}) {
      std::vector<std::atomic<int>> visits(static_cast<size_t>(n));
      parallel_for(n, 10, [&](int64_t begin, int64_t end) {
        for (; begin < end; begin++)
          visits[static_cast<size_t>(begin)]++;
      });
      bool once = true;
      for (auto& v : visits)
        once &= v == 1;
      CHECK(once);
    }
  }
}

TEST_CASE("pieces are of equal size, as many for each thread as for the others") {
  Threads scope(2);
  auto sizes = [](int64_t n, int64_t grain) {
    std::mutex lock;
    std::vector<int64_t> found;
    parallel_for(n, grain, [&](int64_t begin, int64_t end) {
      std::lock_guard hold(lock);
      found.push_back(end - begin);
    });
    std::sort(found.begin(), found.end());
    return found;
  };
  CHECK(sizes(24, 9) == std::vector<int64_t>{12, 12});
  CHECK(sizes(10, 9) == std::vector<int64_t>{5, 5});
  CHECK(sizes(9, 9) == std::vector<int64_t>{9});
  CHECK(sizes(49, 1) == std::vector<int64_t>{6, 6, 6, 6, 6, 6, 6, 7});
  CHECK(sizes(3, 1) == std::vector<int64_t>{1, 2});
}

TEST_CASE("a thread begins with pieces of its own, and helps others from the end of theirs") {
  Threads scope(2);
  bool as_said = true;
  for (int round = 0; round < 500; round++) {
    std::vector<int64_t> order[2];
    parallel_for(8, 1, [&](int64_t begin, int64_t) { order[thread_index()].push_back(begin); });
    for (int64_t t : {0, 1}) {
      int64_t own = 4 * t, other = 4 * (1 - t) + 3;
      for (int64_t piece : order[t])
        as_said &= piece == own ? (own++, true) : piece == other--;
    }
    as_said &= order[0].size() + order[1].size() == 8;
  }
  CHECK(as_said);
}

TEST_CASE("an exception of a piece reaches the caller, and the pool lives on") {
  Threads scope(4);
  for (int k = 0; k < 20; k++) {
    CHECK_THROWS_WITH(parallel_for(100, 1,
                                   [](int64_t begin, int64_t) {
                                     if (begin >= 50) throw std::runtime_error("piece");
                                   }),
                      "piece");
    std::atomic<int64_t> sum{0};
    parallel_for(100, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
    CHECK(sum == 100);
  }
}

TEST_CASE("a nested call runs inline") {
  Threads scope(4);
  std::atomic<int64_t> sum{0};
  parallel_for(16, 1, [&](int64_t begin, int64_t end) {
    for (; begin < end; begin++)
      parallel_for(100, 1, [&](int64_t b, int64_t e) { sum += e - b; });
  });
  CHECK(sum == 1600);
}

TEST_CASE("several threads may own work at once") {
  Threads scope(3);
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> owners;
  for (int t = 0; t < 4; t++)
    owners.emplace_back([&] {
      for (int k = 0; k < 500; k++)
        parallel_for(64, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
    });
  for (std::thread& t : owners)
    t.join();
  CHECK(sum == 4 * 500 * 64);
}

TEST_CASE("sleeping workers wake up") {
  Threads scope(4);
  for (int k = 0; k < 5; k++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int64_t> sum{0};
    parallel_for(1000, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
    CHECK(sum == 1000);
  }
}

TEST_CASE("work aside runs in a thread of the pool while this one goes on") {
  Threads two(2);
  std::atomic<bool> has_run{false};
  std::thread::id runner;
  auto work = [&](int64_t, int64_t) {
    runner = std::this_thread::get_id();
    has_run = true;
  };
  {
    AsideWork aside(work);
    const auto start = std::chrono::steady_clock::now();
    while (!has_run && std::chrono::steady_clock::now() - start < std::chrono::seconds(30))
      std::this_thread::yield();
  }
  CHECK(has_run);
  CHECK(runner != std::this_thread::get_id());
  for (int round = 0; round < 1000; round++) { // at once: it is run whole or not at all
    std::atomic<int> begun{0}, ended{0};
    auto counted = [&](int64_t, int64_t) {
      begun++;
      ended++;
    };
    AsideWork aside(counted);
    if (round % 2) {
      std::atomic<int64_t> sum{0};
      parallel_for(1000, 10, [&](int64_t begin, int64_t end) { sum += end - begin; });
      CHECK(sum == 1000);
    } else {
      aside.end();
    }
    CHECK(begun == ended);
    CHECK(begun <= 1);
  }
}

TEST_CASE("with one thread no work goes aside") {
  Threads one(1);
  bool has_run = false;
  auto work = [&](int64_t, int64_t) { has_run = true; };
  { AsideWork aside(work); }
  CHECK_FALSE(has_run);
}
