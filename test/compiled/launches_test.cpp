// Small launches without a path between them run as one: what they compute is what eager ops
// compute.
#include "test/compiled/compiled_util.h"

#include <nlohmann/json.hpp>

using namespace weft;
using namespace weft::test;
using Json = nlohmann::json;

TEST_CASE("products, norms and sums that do not depend on each other are one launch",
          "[compiled]") {
  NoGrad no_grad;
  auto body = [](const Inputs& x) -> std::vector<Tensor> {
    std::vector<Tensor> y;
    for (size_t k = 1; k < 4; k++)
      y.push_back(matmul(x[0], x[k]));
    y.push_back(softmax(x[4], -1));
    y.push_back(x[4].mean(0));
    y.push_back((x[5] * x[5]).sum());
    return y;
  };
  auto make = [] {
    return Inputs{ramp({9, 48}),  ramp({48, 40}, 2), ramp({48, 65}, 3),
                  ramp({48, 40}), ramp({33, 70}, 4), ramp({1000})};
  };
  compare(body, make, kSum, 1);
}

TEST_CASE("chains that do not depend on each other run side by side", "[compiled]") {
  NoGrad no_grad;
  auto chain = [](const Tensor& x, const Tensor& w) {
    return matmul(softmax(matmul(x, w), -1), w);
  };
  compare(
      [&](const Inputs& x) {
        return std::vector<Tensor>{chain(x[0], x[1]), chain(x[2], x[3]), sum(chain(x[4], x[3]))};
      },
      [] {
        return Inputs{ramp({16, 32}), ramp({32, 32}), ramp({7, 24}, 2), ramp({24, 24}),
                      ramp({30, 24})};
      },
      kSum, 4);
}

TEST_CASE("parts whose chunks are of unlike work", "[compiled]") {
  NoGrad no_grad;
  compare(
      [](const Inputs& x) {
        return std::vector<Tensor>{matmul(x[0], x[1]), softmax(x[2], -1), x[3].sum(1), x[3].sum(0)};
      },
      [] {
        return Inputs{ramp({130, 500}), ramp({500, 70}), ramp({700, 33}), ramp({300, 301})};
      },
      kSum);
}

TEST_CASE("what reads a tensor before it is written in place stays before it", "[compiled]") {
  NoGrad no_grad;
  compare(
      [](const Inputs& x) {
        Tensor before = x[0].sum(), product = matmul(x[1], x[1]);
        x[0].copy_(amax(product, 1));
        Tensor after = x[0].sum();
        return std::vector<Tensor>{before, after, product};
      },
      [] {
        return Inputs{ramp({40}), ramp({40, 40})};
      },
      kSum);
}

TEST_CASE("sizes that are arguments: parts of one launch", "[compiled]") {
  NoGrad no_grad;
  CompileOptions options;
  options.sizes = CompileOptions::Sizes::generic;
  auto body = [](const Inputs& x) {
    return std::vector<Tensor>{matmul(x[0], x[1]), matmul(x[0], x[2]), softmax(x[0], -1)};
  };
  auto f = compile([&](const Inputs& x) { return body(x); }, options);
  for (int64_t rows : {3, 3, 17, 200}) {
    Inputs x{ramp({rows, 32}), ramp({32, 24}), ramp({32, 40})};
    std::vector<Tensor> want = body(x), have = f(x);
    for (size_t k = 0; k < want.size(); k++)
      CHECK(difference(want[k], have[k]) <= kSum);
  }
}

TEST_CASE("a remark says why launches that read one tensor stay apart", "[compiled]") {
  NoGrad no_grad;
  Tensor x = ramp({512, 1024}), q = ramp({1024, 1024}), k = ramp({1024, 1024});
  auto f = compile([&] { return std::vector<Tensor>{matmul(x, q), matmul(x, k)}; });
  for (int call = 0; call < 3; call++)
    f();
  bool is_told = false;
  const Json all = Json::parse(f.explain_json());
  for (const Json& r : all["segments"][0]["programs"][0]["remarks"])
    is_told |= r["kind"] == "apart" && r["reason"] == "large";
  CHECK(is_told);
}
