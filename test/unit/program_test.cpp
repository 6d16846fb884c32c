#include "program_samples.h"

#include "runtime/program/code_image.h"
#include "runtime/program/executor.h"
#include "weft/parallel.h"
#include "weft/profiler.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <random>
#include <thread>

using namespace weft;
using Catch::Matchers::Contains;
using samples::bytes_of;

namespace {

std::string message(const std::string& bytes) {
  try {
    Program::deserialize(bytes_of(bytes));
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::io);
    return e.what();
  }
  return "";
}

/// Runs a sample program over n elements and returns the largest deviation from (x + y) * factor.
float deviation(const LoadedProgram& p, int64_t n, double factor) {
  std::vector<float> x(n), y(n), r(n, -1);
  for (int64_t k = 0; k < n; k++) {
    x[k] = static_cast<float>(k % 97);
    y[k] = static_cast<float>(k % 31);
  }
  Meta meta = make_meta({n}, f32);
  void* leaves[] = {x.data(), y.data()};
  const Meta* metas[] = {&meta, &meta};
  void* outputs[] = {r.data()};
  uint64_t scalars[] = {std::bit_cast<uint64_t>(factor)};
  p.run({.leaves = leaves, .leaf_metas = metas, .outputs = outputs, .scalars = scalars});
  float worst = 0;
  for (int64_t k = 0; k < n; k++)
    worst = std::max(worst, std::abs(r[k] - (x[k] + y[k]) * static_cast<float>(factor)));
  return worst;
}

std::string maps() {
  std::ifstream file("/proc/self/maps");
  return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

TEST_CASE("a program survives its bytes") {
  Program p = samples::program(5000, true);
  p.errors = {{"gather: index must exist", 1, ErrorKind::index}};
  p.locations = {{"a.cpp", "f", 3}};
  std::string bytes = p.serialize();
  CHECK(Program::deserialize(bytes_of(bytes)).serialize() == bytes);
  bytes = samples::routine_program().serialize();
  CHECK(Program::deserialize(bytes_of(bytes)).serialize() == bytes);
}

TEST_CASE("a program for a device survives its bytes, and its launches are its own") {
  Program p = samples::program(5000, true);
  p.device = DeviceType::opencl;
  p.code = "device C";
  for (ProgramLaunch& l : p.launches) {
    l.threads = 256;
    l.most_blocks = 512;
    for (ProgramArgument& a : l.arguments)
      if (a.kind == ProgramArgument::Kind::scalar) a.kind = ProgramArgument::Kind::narrow;
  }
  std::string bytes = p.serialize();
  CHECK(Program::deserialize(bytes_of(bytes)).serialize() == bytes);
  p.launches[0].threads = 0;
  CHECK_THROWS_WITH(p.validate(), Contains("a launch has another device's threads"));
  p.launches[0].threads = 256;
  p.launches[0].phases.push_back({});
  CHECK_THROWS_AS(p.validate(), Error);
  p.device = DeviceType::cpu;
  CHECK_THROWS_WITH(p.validate(), Contains("a launch has another device's threads"));
}

TEST_CASE("bytes that are no program are refused with a reason") {
  CHECK_THAT(message(""), Contains("program: bytes must be a whole one, they end early"));
  Program p = samples::program(10);
  p.launches[0].buffers[0] = 9;
  CHECK_THAT(message(p.serialize()), Contains("a launch has no such buffer"));
  p = samples::program(10);
  p.exprs[2].b = 2;
  CHECK_THAT(message(p.serialize()), Contains("an expression uses a later one"));
  p = samples::program(10);
  p.launches[1].kernel = -1;
  CHECK_THAT(message(p.serialize()), Contains("a launch has no kernel"));
}

TEST_CASE("truncated and damaged programs are refused or whole, never worse") {
  Program p = samples::program(10);
  p.code = "not code";
  std::string programs[] = {p.serialize(), samples::routine_program().serialize()};
  for (const std::string& bytes : programs)
    for (size_t n = 0; n < bytes.size(); n++)
      CHECK(message(bytes.substr(0, n)) != "");
  std::mt19937 random(1);
  for (int round = 0; round < 20000; round++) {
    std::string damaged = programs[round % 2];
    for (int k = 0; k < 1 + round % 4; k++)
      damaged[random() % damaged.size()] = static_cast<char>(random() % 3 ? random() : 0xff);
    if (message(damaged).empty())
      CHECK(Program::deserialize(bytes_of(damaged)).serialize() == damaged);
  }
}

TEST_CASE("a program runs with constant sizes") {
  for (int64_t n : {1, 16, 1024, 1025, 300000}) {
    auto p = LoadedProgram::load(samples::program(n));
    CHECK_FALSE(p->is_generic());
    CHECK(deviation(*p, n, 2.5) == 0);
  }
}

TEST_CASE("a program runs with sizes as arguments") {
  auto p = LoadedProgram::load(samples::program(0, true));
  CHECK(p->is_generic());
  for (int64_t n : {0, 1, 16, 1025, 300000})
    CHECK(deviation(*p, n, -1.5) == 0);
}

TEST_CASE("a phase starts when the one before it is done") {
  for (bool generic : {false, true})
    for (int64_t n : {1, 1024, 1025, 3000000}) {
      using Expr = ProgramExpr;
      Program p = samples::program(n, generic);
      p.exprs.push_back({Expr::Kind::mul, 4, 3, 0}); // 8: more than the sums take
      p.buffers = {{ProgramBuffer::Kind::leaf, 0, -1},
                   {ProgramBuffer::Kind::temporary, 0, 7},
                   {ProgramBuffer::Kind::output, 0, -1}};
      p.outputs = {{3, f32, 3}};
      p.kernels = {{"sum_f32", "sum"}};
      p.launches = {{0, {0, 1, 2}, {{ProgramArgument::Kind::size, 0}}, {{2, 6, 0}, {}}, -1}};
      p.arena_bytes = 8;
      auto loaded = LoadedProgram::load(Program::deserialize(bytes_of(p.serialize())));
      std::vector<float> x(n, 1);
      Meta meta = make_meta({n}, f32);
      void* leaves[] = {x.data()};
      const Meta* metas[] = {&meta};
      for (int threads : {1, 4}) {
        set_num_threads(threads);
        for (int k = 0; k < 20; k++) {
          float sum = -1;
          void* outputs[] = {&sum};
          loaded->run({.leaves = leaves, .leaf_metas = metas, .outputs = outputs, .scalars = {}});
          REQUIRE(sum == static_cast<float>(n));
        }
      }
      set_num_threads(0);
    }
}

TEST_CASE("a program calls the kernel of a structured op on strided views") {
  auto p =
      LoadedProgram::load(Program::deserialize(bytes_of(samples::routine_program().serialize())));
  float x[] = {1, 2, 3, 4, 5, 6}, y[] = {10, 30, 50, 20, 40, 60}; // y: [3, 2] in memory order
  Meta meta = make_meta({2, 3}, f32);
  float r[12];
  void* leaves[] = {x, y};
  const Meta* metas[] = {&meta, &meta};
  void* outputs[] = {r};
  p->run({.leaves = leaves, .leaf_metas = metas, .outputs = outputs});
  CHECK(std::vector<float>(r, r + 12) ==
        std::vector<float>{1, 2, 3, 4, 5, 6, 10, 50, 40, 30, 20, 60});
}

TEST_CASE("routines that cannot be right are refused") {
  auto broken = [](auto change) {
    Program p = samples::routine_program();
    change(p, *p.kernels[0].routine);
    return message(p.serialize());
  };
  CHECK(broken([](Program&, ProgramRoutine&) {}).empty());
  CHECK_THAT(broken([](Program& p, ProgramRoutine&) { p.launches[0].buffers.pop_back(); }),
             Contains("a routine has another number of buffers"));
  CHECK_THAT(broken([](Program&, ProgramRoutine& r) { r.views[1].strides.pop_back(); }),
             Contains("a routine's view is none"));
  CHECK_THAT(broken([](Program&, ProgramRoutine& r) { r.views[1].sizes[0] = 9; }),
             Contains("a routine's size does not exist"));
  CHECK_THAT(broken([](Program&, ProgramRoutine& r) { r.error = 1; }),
             Contains("a routine's error does not exist"));
  Program unknown = samples::routine_program();
  unknown.kernels[0].routine->op = "no_such_op";
  CHECK_THROWS_WITH(LoadedProgram::load(unknown),
                    Contains("program: it must call ops that there are, got no_such_op"));
}

TEST_CASE("any number of threads runs one program at once") {
  set_num_threads(4);
  auto p = LoadedProgram::load(samples::program(0, true));
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 6; t++)
    threads.emplace_back([&, t] {
      for (int k = 0; k < 50; k++)
        wrong += deviation(*p, 1000 + 40000 * t, t) != 0;
    });
  for (std::thread& t : threads)
    t.join();
  set_num_threads(0);
  CHECK(wrong == 0);
}

TEST_CASE("a kernel's error names the op's own line") {
  Program p = samples::program(4000);
  p.kernels[1] = {"require_natural", "require"};
  p.launches[1].buffers = {2};
  p.errors = {{"sqrt: x must not be negative", 1, ErrorKind::value}};
  auto loaded = LoadedProgram::load(p);
  Loc first = Loc::current(), second = Loc::current();
  Loc lines[] = {first, second};
  std::vector<float> x(4000, 1), y(4000, -3), r(4000);
  void* leaves[] = {x.data(), y.data()};
  void* outputs[] = {r.data()};
  uint64_t scalars[] = {0};
  try {
    loaded->run({.leaves = leaves, .outputs = outputs, .scalars = scalars, .op_locations = lines});
    FAIL("it must throw");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::value);
    CHECK(e.location().line() == second.line());
    CHECK_THAT(e.what(), Contains("sqrt: x must not be negative (at "));
  }
  y.assign(4000, 3);
  loaded->run({.leaves = leaves, .outputs = outputs, .scalars = scalars, .op_locations = lines});
}

TEST_CASE("a profiler sees launches with their ops and lines, and routines as such") {
  auto loaded = LoadedProgram::load(samples::program(16));
  auto routine = LoadedProgram::load(samples::routine_program());
  Loc lines[] = {Loc::current(), Loc::current()};
  std::vector<float> x(16), y(16), r(16);
  void* leaves[] = {x.data(), y.data()};
  void* outputs[] = {r.data()};
  uint64_t scalars[] = {0};
  Meta meta = make_meta({2, 3}, f32);
  const Meta* metas[] = {&meta, &meta};
  Profiler profiler;
  loaded->run({.leaves = leaves, .outputs = outputs, .scalars = scalars, .op_locations = lines});
  routine->run({.leaves = leaves, .leaf_metas = metas, .outputs = outputs, .op_locations = lines});
  std::string trace = profiler.chrome_trace();
  std::string second = std::string(__FILE__) + ":" + std::to_string(lines[1].line());
  CHECK_THAT(trace, Contains("\"cat\":\"kernel\",\"name\":\"add_f32\""));
  CHECK_THAT(trace,
             Contains("{\"line\":\"" + second + "\",\"ops\":\"mul\",\"lines\":\"" + second + "\""));
  CHECK_THAT(trace, Contains("\"cat\":\"routine\",\"name\":\"k0_concatenate\""));
}

TEST_CASE("programs that cannot be right are refused when they are loaded") {
  Program p = samples::program(10);
  p.code = "#!/bin/sh";
  CHECK_THROWS_WITH(LoadedProgram::load(p), Contains("program: its code must be loadable"));
  p = samples::program(10);
  p.kernels[0].symbol = "missing";
  CHECK_THROWS_WITH(LoadedProgram::load(p),
                    Contains("its code must define every kernel, got no missing"));
  p = samples::program(10);
  p.exprs[7].value = 1 << 20;
  CHECK_THROWS_WITH(LoadedProgram::load(p), Contains("a temporary lies outside the arena"));
  p = samples::program(10);
  p.exprs[1].value = 0;
  CHECK_THROWS_WITH(LoadedProgram::load(p), Contains("a divisor is less than one"));
  p = samples::program(INT64_MAX);
  CHECK_THROWS_WITH(LoadedProgram::load(p), Contains("a product overflows"));
}

TEST_CASE("a run without its leaves is refused") {
  auto p = LoadedProgram::load(samples::program(10));
  CHECK_THROWS_WITH(p->run({}), Contains("must be run with all its leaves"));
}

TEST_CASE("code is never writable and executable at once, and goes with its program") {
  auto p = LoadedProgram::load(samples::program(10));
  CHECK_THAT(maps(), Contains("memfd:weft-program"));
  CHECK(maps().find("rwx") == std::string::npos);
  p.reset();
  CHECK(maps().find("memfd:weft-program") == std::string::npos);
}

TEST_CASE("two images never share a name, however descriptors are reused") {
  auto a = CodeImage::from_bytes(samples::kernels());
  auto b = CodeImage::from_bytes(samples::kernels());
  CHECK(a->find("add_f32") != nullptr);
  CHECK(a->find("add_f32") != b->find("add_f32"));
}
