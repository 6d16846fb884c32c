// Files are replaced as a whole or not at all: full disks, folders that cannot be written, a
// process that dies in the middle.

#include "io_util.h"

#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

constexpr rlim_t kRoom = 4096;
constexpr int64_t kLarge = 100000; // elements: does not fit

/// Lets this process write no file longer than kRoom: beyond it a write fails, or, where `dies`,
/// the process is killed.
void limit_files(bool dies) {
  rlimit limit{kRoom, kRoom};
  setrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, dies ? SIG_DFL : SIG_IGN);
}

struct Writer {
  const char* name;
  void (*save)(const std::string& path, const Tensor& t);
  Tensor (*load)(const std::string& path);
};

const Writer kWriters[] = {
    {"save_npy", [](const std::string& path, const Tensor& t) { save_npy(path, t); },
     [](const std::string& path) { return load_npy(path); }},
    {"save_npz",
     [](const std::string& path, const Tensor& t) {
       save_npz(path, {{"t", t}});
     },
     [](const std::string& path) { return load_npz(path).at("t"); }},
    {"save_safetensors",
     [](const std::string& path, const Tensor& t) {
       save_safetensors(path, {{"t", t}});
     },
     [](const std::string& path) { return load_safetensors(path).tensors.at("t"); }},
};

} // namespace

TEST_CASE("a full disk leaves the old file and nothing else", "[atomic]") {
  for (const Writer& w : kWriters) {
    CAPTURE(w.name);
    Folder folder;
    std::string path = folder / "t";
    w.save(path, sample(f32, {3}));
    Tensor large = sample(f32, {kLarge}); // before fork(), which takes no threads along
    int status = status_of([&] {
      limit_files(false);
      try {
        w.save(path, large);
      } catch (const Error& e) {
        std::string start =
            std::string(w.name) + ": the file must take what is written, got: File too large, in";
        return std::string(e.what()).rfind(start, 0) == 0 ? 7 : 1;
      }
      return 2;
    });
    CHECK(WEXITSTATUS(status) == 7);
    CHECK(folder.names() == std::vector<std::string>{"t"});
    CHECK(is_same_data(w.load(path), sample(f32, {3})));
  }
}

TEST_CASE("a process that is killed while it writes leaves the old file", "[atomic]") {
  for (const Writer& w : kWriters) {
    CAPTURE(w.name);
    Folder folder;
    std::string path = folder / "t";
    w.save(path, sample(f32, {3}));
    Tensor large = sample(f32, {kLarge}); // before fork(), which takes no threads along
    int status = status_of([&] {
      rlimit none{0, 0};
      setrlimit(RLIMIT_CORE, &none);
      limit_files(true);
      w.save(path, large);
      return 0;
    });
    CHECK(WIFSIGNALED(status));
    CHECK(is_same_data(w.load(path), sample(f32, {3})));
    // What the dead one left behind is in nobody's way.
    REQUIRE(folder.names().size() == 2);
    CHECK_THAT(folder.names()[1], Contains("t.new-"));
    w.save(path, large);
    CHECK(is_same_data(w.load(path), large));
  }
}

TEST_CASE("a folder and a file that cannot be written are refused", "[atomic]") {
  Folder folder;
  save_npy(folder / "t", sample(f32, {3}));
  fs::permissions(folder.path, fs::perms(0555));
  int status = status_of([&] {
    // The superuser may write anywhere: become somebody else.
    if (geteuid() == 0 && (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
      return 1;
    int refused = 0;
    for (const char* name : {"/t", "/new"}) {
      try {
        save_npy(folder.path + name, sample(f32, {4}));
      } catch (const Error& e) {
        const char* start = "save_npy: the file must be writable, got: Permission denied, in";
        refused += std::string(e.what()).rfind(start, 0) == 0;
      }
    }
    return refused == 2 ? 7 : 2;
  });
  fs::permissions(folder.path, fs::perms(0755));
  CHECK(WEXITSTATUS(status) == 7);
  CHECK(is_same_data(load_npy(folder / "t"), sample(f32, {3})));
  CHECK(folder.names() == std::vector<std::string>{"t"});
}

TEST_CASE("a link is followed and a file's mode is kept", "[atomic]") {
  Folder folder;
  save_npy(folder / "target", sample(f32, {3}));
  fs::permissions(folder / "target", fs::perms(0640));
  fs::create_symlink("target", folder / "link");
  save_npy(folder / "link", sample(f32, {4}));
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(is_same_data(load_npy(folder / "target"), sample(f32, {4})));
  CHECK(fs::status(folder / "target").permissions() == fs::perms(0640));
  CHECK(folder.names() == std::vector<std::string>{"link", "target"});
}

TEST_CASE("processes that save one file leave one of their files", "[atomic]") {
  Folder folder;
  std::string path = folder / "t";
  std::vector<pid_t> children;
  for (int k = 0; k < 4; k++) {
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (int round = 0; round < 20; round++)
        save_safetensors(path, {{"t", full({1000}, k)}});
      _exit(0);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  std::vector<float> values = load_safetensors(path).tensors.at("t").to_vector<float>();
  CHECK(values == std::vector<float>(1000, values[0]));
  CHECK(folder.names() == std::vector<std::string>{"t"});
}
