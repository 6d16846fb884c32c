// The program of docs/custom_ops.md: ops of one's own, in one kernel with what is around them.
#include <weft/weft.h>

#include <fmt/format.h>

using namespace weft;

int main() {
  // A text over named operands and numbers; its gradient is derived.
  auto swish =
      custom::pointwise("swish", "x * sigmoid(beta * x)", {.operands = {"x"}, .numbers = {"beta"}});
  // The same as a lambda.
  auto swish_too = custom::pointwise(
      "swish", [](custom::Value x, custom::Value beta) { return x * sigmoid(beta * x); });
  // Rounding that gradients pass as if it were not there.
  auto quantize = custom::pointwise("quantize", "round(x / step) * step",
                                    {.operands = {"x"}, .numbers = {"step"}, .gradients = {"dy"}});
  // The root of the mean square, fused like a sum.
  auto rms = custom::reduction(
      "rms", {.map = "x * x", .combine = "a + b", .identity = 0.0, .finish = "sqrt(a / n)"});

  Tensor x = tensor({{-1.f, 0.f, 1.f}, {2.f, 3.f, 4.f}});
  fmt::print("swish     {}\n", swish(x, 1.5)[0].str());
  fmt::print("swish_too {}\n", swish_too(x, 1.5)[0].str());
  fmt::print("rms       {}\n", rms(x, 1).str());

  Tensor w = tensor({0.3f, 0.6f}).requires_grad_();
  Tensor q = quantize(w, 0.25);
  (q * q).sum().backward();
  fmt::print("quantize  {}, gradient {}\n", q.str(), w.grad().str());

  // Together they are one kernel. (Deterministic: the first call runs it as well.)
  auto normed = compile([&](const Tensor& t) { return swish(t, 1.5) / (rms(t, 1, true) + 1e-6); },
                        {.deterministic = true});
  for (int k = 0; k < 10; k++)
    normed(randn({256, 512}));
  fmt::print("compiled: {} kernels in {} calls\n", normed.stats().kernels, normed.stats().calls);

  try {
    custom::pointwise("swish", "x * sigmoit(beta * x)", {.operands = {"x"}, .numbers = {"beta"}});
  } catch (const Error& e) {
    fmt::print("{}\n", e.what());
  }
}
