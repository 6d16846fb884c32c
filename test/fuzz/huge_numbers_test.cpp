// Every function of the op table with numbers at the ends of their range: one error of the library
// or a result, soon, and in bounded memory. Calls that work are drawn; then each number in turn is
// replaced.

#include "test/fuzz/op_rows.h"

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <limits>

using namespace fuzz;

namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kWhole[] = {kMost,
                              kMost / 2 + 1,
                              std::numeric_limits<int64_t>::min(),
                              kMost - 3,
                              int64_t{1} << 45,
                              int64_t{1} << 32,
                              (int64_t{1} << 31) - 1};
constexpr double kReal[] = {std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN(), -1e300, 1e30, 0x1p40};
constexpr double kMostSeconds = 2;
constexpr size_t kCap = size_t{1} << 28, kOutside = size_t{1} << 30;

char now[400]; // the call that runs, for the case that it does not end

[[noreturn]] void tell_hang(int) {
  const char words[] = "\nthis call does not end: ";
  (void)!write(2, words, sizeof words - 1);
  (void)!write(2, now, strlen(now));
  (void)!write(2, "\n", 1);
  _exit(1);
}

// Tensors have a cap of their own; what else the library allocates fails beyond a limit, and a
// std::bad_alloc that comes of it is a finding.
class Limits {
public:
  Limits() : cap_(memory::stats().cap) {
    memory::set_cap(kCap);
    std::signal(SIGALRM, tell_hang);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    getrlimit(RLIMIT_AS, &before_);
    size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlimit lower{pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) + kCap + kOutside,
                       before_.rlim_max};
    setrlimit(RLIMIT_AS, &lower);
#endif
  }
  ~Limits() {
    alarm(0);
    memory::set_cap(cap_);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    setrlimit(RLIMIT_AS, &before_);
#endif
  }

private:
  size_t cap_;
  rlimit before_{};
};

std::string text_of(const OpRow& row, const std::vector<Argument>& arguments,
                    const std::vector<Tensor>& values) {
  std::string text = row.name;
  for (const Argument& a : arguments) {
    text += &a == arguments.data() ? "(" : ", ";
    for (int v : a.values)
      text += values[static_cast<size_t>(v)].shape().str();
    for (int64_t n : a.numbers)
      text += std::to_string(n) + " ";
    if (a.kind == Argument::number || a.kind == Argument::real)
      text += std::to_string(a.scalar.to_double());
    text += a.word;
  }
  return text + ")";
}

// Says whether an error begins with the function's name, in whichever form.
bool is_named(const Error& e, const OpRow& row) {
  const std::string text = e.what();
  std::string_view name = row.name;
  if (row.writes()) name.remove_suffix(1);
  if (!text.starts_with(name)) return false;
  const std::string rest = text.substr(name.size());
  return rest.starts_with(": ") || rest.starts_with("_: ");
}

std::string run(const OpRow& row, const std::vector<Argument>& arguments,
                const std::vector<Tensor>& values, const Round& round) {
  const std::string text = text_of(row, arguments, values);
  snprintf(now, sizeof now, "%s", text.c_str());
  alarm(60);
  const auto start = std::chrono::steady_clock::now();
  std::string wrong;
  try {
    row.call(Call(values, arguments, round));
  } catch (const NoArgument&) {
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::internal || !is_named(e, row)) wrong = e.what();
  } catch (const std::exception& e) {
    wrong = std::string("a foreign exception: ") + e.what();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (took.count() > kMostSeconds) wrong += " took " + std::to_string(took.count()) + " s";
  return wrong.empty() ? wrong : text + ": " + wrong;
}

// All calls that differ from the given one in one number.
template <class Body>
void each_change(std::vector<Argument> arguments, const Round& round, Body body) {
  for (size_t k = 0; k < arguments.size(); k++) {
    const Argument kept = arguments[k];
    Argument& a = arguments[k];
    if (kept.kind == Argument::sizes) { // as plain numbers
      a.kind = Argument::integers;
      for (const Size& size : kept.dims)
        a.numbers.push_back(size.in(round));
    }
    if (a.kind == Argument::integer || a.kind == Argument::integers || a.kind == Argument::halves)
      for (int64_t& number : a.numbers) {
        const int64_t own = number;
        for (int64_t large : kWhole) {
          number = large;
          body(arguments);
        }
        number = own;
      }
    if (a.kind == Argument::number || a.kind == Argument::real)
      for (double large : kReal) {
        a.scalar = Scalar(large);
        body(arguments);
      }
    a = kept;
  }
}

} // namespace

TEST_CASE("numbers at the ends of their range give a result or one error, soon", "[huge]") {
  const Limits limits;
  const Round round{3, 4};
  std::mt19937 random(7);
  int64_t calls = 0;
  for (const OpRow& row : op_rows())
    for (int tries = 0, found = 0; tries < 200 && found < 5; tries++) {
      std::vector<Tensor> values = {rand({3, 4}), rand({4}),          rand({2, 3, 4}),
                                    arange(12),   randn({3, 4}, f64), rand({1, 2, 4, 4})};
      std::vector<Argument> arguments;
      try {
        const Call call(values, row, round, random, true);
        row.call(call);
        arguments = call.drawn();
        values = call.values();
      } catch (const NoArgument&) {
        continue;
      } catch (const Error&) {
        continue;
      }
      found++;
      each_change(arguments, round, [&](const std::vector<Argument>& changed) {
        calls++;
        const std::string wrong = run(row, changed, values, round);
        if (!wrong.empty()) FAIL_CHECK(wrong);
      });
    }
  CHECK(calls > 5000);
}
