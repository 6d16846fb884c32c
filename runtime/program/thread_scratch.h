// Memory of one thread for kernels and tiles while they run.
#pragma once

#include "runtime/core/size_classes.h"
#include "weft/error.h"

#include <cstdint>
#include <cstdlib>

namespace weft {

/// Rounds bytes up to whole lines of a cache, at which memory of a thread is aligned.
constexpr int64_t whole_lines(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// Grows, is never zeroed.
class ThreadScratch {
public:
  ThreadScratch() = default;
  ~ThreadScratch() { std::free(memory_); }
  ThreadScratch(const ThreadScratch&) = delete;
  /// Returns 64-byte aligned memory; what it held is lost where it grows. Throws Error
  /// (out_of_memory).
  void* at_least(int64_t bytes) {
    if (bytes <= size_) return memory_;
    std::free(memory_);
    size_ = 0;
    memory_ = std::aligned_alloc(64, static_cast<size_t>(whole_lines(bytes)));
    if (!memory_)
      throw Error(ErrorKind::out_of_memory,
                  "allocate: " + text_of_bytes(static_cast<size_t>(bytes)) +
                      " for a kernel's working memory must fit in memory");
    size_ = bytes;
    return memory_;
  }

private:
  void* memory_ = nullptr;
  int64_t size_ = 0;
};

} // namespace weft
