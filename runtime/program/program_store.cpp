#include "runtime/program/program_store.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft {

namespace {

constexpr uint64_t kMagic = 0x3167725074666557; // "WeftPrg1"
constexpr int64_t kMostEntryBytes = int64_t{1} << 30;
constexpr time_t kStaleSeconds = 3600;   // a temporary file that old has lost its writer
constexpr time_t kTouchSeconds = 600;    // how exact the order of use is
constexpr const char* kEnding = ".weft"; // entries are 32 hexadecimal digits and this
constexpr const char* kTemporary = "new-";

/// The last bytes of an entry. `hash` covers everything before itself.
struct Trailer {
  uint64_t magic = kMagic;
  uint64_t code_bytes = 0, rest_bytes = 0;
  Hash128 key;
  Hash128 hash;
};
static_assert(sizeof(Trailer) == 56);
constexpr size_t kHashed = sizeof(Trailer) - sizeof(Hash128);

std::string file_name(const Hash128& key) { return key.hex() + kEnding; }

bool read_all(int fd, std::string& into) {
  for (size_t done = 0; done < into.size();) {
    ssize_t n = pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

// Reads a whole file that may be an entry; `why` says what is wrong with it.
std::string read_file(int fd, std::string& why) {
  struct stat s;
  why.clear();
  if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode))
    why = "is no plain file";
  else if (s.st_uid != geteuid())
    why = "belongs to uid " + std::to_string(s.st_uid);
  else if (s.st_mode & 077)
    why = "is open to other users";
  else if (s.st_size < static_cast<off_t>(sizeof(Trailer)) || s.st_size > kMostEntryBytes)
    why = "has an impossible size";
  if (!why.empty()) return {};
  std::string content(static_cast<size_t>(s.st_size), '\0');
  if (!read_all(fd, content)) why = "cannot be read";
  return content;
}

// Takes an entry's bytes apart; nothing where they are not whole. Throws Error (io) for bytes that
// hash well but were written by a faulty program.
std::optional<ProgramStore::Entry> parse(const std::string& content, Hash128& key) {
  if (content.size() < sizeof(Trailer)) return std::nullopt;
  Trailer t;
  size_t body = content.size() - sizeof t;
  std::memcpy(static_cast<void*>(&t), content.data() + body, sizeof t);
  bool whole = t.magic == kMagic && t.code_bytes <= body && t.rest_bytes == body - t.code_bytes &&
               hash_bytes(content.data(), body + kHashed) == t.hash;
  if (!whole) return std::nullopt;
  ProgramStore::Entry e;
  auto bytes = reinterpret_cast<const uint8_t*>(content.data());
  e.program = Program::deserialize({bytes + t.code_bytes, static_cast<size_t>(t.rest_bytes)});
  e.has_code = t.code_bytes != 0;
  e.bytes = content.size();
  e.code_bytes = t.code_bytes;
  key = t.key;
  return e;
}

// Parses what lies under a key.
std::optional<ProgramStore::Entry> parse_as(const Hash128& key, const std::string& content,
                                            std::string& why) {
  Hash128 own;
  std::optional<ProgramStore::Entry> e;
  try {
    e = parse(content, own);
  } catch (const Error& error) {
    why = error.what();
    return std::nullopt;
  }
  if (e && own == key) return e;
  why = "is damaged";
  return std::nullopt;
}

void mark_as_used(int fd) {
  struct stat s;
  timespec now;
  if (fstat(fd, &s) != 0 || clock_gettime(CLOCK_REALTIME, &now) != 0) return;
  if (now.tv_sec - s.st_mtim.tv_sec <= kTouchSeconds) return;
  timespec times[2] = {now, now};
  futimens(fd, times);
}

} // namespace

ProgramStore::ProgramStore(const std::string& path, int64_t limit)
    : folder_(open_cache_folder(path)), path_(path), limit_(limit) {}

std::string ProgramStore::Entry::read_code() const {
  std::string code(code_bytes, '\0');
  return read_all(file.get(), code) ? code : std::string();
}

Descriptor ProgramStore::open_entry(const Hash128& key, std::string& why) const {
  // O_NONBLOCK: opening a pipe that lies there under the entry's name must not wait for a writer.
  Descriptor file(openat(folder_.directory.get(), file_name(key).c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  why.clear();
  if (!file.ok() && errno != ENOENT)
    why = errno == ELOOP ? "is a link" : std::string("cannot be opened: ") + std::strerror(errno);
  return file;
}

std::optional<ProgramStore::Entry> ProgramStore::look_at(const Hash128& key,
                                                         std::string& why) const {
  if (!folder_.directory.ok()) return std::nullopt;
  Descriptor file = open_entry(key, why);
  if (!file.ok()) return std::nullopt;
  std::string content = read_file(file.get(), why);
  if (!why.empty()) return std::nullopt;
  std::optional<Entry> e = parse_as(key, content, why);
  if (e) e->file = std::move(file);
  return e;
}

std::optional<ProgramStore::Entry> ProgramStore::find(const Hash128& key, std::string& note) {
  std::string why;
  std::optional<Entry> e = look_at(key, why);
  if (e) mark_as_used(e->file.get());
  if (!why.empty()) {
    remove(key);
    note = "cache: " + path_ + "/" + file_name(key) + " " + why + ", is compiled again";
  }
  return e;
}

bool ProgramStore::remove(const Hash128& key) {
  return folder_.directory.ok() &&
         unlinkat(folder_.directory.get(), file_name(key).c_str(), 0) == 0;
}

std::string ProgramStore::bytes_of(const Hash128& key) const {
  std::string why = folder_.refusal, content;
  if (folder_.directory.ok()) {
    Descriptor file = open_entry(key, why);
    if (!file.ok() && why.empty()) why = "is not there";
    if (file.ok()) content = read_file(file.get(), why);
    if (why.empty() && parse_as(key, content, why)) return content;
  }
  throw Error(ErrorKind::io, "cache: " + path_ + "/" + file_name(key) + " " + why);
}

Program ProgramStore::check(const std::string& content) {
  Hash128 key;
  std::optional<Entry> e = parse(content, key);
  if (!e) throw Error(ErrorKind::io, "cache: an entry must be whole, got a damaged one");
  return std::move(e->program);
}

Hash128 ProgramStore::take(const std::string& content) {
  if (!folder_.directory.ok()) throw Error(ErrorKind::io, folder_.refusal);
  Hash128 key;
  if (!parse(content, key))
    throw Error(ErrorKind::io, "cache: an entry must be whole, got a damaged one");
  std::string why;
  std::lock_guard lock(mutex_);
  if (!write(file_name(key), content, why))
    throw Error(ErrorKind::io, "cache: " + path_ + " must take new entries, got: " + why);
  held_ = -1;
  return key;
}

bool ProgramStore::write(const std::string& name, const std::string& content, std::string& why) {
  static std::atomic<uint32_t> count{0};
  std::string temporary =
      kTemporary + std::to_string(getpid()) + "-" + std::to_string(count.fetch_add(1)) + "-" + name;
  int folder = folder_.directory.get();
  Descriptor file(openat(folder, temporary.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.ok() && write_all(file.get(), content) && fdatasync(file.get()) == 0 &&
      renameat(folder, temporary.c_str(), folder, name.c_str()) == 0)
    return true;
  why = std::strerror(errno);
  if (file.ok()) unlinkat(folder, temporary.c_str(), 0);
  return false;
}

void ProgramStore::put(const Hash128& key, const Program& program, std::string& note) {
  if (!folder_.directory.ok()) return;
  Program rest = program;
  std::string content = std::move(rest.code);
  rest.code.clear();
  rest.locations.clear(); // of the segment that is compiled now: the next one has its own
  rest.steps.clear();
  Trailer t;
  t.code_bytes = content.size();
  content += rest.serialize();
  t.rest_bytes = content.size() - t.code_bytes;
  t.key = key;
  content.append(reinterpret_cast<const char*>(&t), kHashed);
  t.hash = hash_bytes(content);
  content.append(reinterpret_cast<const char*>(&t.hash), sizeof t.hash);
  std::string why;
  std::lock_guard lock(mutex_);
  if (!write(file_name(key), content, why)) {
    note = "cache: " + path_ + " must take new entries, got: " + why +
           "; this program is kept in memory only";
    return;
  }
  if (held_ >= 0) held_ += static_cast<int64_t>(content.size());
  if (held_ < 0 || held_ > limit_) evict();
}

std::vector<ProgramStore::File> ProgramStore::files() const {
  std::vector<File> files;
  if (!folder_.directory.ok()) return files;
  Descriptor again(openat(folder_.directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* listing = again.ok() ? fdopendir(again.get()) : nullptr;
  if (!listing) return files;
  again.release();
  while (const dirent* d = readdir(listing)) {
    std::string name = d->d_name;
    bool is_temporary = name.starts_with(kTemporary);
    struct stat s;
    if ((!is_temporary && !name.ends_with(kEnding)) ||
        fstatat(dirfd(listing), d->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    if (!is_temporary)
      files.push_back({name, s.st_size, s.st_mtim});
    else if (time(nullptr) - s.st_mtim.tv_sec > kStaleSeconds)
      unlinkat(dirfd(listing), d->d_name, 0);
  }
  closedir(listing);
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  return files;
}

std::vector<ProgramStore::Listed> ProgramStore::list() const {
  std::vector<Listed> all;
  for (const File& f : files())
    if (auto key = Hash128::from_hex(f.name.substr(0, f.name.size() - std::strlen(kEnding))))
      all.push_back({*key, f.bytes, f.used});
  return all;
}

size_t ProgramStore::trim(int64_t limit) {
  std::vector<File> all = files();
  held_ = 0;
  for (const File& f : all)
    held_ += f.bytes;
  size_t removed = 0;
  for (const File& f : all) {
    if (held_ <= limit) break;
    if (unlinkat(folder_.directory.get(), f.name.c_str(), 0) != 0) continue;
    held_ -= f.bytes;
    removed++;
  }
  return removed;
}

void ProgramStore::evict() {
  held_ = 0;
  for (const File& f : files())
    held_ += f.bytes;
  // A tenth more than needed goes, so that the folder is not listed again at the next entry.
  if (held_ > limit_) trim(limit_ - limit_ / 10);
}

} // namespace weft
