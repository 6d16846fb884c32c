// What the caching allocator holds, and how to limit it.
#pragma once

#include "weft/dtype.h"

namespace weft::memory {

/// Bytes of tensor memory. Sizes are those handed out, rounded up to the allocator's size classes.
struct Stats {
  size_t live = 0;   // in use by tensors
  size_t peak = 0;   // most that was ever live since the start or reset_peak()
  size_t cached = 0; // freed, kept for reuse
  size_t cap = 0;    // live + cached never exceed it
  size_t packed = 0; // of live: weights that did not change, packed for the kernels that read them
};

/// Returns what the allocator of a device holds now.
Stats stats(Device device = Device::cpu());
/// Makes the peak start again from what is live now.
void reset_peak(Device device = Device::cpu());
/// Gives cached memory back to the system, and that of packed weights. Small blocks cached by other
/// threads stay with them.
void trim(Device device = Device::cpu());
/// Limits live + cached bytes; 0 restores the default, the machine's physical memory or the
/// device's. An allocation beyond it first trims, then throws an Error of kind out_of_memory.
void set_cap(size_t bytes, Device device = Device::cpu());

} // namespace weft::memory
