// cache_worker OP FIRST LAST [generic]: compiles the sample segments of sizes FIRST to LAST in a
// process of its own, runs each, and prints where they came from; "loaded" is printed where the
// compiler library is mapped.
#include "program_samples.h"

#include "runtime/program/compile_service.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/resource.h>

using namespace weft;

namespace {

bool right(const LoadedProgram& p, int64_t n) {
  std::vector<float> x(n, 1), y(n, 2), r(n);
  void *leaves[] = {x.data(), y.data()}, *outputs[] = {r.data()};
  uint64_t scalars[] = {std::bit_cast<uint64_t>(2.0)};
  Meta meta = make_meta({n}, f32);
  const Meta* metas[] = {&meta, &meta};
  p.run({.leaves = leaves, .leaf_metas = metas, .outputs = outputs, .scalars = scalars});
  return r == std::vector<float>(n, 6);
}

} // namespace

int main(int argc, char** argv) {
  if (const char* limit = std::getenv("WEFT_TEST_FILE_LIMIT")) { // as a full disk does: writes fail
    signal(SIGXFSZ, SIG_IGN);
    rlimit r{static_cast<rlim_t>(std::atoll(limit)), RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &r);
  }
  for (int64_t n = std::atoll(argv[2]); n <= std::atoll(argv[3]); n++) {
    CompileReport report;
    auto p = compile_segment(samples::segment(n, argv[1], 10, argc > 4), {}, report);
    if (p && !right(*p, n)) return std::puts("wrong"), 1;
    std::printf("%s|%s|%s\n", name_of(report.source), report.failure.c_str(),
                report.cache_note.c_str());
    std::fflush(stdout);
  }
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(std::getenv("WEFT_COMPILER_LIBRARY")) != std::string::npos)
      return std::puts("loaded"), 0;
  return 0;
}
