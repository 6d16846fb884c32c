// CompileOptions::verify, with a compiler that answers (x + y) * factor to everything.

#include "cache_util.h"

#include "runtime/core/op_info.h"

#include <weft/replay.h>
#include <weft/weft.h>

#include <sys/wait.h>

using namespace cache_test;
using Catch::Matchers::Contains;

namespace {

Tensor numbers(float first) {
  std::vector<float> v(64);
  for (size_t k = 0; k < v.size(); k++)
    v[k] = first + static_cast<float>(k);
  return tensor(v, {64});
}

std::string between(const std::string& text, const std::string& first, const std::string& last) {
  const size_t from = text.find(first) + first.size();
  return text.substr(from, text.find(last, from) - from);
}

/// Builds and runs a program with this library, in its own folder; returns its exit status.
int build_and_run(const std::string& folder) {
  const std::string library = WEFT_TEST_LIBRARY;
  const std::string command = "cd '" + folder + "' && " WEFT_TEST_BUILD " repro.cpp -o repro '" +
                              library + "' -Wl,-rpath,'" + library.substr(0, library.rfind('/')) +
                              "' && ./repro >&2";
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

CompileOptions verifying(int every) {
  CompileOptions options;
  options.verify = every;
  options.repro_folder = std::getenv("WEFT_CACHE_DIR"); // goes with the sandbox
  return options;
}

} // namespace

TEST_CASE("verify lets a right program pass, and counts") {
  Sandbox box;
  auto f =
      weft::compile([](const Tensor& x, const Tensor& y) { return (x + y) * 3.0; }, verifying(2));
  for (int call = 0; call < 6; call++)
    CHECK(f(numbers(1), numbers(2))[1].item<float>() == 15);
  CHECK(f.stats().verified == 3); // of five runs
}

TEST_CASE("verify names the op, its line and the numbers of a wrong program") {
  Sandbox box;
  auto f =
      weft::compile([](const Tensor& x, const Tensor& y) { return (x - y) * 3.0; }, verifying(1));
  CHECK(f(numbers(5), numbers(2))[0].item<float>() == 9);
  CHECK_THROWS_WITH(f(numbers(5), numbers(2)),
                    Contains("verify: the program of segment 0 must give what its ops give, got: "
                             "element 0 of mul (at ") &&
                        Contains("verify_test.cpp:") && Contains(" is 21 for 9 (") &&
                        Contains("ulp), inputs f32[64], f32[64]") &&
                        Contains("no single pass makes it so"));
}

TEST_CASE("verify leaves a program that shows the difference") {
  Sandbox box;
  CompileOptions options = verifying(1);
  options.repro_folder = box.root;
  auto f = weft::compile([](const Tensor& x, const Tensor& y) { return (x - y) * 3.0; }, options);
  Tensor base = numbers(5);
  f(base, numbers(2));
  std::string said;
  try {
    f(base, numbers(2));
  } catch (const Error& e) {
    said = e.what();
  }
  CHECK_THAT(said, Contains("/repro.cpp shows it"));
  const std::string folder = between(said, "so; ", "/repro.cpp");
  REQUIRE(folder.starts_with(box.root));
  std::ifstream file(folder + "/repro.cpp");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  CHECK_THAT(text,
             Contains("Tensor v0 = replay::op(\"sub\", {leaf[0], leaf[1]}, {}, {}, {}); // ") &&
                 Contains("replay::op(\"mul\", {v0, Tensor()}, {double(3)}, {}, {});") &&
                 Contains("verify_test.cpp:"));
  CHECK(build_and_run(folder) == 1); // the compiler that was wrong
  unsetenv("WEFT_COMPILER_LIBRARY");
  CHECK(build_and_run(folder) == 0); // and another
}

TEST_CASE("verify names the pass and the kernel that make a program wrong") {
  Sandbox box;
  setenv("WEFT_COMPILER_LIBRARY", WEFT_TEST_FAULTY_COMPILER, 1);
  auto said = [](const char* pass) {
    setenv("WEFT_TEST_FAULTY_PASS", pass, 1);
    forget_programs();
    auto f =
        weft::compile([](const Tensor& x) { return exp(sin(abs(x)) * 0.5) + 1.0; }, verifying(1));
    f(numbers(0));
    std::string what;
    try {
      f(numbers(0));
    } catch (const Error& e) {
      what = e.what();
    }
    unsetenv("WEFT_TEST_FAULTY_PASS");
    return what;
  };
  // The fault is in one pass, and only where the sine is one kernel with what follows it.
  CHECK_THAT(said("merge-equal"), Contains("element 0 of add (at ") &&
                                      Contains("it is right without the pass merge-equal, and "
                                               "where the result of sin (at ") &&
                                      Contains("verify_test.cpp:") &&
                                      Contains(") has a kernel of its own"));
  CHECK_THAT(said("none"),
             Contains("no single pass makes it so, and where the result of sin (at "));
}

TEST_CASE("replay refuses what fits no record") {
  // About the right counts, small integers: an op runs, or says why not.
  const std::vector<Tensor> tensors = {
      Tensor(),     numbers(5),    full({2, 3}, 1.5),      tensor({0, 1, 2}),
      tensor(true), zeros({0, 4}), full({1, 2, 5, 5}, 0.5)};
  uint32_t state = 7;
  auto draw = [&](uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 10) % below;
  };
  auto draw_integers = [&](const char* const* names) {
    size_t count = draw(3);
    while (names && *names++)
      count++;
    std::vector<int64_t> list(count - std::min<size_t>(count, draw(3)));
    for (int64_t& n : list)
      n = static_cast<int64_t>(draw(6)) - 1;
    return list;
  };
  int ran = 0, refused = 0;
  for (const OpInfo& op : kOps)
    for (int turn = 0; turn < 200; turn++) {
      const uint32_t alike = draw(7);
      std::vector<Tensor> operands;
      for (uint32_t n = draw(5) ? op.operand_count % 8u : draw(5); n > 0; n--)
        operands.push_back(tensors[draw(4) ? alike : draw(7)]);
      if (!operands.empty() && operands[0].defined()) operands[0] = operands[0].clone();
      const std::vector<Scalar> scalars(draw(5) ? op.scalar_attributes : draw(3), Scalar(1.0));
      const auto structure = draw_integers(op.structure_names),
                 sizes = draw_integers(op.size_names);
      try {
        if (turn % 4 == 0)
          replay::in_place(op.name, operands, scalars, structure, sizes);
        else
          replay::op(op.name, operands, scalars, structure, sizes);
        ran++;
      } catch (const Error&) {
        refused++;
      }
    }
  CHECK(ran > 2000);
  CHECK(refused > 2000);
  CHECK_THROWS_WITH(replay::op("nothing", {}), Contains("must have a record, got nothing"));
  CHECK_THROWS_WITH(replay::op("slice", {numbers(5)}, {}, {0}, {0, 1}), Contains("3 integers"));
  CHECK_THROWS_WITH(replay::op("matmul", {Tensor(), Tensor()}, {1.0, 1.0}),
                    Contains("defined operands"));
  CHECK_THROWS_WITH(replay::op("sum", {numbers(5)}, {}, {0, 4}), Contains("ascending"));
  CHECK_THROWS_WITH(replay::in_place("matmul", {zeros({2, 9}), zeros({9, 1})}),
                    Contains("must be like f32[2, 9], got f32[2, 1]"));
  CHECK_THROWS_WITH(replay::view(zeros({4}), {2, 2}, {int64_t{1} << 62, 1}, 0),
                    Contains("must lie within its 4 elements"));
}

TEST_CASE("a program that cannot be written is said") {
  Sandbox box;
  CompileOptions options = verifying(1);
  options.repro_folder = "/dev/null/folder";
  auto f = weft::compile([](const Tensor& x, const Tensor& y) { return (x - y) * 3.0; }, options);
  f(numbers(5), numbers(2));
  CHECK_THROWS_WITH(f(numbers(5), numbers(2)),
                    Contains("no program that shows it could be written"));
}

TEST_CASE("without verify nobody looks") {
  Sandbox box;
  auto f = weft::compile([](const Tensor& x, const Tensor& y) { return (x - y) * 3.0; });
  f(numbers(5), numbers(2));
  CHECK(f(numbers(5), numbers(2))[0].item<float>() == 21);
}
