// The cases of `weft-bench guard`: calls of the functions of the op table, with arguments that the
// fuzzer draws from the records, large enough to take time.
#pragma once

#include "test/fuzz/op_rows.h"

#include <optional>
#include <string>
#include <vector>

namespace weft::bench {

struct GuardCase {
  std::string name;        // "softmax#1": the row and the number of the draw
  std::string description; // "softmax(f32[64, 1000], -1)"
  const fuzz::OpRow* row = nullptr;
  fuzz::Round round;
  std::vector<Tensor> values;
  std::vector<fuzz::Argument> arguments;

  std::vector<Tensor> call() const { return row->call(fuzz::Call(values, arguments, round)); }
};

/// Draws a case of a row; the same number gives the same one. Nothing where no arguments are found
/// with which the function reads and writes enough elements.
std::optional<GuardCase> draw_case(const fuzz::OpRow& row, int number);

} // namespace weft::bench
