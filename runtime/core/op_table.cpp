// The table of all ops, printed from their records.

#include "runtime/autograd/vjp_context.h"
#include "runtime/core/rules.h"

namespace weft {

#include "weft/gen/op_table.inc"

} // namespace weft
