#include "cache_util.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace weft;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using namespace cache_test;

namespace {

constexpr auto kCompiler = CompileReport::Source::compiler;
constexpr auto kDisk = CompileReport::Source::disk;
constexpr auto kMemory = CompileReport::Source::memory;
constexpr auto kNone = CompileReport::Source::none;

void overwrite(const fs::path& path, std::streamoff at, char byte) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(at);
  file.put(byte);
}

pid_t start_worker(const char* op, int first, int last, const std::string& output,
                   const char* generic = nullptr) {
  pid_t child = fork();
  if (child != 0) return child;
  std::string from = std::to_string(first), to = std::to_string(last);
  if (!freopen(output.c_str(), "w", stdout)) _exit(9);
  execl(WEFT_TEST_WORKER, WEFT_TEST_WORKER, op, from.c_str(), to.c_str(), generic, nullptr);
  _exit(9);
}

int finish(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string run_worker(const Sandbox& box, const char* op, int first, int last,
                       const char* generic = nullptr) {
  CHECK(finish(start_worker(op, first, last, box.root + "/out", generic)) == 0);
  return read(box.root + "/out");
}

} // namespace

TEST_CASE("a program comes from the compiler once, then from memory, then from disk") {
  Sandbox box;
  CHECK(compile_program(100).source == kCompiler);
  CHECK(compile_program(100).source == kMemory);
  CHECK(compile_afresh(100).source == kDisk);
  CHECK(compile_afresh(101).source == kCompiler);
  CHECK(box.compiles() == 2);
  struct stat s;
  REQUIRE(stat(box.cache.c_str(), &s) == 0);
  CHECK((s.st_mode & 07777) == 0700);
  REQUIRE(stat(box.files()[0].c_str(), &s) == 0);
  CHECK((s.st_mode & 07777) == 0600);
}

TEST_CASE("lines are not part of the key, settings are") {
  Sandbox box;
  CompileReport report;
  compile_segment(samples::segment(5, "add", 10), {}, report);
  compile_segment(samples::segment(5, "add", 99), {}, report);
  CHECK(report.source == kMemory);
  CHECK(compile_program(5, "add", {.disable = "fuse"}).source == kCompiler);
  CHECK(compile_program(5, "add", {.keep_stages = true}).source == kCompiler);
}

TEST_CASE("a fresh process starts warm without the compiler library") {
  Sandbox box;
  CHECK(run_worker(box, "add", 1000, 1002) == "compiler||\ncompiler||\ncompiler||\nloaded\n");
  CHECK(run_worker(box, "add", 1000, 1002) == "disk||\ndisk||\ndisk||\n");
}

TEST_CASE("a size-generic program is known by its structure, not by the sizes of its first call") {
  Sandbox box;
  CHECK(run_worker(box, "add", 1000, 1001, "generic") == "compiler||\nmemory||\nloaded\n");
  CHECK(run_worker(box, "add", 5, 6, "generic") == "disk||\nmemory||\n");
  CHECK(run_worker(box, "add", 1, 2, "generic") ==
        "compiler||\ndisk||\nloaded\n"); // 1 is structure
  CompileReport plain, gaps;
  Segment s = samples::segment(6, "add", 10, true);
  compile_segment(s, {}, plain);
  s.values[0].meta.strides[0] = 3;
  s.values[0].meta.finish_strided();
  compile_segment(s, {}, gaps);
  CHECK(plain.key != gaps.key);
  s.values[0].meta.strides[0] = 4;
  compile_segment(s, {}, plain);
  CHECK(plain.key == gaps.key);
}

TEST_CASE("every damaged byte of an entry is found") {
  Sandbox box;
  compile_program(64);
  std::string whole = read(box.only_file());
  for (size_t at = 0; at < whole.size(); at += 1 + whole.size() / 60) {
    forget_programs(); // a mapped file must not change
    overwrite(box.only_file(), static_cast<std::streamoff>(at),
              static_cast<char>(whole[at] ^ 0x20));
    CompileReport r = compile_afresh(64);
    CHECK(r.source == kCompiler);
    CHECK_THAT(r.cache_note, Contains("is damaged, is compiled again"));
    CHECK(read(box.only_file()) == whole);
  }
}

TEST_CASE("truncated, lengthened and empty entries are compiled again") {
  Sandbox box;
  compile_program(64);
  size_t size = fs::file_size(box.only_file());
  for (size_t n : {size_t{0}, size_t{1}, size_t{55}, size_t{56}, size / 2, size - 1, size + 100}) {
    forget_programs();
    fs::resize_file(box.only_file(), n);
    CHECK(compile_afresh(64).source == kCompiler);
  }
  CHECK(compile_afresh(64).source == kDisk);
}

TEST_CASE("an entry under another key's name is not taken") {
  Sandbox box;
  compile_program(64);
  fs::path first = box.only_file();
  compile_program(65);
  fs::path second = box.files()[0] == first ? box.files()[1] : box.files()[0];
  forget_programs();
  fs::copy_file(first, second, fs::copy_options::overwrite_existing);
  CompileReport r = compile_afresh(65);
  CHECK(r.source == kCompiler);
}

TEST_CASE("an entry for another machine is not run") {
  Sandbox box;
  CompileReport r = compile_program(8, "elsewhere");
  CHECK_THAT(r.failure, Contains("a program must be for this processor, got another machine"));
  CHECK(box.files().empty());
}

TEST_CASE("links, pipes, folders and open files in an entry's place are not taken") {
  Sandbox box;
  compile_program(64);
  fs::path entry = box.only_file(), aside = box.root + "/aside";
  fs::rename(entry, aside);
  fs::create_symlink(aside, entry);
  CompileReport r = compile_afresh(64);
  CHECK_THAT(r.cache_note, Contains("is a link, is compiled again"));
  CHECK(r.source == kCompiler);
  CHECK(fs::exists(aside));
  fs::remove(entry);
  REQUIRE(mkfifo(entry.c_str(), 0600) == 0);
  CHECK_THAT(compile_afresh(64).cache_note, Contains("is no plain file"));
  REQUIRE(chmod(entry.c_str(), 0606) == 0);
  CHECK_THAT(compile_afresh(64).cache_note, Contains("is open to other users"));
  fs::remove(entry);
  fs::create_directory(entry);
  CHECK(compile_afresh(64).source == kCompiler);
}

TEST_CASE("another user's entry, folder or ancestor is not taken") {
  if (geteuid() != 0) {
    WARN("only root can make files of another user: nothing tested");
    return;
  }
  Sandbox box;
  compile_program(64);
  REQUIRE(chown(box.only_file().c_str(), 12345, 12345) == 0);
  CHECK_THAT(compile_afresh(64).cache_note, Contains("belongs to uid 12345"));
  REQUIRE(chown(box.cache.c_str(), 12345, 12345) == 0);
  CHECK_THAT(compile_afresh(64).cache_note,
             Contains("must belong to this user or root, belongs to uid 12345; programs are kept "
                      "in memory only"));
  REQUIRE(chown(box.cache.c_str(), 0, 0) == 0);
  REQUIRE(chown(box.root.c_str(), 12345, 12345) == 0);
  CHECK_THAT(compile_afresh(64).cache_note,
             Contains(box.root + " must belong to this user or root"));
  REQUIRE(chown(box.root.c_str(), 0, 0) == 0);
}

TEST_CASE("folders that others can write are refused with a remedy") {
  Sandbox box;
  compile_program(64);
  REQUIRE(chmod(box.cache.c_str(), 0755) == 0);
  CHECK_THAT(compile_afresh(64).cache_note,
             Contains("must be closed to other users, has mode 0755 (chmod 700)"));
  REQUIRE(chmod(box.cache.c_str(), 0700) == 0);
  REQUIRE(chmod(box.root.c_str(), 0777) == 0);
  CHECK_THAT(compile_afresh(64).cache_note,
             Contains("must be writable by its owner alone, has mode 0777 (chmod go-w)"));
  REQUIRE(chmod(box.root.c_str(), 01777) == 0); // as /tmp
  CHECK(compile_afresh(64).source == kDisk);
  REQUIRE(chmod(box.root.c_str(), 0700) == 0);
}

TEST_CASE("a link to a good folder is followed, one through an open folder is not") {
  Sandbox box;
  compile_program(64);
  fs::create_directory(box.root + "/open");
  fs::create_symlink("../cache", box.root + "/open/link");
  fs::create_symlink(box.root + "/open/link", box.root + "/direct");
  setenv("WEFT_CACHE_DIR", (box.root + "/direct").c_str(), 1);
  CHECK(compile_afresh(64).source == kDisk);
  REQUIRE(chmod((box.root + "/open").c_str(), 0777) == 0);
  CHECK_THAT(compile_afresh(64).cache_note, Contains("/open must be writable by its owner alone"));
  fs::create_symlink("loop", box.root + "/loop");
  setenv("WEFT_CACHE_DIR", (box.root + "/loop").c_str(), 1);
  CHECK_THAT(compile_afresh(64).cache_note, Contains("must not lead through so many links"));
}

TEST_CASE("a folder that cannot be made leaves programs in memory") {
  Sandbox box;
  std::ofstream(box.root + "/file") << "x";
  setenv("WEFT_CACHE_DIR", (box.root + "/file/below").c_str(), 1);
  CompileReport r = compile_afresh(64);
  CHECK(r.source == kCompiler);
  CHECK_THAT(r.cache_note, StartsWith("cache: ") && Contains("programs are kept in memory only"));
  setenv("WEFT_CACHE_DIR", "/proc/nothing/here", 1);
  r = compile_afresh(64);
  CHECK(r.source == kCompiler);
  CHECK_THAT(r.cache_note, StartsWith("cache: /proc/nothing/here must be usable"));
  CHECK(compile_program(64).source == kMemory);
}

TEST_CASE("WEFT_CACHE=off touches no file") {
  Sandbox box;
  setenv("WEFT_CACHE", "off", 1);
  CHECK(compile_afresh(64).source == kCompiler);
  CHECK_FALSE(fs::exists(box.cache));
  unsetenv("WEFT_CACHE");
  forget_programs();
  CHECK(compile_program(64, "add", {.use_disk_cache = false}).source == kCompiler);
  CHECK_FALSE(fs::exists(box.cache));
}

TEST_CASE("a full disk leaves programs in memory and no rubbish behind") {
  Sandbox box;
  // Room for the code in memory, which the limit also counts, and for no entry, which is longer.
  setenv("WEFT_TEST_FILE_LIMIT", std::to_string(samples::kernels().size() + 100).c_str(), 1);
  CHECK_THAT(run_worker(box, "add", 64, 64),
             StartsWith("compiler||cache: ") &&
                 Contains("must take new entries, got: File too large"));
  unsetenv("WEFT_TEST_FILE_LIMIT");
  CHECK(box.files().empty());
}

namespace {

/// A small file system of its own over a folder, where the system lets this process mount one.
class Mounted {
public:
  Mounted(const std::string& folder, unsigned long flags, const char* options) : folder_(folder) {
    fs::create_directory(folder);
    ok_ = mount("tmpfs", folder.c_str(), "tmpfs", flags, options) == 0;
    if (!ok_) WARN("no file system can be mounted here: nothing tested");
  }
  ~Mounted() {
    forget_programs(); // an entry that is mapped keeps it busy
    if (ok_) umount2(folder_.c_str(), MNT_DETACH);
  }
  explicit operator bool() const { return ok_; }

private:
  std::string folder_;
  bool ok_;
};

} // namespace

TEST_CASE("a file system that is full, or forbids code, leaves programs in memory") {
  Sandbox box;
  {
    Mounted full(box.cache, 0, "nr_blocks=1,mode=0700");
    if (!full) return;
    CompileReport r = compile_afresh(64);
    CHECK(r.source == kCompiler);
    CHECK_THAT(r.cache_note, Contains("must take new entries, got: No space left on device"));
    CHECK(box.files().empty());
  }
  Mounted closed(box.cache, MS_NOEXEC, "size=8m,mode=0700");
  for (int k = 0; k < 2; k++) {
    CompileReport r = compile_afresh(64);
    CHECK(r.source == kCompiler);
    CHECK_THAT(r.cache_note, StartsWith("cache: its entry must be loadable, got: "));
  }
}

TEST_CASE("a folder without the right to write or read leaves programs in memory") {
  if (geteuid() != 0) {
    WARN("only root can become another user: nothing tested");
    return;
  }
  Sandbox box;
  fs::create_directory(box.cache);
  REQUIRE(chown(box.root.c_str(), 12345, 12345) == 0);
  REQUIRE(chown(box.cache.c_str(), 12345, 12345) == 0);
  for (mode_t mode : {0500, 0000, 0300}) { // an entry is found by its name: no right to list needed
    INFO("mode " << std::oct << mode);
    REQUIRE(chmod(box.cache.c_str(), mode) == 0);
    pid_t child = fork();
    if (child == 0) {
      if (setresuid(12345, 12345, 12345) != 0 || access(WEFT_TEST_COMPILER, R_OK) != 0) _exit(3);
      CompileReport report;
      auto program = compile_segment(samples::segment(64, "add"), {}, report);
      const bool refused = report.cache_note.starts_with("cache: ") &&
                           report.cache_note.find("Permission denied") != std::string::npos;
      _exit(program && report.source == kCompiler && refused ? 0 : 1);
    }
    const int status = finish(child);
    if (status == 3) WARN("the build folder is closed to other users: nothing tested");
    CHECK((status == 0 || status == 3));
  }
  REQUIRE(chown(box.root.c_str(), 0, 0) == 0);
}

TEST_CASE("a folder that is exchanged while it is in use does not lead elsewhere") {
  Sandbox box;
  compile_program(64);
  fs::rename(box.cache, box.root + "/moved");
  fs::create_directory(box.root + "/other");
  fs::create_symlink(box.root + "/other", box.cache);
  CHECK(compile_program(65).source == kCompiler);
  CHECK(fs::is_empty(box.root + "/other"));
  CHECK_THAT(compile_afresh(66).cache_note, Contains("must be closed to other users")); // mode 0755
}

TEST_CASE("the folder is named by the environment, else by the user's account") {
  Sandbox box;
  auto with = [](const char* own, const char* xdg, const char* home) {
    auto set = [](const char* name, const char* value) {
      value ? setenv(name, value, 1) : unsetenv(name);
    };
    set("WEFT_CACHE_DIR", own), set("XDG_CACHE_HOME", xdg), set("HOME", home);
    return cache_path();
  };
  auto saved = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  const std::string xdg = saved("XDG_CACHE_HOME"), home = saved("HOME");
  CHECK(with("/a", "/b", "/c") == "/a");
  CHECK(with(nullptr, "/b", "/c") == "/b/weft");
  CHECK(with("", "relative", "/c") == "/c/.cache/weft");
  const std::string account = with(nullptr, nullptr, nullptr);
  CHECK((account.empty() || account.ends_with("/.cache/weft")));
  CHECK(with(nullptr, nullptr, "") == account);
  CHECK(with(nullptr, nullptr, "relative") == "");
  forget_programs();
  CompileReport r = compile_program(64);
  CHECK(r.source == kCompiler);
  CHECK_THAT(r.cache_note, Contains("HOME must name a folder; programs are kept in memory only"));
  setenv("XDG_CACHE_HOME", xdg.c_str(), 1), setenv("HOME", home.c_str(), 1);
}

TEST_CASE("limits that are no numbers are ignored") {
  for (const char* text : {"", "many", "-1", "0", "12x", "99999999999999999999999"}) {
    INFO("WEFT_CACHE_MIB=" << text);
    setenv("WEFT_CACHE_MIB", text, 1);
    CHECK(cache_limit() == int64_t{1} << 30);
  }
  unsetenv("WEFT_CACHE_MIB");
}

TEST_CASE("what was used longest ago goes when the cache is full") {
  Sandbox box;
  setenv("WEFT_CACHE_MIB", "20", 1);
  for (int n = 1; n <= 4; n++) {
    compile_program(n, "large");
    timespec old[2] = {{1000000 + n, 0}, {1000000 + n, 0}};
    for (const fs::path& f : box.files())
      if (fs::last_write_time(f).time_since_epoch() >
          fs::file_time_type::clock::now().time_since_epoch() - std::chrono::hours(1))
        utimensat(AT_FDCWD, f.c_str(), old, 0);
  }
  CHECK(compile_afresh(1, "large").source == kDisk); // used now, so it outlives number 2
  compile_program(5, "large");
  CHECK(box.files().size() == 4);
  CHECK(compile_afresh(1, "large").source == kDisk);
  CHECK(compile_afresh(3, "large").source == kDisk);
  CHECK(compile_afresh(2, "large").source == kCompiler);
}

TEST_CASE("temporary files of dead writers are swept up") {
  Sandbox box;
  compile_program(1);
  std::ofstream(box.cache + "/new-1-0-old") << "x";
  std::ofstream(box.cache + "/new-2-0-young") << "x";
  std::ofstream(box.cache + "/README") << "x";
  timespec old[2] = {{1000000, 0}, {1000000, 0}};
  utimensat(AT_FDCWD, (box.cache + "/new-1-0-old").c_str(), old, 0);
  utimensat(AT_FDCWD, (box.cache + "/README").c_str(), old, 0);
  forget_programs();
  compile_program(2);
  CHECK_FALSE(fs::exists(box.cache + "/new-1-0-old"));
  CHECK(fs::exists(box.cache + "/new-2-0-young"));
  CHECK(fs::exists(box.cache + "/README"));
}

TEST_CASE("many processes share one folder") {
  Sandbox box;
  std::vector<pid_t> children;
  for (int k = 0; k < 6; k++)
    children.push_back(start_worker("add", 1, 20, box.root + "/out" + std::to_string(k)));
  for (pid_t c : children)
    CHECK(finish(c) == 0);
  CHECK(box.files().size() == 20);
  for (int n = 1; n <= 20; n++)
    CHECK(compile_afresh(n).source == kDisk);
}

TEST_CASE("a process killed while it stores leaves only whole entries") {
  Sandbox box;
  for (int round = 0; round < 12; round++) {
    pid_t child = start_worker("large", 1, 8, box.root + "/out");
    usleep(static_cast<useconds_t>(4000 + 9000 * round));
    kill(child, SIGKILL);
    finish(child);
    for (int n = 1; n <= 8; n++) {
      forget_programs();
      bool there = false;
      for (const fs::path& f : box.files())
        there |= f.filename().string().starts_with("new-") == false;
      if (!there) break;
      CHECK(compile_program(n, "large").cache_note == "");
    }
    fs::remove_all(box.cache);
  }
}

TEST_CASE("threads that want one program compile it once") {
  Sandbox box;
  std::vector<std::thread> threads;
  for (int k = 0; k < 8; k++)
    threads.emplace_back([] {
      CompileReport report;
      compile_segment(samples::segment(7, "slow"), {}, report);
    });
  for (std::thread& t : threads)
    t.join();
  CHECK(box.compiles() == 1);
}

TEST_CASE("a segment that the compiler does not take stays eager, asked once") {
  Sandbox box;
  CHECK(compile_program(7, "refused").failure == "compile: refused is not taken");
  CHECK(compile_program(7, "refused").failure == "compile: refused is not taken");
  CHECK(compile_program(7, "refused").source == kNone);
  CHECK(box.compiles() == 1);
}

TEST_CASE("a missing or foreign compiler library is one clear message") {
  Sandbox box;
  setenv("WEFT_COMPILER_LIBRARY", "/nowhere/libweft-compiler.so", 1);
  CHECK_THAT(compile_program(7).failure,
             StartsWith("compile: the compiler library must be loadable, got: "
                        "/nowhere/libweft-compiler.so: cannot open"));
  setenv("WEFT_COMPILER_LIBRARY", WEFT_TEST_KERNELS, 1);
  CHECK_THAT(compile_program(7).failure,
             Contains("must be a compiler library, defines no weft_compile"));
  setenv("WEFT_COMPILER_LIBRARY", WEFT_TEST_COMPILER, 1);
  CHECK(compile_program(7).source == kCompiler);
}
