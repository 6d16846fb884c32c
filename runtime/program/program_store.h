// The program cache on disk: one file an entry, which begins with the shared object that the
// dynamic linker maps and ends with the rest of the program and a hash of both.
#pragma once

#include "runtime/program/cache_folder.h"
#include "runtime/program/hash.h"
#include "runtime/program/program.h"

#include <ctime>
#include <mutex>
#include <optional>
#include <vector>

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

  /// What lies in the folder under one key.
  struct Listed {
    Hash128 key;
    int64_t bytes;
    timespec used;
  };
  /// Returns all entries, those that were used longest ago first.
  std::vector<Listed> list() const;
  /// Reads an entry with all checks of find(), but leaves it as it is. Nothing where there is none
  /// or one that `why` says the fault of.
  std::optional<Entry> look_at(const Hash128& key, std::string& why) const;
  bool remove(const Hash128& key);
  /// Removes what was used longest ago until at most `limit` bytes are held. Returns how many went.
  size_t trim(int64_t limit);

  /// Returns an entry as one piece of bytes, for take() elsewhere. Throws Error (io) where
  /// look_at() gives nothing.
  std::string bytes_of(const Hash128& key) const;
  /// Returns the program in what bytes_of() gave. Throws Error (io) where it is not whole.
  static Program check(const std::string& content);
  /// Stores what bytes_of() gave, after the same checks. Throws Error (io).
  Hash128 take(const std::string& content);

private:
  Descriptor open_entry(const Hash128& key, std::string& why) const;
  bool write(const std::string& name, const std::string& content, std::string& why);
  void evict();

  struct File {
    std::string name;
    int64_t bytes;
    timespec used;
  };
  std::vector<File> files() const; // entries by use; stale temporary files go

  CacheFolder folder_;
  std::string path_;
  int64_t limit_, held_ = -1; // bytes held; -1: not counted yet
  std::mutex mutex_;
};

} // namespace weft
