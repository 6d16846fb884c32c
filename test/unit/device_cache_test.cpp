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

std::unique_ptr<Backend> open_backend() {
  const Device device = test::test_device();
  return device.type == DeviceType::cuda ? open_cuda(device.index) : open_opencl(device.index);
}

std::shared_ptr<DriverCode> code_of(const std::string& name, int factor) {
  auto code = std::make_shared<DriverCode>();
  const bool is_cuda = test::test_device().type == DeviceType::cuda;
  code->source = (is_cuda ? "extern \"C\" __global__ void " + name + "(int* x)"
                          : "__kernel void " + name + "(__global int* x)") +
                 " { *x *= " + std::to_string(factor) + "; }\n";
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
  std::unique_ptr<Backend> backend = open_backend();
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
  std::unique_ptr<Backend> backend = open_backend();
  CHECK_THROWS_WITH(
      backend->build("void broken( {"),
      Catch::StartsWith(std::string(backend->language()) + ": a kernel must compile ") &&
          Catch::Contains("error"));
  CHECK(backend->load("no binary") == nullptr);
}

TEST_CASE("addresses of a device count as pointers do", "[device]") {
  test::test_device();
  std::unique_ptr<Backend> backend = open_backend();
  Address a = backend->allocate(64), b = backend->allocate(4096);
  CHECK((a + 64 <= b || b + 4096 <= a));
  std::vector<char> bytes(64);
  for (size_t k = 0; k < bytes.size(); k++)
    bytes[k] = static_cast<char>(k);
  backend->copy_in(a, bytes.data(), bytes.size());
  backend->copy_within(b + 1000, a + 10, 20);
  std::vector<char> seen(20);
  backend->copy_out(seen.data(), b + 1000, seen.size())->wait();
  CHECK(std::equal(seen.begin(), seen.end(), bytes.begin() + 10));
  backend->free(a);
  // CUDA's addresses are the driver's, which may have given this one to somebody else.
  if (backend->language() == std::string("opencl"))
    CHECK_THROWS_AS(backend->copy_in(a, bytes.data(), 1), Error);
  std::unique_ptr<Event> done = backend->record();
  done->wait();
  CHECK(done->is_done());
}

TEST_CASE("the host may overwrite what it copied in at once, and reads what lay there",
          "[device]") {
  test::test_device();
  std::unique_ptr<Backend> backend = open_backend();
  // Longer than any block of a copy, and many short ones.
  const size_t count = (size_t{5} << 20) + 12345;
  Address a = backend->allocate(count), b = backend->allocate(count);
  std::vector<char> bytes(count), seen(count);
  for (size_t k = 0; k < count; k++)
    bytes[k] = static_cast<char>(k * 7 + k / 256);
  const std::vector<char> kept = bytes;
  backend->copy_in(a, bytes.data(), count);
  std::fill(bytes.begin(), bytes.end(), 0);
  backend->copy_within(b, a, count);
  for (int k = 0; k < 100; k++) {
    const char value = static_cast<char>(k);
    backend->copy_in(a + k, &value, 1);
  }
  std::vector<char> first(100), middle(100);
  std::unique_ptr<Event> all = backend->copy_out(seen.data(), b, count);
  std::vector<std::unique_ptr<Event>> shorts;
  for (size_t k = 0; k < 100; k++)
    shorts.push_back(backend->copy_out(&first[k], a + k, 1));
  backend->copy_out(middle.data(), a + 4000, middle.size())->wait();
  CHECK(all->is_done());
  all->wait();
  CHECK(seen == kept);
  for (size_t k = 0; k < 100; k++) {
    shorts[k]->wait();
    CHECK(first[k] == static_cast<char>(k));
  }
  CHECK(std::equal(middle.begin(), middle.end(), kept.begin() + 4000));
  backend->free(a);
  backend->free(b);
}
