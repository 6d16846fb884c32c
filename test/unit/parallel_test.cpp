// parallel_for: every index once, exceptions, nesting, several owners.

#include "runtime/core/parallel.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace weft;

namespace {

struct Threads {
  explicit Threads(int n) { set_num_threads(n); }
  ~Threads() { set_num_threads(0); }
};

} // namespace

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

TEST_CASE("pieces have at least the grain, but for the last") {
  Threads scope(4);
  std::atomic<int> small{0};
  parallel_for(1000, 300,
               [&](int64_t begin, int64_t end) { small += end - begin < 300 && end != 1000; });
  CHECK(small == 0);
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
