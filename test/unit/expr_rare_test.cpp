// What of an expression is computed only where a rare choice is made.
#include "ir/expr/expr.h"
#include "ir/expr/rare.h"

#include <catch2/catch.hpp>

using namespace weft::expr;

namespace {

// The names, of those that the text defines, that only rare sides need.
std::string rare(std::string_view text) {
  Builder b(Domain::floating);
  b.input("x", Type::number);
  const int root = b.parse_body(text);
  std::vector<bool> found = rare_nodes(b.nodes(), std::span(&root, 1), [](const Node& n) {
    return n.is_primitive() && n.primitive() == Primitive::require;
  });
  std::string names;
  for (const auto& [name, node] : b.names())
    if (found[static_cast<size_t>(node)]) names += name;
  return names;
}

} // namespace

TEST_CASE("what only rare sides need is rare") {
  CHECK(rare("c = x > 1; a = x * x; b = x + 1; rarely(c, a, b)") == "a");
  CHECK(rare("a = sqrt(x); b = a * x; d = floor(b); rarely(x > 1, d, x)") == "abd");
  // Read elsewhere too: by the other side, by the condition, by the result.
  CHECK(rare("a = sqrt(x); b = a * x; rarely(x > 1, b, a)") == "b");
  CHECK(rare("a = sqrt(x); b = a * x; rarely(a > 1, b, x)") == "b");
  CHECK(rare("a = sqrt(x); b = a * x; rarely(x > 1, b, x) + a") == "b");
  CHECK(rare("a = sqrt(x); where(x > 1, a, x)") == "");
}

TEST_CASE("rare sides lie in rare sides, and beside each other") {
  CHECK(rare("a = sqrt(x); b = floor(x); d = rarely(x > 2, b, a); rarely(x > 1, d, x)") == "abd");
  CHECK(rare("a = sqrt(x); d = rarely(x > 2, a, x); rarely(x > 1, a, x) * d") == "a");
}

TEST_CASE("inputs, constants and what must be computed are not rare") {
  CHECK(rare("a = x; b = 1; rarely(x > 1, a, b)") == "");
  CHECK(rare("a = sqrt(x); b = require(a > 0, x); d = b * x; rarely(x > 1, d, x)") == "d");
}
