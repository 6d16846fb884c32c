// The functions of an expression that a lambda calls; each makes a node.
#include "weft/custom.h"

namespace weft::custom {

#include "weft/gen/custom_value_defs.inc"

} // namespace weft::custom
