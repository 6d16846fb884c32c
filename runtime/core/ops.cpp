// The public API of every op, printed from the records.

#include "weft/ops.h"

#include "runtime/core/unwritten.h"

namespace weft {

#include "weft/gen/api_defs.inc"

} // namespace weft
