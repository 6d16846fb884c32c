// The user's error: thrown at the user's line, from anywhere below it.
#pragma once

#include "weft/error.h"

namespace weft {

/// Throws an Error that names the line of the outermost call that a user wrote (LocScope), or `loc`
/// where no scope is open. `message` reads "op: what must hold, got what".
[[noreturn]] void fail_at(ErrorKind kind, const std::string& message, const Loc& loc);

} // namespace weft
