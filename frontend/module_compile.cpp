// nn::Module::compile: the module's calls run as a region, at every call site and through any
// handle.

#include "frontend/region.h"

namespace weft::nn {

void Module::compile(Loc loc) { compile(CompileOptions{}, loc); }

void Module::compile(const CompileOptions& options, Loc loc) {
  auto region = weft::detail::make_region(options, loc);
  set_runner(
      [region](const std::function<void()>& body) { weft::detail::run_region(*region, body); });
}

} // namespace weft::nn
