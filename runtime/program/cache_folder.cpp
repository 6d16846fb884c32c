#include "runtime/program/cache_folder.h"

#include "runtime/core/environment.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft {

namespace {

constexpr int kMostLinks = 40; // as the kernel

std::string home() {
  if (std::string h = variable("HOME"); !h.empty()) return h;
  passwd entry, *found = nullptr;
  char text[4096];
  if (getpwuid_r(getuid(), &entry, text, sizeof text, &found) == 0 && found && found->pw_dir)
    return found->pw_dir;
  return {};
}

bool is_absolute(const std::string& path) { return !path.empty() && path[0] == '/'; }

/// Walks a path by descriptors, so that what was checked is what is used.
class Walk {
public:
  explicit Walk(const std::string& path) : whole_(path), left_(split(path)) {}

  CacheFolder run() {
    CacheFolder r;
    at_ = Descriptor(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    while (refusal_.empty() && !left_.empty())
      step();
    if (refusal_.empty()) r.directory = finish();
    if (!refusal_.empty()) r.refusal = "cache: " + refusal_ + "; programs are kept in memory only";
    return r;
  }

private:
  static std::deque<std::string> split(const std::string& path) {
    std::deque<std::string> parts;
    size_t begin = 0;
    while (begin < path.size()) {
      size_t end = std::min(path.find('/', begin), path.size());
      std::string part = path.substr(begin, end - begin);
      if (!part.empty() && part != ".") parts.push_back(part);
      begin = end + 1;
    }
    return parts;
  }

  void refuse(const std::string& must) { refusal_ = must; }
  void refuse_errno(const std::string& doing) {
    refuse(whole_ + " must be usable, " + doing + " " + seen_ + " gave: " + std::strerror(errno));
  }

  void step() {
    std::string name = left_.front();
    left_.pop_front();
    seen_ += "/" + name;
    int fd = openat(at_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
      if (mkdirat(at_.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
        return refuse_errno("making");
      fd = openat(at_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    }
    Descriptor next(fd);
    struct stat s;
    if (!next.ok() || fstat(next.get(), &s) != 0) return refuse_errno("opening");
    if (s.st_uid != 0 && s.st_uid != geteuid())
      return refuse(seen_ + " must belong to this user or root, belongs to uid " +
                    std::to_string(s.st_uid));
    if (S_ISLNK(s.st_mode)) return follow(next);
    if (!S_ISDIR(s.st_mode)) return refuse(seen_ + " must be a folder, is not");
    if ((s.st_mode & (S_IWGRP | S_IWOTH)) && !(s.st_mode & S_ISVTX))
      return refuse(seen_ + " must be writable by its owner alone, has mode " + mode(s.st_mode) +
                    " (chmod go-w)");
    at_ = std::move(next);
  }

  void follow(const Descriptor& link) {
    char target[PATH_MAX];
    ssize_t n = readlinkat(link.get(), "", target, sizeof target);
    if (n < 0) return refuse_errno("reading the link");
    if (static_cast<size_t>(n) == sizeof target || ++links_ > kMostLinks)
      return refuse(seen_ + " must not lead through so many links");
    std::string text(target, static_cast<size_t>(n));
    std::deque<std::string> parts = split(text);
    left_.insert(left_.begin(), parts.begin(), parts.end());
    if (is_absolute(text)) {
      at_ = Descriptor(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
      seen_.clear();
    } else {
      seen_.resize(seen_.rfind('/'));
    }
  }

  Descriptor finish() {
    struct stat s;
    Descriptor folder(openat(at_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.ok() || fstat(folder.get(), &s) != 0)
      refuse_errno("opening");
    else if (s.st_uid != geteuid())
      refuse(seen_ + " must belong to this user, belongs to uid " + std::to_string(s.st_uid));
    else if (s.st_mode & 077)
      refuse(seen_ + " must be closed to other users, has mode " + mode(s.st_mode) +
             " (chmod 700)");
    else if (faccessat(folder.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
      refuse_errno("writing to");
    return folder;
  }

  static std::string mode(mode_t m) {
    std::string text;
    for (int shift = 9; shift >= 0; shift -= 3)
      text += static_cast<char>('0' + (m >> shift & 7));
    return text;
  }

  std::string whole_, seen_, refusal_;
  std::deque<std::string> left_;
  Descriptor at_;
  int links_ = 0;
};

} // namespace

bool cache_is_off() {
  const std::string value = variable("WEFT_CACHE");
  if (!value.empty() && value != "off" && value != "on")
    ignore_variable("WEFT_CACHE", value, "'on' or 'off'");
  return value == "off";
}

std::string cache_path() {
  if (std::string own = variable("WEFT_CACHE_DIR"); !own.empty()) {
    if (is_absolute(own)) return own;
    char folder[PATH_MAX];
    return getcwd(folder, sizeof folder) ? std::string(folder) + "/" + own : "";
  }
  if (std::string xdg = variable("XDG_CACHE_HOME"); is_absolute(xdg)) return xdg + "/weft";
  std::string h = home();
  return is_absolute(h) ? h + "/.cache/weft" : "";
}

int64_t cache_limit() {
  constexpr int64_t kDefault = 1024, kMost = int64_t{1} << 40;
  return number_variable("WEFT_CACHE_MIB", kMost).value_or(kDefault) << 20;
}

CacheFolder open_cache_folder(const std::string& path) {
  if (!path.empty()) return Walk(path).run();
  CacheFolder r;
  r.refusal = "cache: WEFT_CACHE_DIR, XDG_CACHE_HOME or HOME must name a folder; programs are kept "
              "in memory only";
  return r;
}

} // namespace weft
