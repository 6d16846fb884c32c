// The files of page/, which the build puts into the tool.
#pragma once

namespace weft::tools {

extern const char* const kPageStyle;
extern const char* const kPageScript;

} // namespace weft::tools
