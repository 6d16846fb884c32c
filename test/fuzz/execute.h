// Running a program: statements over a table of values.
#pragma once

#include "test/fuzz/program.h"
#include "test/fuzz/watch.h"

namespace fuzz {

/// One run of a program's body.
struct Run {
  std::vector<Tensor> values; // by number
  std::vector<uint8_t> ran;   // a statement each: decided by the eager run
  std::string error;          // that ended it

  /// Makes the inputs on a device, each changed by `change` where there is one.
  using Change = std::function<Tensor(const Tensor&)>;
  Run(const Program& program, const Round& round, const Change& change = {},
      Device device = Device::cpu());
  /// Starts from given inputs, and leaves the random numbers as they are.
  Run(const std::vector<Tensor>& inputs, const Program& program)
      : values(inputs), ran(program.statements.size()) {
    values.resize(program.value_count());
  }
  /// Runs a statement and decides whether it runs at all: it does not where its values are missing,
  /// where it throws, or where a read left it out.
  void decide(const Program& program, const Round& round, size_t k);
  /// Runs statements from .. to as another run has decided.
  void follow(const Program& program, const Round& round, size_t from, size_t to,
              const std::vector<uint8_t>& decided);

private:
  bool requires_grad(int value) const;
  void execute(const Program& program, const Round& round, size_t k);
  int covered_ = 0; // statements to be left out after a read
};

Shape shape_of(const Input& input, const Round& round);

/// Tensors beyond this are not made.
inline constexpr int64_t kMostElements = 6000;

} // namespace fuzz
