#include "weft/weft.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace weft;
using Json = nlohmann::json;

namespace {

std::string line(int number) { return std::string(__FILE__) + ":" + std::to_string(number); }

/// The remarks of the first program of the first segment.
template <class F> Json remarks(F& f) {
  for (int k = 0; k < 3; k++)
    f();
  return Json::parse(f.explain_json())["segments"][0]["programs"][0]["remarks"];
}

} // namespace

TEST_CASE("explain_json says why ops are kernels apart", "[compiled]") {
  Tensor a = ones({32, 32});
  int at = __LINE__ + 2;
  auto f = compile([&] {
    Tensor y = matmul(a, a);
    return exp(y).sum();
  });
  Json all = remarks(f);
  REQUIRE(all.size() == 1);
  Json r = all[0];
  CHECK(r["kind"] == "apart");
  CHECK(r["op"] == "sum");
  CHECK(r["at"] == line(at + 1));
  CHECK(r["other_at"] == line(at + 1)); // exp, which joined the product
  CHECK(r["reason"] == "reduction-and-product");
  CHECK(r["text"] == "a reduction and a product");
  CHECK(r["count"] == 1);
}

TEST_CASE("equal remarks are one with their count", "[compiled]") {
  Tensor a = ones({32, 32});
  auto f = compile([&] {
    Tensor y = a;
    for (int k = 0; k < 4; k++)
      y = matmul(y, a);
    return y;
  });
  Json all = remarks(f);
  REQUIRE(all.size() == 1);
  CHECK(all[0]["reason"] == "two-products");
  CHECK(all[0]["count"] == 3);
}

TEST_CASE("explain_json says which launches became one", "[compiled]") {
  Tensor x = ones({4096, 64});
  auto f = compile([&] { return x.sum() * 2; });
  bool is_joined = false;
  for (const Json& r : remarks(f))
    is_joined |= r["kind"] == "joined" && r["reason"] == "finishes-reduction";
  CHECK(is_joined);
}

TEST_CASE("what fuses needs no remark", "[compiled]") {
  Tensor x = ones({16});
  auto f = compile([&] { return exp(x) + 1; });
  CHECK(remarks(f).empty());
}
