#include "passes/remarks.h"

using namespace mlir;

namespace weft {

std::string lineOf(Location loc) {
  std::string text;
  loc->walk([&](Location l) {
    if (auto line = dyn_cast<FileLineColLoc>(l)) {
      text = (line.getFilename().strref() + ":" + Twine(line.getLine())).str();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return text;
}

std::string textOf(const Remark& remark) {
  constexpr const char* words[] = {" does not join ", " runs in the launch of ",
                                   " is computed again for ", " is left to "};
  std::string line = lineOf(remark.otherLoc);
  return remark.op + words[static_cast<int>(remark.kind)] + remark.other +
         (line.empty() ? "" : " of " + line) + ": " + remark.reason.text;
}

} // namespace weft
