// Copies between devices, and between views.
#pragma once

#include "runtime/core/tensor_impl.h"

namespace weft::device {

/// Copies the elements of a tensor into another of its shape and dtype; at least one of them lies
/// on a device. Waits where the CPU receives them, and throws what an op has refused.
void copy_between(TensorImpl& from, TensorImpl& to, const Loc& loc);

/// Returns an uninitialised row-major tensor of another's shape and dtype.
Tensor empty_like(const TensorImpl& t, Device device, const Loc& loc);

/// Returns a copy of a tensor of the CPU on a device.
Tensor bring(TensorImpl* t, Device device, const Loc& loc = Loc());

/// Returns a tensor's elements in memory of the CPU, row-major; the tensor itself where they are.
Tensor on_cpu(TensorImpl* t, const Loc& loc);

/// Returns the host's copy of a storage, made anew; it lives as long as the storage.
char* host_copy(const Storage& storage, const Loc& loc);
void forget_host_copy(const Storage& storage) noexcept;

} // namespace weft::device
