// How many threads the kernels use.
#pragma once

namespace weft {

/// Sets the number of threads that kernels use, the caller's included. 0 restores the default:
/// WEFT_NUM_THREADS where set, else one per core. Kernels give the same bits for any number.
void set_num_threads(int n);
/// Returns the number of threads that kernels use.
int num_threads();

} // namespace weft
