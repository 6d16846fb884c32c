// Composite ops of the dialect mean what the functions of their names compute: expanded, and as
// kernels.
#include "codegen/expand.h"
#include "frontend/composite_trace.h"
#include "ir/interp/weft_interpreter.h"
#include "passes/passes.h"
#include "passes/pipeline.h"
#include "passes/register.h"
#include "weft/weft.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <catch2/catch.hpp>

using namespace mlir;
using namespace weft;

namespace {

Tensor ramp(const Shape& shape, double scale, DType dtype = f32) {
  std::vector<float> v;
  for (int64_t k = 0, n = make_meta(shape, f32).numel(); k < n; k++)
    v.push_back(static_cast<float>(scale * (static_cast<double>(k * 7919 % 2003) / 1001.5 - 1)));
  return from_data(v.data(), shape, f32).to(dtype);
}

Tensor classes(int64_t n, int64_t count) {
  std::vector<int64_t> v;
  for (int64_t k = 0; k < n; k++)
    v.push_back(k % 5 == 3 ? -100 : k * 31 % count);
  return from_data(v.data(), {n}, i64);
}

interp::Array arrayOf(Type element, const Tensor& t) {
  Shape shape = t.shape();
  interp::Array a(element, SmallVector<int64_t>(shape.begin(), shape.end()));
  int64_t k = 0;
  for (double v : t.to(f64).to_vector<double>())
    a.set(k++, v);
  return a;
}

// Runs `text`, whose function @f takes the tensors and then the sizes, decomposed and as kernels.
void check(const std::string& text, const std::vector<Tensor>& tensors, const Tensor& want,
           const std::vector<int64_t>& sizes = {}) {
  INFO(text);
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto module = parseSourceString<ModuleOp>(text, &context);
  REQUIRE(module);
  PassContext pass;
  pass.expand = [](OpBuilder& builder, Operation* op) {
    return expandComposite(builder, op, trace_composite);
  };
  REQUIRE(succeeded(decompose(*module, pass)));
  REQUIRE(succeeded(verify(*module)));
  auto function = [&] { return *module->getOps<func::FuncOp>().begin(); };
  interp::Arguments arguments;
  for (auto [type, tensor] : llvm::zip(function().getArgumentTypes(), tensors))
    arguments.tensors.push_back(arrayOf(cast<RankedTensorType>(type).getElementType(), tensor));
  arguments.sizes = sizes;
  double tolerance = want.dtype() == bf16 ? 0.01 : 1e-5;
  auto isRight = [&] {
    auto results = interp::runFunction(function(), arguments);
    REQUIRE(results);
    interp::Array expected = arrayOf(results->front().element, want);
    REQUIRE(results->front().shape == expected.shape);
    for (int64_t i = 0; i < expected.count(); i++)
      REQUIRE(std::abs(results->front().at(i) - expected.at(i)) <=
              tolerance * (1 + std::abs(expected.at(i))));
  };
  isRight();
  PipelineReport report;
  bool ok = runPipeline(*module, {}, report);
  INFO(report.error);
  REQUIRE(ok);
  isRight();
}

std::string function(const std::string& arguments, const std::string& op,
                     const std::string& result) {
  return "func.func @f(" + arguments + ") -> " + result + " {\n  %y = " + op + " -> " + result +
         "\n  return %y : " + result + "\n}\n";
}

} // namespace

TEST_CASE("composites over known sizes", "[decompose]") {
  Tensor x = ramp({6, 10}, 3), w = ramp({10}, 1), b = ramp({10}, 2);
  check(function("%x: tensor<6x10xf32>", "weft.softmax %x {dim = 0 : i64} : (tensor<6x10xf32>)",
                 "tensor<6x10xf32>"),
        {x}, softmax(x, 0));
  check(function("%x: tensor<6x10xf32>", "weft.log_softmax %x {dim = 1 : i64} : (tensor<6x10xf32>)",
                 "tensor<6x10xf32>"),
        {x}, log_softmax(x, 1));
  check(function("%x: tensor<6x10xf32>, %w: tensor<10xf32>, %b: tensor<10xf32>",
                 "weft.layer_norm %x, %w, %b {eps = 0.5 : f64, normalized_shape = array<i64: 10>, "
                 "operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<6x10xf32>, tensor<10xf32>, "
                 "tensor<10xf32>)",
                 "tensor<6x10xf32>"),
        {x, w, b}, layer_norm(x, {10}, w, b, 0.5));
  Tensor half = ramp({6, 10}, 3, bf16);
  check(function("%x: tensor<6x10xbf16>", "weft.softmax %x {dim = -1 : i64} : (tensor<6x10xbf16>)",
                 "tensor<6x10xbf16>"),
        {half}, softmax(half, -1));
}

TEST_CASE("losses take their options", "[decompose]") {
  Tensor x = ramp({12, 10}, 3), t = classes(12, 10), w = ramp({10}, 0.5) + 1.0;
  std::string in = "%x: tensor<12x10xf32>, %t: tensor<12xi64>",
              types = "(tensor<12x10xf32>, tensor<12xi64>)";
  check(function(in, "weft.cross_entropy %x, %t : " + types, "tensor<f32>"), {x, t},
        cross_entropy(x, t));
  check(function(in,
                 "weft.cross_entropy %x, %t {ignore_index = 2 : i64, reduction = \"none\"} : " +
                     types,
                 "tensor<12xf32>"),
        {x, where(t < 0, 2, t)}, cross_entropy(x, where(t < 0, 2, t), {}, 2, Reduce::none));
  check(function(in + ", %w: tensor<10xf32>",
                 "weft.cross_entropy %x, %t, %w : (tensor<12x10xf32>, tensor<12xi64>, "
                 "tensor<10xf32>)",
                 "tensor<f32>"),
        {x, t, w}, cross_entropy(x, t, w));
  Tensor y = ramp({12, 10}, 1);
  check(function("%x: tensor<12x10xf32>, %z: tensor<12x10xf32>",
                 "weft.mse_loss %x, %z {reduction = \"sum\"} : (tensor<12x10xf32>, "
                 "tensor<12x10xf32>)",
                 "tensor<f32>"),
        {x, y}, mse_loss(x, y, Reduce::sum));
}

TEST_CASE("composites over sizes that are arguments serve every size", "[decompose]") {
  std::string type = "tensor<?x?xf32, affine_map<()[s0, s1] -> (s0, s1)>>";
  std::string in = "%x: " + type + ", %m: index, %n: index";
  for (int64_t m : {2, 7, 101})
    for (int64_t n : {3, 40}) {
      Tensor x = ramp({m, n}, 3), w = ramp({5, n}, 1), b = ramp({5}, 1);
      check(function(in, "weft.softmax %x {dim = 1 : i64} : (" + type + ")", type), {x},
            softmax(x, 1), {m, n});
      std::string weight = "tensor<5x?xf32, affine_map<()[s0, s1] -> (5, s1)>>",
                  result = "tensor<?x5xf32, affine_map<()[s0] -> (s0, 5)>>";
      check(function(
                "%x: " + type + ", %w: " + weight + ", %b: tensor<5xf32>, %m: index, %n: index",
                "weft.linear %x, %w, %b : (" + type + ", " + weight + ", tensor<5xf32>)", result),
            {x, w, b}, linear(x, w, b), {m, n});
      // The number of classes is one that the function computes with: it must be known.
      Tensor logits = ramp({m, 6}, 3), t = classes(m, 6);
      std::string rows = "tensor<?x6xf32, affine_map<()[s0] -> (s0, 6)>>",
                  target = "tensor<?xi64, affine_map<()[s0] -> (s0)>>";
      check(function("%x: " + rows + ", %t: " + target + ", %m: index",
                     "weft.cross_entropy %x, %t : (" + rows + ", " + target + ")", "tensor<f32>"),
            {logits, t}, cross_entropy(logits, t), {m});
    }
}

TEST_CASE("a call that is no composite's is refused", "[decompose]") {
  CompositeCall none{"no_such_op", {}};
  REQUIRE_THROWS_WITH(trace_composite(none), "no_such_op: there must be a function of that name");
  CompositeCall absent{"softmax", {{"dim", int64_t{0}}}};
  REQUIRE_THROWS_WITH(trace_composite(absent), "softmax: x must be given");
  // No session is left behind.
  REQUIRE((ramp({2}, 1) + 1.0).to_vector<float>().size() == 2);
}

TEST_CASE("what has no function to expand by is refused") {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::string said;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic& d) { said += d.str(); });
  auto module = parseSourceString<ModuleOp>(R"(
    func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = weft.softmax %x {dim = 0 : i64} : (tensor<4xf32>) -> tensor<4xf32>
      return %0 : tensor<4xf32>
    })",
                                            &context);
  REQUIRE(module);
  PassContext pass;
  CHECK(failed(decompose(*module, pass)));
  CHECK_THAT(said, Catch::Contains("must be expanded by a tool that has its function"));
}
