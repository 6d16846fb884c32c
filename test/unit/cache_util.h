// Helpers of the tests of the program cache: a private folder, and the fake compiler.
#pragma once

#include "program_samples.h"

#include "runtime/program/compile_service.h"
#include "runtime/program/program_store.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cache_test {

using namespace weft;
namespace fs = std::filesystem;

/// A private folder for one test, with the cache and the fake compiler pointed at it.
struct Sandbox {
  Sandbox() {
    char name[] = "/tmp/weft-cache-test-XXXXXX";
    root = mkdtemp(name);
    cache = root + "/cache";
    setenv("WEFT_CACHE_DIR", cache.c_str(), 1);
    setenv("WEFT_COMPILER_LIBRARY", WEFT_TEST_COMPILER, 1);
    setenv("WEFT_TEST_COMPILE_LOG", (root + "/log").c_str(), 1);
    unsetenv("WEFT_CACHE");
    unsetenv("WEFT_CACHE_MIB");
    unsetenv("WEFT_COLLECT");
    forget_programs();
  }
  ~Sandbox() {
    fs::permissions(cache, fs::perms::owner_all, ignored);
    fs::remove_all(root, ignored);
  }
  size_t compiles() const { return fs::exists(root + "/log") ? fs::file_size(root + "/log") : 0; }
  std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    for (const auto& e : fs::directory_iterator(cache, ignored))
      all.push_back(e.path());
    std::sort(all.begin(), all.end());
    return all;
  }
  fs::path only_file() const {
    REQUIRE(files().size() == 1);
    return files()[0];
  }
  std::string root, cache;
  mutable std::error_code ignored;
};

inline CompileReport compile_program(int64_t n, const std::string& op = "add",
                                     const CompileSettings& settings = {}) {
  CompileReport report;
  auto p = compile_segment(samples::segment(n, op), settings, report);
  CHECK((p != nullptr) == report.failure.empty());
  return report;
}

/// What a new process would do: nothing in memory, the folder opened again.
inline CompileReport compile_afresh(int64_t n, const std::string& op = "add") {
  forget_programs();
  return compile_program(n, op);
}

inline std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace cache_test
