// Programs of devices written by hand.
#include "program_samples.h"

#include "runtime/core/tensor_impl.h"
#include "runtime/program/executor.h"
#include "test/unit/device_util.h"

#include <catch2/catch.hpp>

using namespace weft;

TEST_CASE("a structured op without a kernel for devices is called on the CPU", "[device]") {
  Device device = test::test_device();
  Program program = samples::routine_program(); // rows of x, then those of y, which is transposed
  program.device = test::test_device().type;
  auto loaded = LoadedProgram::load(Program::deserialize(samples::bytes_of(program.serialize())));
  Tensor x = tensor({{1.f, 2.f, 3.f}, {4.f, 5.f, 6.f}}).to(device) * 1; // made by a launch
  Tensor y = tensor({10.f, 30.f, 50.f, 20.f, 40.f, 60.f}).to(device);
  Tensor result = empty({4, 3}, f32, device);
  Meta meta = make_meta({2, 3}, f32);
  void* leaves[] = {x.impl()->data(), y.impl()->data()};
  const Meta* metas[] = {&meta, &meta};
  void* outputs[] = {result.impl()->data()};
  const int64_t cpu_ops = device_stats(device).cpu_ops;
  loaded->run({.leaves = leaves, .leaf_metas = metas, .outputs = outputs, .device = device});
  CHECK(result.to_vector<float>() == std::vector<float>{1, 2, 3, 4, 5, 6, 10, 50, 40, 30, 20, 60});
  CHECK(device_stats(device).cpu_ops == cpu_ops + 1);
}

TEST_CASE("a program of a device must be run with all that it reads", "[device]") {
  Program program = samples::routine_program();
  program.device = test::test_device().type;
  auto loaded = LoadedProgram::load(program);
  CHECK_THROWS_WITH(loaded->run({.device = test::test_device()}),
                    Catch::Contains("it must be run with all its leaves"));
}
