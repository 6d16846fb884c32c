#include "runtime/program/collection.h"

#include "runtime/program/bytes.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace weft {

namespace {

constexpr uint32_t kMagic = 0x6c6f4357; // "WCol"
constexpr const char* kEnding = ".collected";

std::string command() {
  std::ifstream file("/proc/self/comm");
  std::string name;
  std::getline(file, name);
  return name + " (" + std::to_string(getpid()) + ")";
}

std::span<const uint8_t> as_bytes(const std::string& s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

Collected read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  ByteReader r(as_bytes(bytes), path.c_str());
  Collected c;
  r.check(r.get<uint32_t>() == kMagic, "they start otherwise");
  c.process = r.get_text();
  c.number = r.get<uint64_t>();
  c.report.source = r.get_enum(CompileReport::Source::compiler);
  for (double* ms :
       {&c.report.total_ms, &c.report.loading_ms, &c.report.compiling_ms, &c.report.mapping_ms})
    *ms = r.get<double>();
  c.report.key = r.get_text();
  c.report.failure = r.get_text();
  c.report.cache_note = r.get_text();
  std::string segment = r.get_text(), program = r.get_text();
  r.finish();
  c.segment = Segment::deserialize(as_bytes(segment));
  if (!program.empty()) c.program = Program::deserialize(as_bytes(program));
  return c;
}

} // namespace

std::string collection_folder() {
  const char* folder = secure_getenv("WEFT_COLLECT");
  return folder ? folder : "";
}

void collect(const std::string& folder, const Segment& segment, const Program& program,
             const CompileReport& report) {
  static std::atomic<uint64_t> count{0};
  uint64_t number = count.fetch_add(1);
  ByteWriter w;
  w.put(kMagic);
  w.put_text(command());
  w.put(number);
  w.put(report.source);
  for (double ms : {report.total_ms, report.loading_ms, report.compiling_ms, report.mapping_ms})
    w.put(ms);
  w.put_text(report.key);
  w.put_text(report.failure);
  w.put_text(report.cache_note);
  w.put_text(segment.serialize(true));
  w.put_text(report.failure.empty() ? program.serialize() : "");
  std::string bytes = w.take();
  char name[64];
  std::snprintf(name, sizeof name, "%08d-%06llu", static_cast<int>(getpid()),
                static_cast<unsigned long long>(number));
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  std::string path = folder + "/" + name + kEnding;
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  static std::atomic<bool> said{false};
  if (!file.flush() && !said.exchange(true))
    std::fprintf(stderr, "weft: %s must be writable, programs are not collected\n", path.c_str());
}

std::vector<Collected> read_collection(const std::string& folder) {
  std::error_code failed;
  std::filesystem::directory_iterator it(folder, failed);
  if (failed)
    throw Error(ErrorKind::io,
                "weft-inspect: " + folder +
                    " must be a folder of collected programs, got: " + failed.message());
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : it)
    if (entry.path().extension() == kEnding) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Collected> all;
  for (const auto& path : paths)
    all.push_back(read_file(path));
  return all;
}

} // namespace weft
