#include "runtime/device/allocator.h"

#include "runtime/core/fail_at.h"
#include "runtime/device/context.h"

#include <algorithm>

namespace weft::device {

Allocator::Allocator(Device device, Backend& backend, std::mutex& mutex,
                     std::function<void()> settle)
    : device_(device), backend_(backend), mutex_(mutex), settle_(std::move(settle)),
      cap_(backend.info().memory) {}

Address Allocator::take(int c, size_t nbytes) {
  std::vector<Address>& bin = bins_[static_cast<size_t>(c)];
  if (!bin.empty()) {
    Address block = bin.back();
    bin.pop_back();
    return block;
  }
  size_t size = class_size(c);
  if (nbytes > size || size > cap_) return nullptr;
  if (held_ > cap_ - size) release_all();
  if (held_ > cap_ - size) return nullptr;
  Address block = backend_.allocate(size);
  if (!block) {
    release_all();
    block = backend_.allocate(size);
  }
  if (block) held_ += size;
  return block;
}

Address Allocator::allocate(size_t nbytes, const Loc& loc) {
  std::unique_lock lock(mutex_);
  int c = class_of(std::min(nbytes, size_t{1} << 62));
  Address block = take(c, nbytes);
  if (block) {
    live_ += class_size(c);
    peak_ = std::max(peak_, live_);
    return block;
  }
  size_t live = live_, cap = cap_;
  lock.unlock();
  fail_at(ErrorKind::out_of_memory,
          "allocate: " + text_of_bytes(nbytes) + " must fit in the memory of " + name_of(device_) +
              ", got " + text_of_bytes(live) + " live of a cap of " + text_of_bytes(cap) +
              "; free tensors or raise weft::memory::set_cap",
          loc);
}

void Allocator::free(Address block, size_t nbytes) noexcept {
  std::lock_guard lock(mutex_);
  int c = class_of(nbytes);
  live_ -= class_size(c);
  try {
    bins_[static_cast<size_t>(c)].push_back(block);
  } catch (...) { // too little memory to remember it
    held_ -= class_size(c);
    backend_.free(block);
  }
}

memory::Stats Allocator::stats() const {
  std::lock_guard lock(mutex_);
  return {live_, peak_, held_ - live_, cap_};
}

void Allocator::reset_peak() {
  std::lock_guard lock(mutex_);
  peak_ = live_;
}

void Allocator::release_all() {
  settle_();
  for (size_t c = 0; c < bins_.size(); c++) {
    for (Address block : bins_[c]) {
      backend_.free(block);
      held_ -= class_size(static_cast<int>(c));
    }
    bins_[c].clear();
  }
}

void Allocator::trim() {
  std::lock_guard lock(mutex_);
  release_all();
}

void Allocator::set_cap(size_t bytes) {
  std::lock_guard lock(mutex_);
  cap_ = bytes ? bytes : backend_.info().memory;
}

} // namespace weft::device
