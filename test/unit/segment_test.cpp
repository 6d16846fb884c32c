#include "program_samples.h"

#include <catch2/catch.hpp>

#include <random>

using namespace weft;
using Catch::Matchers::Contains;
using samples::bytes_of;

namespace {

std::string again(const std::string& bytes) {
  return Segment::deserialize(bytes_of(bytes)).serialize(true);
}

std::string message(const std::string& bytes) {
  try {
    Segment::deserialize(bytes_of(bytes));
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::io);
    return e.what();
  }
  return "";
}

} // namespace

TEST_CASE("a segment survives its bytes") {
  Segment s = samples::segment(100);
  s.generic = true;
  s.aliases = {{1, 0}};
  s.ops[0].structure = {1, -2};
  s.ops[0].sizes = {7};
  s.ops[1].first_size = 1;
  s.ops[1].scalar_attributes = {0};
  s.values[0].meta.strides[0] = 3;
  s.values[0].meta.finish_strided();
  s.facts = {{}, {true, 3}, {true, 1, 0}, {true, 2, 0, 0}};
  s.saved = s.outputs;
  s.fixed = {0};
  std::string bytes = s.serialize(true);
  CHECK(again(bytes) == bytes);
  Segment t = Segment::deserialize(bytes_of(bytes));
  CHECK(t.ops[0].structure == std::vector<int64_t>{1, -2});
  CHECK(t.values[0].meta.contiguous == 0);
  CHECK(t.facts == s.facts);
  CHECK(t.saved == s.outputs);
  CHECK(t.fixed == s.fixed);
  CHECK(t.locations[1].line == 11);
  CHECK(t.ops[1].location == 1);
}

TEST_CASE("lines are no part of a segment's short form") {
  CHECK(samples::segment(5, "add", 10).serialize(false) ==
        samples::segment(5, "add", 99).serialize(false));
  CHECK(samples::segment(5).serialize(false) != samples::segment(6).serialize(false));
}

TEST_CASE("bytes that are no segment are refused with a reason") {
  CHECK_THAT(message(""), Contains("segment: bytes must be a whole one, they end early"));
  CHECK_THAT(message("hello, world"), Contains("they start otherwise"));
  CHECK_THAT(message(samples::segment(5).serialize(true) + "x"), Contains("bytes follow its end"));
  Segment s = samples::segment(5);
  s.ops[0].operands[1] = 3;
  CHECK_THAT(message(s.serialize(true)), Contains("an operand is not defined yet"));
  s = samples::segment(5);
  s.ops[1].operands[1] = -9;
  CHECK_THAT(message(s.serialize(true)), Contains("a scalar operand does not exist"));
  s = samples::segment(5);
  s.values[0].meta.sizes[0] = -1;
  CHECK_THAT(message(s.serialize(true)), Contains("a size is negative"));
  s = samples::segment(5);
  s.values[0].meta = make_meta({int64_t{1} << 31, int64_t{1} << 31}, f32);
  CHECK_THAT(message(s.serialize(true)), Contains("sizes overflow"));
  s = samples::segment(5);
  s.outputs = {17};
  CHECK_THAT(message(s.serialize(true)), Contains("an output is not defined"));
  s = samples::segment(5);
  s.saved = {0};
  CHECK_THAT(message(s.serialize(true)), Contains("a saved value is no output"));
  s = samples::segment(5);
  s.fixed = {17};
  CHECK_THAT(message(s.serialize(true)), Contains("a fixed value is not defined"));
  s = samples::segment(5);
  s.version = 77;
  CHECK_THAT(message(s.serialize(true)), Contains("its version is another"));
  s = samples::segment(5);
  s.facts.resize(1);
  CHECK_THAT(message(s.serialize(true)), Contains("a size has no fact"));
  s = samples::segment(5);
  s.generic = true;
  s.facts.resize(2);
  s.facts[0] = {true, 1, 1};
  CHECK_THAT(message(s.serialize(true)), Contains("a fact looks ahead"));
}

TEST_CASE("every truncation of a segment is refused") {
  std::string bytes = samples::segment(5).serialize(true);
  for (size_t n = 0; n < bytes.size(); n++)
    CHECK(message(bytes.substr(0, n)) != "");
}

TEST_CASE("damaged segments are refused or whole, never worse") {
  std::string bytes = samples::segment(5).serialize(true);
  std::mt19937 random(1);
  for (int round = 0; round < 20000; round++) {
    std::string damaged = bytes;
    for (int k = 0; k < 1 + round % 4; k++)
      damaged[random() % damaged.size()] = static_cast<char>(random() % 3 ? random() : 0xff);
    if (message(damaged).empty()) CHECK(again(damaged) == damaged);
  }
}
