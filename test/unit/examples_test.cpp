// The examples of the op reference give what it says.

#include "ir/tblgen/one_line.h"
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

} // namespace

TEST_CASE("the examples of the op reference give what it says") {
  for (const Example& e : kExamples) {
    INFO(e.op);
    CHECK(tblgen::one_line(e.run().str()) == e.gives);
  }
}
