// concatenate: each part is copied into its window of the result.

#include "runtime/core/execute.h"
#include "runtime/core/routine.h"

namespace weft {

bool routine_concatenate(const RoutineCall& call) {
  int64_t dim = call.structure[0], start = 0;
  const Meta& whole = *call.result.meta;
  for (const View& part : call.operands) {
    Meta window = whole;
    window.sizes[dim] = part.meta->sizes[dim];
    window.finish_strided();
    char* data = call.result.as<char>() +
                 start * whole.strides[dim] * static_cast<int64_t>(size_of(whole.dtype));
    if (window.numel()) copy_elements(part, {data, &window});
    start += part.meta->sizes[dim];
  }
  return true;
}

} // namespace weft
