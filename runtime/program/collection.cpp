#include "runtime/program/collection.h"

#include "runtime/program/bytes.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <unistd.h>

namespace weft {

namespace {

constexpr uint32_t kMagic = 0x6c6f4357; // "WCol"
constexpr const char* kEnding = ".collected";
constexpr const char* kTimes = ".times";
constexpr const char* kCalls = ".calls";

std::string command() {
  std::ifstream file("/proc/self/comm");
  std::string name;
  std::getline(file, name);
  return name + " (" + std::to_string(getpid()) + ")";
}

std::span<const uint8_t> as_bytes(const std::string& s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  static std::atomic<bool> said{false};
  if (!file.flush() && !said.exchange(true))
    std::fprintf(stderr, "weft: %s must be writable, programs are not collected\n", path.c_str());
}

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Writes the times of every collected program when the process ends.
class TimesWriter {
public:
  ~TimesWriter() {
    for (const auto& [path, program] : programs_) {
      LoadedProgram::Times t = program->times();
      ByteWriter w;
      w.put(t.runs);
      w.put_all(t.nanoseconds);
      write_file(path, w.take());
    }
  }
  void add(const std::string& path, std::shared_ptr<LoadedProgram> program) {
    std::lock_guard lock(mutex_);
    programs_.emplace_back(path, std::move(program));
  }

private:
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::shared_ptr<LoadedProgram>>> programs_;
};

void at_exit(const std::string& path, std::shared_ptr<LoadedProgram> program) {
  static TimesWriter writer;
  writer.add(path, std::move(program));
}

LoadedProgram::Times read_times(std::filesystem::path path) {
  LoadedProgram::Times t;
  std::string bytes = read_bytes(path.replace_extension(kTimes));
  if (bytes.empty()) return t;
  ByteReader r(as_bytes(bytes), path.c_str());
  t.runs = r.get<uint64_t>();
  t.nanoseconds = r.get_all<uint64_t>();
  r.finish();
  return t;
}

Collected read_file(const std::filesystem::path& path) {
  std::string bytes = read_bytes(path);
  ByteReader r(as_bytes(bytes), path.c_str());
  Collected c;
  c.times = read_times(path);
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
  c.report.steps = get_steps(r);
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

void collect(const std::string& folder, const Segment& segment,
             const std::shared_ptr<LoadedProgram>& program, const CompileReport& report) {
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
  put_steps(w, report.steps);
  w.put_text(segment.serialize(true));
  w.put_text(program ? program->program().serialize() : "");
  char name[64];
  std::snprintf(name, sizeof name, "/%08d-%06llu", static_cast<int>(getpid()),
                static_cast<unsigned long long>(number));
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  write_file(folder + name + kEnding, w.take());
  if (program) at_exit(folder + name + kTimes, program);
}

void collect_calls(const std::string& folder, const std::string& text) {
  static std::atomic<uint64_t> count{0};
  char name[64];
  std::snprintf(name, sizeof name, "/%08d-%06llu", static_cast<int>(getpid()),
                static_cast<unsigned long long>(count.fetch_add(1)));
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  write_file(folder + name + kCalls, text);
}

namespace {

// The files of a folder that end so, in the order in which they were written.
std::vector<std::filesystem::path> files_of(const std::string& folder, const char* ending) {
  std::error_code failed;
  std::filesystem::directory_iterator it(folder, failed);
  if (failed)
    throw Error(ErrorKind::io,
                "weft-inspect: " + folder +
                    " must be a folder of collected programs, got: " + failed.message());
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : it)
    if (entry.path().extension() == ending) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

} // namespace

std::vector<Collected> read_collection(const std::string& folder) {
  std::vector<Collected> all;
  for (const auto& path : files_of(folder, kEnding))
    all.push_back(read_file(path));
  return all;
}

std::vector<std::string> read_calls(const std::string& folder) {
  std::vector<std::string> all;
  for (const auto& path : files_of(folder, kCalls))
    all.push_back(read_bytes(path));
  return all;
}

} // namespace weft
