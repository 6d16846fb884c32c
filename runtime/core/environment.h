// Settings that come from environment variables: docs/environment.md lists them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace weft {

/// The value of an environment variable; empty where there is none, or where the process has raised
/// privileges.
std::string variable(const char* name);

/// Says on the standard error, once a process for each name, that the value of a variable is
/// ignored and what it must be.
void ignore_variable(const char* name, const std::string& value, const char* must);

/// A variable that must be a whole number from 1 to `most`; none where it is unset or, which is
/// said, something else.
std::optional<int64_t> number_variable(const char* name, int64_t most);

} // namespace weft
