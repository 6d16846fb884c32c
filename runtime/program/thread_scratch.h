// Memory of one thread for kernels and tiles while they run.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>

namespace weft {

/// Grows, is never zeroed.
class ThreadScratch {
public:
  ThreadScratch() = default;
  ~ThreadScratch() { std::free(memory_); }
  ThreadScratch(const ThreadScratch&) = delete;
  /// Returns 64-byte aligned memory; what it held is lost where it grows.
  void* at_least(int64_t bytes) {
    if (bytes <= size_) return memory_;
    std::free(memory_);
    size_ = 0;
    memory_ = std::aligned_alloc(64, static_cast<size_t>(bytes + 63) / 64 * 64);
    if (!memory_) throw std::bad_alloc();
    size_ = bytes;
    return memory_;
  }

private:
  void* memory_ = nullptr;
  int64_t size_ = 0;
};

} // namespace weft
