// fuzz-programs: random programs, eager against compiled. The parent only starts workers, so that a
// crash is a finding like any other; a finding is shrunk and written as a program of its own.

#include "test/fuzz/program.h"
#include "weft/device.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <new>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fuzz {

namespace {

struct Options {
  unsigned first = 1, programs = 2000;
  unsigned jobs = 2;
  std::string device = "cpu", folder = "fuzz-findings";
  unsigned most_findings = 5;
  bool show = false;
};

constexpr unsigned kProgramsAWorker = 1000;
// A program that takes the processors for longer hangs, which is a finding too, and so does one
// that waits for longer, though maybe for a machine that does other work.
constexpr int kBusySeconds = 120, kSeconds = 1800;

void limit_time(bool is_limited) {
  const itimerval busy{{}, {is_limited ? kBusySeconds : 0, 0}};
  setitimer(ITIMER_PROF, &busy, nullptr);
  alarm(is_limited ? kSeconds : 0);
}

/// What workers tell: in memory that all processes share.
struct Shared {
  std::atomic<unsigned> next{0}; // seeds taken
  std::atomic<unsigned> until;   // so many seeds, fewer once the user interrupts
  std::atomic<int64_t> exact{0}, within{0}, skipped{0}, statements{0}, programs{0}, findings{0};
  std::atomic<unsigned> at[64]; // the seed that each worker is at
};

Shared* interruptible = nullptr;

// What runs ends, no more begins, and the summary tells of what has been.
void interrupt(int /*signal*/) { interruptible->until = interruptible->next.load(); }

Relation relation_of(unsigned seed) {
  return seed % 10 == 3 ? Relation::halves : seed % 10 == 7 ? Relation::scaled : Relation::gears;
}

void report(const Options& options, const Program& program, Relation relation,
            const std::string& what) {
  std::filesystem::create_directories(options.folder);
  const std::string path = fmt::format("{}/repro_{}.cpp", options.folder, program.seed);
  std::ofstream(path) << print(program, relation, what);
  fmt::print("seed {} shrunk to {} statements: {}: {}\n", program.seed, program.statements.size(),
             what, path);
  std::fflush(stdout);
}

// Runs f in a process of its own; returns how it ended.
template <class F> int in_child(F f) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    limit_time(true);
    f();
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

// Takes seeds until none is left, or until it is time for a fresh process.
void work(const Options& options, Shared& shared, unsigned worker) {
  const Device device = device_named(options.device);
  for (unsigned done = 0, k; done < kProgramsAWorker && (k = shared.next++) < shared.until;
       done++) {
    limit_time(true);
    const unsigned seed = options.first + k;
    shared.at[worker] = seed;
    set_num_threads(1 + seed / 10 % 2);
    const Relation relation = relation_of(seed);
    Counts counts;
    const Program program = generate(seed, relation, device);
    const Finding finding = check(program, relation, counts);
    shared.exact += counts.exact;
    shared.within += counts.within;
    shared.skipped += counts.skipped;
    shared.statements += static_cast<int64_t>(program.statements.size());
    shared.programs++;
    if (!finding) continue;
    fmt::print("seed {}: {}\n", seed, finding.what);
    if (shared.findings++ >= options.most_findings) continue;
    limit_time(false);
    const auto fails = [&](const Program& p) {
      Counts ignored;
      const Finding f = check(p, relation, ignored);
      return f && (f.round < 0) == (finding.round < 0);
    };
    const Program small = shrink(program, fails);
    report(options, small, relation, check(small, relation, counts).what);
  }
}

// The programs as they are generated, which a finding starts from.
int show(const Options& options) {
  for (unsigned seed = options.first; seed < options.first + options.programs; seed++) {
    const Relation relation = relation_of(seed);
    fmt::print("{}\n", print(generate(seed, relation, weft::device_named(options.device)), relation,
                             "shown"));
  }
  return 0;
}

bool failed(int status) { return WIFSIGNALED(status) || WEXITSTATUS(status) != 0; }

std::string describe_end(int status) {
  if (!WIFSIGNALED(status)) return fmt::format("it ends with status {}", WEXITSTATUS(status));
  const bool is_late = WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGPROF;
  return is_late ? "it hangs" : fmt::format("it ends by signal {}", WTERMSIG(status));
}

// A crash is shrunk with a process for each try. One thread: a fork keeps no others.
void shrink_crash(const Options& options, unsigned seed, const std::string& what) {
  const Relation relation = relation_of(seed);
  const auto crashes = [&](const Program& p) {
    return failed(in_child([&] {
      Counts ignored;
      check(p, relation, ignored);
    }));
  };
  in_child([&] {
    limit_time(false);
    set_num_threads(1);
    print_drawn = true; // where drawing itself crashes, the last line names the function
    const Program program = generate(seed, relation, device_named(options.device));
    report(options, shrink(program, crashes), relation, what);
  });
}

// Says why programs cannot run on the device, if they cannot. In a process of its own: drivers do
// not survive a fork.
bool is_absent(const Options& options) {
  return options.device != "cpu" && failed(in_child([&] {
           try {
             device_info(weft::device_named(options.device));
           } catch (const Error& e) {
             fmt::print("SKIPPED: {}\n", e.what());
             std::fflush(stdout);
             _exit(1);
           }
         }));
}

int run(const Options& options) {
  if (is_absent(options)) return 0;
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto& shared = *new (memory) Shared;
  shared.until = options.programs;
  interruptible = &shared;
  for (int signal : {SIGINT, SIGTERM})
    std::signal(signal, interrupt);
  const auto start = std::chrono::steady_clock::now();
  std::vector<pid_t> workers(options.jobs);
  auto launch = [&](unsigned w) {
    std::fflush(stdout);
    workers[w] = fork();
    if (workers[w]) return;
    std::signal(SIGINT, SIG_IGN); // a terminal sends it to all processes
    work(options, shared, w);
    std::fflush(stdout);
    _exit(0);
  };
  for (unsigned w = 0; w < options.jobs; w++)
    launch(w);
  for (unsigned left = options.jobs; left > 0;) {
    int status = 0;
    const pid_t ended = wait(&status);
    const auto w =
        static_cast<unsigned>(std::find(workers.begin(), workers.end(), ended) - workers.begin());
    if (w == options.jobs) continue;
    if (failed(status)) {
      const unsigned seed = shared.at[w];
      fmt::print("seed {}: {}\n", seed, describe_end(status));
      if (shared.findings++ < options.most_findings)
        shrink_crash(options, seed, describe_end(status));
    }
    if (shared.next < shared.until)
      launch(w);
    else
      left--;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print(
      "fuzz-programs: {} programs, {} statements, {} mismatches, {:.1f} s, seeds {} .. {}, on {}; "
      "{} tensors equal to the bit, {} within bounds, {} not comparable\n",
      shared.programs.load(), shared.statements.load(), shared.findings.load(), seconds,
      options.first, options.first + shared.until - 1, options.device, shared.exact.load(),
      shared.within.load(), shared.skipped.load());
  return shared.findings != 0;
}

} // namespace

} // namespace fuzz

int main(int argc, char** argv) {
  fuzz::Options options;
  CLI::App app("Runs random programs eagerly and compiled and compares all tensors that live.");
  app.add_option("--programs", options.programs, "how many");
  app.add_option("--first", options.first, "the first one's seed");
  app.add_option("--jobs", options.jobs, "processes")->check(CLI::Range(1, 64));
  app.add_option("--device", options.device, "where tensors lie: cpu, opencl or cuda");
  app.add_option("--folder", options.folder, "where repros are written");
  app.add_flag("--show", options.show, "print the programs and run none");
  CLI11_PARSE(app, argc, argv);
  try {
    weft::device_named(options.device);
  } catch (const weft::Error& e) {
    fmt::print(stderr, "fuzz-programs: {}\n", e.what());
    return 2;
  }
  return options.show ? fuzz::show(options) : fuzz::run(options);
}
