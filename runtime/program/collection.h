// Collected programs: what weft-inspect reads of a process that ran with WEFT_COLLECT=FOLDER.
#pragma once

#include "runtime/program/compile_service.h"

#include <optional>

namespace weft {

struct Collected {
  Segment segment;
  Program program; // without code
  CompileReport report;
  std::string process;        // its command and process number
  uint64_t number = 0;        // in the order in which the process asked
  LoadedProgram::Times times; // until the process ended
};

/// Returns the folder that WEFT_COLLECT names, or an empty text.
std::string collection_folder();

/// Writes one file into the folder, and another one with the program's times when the process ends;
/// `program` is null where there is none. A failure is said once on stderr and changes nothing
/// else.
void collect(const std::string& folder, const Segment& segment,
             const std::shared_ptr<LoadedProgram>& program, const CompileReport& report);

/// Writes what a compiled function says of its calls, when it ends.
void collect_calls(const std::string& folder, const std::string& text);

/// Reads all files of a folder, in the order in which they were written. Throws weft::Error (io).
std::vector<Collected> read_collection(const std::string& folder);

/// Returns what the compiled functions of the folder's processes said of their calls.
std::vector<std::string> read_calls(const std::string& folder);

} // namespace weft
