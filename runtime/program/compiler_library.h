// libweft-compiler: found beside libweft, loaded at the first compile that no cache answers.
#pragma once

#include <string>

namespace weft {

/// Returns $WEFT_COMPILER_LIBRARY, or libweft-compiler.so in the folder that libweft lies in.
std::string compiler_library_path();

/// Returns what tells one build of the library from another, read from the file without loading it:
/// its build id, or else size and time of change; empty where there is no such file.
std::string compiler_library_identity(const std::string& path);

/// Compiles a serialised segment and returns the serialised program. Loads the library where this
/// is its first use and adds the time that takes to `loading_ms`. Throws weft::Error: unsupported
/// where the library is missing or another version, else whatever the compiler says.
std::string call_compiler(const std::string& path, const std::string& segment,
                          const std::string& options, double& loading_ms);

/// Calls f after the library is loaded, before its first compile. One f counts, the last.
void after_compiler_loads(void (*f)());

} // namespace weft
