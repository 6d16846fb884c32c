// What weft-inspect prints of collected programs.
#pragma once

#include "runtime/program/collection.h"

#include <string>
#include <vector>

namespace weft::tools {

inline constexpr const char* kDefaultFolder = ".weft-inspect";

/// One line a kernel: number, symbol, where its program came from, ops, first source line; and,
/// with times, microseconds a run, all launches of the kernel together.
std::string list_text(const std::vector<Collected>& all, bool with_times);
std::string list_json(const std::vector<Collected>& all);

/// Returns a stage's text of the kernel "P.K", of every kernel of a symbol, or of program "P".
/// Throws weft::Error that names what there is instead.
std::string show(const std::vector<Collected>& all, const std::string& kernel,
                 const std::string& stage);

/// Returns the ops of all launches of a kernel, those in tiles too, in order: positions in the
/// segment.
std::vector<int32_t> ops_of(const Program& p, size_t kernel);

/// Returns a number with its noun: "1 op", "2 ops".
std::string counted(size_t n, const char* what);

/// Returns dtype and shape of a value; sizes that are arguments of the program are "?".
std::string describe(const Segment& s, int32_t value);

/// What the compiled functions say of their calls, then one paragraph a program.
std::string explain(const std::vector<Collected>& all, const std::vector<std::string>& calls);

} // namespace weft::tools
