// The name of the function that the user called, for messages: what it is made of fails under that
// name, not under that of an op which nobody wrote down.
#pragma once

#include "weft/error.h"

#include <string>

namespace weft {

/// The scope of a function over ops: its line (LocScope) and, for messages, its name. Of the scopes
/// of a thread the outermost counts. Functions in place are called NAME_into and named NAME_.
class OpScope {
public:
  explicit OpScope(const Loc& loc, const char* op = __builtin_FUNCTION())
      : line_(loc), is_outer_(!current_) {
    if (is_outer_) current_ = op;
  }
  ~OpScope() {
    if (is_outer_) current_ = nullptr;
  }
  OpScope(const OpScope&) = delete;
  OpScope& operator=(const OpScope&) = delete;

  /// Returns what the outermost scope was given, null where there is none: to keep with a call that
  /// may fail later.
  static const char* current() { return current_; }
  /// Returns the name that a message begins with: the outermost scope's, else `op`.
  static std::string name_or(const char* op);
  /// Returns `op: message` with that name in the place of `op`.
  static std::string named(const std::string& message);

private:
  friend class OpOverride;
  LocScope line_;
  bool is_outer_;
  static constinit thread_local const char* current_;
};

/// Names another function for a while, or none: a call that was kept fails under its own name.
class OpOverride {
public:
  explicit OpOverride(const char* op) : previous_(OpScope::current_) { OpScope::current_ = op; }
  ~OpOverride() { OpScope::current_ = previous_; }
  OpOverride(const OpOverride&) = delete;
  OpOverride& operator=(const OpOverride&) = delete;

private:
  const char* previous_;
};

} // namespace weft
