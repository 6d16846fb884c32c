#include "tools/weft-inspect/cross_compile.h"

#include "runtime/program/compiler_library.h"

namespace weft::tools {

void compile_for(std::vector<Collected>& all, const std::string& cpu) {
  if (cpu.find_first_of("=\n") != std::string::npos)
    throw Error(ErrorKind::value, "weft-inspect: --cpu must be the name of a processor");
  const std::string options = "target=" + cpu + "\nkeep_stages=1\ncpu=" + cpu + "\n";
  for (Collected& c : all) {
    if (!c.report.failure.empty()) continue;
    double loading_ms = 0;
    std::string bytes =
        call_compiler(compiler_library_path(), c.segment.serialize(true), options, loading_ms);
    c.program =
        Program::deserialize({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  }
}

} // namespace weft::tools
