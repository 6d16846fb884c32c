// The trace event format:
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
// ("Trace Event Format"). Categories and the names of operands are those of PyTorch's profiler.

#include "runtime/core/json_text.h"
#include "runtime/core/profile_events.h"
#include "weft/dtype.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace weft::profile {

namespace {

constexpr size_t kPiece = size_t{1} << 16;

const char* category(Kind kind) {
  constexpr const char* names[] = {"cpu_op",  "backward",       "region", "flush",
                                   "compile", "compile_step",   "kernel", "routine",
                                   "chunk",   "user_annotation"};
  return names[static_cast<int>(kind)];
}

std::string process_name() {
  std::ifstream file("/proc/self/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

class Printer {
public:
  Printer(const Recording& recording, FunctionRef<void(std::string_view)> to)
      : recording_(recording), to_(to), pid_(getpid()) {}

  void run() {
    fmt::format_to(out(),
                   "{{\"displayTimeUnit\":\"ms\",\"otherData\":{{\"producer\":\"weft\","
                   "\"dropped_events\":{}}},\"traceEvents\":[\n",
                   recording_.dropped);
    metadata("process_name", pid_, process_name());
    for (const ThreadEvents& t : recording_.threads) {
      metadata("thread_name", t.tid, t.name);
      for (const Event& e : t.events)
        event(t, e);
    }
    memory();
    text_ += "\n]}\n";
    to_(text_);
  }

private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

  void next() {
    if (text_.size() > kPiece) {
      to_(text_);
      text_.clear();
    }
    if (!first_) text_ += ",\n";
    first_ = false;
  }

  double microseconds(uint64_t time) const {
    return static_cast<double>(time - recording_.begin) * 1e-3;
  }

  void metadata(const char* what, int64_t tid, const std::string& name) {
    next();
    fmt::format_to(
        out(), "{{\"ph\":\"M\",\"name\":\"{}\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":{}}}}}",
        what, pid_, tid, json_text(name));
  }

  void event(const ThreadEvents& t, const Event& e) {
    next();
    fmt::format_to(out(),
                   "{{\"ph\":\"X\",\"cat\":\"{}\",\"name\":{},\"pid\":{},\"tid\":{},"
                   "\"ts\":{:.3f},\"dur\":{:.3f},\"args\":{{",
                   category(e.kind), json_text(e.name), pid_, t.tid, microseconds(e.start),
                   static_cast<double>(e.end - e.start) * 1e-3);
    const char* comma = "";
    if (e.line) {
      fmt::format_to(out(), "\"line\":{}", json_text(fmt::format("{}:{}", e.file, e.line)));
      comma = ",";
    }
    for (size_t k = 0; k < e.arg_count; k++) {
      const Arg& a = t.args[e.first_arg + k];
      fmt::format_to(out(), "{}{}:{}", comma, json_text(a.key),
                     a.text ? json_text(a.text) : std::to_string(a.number));
      comma = ",";
    }
    if (e.kind == Kind::op) operands(t, e, comma);
    text_ += "}}";
  }

  void operands(const ThreadEvents& t, const Event& e, const char* comma) {
    std::string dims, types;
    for (size_t k = 0; k < e.shape_count;) {
      int64_t head = t.shapes[e.first_shape + k++], rank = head & 0xFF;
      std::string sizes;
      for (int64_t d = 0; d < rank; d++)
        sizes += (d ? "," : "") + std::to_string(t.shapes[e.first_shape + k++]);
      const char* separator = dims.empty() ? "" : ",";
      dims += separator + ("[" + sizes + "]");
      types += separator + json_text(name_of(static_cast<DType>(head >> 8)));
    }
    fmt::format_to(out(), "{}\"Input Dims\":[{}],\"Input type\":[{}]", comma, dims, types);
  }

  void memory() {
    std::vector<MemorySample> samples;
    for (const ThreadEvents& t : recording_.threads)
      samples.insert(samples.end(), t.memory.begin(), t.memory.end());
    std::sort(samples.begin(), samples.end(),
              [](const MemorySample& a, const MemorySample& b) { return a.time < b.time; });
    for (const MemorySample& m : samples) {
      next();
      fmt::format_to(out(),
                     "{{\"ph\":\"C\",\"name\":\"tensor memory\",\"pid\":{},\"ts\":{:.3f},"
                     "\"args\":{{\"live\":{},\"peak\":{}}}}}",
                     pid_, microseconds(m.time), m.live, m.peak);
    }
  }

  const Recording& recording_;
  FunctionRef<void(std::string_view)> to_;
  int pid_;
  std::string text_;
  bool first_ = true;
};

} // namespace

void print_trace(const Recording& recording, FunctionRef<void(std::string_view)> to) {
  Printer(recording, to).run();
}

} // namespace weft::profile
