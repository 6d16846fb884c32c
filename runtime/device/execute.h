// Eager ops on a device.
#pragma once

#include "runtime/core/op_call.h"

#include <atomic>

namespace weft::device {

/// Set once a device is opened: before that no call needs to ask where its operands lie.
extern constinit std::atomic<bool> opened;
inline bool any_open() { return opened.load(std::memory_order_relaxed); }

/// Returns the device that a call runs on. Throws where operands lie on several; tensors of the CPU
/// without dims may join those of a device.
Device device_of(const OpCall& call);

/// Runs a call whose result lies on a device or that moves its operand: `result` has its memory,
/// and is operand 0 where the call is in place.
void compute(const OpCall& call, TensorImpl& result);

/// Memory of a storage on a device.
void allocate(Storage* storage, size_t nbytes, Device device, const Loc& loc);
void free(Storage* storage) noexcept;
/// Waits until nothing of the device uses memory that came from elsewhere.
void let_go(const Storage& storage) noexcept;

/// Says whether contents of a storage never came to be, since an op before them was refused.
bool is_lost(const Storage& storage);
/// Throws where contents of a storage never came to be, since an op before them was refused.
void check_contents(const Storage& storage, const char* what, const Loc& loc);

} // namespace weft::device
