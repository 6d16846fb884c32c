// Runner: one case, or one program, eagerly or compiled.
#pragma once

#include "tools/common/call.h"

#include <map>

namespace weft::tools {

struct Runner {
  std::string root, out;
  bool is_compiled = false, is_pure = false;
  Device device = Device::cpu(); // on which inputs lie

  /// Writes out_K.npy for each output and grad_K.npy for each input whose gradient is asked for.
  void run_case(const Json& c) const;
  /// Runs the steps over named variables and writes every variable.
  void run_program(const Json& c) const;

private:
  std::vector<Tensor> load_inputs(const Json& c) const;
  std::vector<Tensor> load_seeds(const Json& c) const;
  Tensor load(const Json& t) const;
};

} // namespace weft::tools
