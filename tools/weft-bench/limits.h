// What the machine can do at most, measured in the same run and over the same footprint as a
// workload.
#pragma once

#include "weft/dtype.h"

#include <cstddef>
#include <functional>
#include <memory>

namespace weft::bench {

struct Workload;

/// A limit that is sampled between the samples of a workload. Calls return seconds.
using Limit = std::function<double()>;

/// Copies bytes / 2 bytes from one buffer to another on all threads, with whichever of plain and
/// streaming stores is faster here.
Limit copy_limit(size_t bytes);
/// Copies bytes / 2 bytes on a device from one buffer to another, as its driver does.
Limit device_copy_limit(Device device, size_t bytes);
/// Reads `bytes` bytes on all threads.
Limit read_limit(size_t bytes);
/// Does `flops` f32 operations as fused multiply-adds in registers on all threads.
Limit flop_limit(double flops);

/// Returns the limit that a workload names, on the device where it runs: of others than the CPU
/// only their copies are known. Null where there is none.
Limit limit_of(const Workload& w, Device device);

/// A plain product [m, k] x [k, n] in f32 by OpenBLAS with its own threads. Null where OpenBLAS is
/// not installed.
Limit sgemm_limit(int m, int n, int k);

} // namespace weft::bench
