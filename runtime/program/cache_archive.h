// Entries of the program cache in one file, to be compiled on one machine and used on others.
#pragma once

#include "runtime/program/program_store.h"

#include <string>
#include <vector>

namespace weft {

/// Writes entries, one after another, to a file. Throws Error (io).
void export_cache(const ProgramStore& store, const std::vector<Hash128>& keys,
                  const std::string& path);

struct ImportReport {
  size_t taken = 0;
  size_t foreign =
      0; // for another processor or device than this machine's: kept, but never run here
};
/// Stores the entries of a file that export_cache() wrote. All are checked before the first is
/// stored; code in them will be run, so the file must come from where the user trusts. Throws Error
/// (io).
ImportReport import_cache(ProgramStore& store, const std::string& path);

} // namespace weft
