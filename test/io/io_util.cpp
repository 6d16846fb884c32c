#include "io_util.h"

#include "runtime/io/tensor_bytes.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace weft::test {

Folder::Folder() {
  char name[] = "/tmp/weft-io-test-XXXXXX";
  REQUIRE(mkdtemp(name));
  path = name;
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

std::vector<std::string> Folder::names() const {
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator(path))
    all.push_back(entry.path().filename());
  std::sort(all.begin(), all.end());
  return all;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string fixture(const std::string& name) { return WEFT_TEST_IO_DATA "/" + name; }

std::vector<DType> all_dtypes() {
  std::vector<DType> all;
  for (int k = 0; k < kDTypeCount; k++)
    all.push_back(static_cast<DType>(k));
  return all;
}

Tensor sample(DType dtype, const Shape& shape) {
  int64_t count = 1;
  for (int64_t n : shape)
    count *= n;
  Tensor k = arange(count);
  if (dtype == boolean) {
    std::vector<bool> bits;
    for (int64_t i = 0; i < count; i++)
      bits.push_back(i % 3 == 0);
    return tensor(bits, shape);
  }
  return reshape(is_floating(dtype) ? (k.to(f64) / 2.0 - 3.0).to(dtype) : (k * 7 - 9).to(dtype),
                 shape);
}

bool is_same_data(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  Elements x = elements_of("test", a, "a", {}), y = elements_of("test", b, "b", {});
  return std::equal(x.bytes.begin(), x.bytes.end(), y.bytes.begin(), y.bytes.end());
}

namespace {

// Sanitizers reserve terabytes, and take their time.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_sanitized = true;
#else
constexpr bool is_sanitized = false;
#endif
constexpr rlim_t kMostBytes = rlim_t{64} << 20;
constexpr double kMostSeconds = is_sanitized ? 20 : 1;

/// Waits for a process that runs f; also gives the seconds that it computed.
int status_of(const std::function<int()>& f, double& seconds) {
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(f());
  int status = 0;
  rusage used{};
  REQUIRE(wait4(child, &status, 0, &used) == child);
  auto value = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  seconds = value(used.ru_utime) + value(used.ru_stime);
  return status;
}

void limit_memory() {
  if (is_sanitized) return;
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit{};
  limit.rlim_cur = limit.rlim_max = pages * static_cast<rlim_t>(getpagesize()) + kMostBytes;
  setrlimit(RLIMIT_AS, &limit);
}

} // namespace

int status_of(const std::function<int()>& f) {
  double seconds = 0;
  return status_of(f, seconds);
}

std::string refusal_of(const std::function<void()>& f) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  double seconds = 0;
  auto refuse = [&] {
    limit_memory();
    std::string text = "accepted";
    try {
      f();
    } catch (const Error& e) {
      text = e.kind() == ErrorKind::io || e.kind() == ErrorKind::unsupported
                 ? e.what()
                 : std::string("of another kind: ") + e.what();
    } catch (const std::exception& e) {
      text = std::string("another exception: ") + e.what();
    }
    return static_cast<int>(write(ends[1], text.data(), text.size()) < 0);
  };
  int status = status_of(refuse, seconds);
  close(ends[1]);
  char text[4096];
  ssize_t n = read(ends[0], text, sizeof text);
  close(ends[0]);
  CHECK(status == 0);
  CHECK(seconds < kMostSeconds);
  return {text, static_cast<size_t>(std::max<ssize_t>(n, 0))};
}

} // namespace weft::test
