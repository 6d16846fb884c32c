// How two calls of a function that is said to be pure differ.
#pragma once

#include "frontend/pure.h"

#include <optional>
#include <string>

namespace weft {

struct Broken {
  std::string was = {}, is = {};
  const ColdNode *was_at = nullptr, *is_at = nullptr; // null: the return
};

/// Compares what the segments of two calls consist of.
std::optional<Broken> other_path(const Flush& was, const Flush& is);
/// Compares the numbers and sizes of two calls of one path.
std::optional<Broken> other_number(const PureProgram& was, const PureProgram& is);
/// Compares which tensors they read.
std::optional<Broken> other_leaf(const PureProgram& was, const PureProgram& is);
/// Compares what they return.
std::optional<Broken> other_results(const PureProgram& was, const PureProgram& is);

/// The op of a segment that makes a value, or the first that reads a leaf.
const ColdNode& op_at(const Flush& flush, int32_t slot);

} // namespace weft
