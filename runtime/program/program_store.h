// The program cache on disk: one file an entry, which begins with the shared object that the
// dynamic linker maps and ends with the rest of the program and a hash of both.
#pragma once

#include "runtime/program/cache_folder.h"
#include "runtime/program/hash.h"
#include "runtime/program/program.h"

#include <mutex>
#include <optional>

namespace weft {

class ProgramStore {
public:
  /// What an entry holds: the program without its code, and the file that begins with the code.
  struct Entry {
    Program program;
    Descriptor file;
    bool has_code = false;
    size_t bytes = 0, code_bytes = 0;
    /// Reads the code again, empty where that fails.
    std::string read_code() const;
  };

  /// Opens the folder; where its checks fail, nothing is ever found or stored.
  ProgramStore(const std::string& path, int64_t limit);

  /// Why the folder is not used: one line, empty where it is.
  const std::string& refusal() const { return folder_.refusal; }

  /// Returns the entry of a key whose file passes all checks. A damaged one is removed and `note`
  /// says so.
  std::optional<Entry> find(const Hash128& key, std::string& note);

  /// Stores a program under a temporary name, syncs it and renames it, then removes the entries
  /// that were used longest ago until all fit the limit. Where that fails `note` says why.
  void put(const Hash128& key, const Program& program, std::string& note);

private:
  std::optional<Entry> read(int fd, const Hash128& key, std::string& why) const;
  bool write(const std::string& name, const std::string& content, std::string& why);
  void evict();

  CacheFolder folder_;
  std::string path_;
  int64_t limit_, held_ = -1; // bytes held; -1: not counted yet
  std::mutex mutex_;
};

} // namespace weft
