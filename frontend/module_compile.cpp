// nn::Module::compile: the module's calls run as a region, at every call site and through any
// handle.

#include "frontend/region.h"

namespace weft::nn {

void Module::compile(Loc loc) { compile(CompileOptions{}, loc); }

void Module::compile(const CompileOptions& options, Loc loc) {
  if (options.pure)
    throw Error(ErrorKind::unsupported,
                "compile: a pure module must be compiled by weft::compile(module), which sees the "
                "arguments of its calls",
                loc);
  auto region = weft::detail::make_region(options, loc);
  set_runner(
      [region](const std::function<void()>& body) { weft::detail::run_region(*region, body); });
}

} // namespace weft::nn
