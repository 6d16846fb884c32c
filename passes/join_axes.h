// Axes of a loom.part that are one.
#pragma once

#include "ir/loom/loom.h"

namespace weft {

/// Drops axes of one point, and joins an axis with the next one where every access runs over both
/// as over one. Expects a part without a schedule.
void joinAxes(loom::PartOp part);

/// Drops an axis of one point.
void dropPoint(loom::PartOp part, unsigned axis);

} // namespace weft
