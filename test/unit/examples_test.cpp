// The examples of the op reference give what it says.

#include "weft/weft.h"

#include <catch2/catch.hpp>

using namespace weft;

namespace {

struct Example {
  const char* op;
  Tensor (*run)();
  const char* gives;
};

const Example kExamples[] = {
#include "weft/gen/examples.inc"
};

// The text on one line, as the reference has it.
std::string one_line(const std::string& text) {
  std::string r;
  for (char c : text) {
    bool space = c == ' ' || c == '\n';
    if (!space)
      r += c;
    else if (!r.empty() && r.back() != ' ')
      r += ' ';
  }
  return r;
}

} // namespace

TEST_CASE("the examples of the op reference give what it says") {
  for (const Example& e : kExamples) {
    INFO(e.op);
    CHECK(one_line(e.run().str()) == e.gives);
  }
}
