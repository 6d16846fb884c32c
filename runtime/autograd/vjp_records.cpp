// The gradients that the op records state.
#include "runtime/autograd/vjp_reduction.h"

namespace weft {

#include "weft/gen/vjp.inc"

} // namespace weft
