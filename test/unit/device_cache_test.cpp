// What drivers compiled is found again: by program, whatever it was compiled together with.
#include "test/unit/device_util.h"

#include "runtime/device/driver_code.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>

using namespace weft;
using namespace weft::device;

namespace {

/// An empty program cache for a scope.
struct PrivateCache {
  PrivateCache() {
    folder = (std::filesystem::temp_directory_path() / "weft-device-XXXXXX").string();
    REQUIRE(mkdtemp(folder.data()));
    setenv("WEFT_CACHE_DIR", folder.c_str(), 1);
  }
  ~PrivateCache() {
    unsetenv("WEFT_CACHE_DIR");
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::string folder;
};

std::shared_ptr<DriverCode> code_of(const std::string& name, int factor) {
  auto code = std::make_shared<DriverCode>();
  code->source = "__kernel void " + name +
                 "(__global int* x) { x[get_global_id(0)] *= " + std::to_string(factor) + "; }\n";
  code->names = code->ops = {name};
  return code;
}

int run(Backend& backend, DriverCode& code, int value) {
  Address x = backend.allocate(sizeof value);
  backend.copy_in(x, &value, sizeof value);
  const Argument arguments[] = {Argument::pointer(x)};
  backend.launch(*code.kernels[0], 1, 1, arguments);
  backend.copy_out(&value, x, sizeof value)->wait();
  backend.free(x);
  return value;
}

} // namespace

TEST_CASE("sources are compiled together, and binaries found one by one", "[device]") {
  test::test_device();
  PrivateCache cache;
  std::unique_ptr<Backend> backend = open_opencl(0);
  CodeStore first(*backend);
  // Both have a kernel of one name: sources do not see each other's.
  auto twice = code_of("scale", 2), thrice = code_of("scale", 3);
  first.make_ready({twice, thrice});
  CHECK(first.builds == 1);
  CHECK(run(*backend, *twice, 7) == 14);
  CHECK(run(*backend, *thrice, 7) == 21);
  CodeStore::save(first.take_unsaved());
  CHECK(!first.has_unsaved());

  CodeStore second(*backend);
  auto again = code_of("scale", 3), other = code_of("scale", 5);
  second.make_ready({again});
  CHECK(second.builds == 0);
  CHECK(second.loads == 1);
  CHECK(run(*backend, *again, 7) == 21);
  second.make_ready({other, code_of("scale", 2)});
  CHECK(second.builds == 1); // of the one that is new
  CHECK(second.loads == 1);  // the other lies in the binary that is loaded already
  CHECK(run(*backend, *other, 7) == 35);
}

TEST_CASE("what a driver does not compile is an error with its log", "[device]") {
  test::test_device();
  std::unique_ptr<Backend> backend = open_opencl(0);
  CHECK_THROWS_WITH(backend->build("__kernel void broken( {"),
                    Catch::StartsWith("opencl: a kernel must compile on ") &&
                        Catch::Contains("error"));
  CHECK(backend->load("no binary") == nullptr);
}

TEST_CASE("addresses of a device count as pointers do", "[device]") {
  test::test_device();
  std::unique_ptr<Backend> backend = open_opencl(0);
  Address a = backend->allocate(64), b = backend->allocate(4096);
  CHECK(a + 64 < b);
  std::vector<char> bytes(64);
  for (size_t k = 0; k < bytes.size(); k++)
    bytes[k] = static_cast<char>(k);
  backend->copy_in(a, bytes.data(), bytes.size());
  backend->copy_within(b + 1000, a + 10, 20);
  std::vector<char> seen(20);
  backend->copy_out(seen.data(), b + 1000, seen.size())->wait();
  CHECK(std::equal(seen.begin(), seen.end(), bytes.begin() + 10));
  backend->free(a);
  CHECK_THROWS_AS(backend->copy_in(a, bytes.data(), 1), Error);
  std::unique_ptr<Event> done = backend->record();
  done->wait();
  CHECK(done->is_done());
}
