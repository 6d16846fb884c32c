// A composite's function at work, as plain data: what it is called with, and the ops that it
// called. So the compiler expands composites without holding tensors.
#pragma once

#include "runtime/program/segment.h"

#include <functional>
#include <utility>
#include <variant>

namespace weft {

struct CompositeCall {
  /// A tensor's metadata, an integer, a number, sizes or dims, or a word ("mean").
  using Argument = std::variant<Meta, int64_t, double, std::vector<int64_t>, std::string>;
  std::string name;
  /// By the parameter's name; those that are absent have their default.
  std::vector<std::pair<std::string, Argument>> arguments;
};

struct CompositeTrace {
  Segment segment;             // leaves: the tensors of the call in order; outputs: the result
  std::vector<Scalar> numbers; // the values of the segment's scalars
};

using TraceComposite = std::function<CompositeTrace(const CompositeCall&)>;

} // namespace weft
