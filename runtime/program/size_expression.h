// Values of a program's size expressions.
#pragma once

#include "runtime/program/program.h"

namespace weft {

/// Writes every expression's value to values[0 .. exprs.size()). Throws weft::Error (io) where one
/// overflows or divides by less than one.
void evaluate_expressions(std::span<const ProgramExpr> exprs, std::span<const int64_t> symbols,
                          int64_t* values);

/// Throws weft::Error (io) where a count, size or offset of the program is negative or beyond its
/// arena.
void check_geometry(const Program& p, const int64_t* values);

} // namespace weft
