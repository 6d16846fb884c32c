// The one exception type of the library, and the source location that every op carries.
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace weft {

/// A place in the user's source. Functions take it as a last argument that is the caller's line
/// unless given.
using Loc = std::source_location;

/// What went wrong, for programs that tell errors apart.
enum class ErrorKind {
  shape,         // shapes or ranks that do not fit
  dtype,         // an element type that the op does not take
  index,         // a dim, index or slice out of range
  value,         // any other argument
  autograd,      // misuse of the tape
  out_of_memory, // the allocator's cap or the machine's memory
  unsupported,   // right in principle, not available in this build or on this device
  io,            // files, caches
  internal,      // a bug of the library
};

/// What every failed call throws. what() reads "op: what must hold, got what (at file:line)".
class Error : public std::runtime_error {
public:
  /// Makes an error that knows no line.
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  /// Makes an error of a line, which the message then ends with.
  Error(ErrorKind kind, const std::string& message, const Loc& loc);
  /// Returns what went wrong.
  ErrorKind kind() const { return kind_; }
  /// Returns the user's own line; line() is 0 where none is known.
  const Loc& location() const { return loc_; }

private:
  ErrorKind kind_;
  Loc loc_{};
};

/// Makes every op below report this line instead of its own: set by library code that calls ops on
/// a user's behalf. Only the outermost scope of a thread counts.
class LocScope {
public:
  explicit LocScope(const Loc& loc) : set_(!outer_) {
    if (set_) outer_ = &loc;
  }
  ~LocScope() {
    if (set_) outer_ = nullptr;
  }
  LocScope(const LocScope&) = delete;
  LocScope& operator=(const LocScope&) = delete;
  /// Returns the outermost scope's location, or `loc` where there is none.
  static const Loc& resolve(const Loc& loc) { return outer_ ? *outer_ : loc; }

private:
  friend class LocOverride;
  bool set_;
  static constinit thread_local const Loc* outer_;
};

/// Names another line for a while, inside or outside of a LocScope: the tape runs each gradient
/// under the line of the op that it belongs to.
class LocOverride {
public:
  explicit LocOverride(const Loc& loc) : previous_(LocScope::outer_) { LocScope::outer_ = &loc; }
  ~LocOverride() { LocScope::outer_ = previous_; }
  LocOverride(const LocOverride&) = delete;
  LocOverride& operator=(const LocOverride&) = delete;

private:
  const Loc* previous_;
};

} // namespace weft
