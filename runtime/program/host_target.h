// What this machine's processor is, so that a program built for another is never run.
#pragma once

#include <string>

namespace weft {

/// Returns a text that is equal on two machines only where code for one runs on the other: the
/// processor's identification and the features that the system enables. Computed once.
const std::string& host_target();

} // namespace weft
