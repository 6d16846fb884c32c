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

struct File {
  std::string name;
  int64_t bytes;
  timespec used;
};

} // namespace

ProgramStore::ProgramStore(const std::string& path, int64_t limit)
    : folder_(open_cache_folder(path)), path_(path), limit_(limit) {}

std::optional<ProgramStore::Entry> ProgramStore::read(int fd, const Hash128& key,
                                                      std::string& why) const {
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
  if (!why.empty()) return std::nullopt;
  std::string content(static_cast<size_t>(s.st_size), '\0');
  if (!read_all(fd, content)) {
    why = "cannot be read";
    return std::nullopt;
  }
  Trailer t;
  size_t body = content.size() - sizeof t;
  std::memcpy(static_cast<void*>(&t), content.data() + body, sizeof t);
  bool whole = t.magic == kMagic && t.key == key && t.code_bytes <= body &&
               t.rest_bytes == body - t.code_bytes &&
               hash_bytes(content.data(), body + kHashed) == t.hash;
  if (!whole) {
    why = "is damaged";
    return std::nullopt;
  }
  Entry e;
  auto bytes = reinterpret_cast<const uint8_t*>(content.data());
  e.program = Program::deserialize({bytes + t.code_bytes, static_cast<size_t>(t.rest_bytes)});
  e.has_code = t.code_bytes != 0;
  e.bytes = content.size();
  e.code_bytes = t.code_bytes;
  if (timespec now;
      clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec - s.st_mtim.tv_sec > kTouchSeconds) {
    timespec times[2] = {now, now};
    futimens(fd, times);
  }
  return e;
}

std::string ProgramStore::Entry::read_code() const {
  std::string code(code_bytes, '\0');
  return read_all(file.get(), code) ? code : std::string();
}

std::optional<ProgramStore::Entry> ProgramStore::find(const Hash128& key, std::string& note) {
  if (!folder_.directory.ok()) return std::nullopt;
  std::string name = file_name(key), why;
  // O_NONBLOCK: opening a pipe that lies there under the entry's name must not wait for a writer.
  Descriptor file(openat(folder_.directory.get(), name.c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  std::optional<Entry> e;
  if (!file.ok()) {
    if (errno == ENOENT) return std::nullopt;
    why = errno == ELOOP ? "is a link" : std::string("cannot be opened: ") + std::strerror(errno);
  } else {
    try {
      e = read(file.get(), key, why);
    } catch (const Error& error) { // of bytes that hash well: written by a faulty program
      why = error.what();
    }
  }
  if (e) {
    e->file = std::move(file);
    return e;
  }
  unlinkat(folder_.directory.get(), name.c_str(), 0);
  note = "cache: " + path_ + "/" + name + " " + why + ", is compiled again";
  return std::nullopt;
}

bool ProgramStore::write(const std::string& name, const std::string& content, std::string& why) {
  static std::atomic<uint32_t> count{0};
  std::string temporary =
      kTemporary + std::to_string(getpid()) + "-" + std::to_string(count.fetch_add(1)) + "-" + name;
  int folder = folder_.directory.get();
  Descriptor file(openat(folder, temporary.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  bool ok = file.ok();
  for (size_t done = 0; ok && done < content.size();) {
    ssize_t n = ::write(file.get(), content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    ok = n > 0;
    if (ok) done += static_cast<size_t>(n);
  }
  ok = ok && fdatasync(file.get()) == 0 &&
       renameat(folder, temporary.c_str(), folder, name.c_str()) == 0;
  if (ok) return true;
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

void ProgramStore::evict() {
  Descriptor again(openat(folder_.directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* listing = again.ok() ? fdopendir(again.get()) : nullptr;
  if (!listing) return;
  again.release();
  std::vector<File> files;
  held_ = 0;
  while (const dirent* d = readdir(listing)) {
    std::string name = d->d_name;
    bool is_temporary = name.starts_with(kTemporary);
    struct stat s;
    if ((!is_temporary && !name.ends_with(kEnding)) ||
        fstatat(dirfd(listing), d->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    if (is_temporary) {
      if (time(nullptr) - s.st_mtim.tv_sec > kStaleSeconds) unlinkat(dirfd(listing), d->d_name, 0);
      continue;
    }
    files.push_back({name, s.st_size, s.st_mtim});
    held_ += s.st_size;
  }
  closedir(listing);
  if (held_ <= limit_) return;
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  // A tenth more than needed goes, so that the folder is not listed again at the next entry.
  for (const File& f : files) {
    if (held_ <= limit_ - limit_ / 10) break;
    if (unlinkat(folder_.directory.get(), f.name.c_str(), 0) == 0) held_ -= f.bytes;
  }
}

} // namespace weft
