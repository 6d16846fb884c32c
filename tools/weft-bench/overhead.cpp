// The table of measures that the README keeps. Each row is measured here and now, beside its reach.
#include "runtime/core/allocator.h"
#include "runtime/core/parallel.h"
#include "tools/weft-bench/commands.h"
#include "tools/weft-bench/limits.h"
#include "tools/weft-bench/modes.h"
#include "tools/weft-bench/sampling.h"
#include "weft/parallel.h"

#include <fmt/core.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace weft::bench {

namespace {

namespace fs = std::filesystem;

constexpr int kChain = 200;                // ops of the region whose host time is taken
constexpr size_t kEvictBytes = 128u << 20; // more than any last-level cache here

class Table {
public:
  Table() { fmt::print("{:<58}{:>12}{:>12}\n", "what", "measured", "reach"); }
  void add(const std::string& what, double value, double reach, const char* unit,
           bool more_is_better = false) {
    bool reached = more_is_better ? value >= reach : value <= reach;
    fmt::print("{:<58}{:>12}{:>12}  {}\n", what, fmt::format("{:.3g} {}", value, unit),
               fmt::format("{:g} {}", reach, unit), reached ? "reached" : "MISSED");
    std::fflush(stdout);
    rows_.push_back(
        {{"what", what}, {"value", value}, {"reach", reach}, {"unit", unit}, {"reached", reached}});
  }
  void skip(const std::string& what, const std::string& why) {
    fmt::print("{:<58}{:>12}  {}\n", what, "-", why);
    rows_.push_back({{"what", what}, {"skipped", why}});
  }
  const Json& rows() const { return rows_; }

private:
  Json rows_ = Json::array();
};

double nanoseconds(const std::function<void()>& call) {
  Timed timed(call);
  std::vector<double> samples;
  for (int k = 0; k < 60; k++)
    samples.push_back(timed.sample());
  return median(samples) * 1e9;
}

void eager_rows(Table& table) {
  manual_seed(0);
  Tensor a = normal({16}), b = normal({16});
  table.add("eager a + b, 16 floats", nanoseconds([&] { Tensor c = a + b; }), 150, "ns");
  a.requires_grad_();
  table.add("eager a + b, 16 floats, recording a gradient", nanoseconds([&] { Tensor c = a + b; }),
            300, "ns");
}

/// What every op takes of the allocator and, where it is large, of the threads.
void runtime_rows(Table& table) {
  const Loc here = Loc::current();
  table.add("allocation of 64 bytes, and its end", nanoseconds([&] {
              constexpr size_t kBytes = 64;
              free_bytes(allocate_bytes(kBytes, here), kBytes);
            }),
            25, "ns");
  const std::string what = "parallel region with nothing to do";
  const int threads = num_threads();
  if (threads < 2) return table.skip(what, "it takes two threads");
  table.add(what, nanoseconds([&] { parallel_for(threads, 1, [](int64_t, int64_t) {}); }) * 1e-3, 2,
            "us");
}

void evict_caches() {
  static std::vector<char> memory(kEvictBytes);
  for (size_t k = 0; k < memory.size(); k += 64)
    memory[k]++;
}

/// Host time an op inside a region that follows a chain of ops; the flush is outside the clock.
double followed_op(bool with_tape, bool evicted) {
  manual_seed(0);
  Tensor a = normal({16}), b = normal({16});
  if (with_tape) b.requires_grad_();
  double inside = 0;
  auto region = compile([&] {
    Tensor x = a;
    double start = now();
    for (int k = 0; k < kChain; k++)
      x = k % 2 ? x * b : x + b;
    inside = now() - start;
    return x;
  });
  std::vector<double> samples;
  for (int k = 0; k < (evicted ? 40 : 400); k++) {
    if (evicted) evict_caches();
    region();
    if (k >= 10) samples.push_back(inside / kChain * 1e9);
  }
  return median(samples);
}

void follow_rows(Table& table) {
  table.add("followed op, warm", followed_op(false, false), 15, "ns");
  table.add("followed op, caches evicted", followed_op(false, true), 50, "ns");
  table.add("followed op with a tape node, warm", followed_op(true, false), 30, "ns");
  table.add("followed op with a tape node, caches evicted", followed_op(true, true), 80, "ns");
  manual_seed(0);
  Tensor a = normal({16}), b = normal({16});
  auto region = compile([&] { return a + b; });
  for (int k = 0; k < 5; k++)
    region();
  table.add("region call, one op, 16 floats", nanoseconds([&] { region(); }), 500, "ns");
  auto pure =
      compile([](const Tensor& x, const Tensor& y, const Tensor& z) { return relu(x * y + z) * x; },
              {.pure = true});
  Tensor c = normal({16});
  NoGrad no_grad;
  for (int k = 0; k < 5; k++)
    pure(a, b, c);
  table.add("pure call, three tensors of 16 floats", nanoseconds([&] { pure(a, b, c); }), 300,
            "ns");
}

/// A long body of small ops. With a second thread launches run while later ops are followed; none
/// is large enough for two threads, so one thread is what that is compared with.
void early_rows(Table& table) {
  const std::string what = "call of 2000 ops, 1024 floats, two threads over one";
  const int threads = num_threads();
  if (threads < 2) return table.skip(what, "it takes two threads");
  manual_seed(0);
  Tensor a = normal({1024}), b = normal({1024});
  auto region = compile([&] {
    Tensor x = a;
    for (int k = 0; k < 1000; k++)
      x = x * 0.5 + b;
    return x;
  });
  for (int k = 0; k < 20; k++)
    region();
  Timed timed([&] { region(); });
  auto sample = [&](int n) {
    set_num_threads(n);
    return timed.sample();
  };
  auto samples = interleave({[&] { return sample(1); }, [&] { return sample(2); }}, 1.5);
  set_num_threads(threads);
  table.add(what, bootstrap(ratios(samples[1], samples[0])).middle, 0.9, "x");
}

/// Runs `weft-bench probe NAME` with a cache folder and returns what it prints.
Json probe(const std::string& self, const std::string& name, const fs::path& cache) {
  std::string command = fmt::format("WEFT_CACHE_DIR='{}' WEFT_NUM_THREADS={} '{}' probe {}",
                                    cache.string(), num_threads(), self, name);
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw Error(ErrorKind::io, "weft-bench: a process must start, got none");
  std::array<char, 4096> part;
  while (size_t n = fread(part.data(), 1, part.size(), pipe))
    text.append(part.data(), n);
  if (pclose(pipe) != 0)
    throw Error(ErrorKind::io, "weft-bench: probe of " + name + " must end well, printed: " + text);
  return Json::parse(text);
}

void compile_rows(Table& table, const std::string& self) {
  std::string name = (fs::temp_directory_path() / "weft-bench-XXXXXX").string();
  if (!mkdtemp(name.data()))
    throw Error(ErrorKind::io, "weft-bench: " + name + " must be creatable");
  fs::path folder = name;
  auto median_of = [&](const std::string& what, bool cold) {
    std::vector<double> ms;
    for (int k = 0; k < 5; k++) {
      fs::path cache = folder / (what + (cold ? std::to_string(k) : std::string("warm")));
      Json r = probe(self, what, cache);
      if (cold || k > 0) ms.push_back(r.at("compile_ms"));
    }
    return median(ms);
  };
  table.add("cold compile of ew_4m, compiler library's load included", median_of("ew_4m", true), 60,
            "ms");
  table.add("cold compile of digits_train, likewise", median_of("digits_train", true), 500, "ms");
  table.add("warm start of digits_train from the cache", median_of("digits_train", false), 10,
            "ms");
  table.add("cold compile of gpt_inf, likewise", median_of("gpt_inf", true), 1000, "ms");
  table.add("warm start of gpt_inf from the cache", median_of("gpt_inf", false), 20, "ms");
  table.add("cold compile of gpt_train, likewise", median_of("gpt_train", true), 2000, "ms");
  table.add("warm start of gpt_train from the cache", median_of("gpt_train", false), 20, "ms");
  fs::remove_all(folder);
}

void bandwidth_rows(Table& table) {
  for (const char* name : {"ew_4m", "softmax", "layernorm"}) {
    const Workload& w = workload(name);
    Running running(w, Mode::compiled);
    Timed timed([&] { running.call(); }, 0.1);
    auto samples =
        interleave({[&] { return timed.sample(); }, copy_limit(static_cast<size_t>(w.bytes))}, 1.5);
    table.add(fmt::format("{}, share of the copy bandwidth", name),
              100 * bootstrap(ratios(samples[1], samples[0])).middle, 80, "%", true);
  }
}

void product_rows(Table& table) {
  const Workload& w = workload("linear_gelu");
  Limit sgemm = sgemm_limit(w.least_products[0], w.least_products[1], w.least_products[2]);
  const std::string what = "linear_gelu, times OpenBLAS sgemm alone";
  if (!sgemm) return table.skip(what, "OpenBLAS is not installed");
  Running running(w, Mode::compiled);
  Timed timed([&] { running.call(); }, 0.1);
  auto samples = interleave({[&] { return timed.sample(); }, sgemm}, 2);
  table.add(what, bootstrap(ratios(samples[0], samples[1])).middle, 1.03, "x");
}

} // namespace

int overhead_command(const std::string& self, const std::string& json) {
  fmt::print("{} threads\n", num_threads());
  Table table;
  eager_rows(table);
  runtime_rows(table);
  follow_rows(table);
  early_rows(table);
  compile_rows(table, self);
  bandwidth_rows(table);
  product_rows(table);
  write_json(json, table.rows());
  return 0;
}

int probe_command(const std::string& name) {
  Running running(workload(name), Mode::compiled);
  double first = now();
  running.call();
  first = now() - first;
  double second = now();
  running.call();
  second = now() - second;
  running.call();
  RegionStats s = running.stats();
  std::ifstream maps("/proc/self/maps");
  bool loaded = false;
  for (std::string line; std::getline(maps, line);)
    loaded |= line.find("libweft-compiler") != std::string::npos;
  Json r = {{"first_call_ms", first * 1e3},
            {"second_call_ms", second * 1e3},
            {"compile_ms", s.compile_seconds * 1e3},
            {"programs", s.programs},
            {"kernels", s.kernels},
            {"compiler_loaded", loaded}};
  fmt::print("{}\n", r.dump());
  return 0;
}

} // namespace weft::bench
