// Why a call went another way: explain() names the first cause, in the words of the user's calls.

#include "region_util.h"

#include <nlohmann/json.hpp>

using namespace region_test;
using Catch::Matchers::Contains;

namespace {

// The line of explain() that begins so, without its places: "(file:line)" and "at file:line".
std::string line_of(const std::string& text, const std::string& start) {
  const size_t at = text.find("  " + start + " (");
  if (at == std::string::npos) return text;
  std::string line = text.substr(at + 2, text.find('\n', at) - at - 2);
  for (size_t k = line.find("region_explain_test.cpp:"); k != std::string::npos;
       k = line.find("region_explain_test.cpp:")) {
    const size_t begin = line.find_last_of(" (", k) + 1;
    line.replace(begin, line.find_first_of(" ):", line.find(':', k) + 1) - begin, "@");
  }
  return line;
}

// What explain() says once the body, called twice with one argument, is called with another.
template <class Body, class Arg> std::string said(Body body, const Arg& first, const Arg& second) {
  auto f = compile(body);
  f(first);
  f(first);
  f(second);
  return f.explain();
}

std::string start_said(const Tensor& first, const Tensor& second) {
  return line_of(said([](const Tensor& x) { return x * 2.0 + 1.0; }, first, second), "new segment");
}

} // namespace

TEST_CASE("explain says how the first operand of a segment differs", "[region]") {
  const std::string head = "new segment (1 time): expected mul (@), got mul at @: operand 1 ";
  const Tensor x = ramp({4, 4});
  CHECK(start_said(x, x.to(f64)) == head + "was f32, is f64");
  CHECK(start_said(x, x.transpose(0, 1)) ==
        head + "was contiguous, is not: strides [4, 1], [1, 4]");
  CHECK(start_said(x, ramp({1, 4})) ==
        head + "was f32[4, 4], is f32[1, 4]: where a size is 1 is structure");
  CHECK(start_said(x, ramp({2, 4, 4})) == head + "had 2 dims, has 3: f32[4, 4], f32[2, 4, 4]");
  CHECK(start_said(x, ramp({5, 4}).requires_grad_()) ==
        head + "required no gradient, requires one");
  CHECK(start_said(ramp({5, 4}).requires_grad_(), x) ==
        head + "required a gradient, requires none");
  CHECK(start_said(x, ramp({4}).to(f64)) ==
        head + "was f32, is f64; had 2 dims, has 1: f32[4, 4], f64[4]");
}

TEST_CASE("a first op that is the same says nothing", "[region]") {
  auto f = compile([](const Tensor& x) {
    Tensor y = x;
    while (y.sum().item<float>() > 1)
      y = y * 0.5;
    return y + 1.0;
  });
  for (int k = 0; k < 4; k++)
    f(ones({4}) * static_cast<double>(1 + k));
  CHECK_THAT(f.explain(), !Contains("divergence (") && !Contains("new segment ("));
}

TEST_CASE("explain says which attribute differs, with both values", "[region]") {
  const Tensor x = ramp({4, 4});
  const std::string head = "divergence (1 time): expected ";
  CHECK(line_of(said([&](int dim) { return sum(x * 2.0, dim); }, 0, 1), "divergence") ==
        head + "sum (@), got sum at @: dims was [0], is [1]");
  CHECK(line_of(said([&](bool keep) { return sum(x * 2.0, 0, keep); }, false, true),
                "divergence") == head + "sum (@), got sum at @: keepdim was 0, is 1");
  CHECK(line_of(said([&](DType to) { return (x * 2.0).to(to); }, f64, bf16), "divergence") ==
        head + "cast (@), got cast at @: dtype was f64, is bf16");
  CHECK(line_of(said([&](int64_t n) { return slice(x * 2.0, 0, 0, n); }, int64_t{3}, int64_t{1}),
                "divergence") ==
        head + "slice (@), got slice at @: length was 3, is 1: where a size is 1 is structure");
  CHECK(line_of(said([&](Shape s) { return reshape(x * 2.0, s); }, Shape({2, 8}), Shape({16})),
                "divergence") == head + "view (@), got view at @: shape was [2, 8], is [16]");
}

TEST_CASE("explain says which number or tensor stands in another's place", "[region]") {
  const Tensor x = ramp({4}), w = ramp({4}, 0.25);
  const std::string head = "divergence (1 time): expected ";
  CHECK(line_of(said([&](Scalar n) { return (x * 2.0) * n; }, Scalar(2.5), Scalar(3)),
                "divergence") ==
        head + "mul (@), got mul at @: operand 2 was a floating number, is an integer");
  CHECK(line_of(said([&](bool number) { return number ? exp(x) * 2.0 : exp(x) * w; }, true, false),
                "divergence") == head + "mul (@), got mul at @: operand 2 was a number, is f32[4]");
  CHECK(line_of(said([&](bool other) { return exp(x) * (other ? w : x); }, false, true),
                "divergence") ==
        head +
            "mul (@), got mul at @: operand 2 was operand 1 of exp (@), is another tensor, f32[4]");
  auto either = [&](bool second) {
    Tensor a = exp(x), b = a + 1.0;
    return (second ? b : a) * 2.0;
  };
  CHECK(line_of(said(either, false, true), "divergence") ==
        head +
            "mul (@), got mul at @: operand 1 was the result of exp (@), is the result of add (@)");
  CHECK(line_of(said(
                    [&](bool in_place) {
                      Tensor a = exp(x);
                      if (in_place) a.mul_(2.0);
                      return in_place ? a : a * 2.0;
                    },
                    false, true),
                "divergence") == head + "mul (@), got mul_ at @: in place");
  CHECK(line_of(said([&](bool other) { return other ? tanh(exp(x)) : cos(exp(x)); }, false, true),
                "divergence") == head + "cos (@), got tanh at @: another op");
}

TEST_CASE("explain says which size differed first, and where", "[region]") {
  auto f = compile([](const Tensor& x, const Tensor& y) { return tanh(x) + y; });
  f(ramp({4, 3}), ramp({3}));
  f(ramp({5, 3}), ramp({3}));
  f(ramp({6, 3}), ramp({3}));
  const std::string text = f.explain();
  CHECK_THAT(text, Contains("  other sizes from tanh at ") &&
                       Contains(" on: operand 1 was f32[4, 3], is f32[5, 3]\n"));
  CHECK(text.find("other sizes from") == text.rfind("other sizes from"));
}

TEST_CASE("explain_json has what the text has", "[region]") {
  CompileOptions options;
  options.pure = true;
  auto f = compile([](const Tensor& x) { return x * 2.0 + 1.0; }, options);
  for (int k = 0; k < 3; k++)
    f(ramp({4}));
  f(ramp({4}).to(f64));
  const auto j = nlohmann::json::parse(f.explain_json());
  CHECK(j.at("early_kernels") == 0);
  CHECK(j.at("pure_note").is_string());
  const auto& segment = j.at("segments").at(0);
  CHECK(segment.at("op_list") == "mul add");
  CHECK(segment.at("overlapping") == false);
  CHECK(segment.at("mixed") == false);
  CHECK(segment.at("place") == ""); // the return
  CHECK(segment.at("programs").at(0).at("cache_note").is_string());
  CHECK(segment.at("programs").at(0).at("device") == "cpu");
  const auto& d = j.at("divergence_list").at(0);
  CHECK(d.at("kind") == "start");
  CHECK(d.at("difference") == "operand 1 was f32, is f64");
  CHECK_THAT(d.at("expected_at").get<std::string>(), Contains("region_explain_test.cpp:"));
  CHECK_THAT(d.at("got_at").get<std::string>(), Contains("region_explain_test.cpp:"));
}
