// Events as a profiler takes them over: per thread, in the order in which they ended.
#pragma once

#include "runtime/core/parallel.h"
#include "runtime/core/profile.h"

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace weft::profile {

struct Event {
  uint64_t start, end; // nanoseconds
  const char* name;
  const char* file;
  uint32_t line;
  uint32_t arg_count : 8, shape_count : 24; // of those of the thread
  uint64_t first_arg, first_shape;
  Kind kind;
};

/// Texts, each once, that stay where they are.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using Texts = std::unordered_set<std::string, TextHash, std::equal_to<>>;

/// What the allocator said at a time.
struct MemorySample {
  uint64_t time;
  uint64_t live, peak;
};

/// The events of one thread. Operands are numbers in `shapes`: dtype and rank as one, then sizes.
struct ThreadEvents {
  uint32_t tid = 0;
  std::string name;
  std::deque<Event> events;
  std::deque<Arg> args;
  std::deque<int64_t> shapes;
  std::deque<MemorySample> memory;
  std::shared_ptr<Texts> texts; // that the events name
};

inline constexpr int64_t shape_head(int dtype, int rank) { return dtype << 8 | rank; }

/// What one profiler saw.
struct Recording {
  uint64_t begin = 0, end = 0;
  uint64_t dropped = 0; // events that memory had no room for
  std::vector<ThreadEvents> threads;
};

/// Starts to keep events, of up to `most_bytes` bytes together with those of other profilers.
/// Returns the time.
uint64_t start_recording(size_t most_bytes, uint64_t& dropped);

/// Stops it and returns the events that began and ended in between, of every thread.
Recording stop_recording(uint64_t begin, uint64_t dropped, size_t most_bytes);

/// Prints a recording in the trace event format of Chrome and Perfetto, piece by piece.
void print_trace(const Recording& recording, FunctionRef<void(std::string_view)> to);

} // namespace weft::profile
