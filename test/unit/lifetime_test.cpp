// The ends of things: processes that fork, leave in the middle of a region, or end while other
// threads compute. Each case is a child process that must end by itself, with status 0.

#include "weft/parallel.h"
#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <functional>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace weft;

namespace {

Tensor body(const Tensor& x) { return gelu(x * 2.0 + 1.0) * x; }

Tensor input() { return arange(0, 12).to(f32).reshape({3, 4}) * 0.25; }

bool right(const Tensor& got) { return got.to_vector<float>() == body(input()).to_vector<float>(); }

/// Enough work for all threads of the pool.
bool parallel_work() {
  const Tensor x = ones({1 << 21});
  return sum(x + x).item<float>() == static_cast<float>(1 << 22);
}

// Objects of static duration outlive main's own; the last one checks on its way out.
std::function<Tensor(const Tensor&)> static_region;
Tensor static_tensor;
struct AtExit {
  ~AtExit() {
    if (static_region && !(right(static_region(input())) && right(static_tensor))) _exit(7);
  }
};
AtExit at_exit;

/// Runs `f` in a child process, which leaves through exit() where f returns true.
int status_of(const std::function<bool()>& f) {
  std::fflush(nullptr);
  pid_t child = fork();
  if (child == 0) {
    alarm(120);
    std::exit(f() ? 0 : 8);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The thread sanitizer refuses threads in the child of a process that has some.
#if defined(__SANITIZE_THREAD__)
constexpr bool kForksThreads = false;
#else
constexpr bool kForksThreads = true;
#endif

} // namespace

TEST_CASE("regions and tensors of static duration work to the very end") {
  CHECK(status_of([] {
          static_region = compile(body);
          for (int k = 0; k < 3; k++)
            static_tensor = static_region(input());
          return parallel_work();
        }) == 0);
}

TEST_CASE("a tensor outlives its region, its region's function and the optimizer") {
  Tensor y, weight = ones({4});
  weight.requires_grad_();
  {
    auto f = compile([&](const Tensor& x) { return (x * weight).sum(); });
    for (int k = 0; k < 3; k++)
      y = f(input());
  }
  y.backward();
  CHECK(weight.grad().to_vector<float>() == sum(input(), 0).to_vector<float>());
}

TEST_CASE("exit in the middle of a region") {
  CHECK(status_of([] {
          auto f = compile([](const Tensor& x, int k) {
            Tensor y = body(x);
            if (k == 3) std::exit(right(y) ? 0 : 8);
            return y;
          });
          for (int k = 0; k < 5; k++)
            f(input(), k);
          return false;
        }) == 0);
}

TEST_CASE("exit while another thread computes") {
  CHECK(status_of([] {
          std::thread([] {
            for (;;) {
              auto f = compile(body);
              for (int k = 0; k < 4; k++)
                f(input());
              parallel_work();
            }
          }).detach();
          usleep(200'000);
          return true;
        }) == 0);
}

TEST_CASE("a thread that ran a region ends before it") {
  auto f = compile(body);
  for (int k = 0; k < 8; k++)
    std::thread([&] { f(input()); }).join();
  CHECK(right(f(input())));
}

TEST_CASE("WEFT_NUM_THREADS that is no number is ignored") {
  for (const char* text : {"", "many", "-3", "0", "2x", "99999999999999999999", "0x10"}) {
    INFO("WEFT_NUM_THREADS=" << text);
    CHECK(status_of([&] {
            setenv("WEFT_NUM_THREADS", text, 1);
            set_num_threads(0); // as at the start
            const int n = num_threads();
            unsetenv("WEFT_NUM_THREADS");
            set_num_threads(0);
            return n == num_threads() && parallel_work();
          }) == 0);
  }
}

TEST_CASE("a forked process goes on with what was compiled, and compiles more") {
  if (!kForksThreads) return;
  auto f = compile(body);
  for (int k = 0; k < 3; k++)
    f(input());
  REQUIRE(parallel_work()); // the pool has threads, which the child lacks
  CHECK(status_of([&] {
          auto g = compile([](const Tensor& x) { return exp(x) + tanh(x); });
          bool ok = right(f(input())) && parallel_work();
          for (int k = 0; k < 3; k++)
            ok &=
                g(input()).to_vector<float>() == (exp(input()) + tanh(input())).to_vector<float>();
          set_num_threads(3);
          return ok && parallel_work();
        }) == 0);
  CHECK(parallel_work());
}

TEST_CASE("a fork in the middle of a region: both go on") {
  if (!kForksThreads) return;
  int status = -1;
  auto f = compile([&](const Tensor& x, bool forks) {
    Tensor y = body(x);
    if (forks) status = status_of([&] { return right(y); });
    return y;
  });
  for (int k = 0; k < 4; k++)
    CHECK(right(f(input(), k == 3)));
  CHECK(status == 0);
}

TEST_CASE("more threads than the system gives are no error") {
  const int before = num_threads();
  set_num_threads(2'000'000'000);
  CHECK(num_threads() == 1024);
  CHECK(parallel_work());
  set_num_threads(-5);
  CHECK(num_threads() >= 1);
  set_num_threads(before);
  CHECK(parallel_work());
}
