// weft-inspect cache: what lies in the program cache, and its upkeep.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft::tools {

/// One line an entry, those used last first, and the sum. Throws weft::Error (io) where the folder
/// is not used.
std::string cache_list(bool as_json);
/// What the entries hold whose keys begin with `key`; weft::Error (value) where none does.
std::string cache_explain(const std::string& key);
/// Checks every entry; `is_good` says whether all passed. Those that did not go if `removes`.
std::string cache_verify(bool removes, bool& is_good);
/// Removes what was used longest ago until at most so many bytes are held.
std::string cache_trim(int64_t bytes);
/// Writes the entries whose keys begin with one of `keys`, or all, to a file.
std::string cache_export(const std::string& file, const std::vector<std::string>& keys);
std::string cache_import(const std::string& file);

} // namespace weft::tools
