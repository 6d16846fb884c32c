// From what the user wrote, a text or the terms of a lambda, to a Formula; errors under an op's
// name.
#pragma once

#include "runtime/custom/formula.h"
#include "weft/custom.h"

namespace weft::custom {

/// Parses an expression over `inputs`. Throws the user's error where it has a mistake; `part` says
/// which expression of the op it is, such as "combine".
Formula parse(const Expression& e, std::span<const Input> inputs, const std::string& op,
              const char* part, const Loc& loc);

/// Throws an error of an op under its name.
[[noreturn]] void refuse(const std::string& op, ErrorKind kind, const std::string& what,
                         const Loc& loc);

/// Throws unless names of inputs are names of the language, and differ.
void check_names(const std::vector<Input>& inputs, const std::string& op, const Loc& loc);

/// Throws `e` with an op's name in front where it is of the line `loc`; as it is where it is not:
/// an earlier op may fail only now.
[[noreturn]] void rethrow_under_name(const Error& e, const std::string& op, const Loc& loc);

/// Runs f for an op that the user calls at `loc`: what it throws has the op's name in front.
template <class F> auto under_name(const std::string& op, const Loc& loc, F&& f) {
  try {
    return f();
  } catch (const Error& e) {
    rethrow_under_name(e, op, LocScope::resolve(loc));
  }
}

} // namespace weft::custom
