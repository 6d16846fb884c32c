// The expression language: what parses to what, and what a mistake says.
#include "ir/expr/expr.h"

#include <catch2/catch.hpp>

using namespace weft::expr;

namespace {

// The message and caret that a text in an op of that domain gives, over numbers x, z and a mask m.
std::string complaint(std::string_view text, Domain domain = Domain::floating) {
  Builder b(domain);
  b.input("x", Type::number);
  b.input("z", Type::number);
  b.input("m", Type::boolean);
  try {
    b.parse_body(text);
  } catch (const Error& e) {
    return with_caret(text, e);
  }
  return "";
}

// A text as nested calls, which shows how it was read.
std::string shown(const Builder& b, int node) {
  const Node& n = b[node];
  if (n.op == kInput) return "xzm"[n.args[0]] + std::string();
  if (n.op == kLiteral) return std::to_string(static_cast<int>(n.number));
  std::string r(info(n.primitive()).name);
  for (int k = 0; k < n.operand_count(); k++)
    r += (k ? " " : "(") + shown(b, n.args[static_cast<size_t>(k)]);
  return r + (n.operand_count() ? ")" : "");
}

std::string shown(std::string_view text, Domain domain = Domain::floating) {
  Builder b(domain);
  b.input("x", Type::number);
  b.input("z", Type::number);
  b.input("m", Type::boolean);
  return shown(b, b.parse_body(text));
}

} // namespace

TEST_CASE("operators bind as in C and associate to the left") {
  CHECK(shown("x + z * 2") == "add(x mul(z 2))");
  CHECK(shown("x - z - 1") == "sub(sub(x z) 1)");
  CHECK(shown("x / z / 2") == "div(div(x z) 2)");
  CHECK(shown("-x * z") == "mul(neg(x) z)");
  CHECK(shown("-(x * z)") == "neg(mul(x z))");
  CHECK(shown("x < z & x != 1 | m") == "or(and(lt(x z) ne(x 1)) m)");
  CHECK(shown("!m & x >= z") == "and(not(m) ge(x z))");
  CHECK(shown("x == z") == "eq(x z)");
}

TEST_CASE("a minus in front of a literal belongs to it") { CHECK(shown("x + -3") == "add(x -3)"); }

TEST_CASE("names stand for what they were defined as, and equal parts are one node") {
  CHECK(shown("s = x * x; t = s + 1; s * t") == "mul(mul(x x) add(mul(x x) 1))");
  Builder b(Domain::floating);
  b.input("x", Type::number);
  int first = b.parse("x * x + 1");
  size_t count = b.nodes().size();
  CHECK(b.parse("1 + 0 == 1 & x * x + 1 > 0") >= 0);
  CHECK(b.parse("x * x + 1") == first);
  CHECK(b.nodes().size() == count + 5); // 0, 1 + 0, the comparisons, and
}

TEST_CASE("literals are reals, and take the type of what they meet") {
  Builder b(Domain::number);
  int i = b.input("i", Type::index);
  b.input("m", Type::boolean);
  int r = b.parse("where(m, i, 7)", Type::index);
  CHECK(b[r].type == Type::index);
  CHECK(b[b[r].args[2]].type == Type::index);
  CHECK(b[b.parse("highest", Type::index)].type == Type::index);
  CHECK(b[b.parse("i < 3")].type == Type::boolean);
  CHECK(b[i].type == Type::index);
}

TEST_CASE("a name that does not exist is pointed at") {
  CHECK(complaint("x * sigmod") ==
        "'sigmod' is not an operand, a number or a name that is defined\n  x * sigmod\n      ^");
  CHECK(complaint("x * sigmod(x)") ==
        "no function or op is named 'sigmod'\n  x * sigmod(x)\n      ^");
}

TEST_CASE("numbers and masks do not mix") {
  CHECK(complaint("(x > 0) * x") ==
        "'*' operand 1 must be a number, got a bool\n  (x > 0) * x\n          ^");
  CHECK(complaint("where(x, x, z)") ==
        "'where' operand 1 must be a bool, got a number\n  where(x, x, z)\n  ^");
  CHECK(complaint("x & m") == "'&' operand 1 must be a bool, got a number\n  x & m\n    ^");
  CHECK(complaint("-m") == "'neg' operand 1 must be a number, got a bool\n  -m\n  ^");
}

TEST_CASE("a wrong number of operands is counted") {
  CHECK(complaint("fma(x, z)") == "'fma' takes 3 operands, got 2\n  fma(x, z)\n  ^");
  CHECK(complaint("sqrt(x, z)") == "'sqrt' takes 1 operand, got 2\n  sqrt(x, z)\n  ^");
}

TEST_CASE("an op that takes integers has no float-only primitives, and the other way round") {
  CHECK(complaint("x / 2", Domain::number) ==
        "'/' is for floats only, the op also takes integers\n  x / 2\n    ^");
  CHECK(complaint("where(x > z, x, inf)", Domain::number) ==
        "'inf' is for floats only, the op also takes integers\n  where(x > z, x, inf)\n"
        "                  ^");
  CHECK(complaint("floordiv(x, z)") ==
        "'floordiv' is for integers only, the op also takes floats\n  floordiv(x, z)\n  ^");
  CHECK(complaint("x + 0.5", Domain::integer) ==
        "'0.5' is no integer, the op takes integers only\n  x + 0.5\n      ^");
}

TEST_CASE("broken syntax is pointed at") {
  CHECK(complaint("x +") == "an operand is missing at the end\n  x +\n     ^");
  CHECK(complaint("(x + z") == "')' is expected at the end\n  (x + z\n        ^");
  CHECK(complaint("x z") == "unexpected 'z'\n  x z\n    ^");
  CHECK(complaint("fma(x z, 1)") == "',' is expected before 'z'\n  fma(x z, 1)\n        ^");
  CHECK(complaint("x ? z : 1") == "unexpected '?'\n  x ? z : 1\n    ^");
  CHECK(complaint("2x") == "a number is followed by a name\n  2x\n  ^");
  CHECK(complaint("1e+ * x") == "an exponent is missing\n  1e+ * x\n  ^");
  CHECK(complaint("1e999") == "'1e999' is too large\n  1e999\n  ^");
  CHECK(complaint("") == "an operand is missing at the end\n  \n  ^");
}

TEST_CASE("a definition cannot take a name twice, and its line is shown alone") {
  CHECK(complaint("s = x;\nx = s;\ns") == "'x' is already defined\n  x = s;\n  ^");
  CHECK(complaint("s = x;\nt = s * q;\nt") ==
        "'q' is not an operand, a number or a name that is defined\n  t = s * q;\n          ^");
}

TEST_CASE("nesting and size have limits instead of overflowing the stack") {
  std::string deep = std::string(5000, '(') + "x" + std::string(5000, ')');
  CHECK(complaint(deep).starts_with("the expression is nested too deeply"));
  std::string long_sum = "x";
  for (int k = 0; k < 40000; k++)
    long_sum += " + " + std::to_string(k);
  CHECK(complaint(long_sum).starts_with("the expression is too large"));
}
