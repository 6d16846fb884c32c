// The folder of the program cache: found, made and checked, since what lies in it is run.
#pragma once

#include "runtime/core/descriptor.h"

#include <cstdint>
#include <string>

namespace weft {

/// Returns $WEFT_CACHE_DIR, else $XDG_CACHE_HOME/weft, else ~/.cache/weft; empty where none of them
/// names an absolute path.
std::string cache_path();
/// Says whether WEFT_CACHE=off is set.
bool cache_is_off();
/// Returns WEFT_CACHE_MIB in bytes, 1 GiB where it is not set.
int64_t cache_limit();

/// An open folder that nobody but this user (and root) can change, or the reason why there is none.
struct CacheFolder {
  Descriptor directory;
  std::string refusal; // one line, empty where the folder is open
};

/// Opens the folder step by step from the root, makes what is missing of it (mode 0700), and checks
/// each folder and link on the way as ssh does: owned by this user or root, and written by nobody
/// else unless sticky. The folder itself must be this user's and closed to all others.
CacheFolder open_cache_folder(const std::string& path);

} // namespace weft
