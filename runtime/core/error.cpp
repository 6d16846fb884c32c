#include "weft/error.h"

#include "runtime/core/fail_at.h"
#include "runtime/core/op_info.h"
#include "runtime/core/op_scope.h"

#include <string_view>

namespace weft {

namespace {

std::string with_location(const std::string& message, const Loc& loc) {
  if (loc.line() == 0) return message;
  std::string_view file = loc.file_name();
  return message + " (at " + std::string(file) + ":" + std::to_string(loc.line()) + ")";
}

} // namespace

constinit thread_local const Loc* LocScope::outer_ = nullptr;
constinit thread_local const char* OpScope::current_ = nullptr;

std::string OpScope::name_or(const char* op) {
  std::string name = current_ ? current_ : op;
  if (current_ && name.ends_with("_into"))
    name.resize(name.size() - std::string_view("into").size());
  return name;
}

std::string OpScope::named(const std::string& message) {
  const size_t end = message.find(": ");
  if (!current_ || end == std::string::npos) return message;
  return name_or("") + message.substr(end);
}

Error::Error(ErrorKind kind, const std::string& message, const Loc& loc)
    : std::runtime_error(with_location(message, loc)), kind_(kind), loc_(loc) {}

void fail_at(ErrorKind kind, const std::string& message, const Loc& loc) {
  throw Error(kind, message, LocScope::resolve(loc));
}

void fail(const OpCall& call, ErrorKind kind, const std::string& message) {
  std::string name = info(call.op).name;
  if (call.in_place) name += "_";
  name = OpScope::name_or(name.c_str());
  throw Error(kind, name + ": " + message, call.location());
}

std::string describe(const Meta& meta) {
  return std::string(name_of(meta.dtype)) + meta.shape().str();
}

} // namespace weft
