// What the compiler's own pipeline makes of a few segments: its kernels, transcendental functions
// included, have the interpreter's bits as device C.
#include "passes/pipeline.h"
#include "passes/register.h"
#include "test/unit/loom_harness.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <catch2/catch.hpp>

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

std::string nameOf(Type element) {
  std::string name;
  llvm::raw_string_ostream(name) << element;
  return name;
}

// Runs each kernel of a function whose tensors have at most `count` elements.
void checkKernels(const char* text, int64_t count, bool special, double tolerance, size_t kernels) {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  auto module = parseSourceString<ModuleOp>(text, &context);
  REQUIRE(module);
  PipelineReport report;
  REQUIRE(runPipeline(*module, {}, report));
  size_t seen = 0;
  for (auto kernel : module->getOps<loom::KernelOp>()) {
    LoomRun run;
    llvm::raw_string_ostream stream(run.text);
    kernel->print(stream, OpPrintingFlags().useLocalScope());
    for (Type type : kernel.getArgumentTypes())
      run.buffers.push_back({nameOf(loom::elementType(type)), count, 10, special});
    run.tolerance = tolerance;
    run.scheduled = false; // by the pipeline
    INFO(run.text);
    LoomOutcome outcome = runBoth(run);
    REQUIRE(outcome.difference == "");
    REQUIRE(outcome.emitted_error == outcome.interpreted_error);
    ++seen;
  }
  REQUIRE(seen == kernels);
}

} // namespace

TEST_CASE("pointwise functions of the compiler have the same bits on a device", "[device]") {
  for (std::string type : {"f32", "f64", "bf16"}) {
    std::string text = R"(
func.func @fan(%x: tensor<30x70xT>, %w: tensor<70xT>) -> (tensor<30x70xT>, tensor<30x70xT>, tensor<30x70xi1>) {
  %0 = weft.exp %x : (tensor<30x70xT>) -> tensor<30x70xT>
  %1 = weft.tanh %x : (tensor<30x70xT>) -> tensor<30x70xT>
  %2 = weft.gelu %x : (tensor<30x70xT>) -> tensor<30x70xT>
  %3 = weft.log %x : (tensor<30x70xT>) -> tensor<30x70xT>
  %4 = weft.rsqrt %x : (tensor<30x70xT>) -> tensor<30x70xT>
  %5 = weft.pow %x, %w : (tensor<30x70xT>, tensor<70xT>) -> tensor<30x70xT>
  %6 = weft.add %0, %1 : (tensor<30x70xT>, tensor<30x70xT>) -> tensor<30x70xT>
  %7 = weft.add %2, %3 : (tensor<30x70xT>, tensor<30x70xT>) -> tensor<30x70xT>
  %8 = weft.maximum %4, %5 : (tensor<30x70xT>, tensor<30x70xT>) -> tensor<30x70xT>
  %9 = weft.lt %7, %8 : (tensor<30x70xT>, tensor<30x70xT>) -> tensor<30x70xi1>
  %10 = weft.where %9, %6, %7 : (tensor<30x70xi1>, tensor<30x70xT>, tensor<30x70xT>) -> tensor<30x70xT>
  return %10, %8, %9 : tensor<30x70xT>, tensor<30x70xT>, tensor<30x70xi1>
})";
    for (size_t at; (at = text.find("xT>")) != std::string::npos;)
      text.replace(at, 3, "x" + type + ">");
    checkKernels(text.c_str(), 2100, true, 0, 1);
  }
}

TEST_CASE("rows and columns of the compiler's reductions on a device", "[device]") {
  checkKernels(R"(
func.func @softmax(%x: tensor<13x1000xf32>) -> tensor<13x1000xf32> {
  %m = weft.max %x {structure = array<i64: 1, 1>} : (tensor<13x1000xf32>) -> tensor<13x1xf32>
  %d = weft.sub %x, %m : (tensor<13x1000xf32>, tensor<13x1xf32>) -> tensor<13x1000xf32>
  %e = weft.exp %d : (tensor<13x1000xf32>) -> tensor<13x1000xf32>
  %s = weft.sum %e {structure = array<i64: 1, 1>} : (tensor<13x1000xf32>) -> tensor<13x1xf32>
  %y = weft.div %e, %s : (tensor<13x1000xf32>, tensor<13x1xf32>) -> tensor<13x1000xf32>
  return %y : tensor<13x1000xf32>
})",
               13000, false, 1e-5, 1);
  checkKernels(R"(
func.func @columns(%x: tensor<130x100xf32>) -> tensor<100xf32> {
  %s = weft.sum %x {structure = array<i64: 0, 0>} : (tensor<130x100xf32>) -> tensor<100xf32>
  return %s : tensor<100xf32>
})",
               13000, false, 1e-5, 1);
}

TEST_CASE("a reduction's finish is a launch of its own on a device", "[device]") {
  checkKernels(R"(
func.func @loss(%x: tensor<600x20xf32>, %w: tensor<600xf32>) -> tensor<f32> {
  %e = weft.exp %x : (tensor<600x20xf32>) -> tensor<600x20xf32>
  %r = weft.sum %e {structure = array<i64: 0, 1>} : (tensor<600x20xf32>) -> tensor<600xf32>
  %l = weft.log %r : (tensor<600xf32>) -> tensor<600xf32>
  %s = weft.sum %l {structure = array<i64: 0, 0>} : (tensor<600xf32>) -> tensor<f32>
  %a = weft.abs %w : (tensor<600xf32>) -> tensor<600xf32>
  %n = weft.sum %a {structure = array<i64: 0, 0>} : (tensor<600xf32>) -> tensor<f32>
  %y = weft.div %s, %n : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
})",
               12000, false, 1e-5, 1);
}

TEST_CASE("a product of the compiler with its epilogue on a device", "[device]") {
  checkKernels(R"(
func.func @product(%x: tensor<32x16xf32>, %w: tensor<16x64xf32>, %b: tensor<64xf32>) -> tensor<32x64xf32> {
  %0 = weft.matmul %x, %w : (tensor<32x16xf32>, tensor<16x64xf32>) -> tensor<32x64xf32>
  %1 = weft.add %0, %b : (tensor<32x64xf32>, tensor<64xf32>) -> tensor<32x64xf32>
  %2 = weft.gelu %1 : (tensor<32x64xf32>) -> tensor<32x64xf32>
  return %2 : tensor<32x64xf32>
})",
               2048, false, 1e-5, 1);
}
