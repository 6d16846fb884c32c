#include "weft/weft.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace weft;
using Catch::Matchers::Contains;
using Json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// The events of a trace with some category, in the file's order.
std::vector<Json> events(const Json& trace, const std::string& category) {
  std::vector<Json> found;
  for (const Json& e : trace.at("traceEvents"))
    if (e.value("cat", "") == category) found.push_back(e);
  return found;
}

std::vector<std::string> names(const std::vector<Json>& list) {
  std::vector<std::string> r;
  for (const Json& e : list)
    r.push_back(e.at("name"));
  return r;
}

std::string line(int number) { return std::string(__FILE__) + ":" + std::to_string(number); }

class Folder {
public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "weft-profiler-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  std::string file(const char* name) const { return (path_ / name).string(); }
  size_t size() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(path_), {}));
  }

private:
  fs::path path_;
};

Json read(const std::string& file) {
  std::ifstream in(file);
  return Json::parse(in);
}

} // namespace

TEST_CASE("eager ops are events with operands and the user's line", "[profiler]") {
  Tensor a = zeros({2, 3}), b = ones({3}, f64);
  Profiler profiler;
  Tensor c = a + 1;
  int at = __LINE__ - 1;
  c.mul_(a);
  Tensor d = b.sum();
  Json trace = Json::parse(profiler.chrome_trace());
  std::vector<Json> ops = events(trace, "cpu_op");
  REQUIRE(names(ops) == std::vector<std::string>{"add", "mul_", "sum"});
  CHECK(ops[0]["args"]["line"] == line(at));
  CHECK(ops[0]["args"]["Input Dims"] == Json::parse("[[2,3]]"));
  CHECK(ops[1]["args"]["Input Dims"] == Json::parse("[[2,3],[2,3]]"));
  CHECK(ops[1]["args"]["line"] == line(at + 2));
  CHECK(ops[2]["args"]["Input type"] == Json::parse("[\"f64\"]"));
  for (const Json& e : ops) {
    CHECK(e["ph"] == "X");
    CHECK(e["ts"].get<double>() >= 0);
    CHECK(e["dur"].get<double>() > 0);
    CHECK(e["pid"] == getpid());
    CHECK(e["tid"] == gettid());
  }
}

TEST_CASE("a failed op is an event too, and the error is the same", "[profiler]") {
  Tensor a = zeros({2}), b = zeros({3});
  Profiler profiler;
  CHECK_THROWS_WITH(a + b, Contains("add: "));
  CHECK(profiler.key_averages().at(0).name == "add");
}

TEST_CASE("regions, flushes, compilations and kernels nest", "[profiler]") {
  Tensor x = zeros({64, 32});
  int at = __LINE__ + 1;
  auto f = compile([&] { return (exp(x) * 2).sum({1}); }, {.name = "row sums"});
  setenv("WEFT_CACHE", "off", 1); // an earlier run's program would not be compiled
  Profiler profiler;
  for (int k = 0; k < 3; k++)
    f();
  unsetenv("WEFT_CACHE");
  Json trace = Json::parse(profiler.chrome_trace());
  CHECK(names(events(trace, "region")) == std::vector<std::string>(3, "row sums"));
  std::vector<Json> flushes = events(trace, "flush"), kernels = events(trace, "kernel");
  CHECK(names(flushes) == std::vector<std::string>(2, "flush: end of the region"));
  REQUIRE(kernels.size() == 2);
  CHECK_THAT(kernels[0]["args"]["ops"].get<std::string>(), Contains("exp") && Contains("sum"));
  CHECK(kernels[0]["args"]["line"] == line(at));
  CHECK(kernels[0]["args"]["lines"] == line(at));
  REQUIRE(events(trace, "compile").size() == 1);
  std::vector<std::string> steps = names(events(trace, "compile_step"));
  for (const char* step : {"fuse", "plan-memory", "emit", "optimize", "link", "load code"})
    CHECK(std::find(steps.begin(), steps.end(), step) != steps.end());
  // A compilation lies in its flush, that in its call.
  Json compile = events(trace, "compile")[0], region = events(trace, "region")[1];
  CHECK(compile["ts"].get<double>() >= flushes[0]["ts"].get<double>());
  CHECK(flushes[0]["ts"].get<double>() >= region["ts"].get<double>());
  CHECK(flushes[0]["dur"].get<double>() <= region["dur"].get<double>());
}

TEST_CASE("launches of a long segment lie beside the ops that are followed", "[profiler]") {
  set_num_threads(2);
  Tensor b = ones({300});
  auto f = compile([&](Tensor x) {
    for (int k = 0; k < 1000; k++)
      x = x * 0.5 + b;
    return x;
  });
  bool found = false;
  for (int k = 0; k < 10000 && !found; k++) {
    const int64_t before = f.stats().early_kernels;
    Profiler profiler;
    f(b);
    if (f.stats().early_kernels == before) continue; // no thread was free
    Json trace = Json::parse(profiler.chrome_trace());
    Json region = events(trace, "region").at(0), flush = events(trace, "flush").at(0);
    for (const Json& kernel : events(trace, "kernel"))
      found |=
          kernel["tid"] != gettid() && kernel["ts"] > region["ts"] && kernel["ts"] < flush["ts"];
  }
  set_num_threads(0);
  CHECK(found);
}

TEST_CASE("a thread's events lie in each other or apart", "[profiler]") {
  Tensor w = zeros({8, 8}).requires_grad_();
  auto step = compile([&](const Tensor& x) {
    Tensor loss = exp(matmul(x, w)).mean();
    loss.backward();
    return loss;
  });
  Profiler profiler;
  for (int k = 0; k < 4; k++)
    step(ones({8, 8}));
  Json trace = Json::parse(profiler.chrome_trace());
  CHECK(events(trace, "backward").size() == 4);
  std::vector<std::pair<double, double>> spans;
  for (const Json& e : trace["traceEvents"])
    if (e["ph"] == "X" && e["tid"] == gettid())
      spans.emplace_back(e["ts"], e["ts"].get<double>() + e["dur"].get<double>());
  const double rounding = 0.0021; // of two times in a file of nanoseconds
  size_t crossings = 0;
  for (auto [a, b] : spans)
    for (auto [c, d] : spans)
      crossings += a + rounding < c && c + rounding < b && b + rounding < d;
  CHECK(spans.size() > 20);
  CHECK(crossings == 0);
}

TEST_CASE("pieces of an op on the pool's threads are events of it", "[profiler]") {
  set_num_threads(2);
  Tensor x = zeros({1 << 20});
  Profiler profiler;
  Tensor y = exp(x);
  Json trace = Json::parse(profiler.chrome_trace());
  set_num_threads(0);
  std::vector<Json> chunks = events(trace, "chunk");
  REQUIRE(chunks.size() > 1);
  std::set<std::pair<int64_t, int64_t>> pieces;
  for (const Json& c : chunks) {
    CHECK(c["name"] == "exp");
    pieces.emplace(c["args"]["begin"], c["args"]["end"]);
  }
  int64_t next = 0;
  for (auto [begin, end] : pieces) {
    CHECK(begin == next);
    next = end;
  }
  CHECK(next == 1 << 20);
}

TEST_CASE("ranges name a stretch of the user's code", "[profiler]") {
  Profiler profiler;
  {
    ProfilerRange range("load");
    Tensor y = exp(zeros({4}));
  }
  Json trace = Json::parse(profiler.chrome_trace());
  std::vector<Json> ranges = events(trace, "user_annotation");
  REQUIRE(names(ranges) == std::vector<std::string>{"load"});
  CHECK(ranges[0]["args"]["line"] == line(__LINE__ - 6));
  for (const ProfilerRow& row : profiler.key_averages())
    if (row.kind == "range") CHECK(row.self_ms < row.total_ms);
}

TEST_CASE("tensor memory is a counter", "[profiler]") {
  size_t before = memory::stats().live;
  Profiler profiler;
  Tensor big = zeros({1 << 18});
  Json trace = Json::parse(profiler.chrome_trace());
  size_t most = 0;
  for (const Json& e : trace["traceEvents"])
    if (e["ph"] == "C") {
      CHECK(e["name"] == "tensor memory");
      CHECK(e["args"]["peak"] >= e["args"]["live"]);
      most = std::max(most, e["args"]["live"].get<size_t>());
    }
  CHECK(most >= before + (1 << 20));
}

TEST_CASE("scopes nest, overlap and end in other threads", "[profiler]") {
  Tensor x = zeros({4});
  auto outer = std::make_unique<Profiler>();
  Tensor a = exp(x);
  Profiler inner;
  Tensor b = log(x);
  std::thread([&] { outer->stop(); }).join();
  Tensor c = tanh(x);
  inner.stop();
  Tensor d = sqrt(x);
  CHECK(names(events(Json::parse(outer->chrome_trace()), "cpu_op")) ==
        std::vector<std::string>{"exp", "log"});
  CHECK(names(events(Json::parse(inner.chrome_trace()), "cpu_op")) ==
        std::vector<std::string>{"log", "tanh"});
}

TEST_CASE("every thread's ops are recorded, also of threads that ended", "[profiler]") {
  Profiler profiler;
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; k++)
    threads.emplace_back([] {
      for (int i = 0; i < 100; i++)
        Tensor y = zeros({8}) + 1;
    });
  for (std::thread& t : threads)
    t.join();
  std::set<int64_t> tids;
  Json trace = Json::parse(profiler.chrome_trace());
  for (const Json& e : events(trace, "cpu_op"))
    tids.insert(e["tid"].get<int64_t>());
  CHECK(tids.size() == 4);
  std::set<int64_t> named;
  for (const Json& e : trace["traceEvents"])
    if (e["name"] == "thread_name") named.insert(e["tid"].get<int64_t>());
  for (int64_t tid : tids)
    CHECK(named.count(tid) == 1);
  for (const ProfilerRow& row : profiler.key_averages())
    if (row.name == "add") CHECK(row.calls == 400);
}

TEST_CASE("scopes that start and end while threads run lose nothing of their own", "[profiler]") {
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop)
      Tensor y = zeros({8}) + 1;
  });
  for (int k = 0; k < 50; k++) {
    Profiler profiler;
    Tensor y = exp(zeros({8}));
    std::vector<ProfilerRow> rows = profiler.key_averages();
    auto exp_row = std::find_if(rows.begin(), rows.end(),
                                [](const ProfilerRow& r) { return r.name == "exp"; });
    REQUIRE(exp_row != rows.end());
    CHECK(exp_row->calls == 1);
  }
  stop = true;
  other.join();
}

TEST_CASE("what exceeds the memory for events is counted", "[profiler]") {
  Tensor x = zeros({4});
  Profiler profiler({.max_bytes = 64 << 10});
  for (int k = 0; k < 2000; k++)
    Tensor y = exp(x);
  CHECK(profiler.dropped_events() > 0);
  Json trace = Json::parse(profiler.chrome_trace());
  size_t kept = events(trace, "cpu_op").size();
  CHECK(kept > 100);
  CHECK(kept + profiler.dropped_events() == 2000);
  CHECK(trace["otherData"]["dropped_events"] == profiler.dropped_events());
  CHECK_THAT(profiler.table(), Contains("events found no memory left"));
  // The next scope starts afresh.
  Profiler next;
  Tensor y = exp(x);
  CHECK(next.dropped_events() == 0);
  CHECK(next.key_averages().size() == 1);
}

TEST_CASE("the table tells calls, times, shares and lines", "[profiler]") {
  Tensor x = zeros({1000});
  Profiler profiler;
  for (int k = 0; k < 3; k++)
    Tensor y = exp(x);
  int at = __LINE__ - 1;
  Tensor z = exp(x);
  std::vector<ProfilerRow> rows = profiler.key_averages(ProfilerOrder::calls);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].kind == "op");
  CHECK(rows[0].calls == 4);
  CHECK(rows[0].total_ms > 0);
  CHECK(rows[0].self_ms == rows[0].total_ms);
  CHECK_THAT(rows[0].where, Contains("profiler_test.cpp:") && Contains(" and 1 more"));
  (void)at;
  std::string table = profiler.table();
  CHECK_THAT(table, Contains("self %") && Contains("exp") && Contains("100.00 %"));
  CHECK_THAT(profiler.table(ProfilerOrder::self, 0), Contains("1 rows more"));
}

TEST_CASE("time inside of other events is not their own", "[profiler]") {
  Tensor x = zeros({256, 256});
  auto f = compile([&] { return exp(x).sum(); }, {.name = "region"});
  f();
  f();
  Profiler profiler;
  f();
  double self = 0, outermost = 0;
  for (const ProfilerRow& row : profiler.key_averages()) {
    CHECK(row.self_ms <= row.total_ms);
    CHECK(row.self_ms >= 0);
    self += row.self_ms;
    if (row.kind == "region") outermost = row.total_ms;
  }
  CHECK(self == Approx(outermost));
}

TEST_CASE("a trace is written as a whole, where the options or the user say", "[profiler]") {
  Folder folder;
  std::string file = folder.file("trace.json");
  std::ofstream(file) << "old";
  {
    Profiler profiler({.file = file});
    Tensor y = exp(zeros({4}));
    profiler.export_chrome_trace(folder.file("again.json"));
  }
  CHECK(events(read(file), "cpu_op").size() ==
        events(read(folder.file("again.json")), "cpu_op").size());
  CHECK(folder.size() == 2); // nothing temporary is left
  fs::create_symlink(file, folder.file("link.json"));
  Profiler empty;
  empty.export_chrome_trace(folder.file("link.json"));
  CHECK(fs::is_symlink(folder.file("link.json")));
  CHECK(events(read(file), "cpu_op").empty());
  empty.export_chrome_trace("/dev/null");
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("a trace that cannot be written is an error that names the file", "[profiler]") {
  Profiler profiler({.file = "/nowhere/trace.json"});
  CHECK_THROWS_WITH(profiler.stop(), "profiler: /nowhere/trace.json must be writable, got: "
                                     "No such file or directory");
  CHECK_NOTHROW(profiler.stop());
  CHECK_THROWS_WITH(profiler.export_chrome_trace("/dev/full"),
                    "profiler: /dev/full must be writable, got: No space left on device");
}

TEST_CASE("names are escaped", "[profiler]") {
  Tensor x = zeros({4});
  auto f = compile([&] { return exp(x); }, {.name = "a \"quote\" \\ \n \xff \xe2\x82\xac"});
  Profiler profiler;
  f();
  CHECK(names(events(Json::parse(profiler.chrome_trace()), "region"))[0] ==
        "a \"quote\" \\ \n \xEF\xBF\xBD \xe2\x82\xac");
}
