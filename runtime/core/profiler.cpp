#include "weft/profiler.h"

#include "runtime/core/output_file.h"
#include "runtime/core/profile_rows.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <optional>
#include <unistd.h>

namespace weft {

namespace {

void write_trace(const profile::Recording& recording, const std::string& path) {
  OutputFile file("profiler", path);
  profile::print_trace(recording, [&](std::string_view text) { file.write(text); });
  file.commit();
}

} // namespace

struct Profiler::State {
  explicit State(ProfilerOptions o) : options(std::move(o)) {
    begin = profile::start_recording(options.max_bytes, dropped);
  }

  const profile::Recording& take() {
    if (!recording) recording = profile::stop_recording(begin, dropped, options.max_bytes);
    return *recording;
  }

  ProfilerOptions options;
  uint64_t begin = 0, dropped = 0;
  std::mutex mutex; // guards what follows
  std::optional<profile::Recording> recording;
  bool is_written = false;
};

Profiler::Profiler(ProfilerOptions options) : state_(new State(std::move(options))) {}

Profiler::~Profiler() {
  try {
    stop();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "weft: %s; no trace is written\n", e.what());
  }
}

void Profiler::stop() {
  std::lock_guard lock(state_->mutex);
  const profile::Recording& recording = state_->take();
  if (state_->options.file.empty() || state_->is_written) return;
  state_->is_written = true;
  write_trace(recording, state_->options.file);
}

void Profiler::export_chrome_trace(const std::string& file) {
  stop();
  write_trace(*state_->recording, file);
}

std::string Profiler::chrome_trace() {
  stop();
  std::string text;
  profile::print_trace(*state_->recording, [&](std::string_view piece) { text += piece; });
  return text;
}

std::vector<ProfilerRow> Profiler::key_averages(ProfilerOrder order) {
  stop();
  std::vector<ProfilerRow> rows = profile::rows_of(*state_->recording);
  profile::sort_rows(rows, order);
  return rows;
}

std::string Profiler::table(ProfilerOrder order, size_t rows) {
  return profile::table_of(key_averages(order), *state_->recording, rows);
}

uint64_t Profiler::dropped_events() {
  stop();
  return state_->recording->dropped;
}

ProfilerRange::ProfilerRange(std::string name, Loc loc)
    : name_(std::move(name)), loc_(loc), start_(profile::is_on() ? profile::now() : 0) {}

ProfilerRange::~ProfilerRange() {
  if (start_)
    profile::add(
        {profile::Kind::range, name_.c_str(), profile::Place(loc_), start_, profile::now()});
}

namespace {

/// The profiler of WEFT_PROFILE, from the library's start to the process's end.
class ProcessProfile {
public:
  ProcessProfile() {
    const char* path = secure_getenv("WEFT_PROFILE");
    if (!path || !*path) return;
    std::error_code ignored; // a relative path is one of the folder in which the process started
    file_ = std::filesystem::absolute(path, ignored);
    process_ = getpid();
    begin_ = profile::start_recording(ProfilerOptions().max_bytes, dropped_);
  }

  ~ProcessProfile() {
    if (file_.empty()) return;
    profile::Recording recording =
        profile::stop_recording(begin_, dropped_, ProfilerOptions().max_bytes);
    // A shell's helpers, and children that only ran another program, leave the file to others.
    if (getpid() != process_ || recording.threads.empty()) return;
    try {
      write_trace(recording, path());
    } catch (const std::exception& e) {
      std::fprintf(stderr, "weft: %s; WEFT_PROFILE leaves no trace\n", e.what());
    }
  }

private:
  std::string path() const {
    std::string path = file_;
    size_t at = path.find("%p");
    if (at != std::string::npos) path.replace(at, 2, std::to_string(process_));
    return path;
  }

  std::string file_;
  pid_t process_ = 0;
  uint64_t begin_ = 0, dropped_ = 0;
};
ProcessProfile process_profile;

} // namespace

} // namespace weft
