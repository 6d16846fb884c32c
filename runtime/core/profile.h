// What the runtime tells a running weft::Profiler: plain events, kept by thread. While none runs, a
// place that could tell something costs a branch on one global.
#pragma once

#include "weft/error.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace weft {
struct OpCall;
}

namespace weft::profile {

/// How many profilers run.
[[gnu::visibility("hidden")]] extern constinit std::atomic<int> running;
inline bool is_on() { return __builtin_expect(running.load(std::memory_order_relaxed) != 0, 0); }

/// `chunk`: a thread's piece of an op or a launch; `step`: of a compilation.
enum class Kind : uint8_t {
  op,
  backward,
  region,
  flush,
  compile,
  step,
  kernel,
  routine,
  chunk,
  range
};

struct Place {
  const char* file = "";
  uint32_t line = 0;
  Place() = default;
  Place(const char* file, uint32_t line) : file(file), line(line) {}
  explicit Place(const Loc& loc) : file(loc.file_name()), line(loc.line()) {}
};

/// A detail of an event: a text, or a number where that is null. The key is a literal.
struct Arg {
  Arg() = default;
  Arg(const char* key, const char* text) : key(key), text(text), number(0) {}
  Arg(const char* key, int64_t number) : key(key), text(nullptr), number(number) {}
  const char* key;
  const char* text;
  int64_t number;
};

/// What happened from `start` to `end`, in nanoseconds of now(). Texts need to live only until
/// add() returns.
struct Happened {
  Kind kind;
  const char* name;
  Place place;
  uint64_t start, end;
};

uint64_t now();

/// Keeps an event of this thread. Where memory for events is used up it is counted instead.
void add(const Happened& what, std::span<const Arg> args = {}) noexcept;

struct Buffer;

/// A row of the trace that is no thread: what a device runs. Lives as long as the process.
class Track {
public:
  explicit Track(const std::string& name);
  /// As profile::add. Events of a track lie apart from each other.
  void add(const Happened& what, std::span<const Arg> args) noexcept;

private:
  std::shared_ptr<Buffer> buffer_;
};

/// Has `f` called before a recording ends, by the thread that ends it, for events that are only
/// known later.
void before_end(void (*f)());

/// Keeps how much tensor memory is in use, if that has changed.
void sample_memory() noexcept;

/// While one lives, what this thread hands to others is part of this op or launch.
class Label {
public:
  Label(const char* name, Place place) : name(name), place(place), outer_(current_) {
    current_ = this;
  }
  ~Label() { current_ = outer_; }
  Label(const Label&) = delete;
  Label& operator=(const Label&) = delete;
  static const Label* current() { return current_; }

  const char* const name;
  const Place place;

private:
  const Label* outer_;
  static constinit thread_local const Label* current_;
};

/// An event from its construction, where a profiler runs then, to its end.
class Span {
public:
  Span(Kind kind, const char* name, Place place)
      : what_{kind, name, place, profile::is_on() ? now() : 0, 0} {}
  ~Span() {
    if (is_heard()) finish();
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  /// Adds a detail. Its texts must live as long as the span.
  void detail(const Arg& arg) {
    if (is_heard() && count_ < kMostArgs) args_[count_++] = arg;
  }

private:
  bool is_heard() const { return __builtin_expect(what_.start != 0, 0); }
  void finish() noexcept;

  static constexpr size_t kMostArgs = 8;
  Happened what_;
  Arg args_[kMostArgs];
  size_t count_ = 0;
};

/// Runs `f` as an event of the call's op: its name, operands and line.
class OpSpan {
public:
  explicit OpSpan(const OpCall& call);
  ~OpSpan();
  OpSpan(const OpSpan&) = delete;

private:
  const OpCall& call_;
  Label label_;
  uint64_t start_;
};

} // namespace weft::profile
