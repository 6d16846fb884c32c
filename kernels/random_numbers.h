// Numbers of the random stream for many elements at a time.
#pragma once

#include <cstdint>

namespace weft::kernels {

/// Writes the numbers in [0, 1) of elements first .. first + n of the op that took number `counter`
/// from the generator seeded with `seed`: those of kernels/philox.h.
void unit_numbers(uint64_t seed, uint64_t counter, uint64_t first, int64_t n, float* out);
void unit_numbers(uint64_t seed, uint64_t counter, uint64_t first, int64_t n, double* out);

} // namespace weft::kernels
