// Whether anything is slower compiled than eager: calls of every function of the op table and the
// workloads, in interleaved pairs. A suspicion counts after a second, longer measurement.
#include "tools/weft-bench/commands.h"
#include "tools/weft-bench/guard_cases.h"
#include "tools/weft-bench/modes.h"
#include "tools/weft-bench/sampling.h"

#include "weft/compile.h"
#include "weft/memory.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weft::bench {

namespace {

constexpr int kWarmCalls = 14; // record, compile, and the trial of the program against its ops
constexpr int kRounds = 15, kMoreRounds = 60;
constexpr double kShortest = 20e-6, kLongest = 50e-3; // of a call of one function
constexpr size_t kMemoryCap = size_t{6} << 30;        // a drawn call may want any amount

/// A call in each gear. program: compiled, and run whatever the trial of programs finds.
struct Gears {
  std::function<void()> eager, compiled, program;
};

struct Outcome {
  double eager = 0;           // seconds
  Interval compiled, program; // their times over eager's
  bool is_slower = false, is_slower_program = false;
};

Outcome measure(const Gears& gears, double seconds, int rounds, double margin) {
  const Timed eager(gears.eager), compiled(gears.compiled), program(gears.program);
  auto samples = interleave({[&] { return eager.sample(); }, [&] { return compiled.sample(); },
                             [&] { return program.sample(); }},
                            seconds, rounds);
  Outcome o;
  o.eager = median(samples[0]);
  o.compiled = bootstrap(ratios(samples[1], samples[0]));
  o.program = bootstrap(ratios(samples[2], samples[0]));
  o.is_slower = o.compiled.low > 1 + margin;
  o.is_slower_program = o.program.low > 1 + margin;
  return o;
}

Outcome judge(const Gears& gears, double margin) {
  const Outcome first = measure(gears, 0, kRounds, margin);
  if (!first.is_slower && !first.is_slower_program) return first;
  return measure(gears, 0.2, kMoreRounds, margin);
}

class Guard {
public:
  explicit Guard(const GuardOptions& options) : options_(options) {}

  void add(const std::string& name, const std::string& description, const Gears& gears) {
    const Outcome o = judge(gears, options_.margin);
    if (o.eager < kShortest) return skip();
    measured_++;
    slower_ += o.is_slower;
    dropped_ += o.is_slower_program && !o.is_slower;
    logarithms_ += std::log(o.program.middle);
    rows_.push_back({{"name", name},
                     {"call", description},
                     {"eager_seconds", o.eager},
                     {"slower", o.is_slower},
                     {"compiled", {o.compiled.middle, o.compiled.low, o.compiled.high}},
                     {"program", {o.program.middle, o.program.low, o.program.high}}});
    if (!o.is_slower && !o.is_slower_program) return;
    const Interval& worst = o.is_slower ? o.compiled : o.program;
    fmt::print("{:<8} {:5.2f}x [{:.2f}, {:.2f}] of {:9.1f} us  {}  {}\n",
               o.is_slower ? "SLOWER" : "program", worst.middle, worst.low, worst.high,
               o.eager * 1e6, name, description);
    std::fflush(stdout);
  }
  void skip() { skipped_++; }

  int finish() const {
    const double mean = measured_ ? std::exp(logarithms_ / measured_) : 1.0;
    fmt::print("{} cases: {} slower compiled than eager, {} whose program is slower but dropped by "
               "its trial; programs take {:.3f} of eager's time (geometric mean)\n"
               "{} more could not be drawn, or take too short or too long to tell\n",
               measured_, slower_, dropped_, mean, skipped_);
    write_json(options_.json, {{"cases", measured_},
                               {"slower", slower_},
                               {"dropped", dropped_},
                               {"skipped", skipped_},
                               {"geometric_mean", mean},
                               {"rows", rows_}});
    return slower_ ? 1 : 0;
  }

private:
  const GuardOptions& options_;
  int measured_ = 0, slower_ = 0, dropped_ = 0, skipped_ = 0;
  double logarithms_ = 0;
  Json rows_ = Json::array();
};

void guard_call(Guard& guard, const fuzz::OpRow& row, int number) {
  const std::optional<GuardCase> c = draw_case(row, number);
  if (!c) return guard.skip();
  const NoGrad no_grad;
  const auto body = [&] { return c->call(); };
  body();
  const double start = now();
  body();
  const double once = now() - start;
  if (once > kLongest || once < kShortest) return guard.skip();
  auto compiled = compile(body);
  auto program = compile(body, {.deterministic = true});
  for (int k = 0; k < kWarmCalls; k++) {
    compiled();
    program();
  }
  guard.add(c->name, c->description, {[&] { body(); }, [&] { compiled(); }, [&] { program(); }});
}

void guard_workload(Guard& guard, const Workload& w) {
  Running eager(w, Mode::eager), compiled(w, Mode::compiled), program(w, Mode::deterministic);
  for (int k = 0; k < kWarmCalls; k++) {
    compiled.call();
    program.call();
  }
  guard.add(w.name, w.about,
            {[&] { eager.call(); }, [&] { compiled.call(); }, [&] { program.call(); }});
}

/// Says which numbers belong to part k of n, "k/n".
std::function<bool(size_t)> part(const std::string& text) {
  size_t k = 0, n = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%zu/%zu%c", &k, &n, &rest) != 2 || k < 1 || k > n)
    throw Error(ErrorKind::value, "weft-bench: --part must be K/N with 1 <= K <= N, got " + text);
  return [k, n](size_t number) { return number % n == k - 1; };
}

} // namespace

int guard_command(const GuardOptions& options) {
  const auto is_mine = part(options.part);
  const auto is_named = [&](std::string_view name) {
    return options.names.empty() ||
           std::find(options.names.begin(), options.names.end(), name) != options.names.end();
  };
  memory::set_cap(kMemoryCap);
  Guard guard(options);
  size_t number = 0;
  for (const fuzz::OpRow& row : fuzz::op_rows())
    for (int draw = 0; draw < options.draws; draw++)
      if (is_named(row.name) && is_mine(number++)) guard_call(guard, row, draw);
  for (const Workload& w : workloads())
    if (is_named(w.name) && !w.always_eager && w.kind != Workload::Kind::call && is_mine(number++))
      guard_workload(guard, w);
  return guard.finish();
}

} // namespace weft::bench
