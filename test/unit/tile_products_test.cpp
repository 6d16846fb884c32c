// The function of a tile, called for each of them, computes what the ops that it replaces did.
#include "ir/interp/weft_interpreter.h"
#include "ir/weft/tiles.h"
#include "ir/weft/weft.h"
#include "passes/passes.h"
#include "passes/register.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <regex>

using namespace mlir;
using namespace weft;

namespace {

const char* kAttention = R"(
func.func @f(%q: tensor<2x512x8xf32>, %k: tensor<2x8x256xf32>, %v: tensor<1x256x8xf32>, %bias: tensor<512x1xf32>, %zero: i64, %one: i64) -> tensor<2x512x8xf32> {
  %a = weft.scalar %zero : i64 -> tensor<i64>
  %b = weft.scalar %one : i64 -> tensor<i64>
  %c = weft.arange %a, %b {sizes = affine_map<() -> (512)>, structure = array<i64: 3>} : (tensor<i64>, tensor<i64>) -> tensor<512xi64>
  %h = weft.slice %c {sizes = affine_map<() -> (0, 256, 1)>, structure = array<i64: 0>} : (tensor<512xi64>) -> tensor<256xi64>
  %r = weft.view %c {sizes = affine_map<() -> (512, 1)>} : (tensor<512xi64>) -> tensor<512x1xi64>
  %mask = weft.le %h, %r : (tensor<256xi64>, tensor<512x1xi64>) -> tensor<512x256xi1>
  %low = weft.number -1.0e9 -> tensor<f32>
  %s = weft.matmul %q, %k : (tensor<2x512x8xf32>, tensor<2x8x256xf32>) -> tensor<2x512x256xf32>
  %u = weft.mul %s, %bias : (tensor<2x512x256xf32>, tensor<512x1xf32>) -> tensor<2x512x256xf32>
  %x = weft.where %mask, %u, %low : (tensor<512x256xi1>, tensor<2x512x256xf32>, tensor<f32>) -> tensor<2x512x256xf32>
  %m = weft.max %x {structure = array<i64: 0, 2>} : (tensor<2x512x256xf32>) -> tensor<2x512xf32>
  %n = weft.view %m {sizes = affine_map<() -> (2, 512, 1)>} : (tensor<2x512xf32>) -> tensor<2x512x1xf32>
  %d = weft.sub %x, %n : (tensor<2x512x256xf32>, tensor<2x512x1xf32>) -> tensor<2x512x256xf32>
  %e = weft.exp %d : (tensor<2x512x256xf32>) -> tensor<2x512x256xf32>
  %t = weft.sum %e {structure = array<i64: 1, 2>} : (tensor<2x512x256xf32>) -> tensor<2x512x1xf32>
  %p = weft.div %e, %t : (tensor<2x512x256xf32>, tensor<2x512x1xf32>) -> tensor<2x512x256xf32>
  %y = weft.matmul %p, %v : (tensor<2x512x256xf32>, tensor<1x256x8xf32>) -> tensor<2x512x8xf32>
  return %y : tensor<2x512x8xf32>
})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// The function with an argument in place of its 512 rows.
std::string ofAnyRows(const std::string& text) {
  const std::regex type("tensor<((?:[0-9]+x)*)512x((?:[0-9]+x)*)([a-z][0-9]+)>");
  std::string result;
  auto end = text.begin();
  for (std::sregex_iterator m(text.begin(), text.end(), type), last; m != last; ++m) {
    std::string before = (*m)[1], after = (*m)[2], element = (*m)[3];
    std::string sizes = before + "s0x" + after;
    sizes = std::regex_replace(sizes.substr(0, sizes.size() - 1), std::regex("x"), ", ");
    result.append(end, (*m)[0].first);
    result +=
        "tensor<" + before + "?x" + after + element + ", affine_map<()[s0] -> (" + sizes + ")>>";
    end = (*m)[0].second;
  }
  result.append(end, text.end());
  result =
      std::regex_replace(result, std::regex(R"(\(\) -> \(((?:[0-9]+, )*)512)"), "()[s0] -> ($1s0");
  return replaced(result, "%one: i64", "%one: i64, %rows: index");
}

interp::Arguments argumentsOf(func::FuncOp function, int64_t rows) {
  interp::Arguments arguments{{}, {0, 1}, {}};
  for (Type type : function.getArgumentTypes())
    if (type.isIndex()) {
      arguments.sizes.push_back(rows);
    } else if (auto tensor = dyn_cast<RankedTensorType>(type)) {
      SmallVector<int64_t> shape(tensor.getShape());
      llvm::replace(shape, ShapedType::kDynamic, rows);
      interp::Array a(tensor.getElementType(), shape);
      for (int64_t i = 0; i < a.count(); i++)
        a.set(i, double((i * 37 + 11) % 101 - 50) / 40);
      arguments.tensors.push_back(std::move(a));
    }
  return arguments;
}

// Relative to what is larger than 1.
double largestDifference(const interp::Array& a, const interp::Array& b) {
  double largest = 0;
  for (int64_t i = 0; i < a.count(); i++) {
    double x = interp::get<float>(a, i), y = interp::get<float>(b, i);
    if (std::isnan(x) && std::isnan(y)) continue;
    double difference = std::abs(x - y) / std::max(1.0, std::abs(x));
    largest = std::max(largest, x == y ? 0 : std::isfinite(difference) ? difference : 1e9);
  }
  return largest;
}

// Runs the function, tiles it, and runs it again on the same arguments. Blocks of columns, where
// there are some, round otherwise.
void checkTiles(const std::string& text, bool findsColumns,
                const std::function<void(interp::Arguments&)>& change, int64_t rows = 0,
                bool hasBlocks = false) {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  REQUIRE(module);
  auto function = [&] { return *module->getOps<func::FuncOp>().begin(); };
  interp::Arguments arguments = argumentsOf(function(), rows);
  change(arguments);
  auto want = interp::runFunction(function(), arguments);
  REQUIRE(want);
  PassContext pass;
  REQUIRE(succeeded(tileProducts(*module, pass)));
  REQUIRE(succeeded(verify(*module)));
  REQUIRE_FALSE(function().getOps<ir::TilesOp>().empty());
  ir::TilesOp tiles = *function().getOps<ir::TilesOp>().begin();
  CHECK(tiles.getVisible().has_value() == findsColumns);
  CHECK(tiles->hasAttr(ir::kBlocksName) == hasBlocks);
  auto have = interp::runFunction(function(), arguments);
  REQUIRE(have);
  const bool same = want->front().bytes == have->front().bytes; // too many to print
  if (hasBlocks) // a sum in f32, term by term, is off by up to half an epsilon for each of them
    CHECK(largestDifference(want->front(), have->front()) <
          double(*tiles.getColumns()) * std::numeric_limits<float>::epsilon() / 2);
  else
    CHECK(same);
}

} // namespace

TEST_CASE("tiles compute what the whole did, to the bit") {
  auto none = [](interp::Arguments&) {};
  std::string text = kAttention, infinite = "0xFFF0000000000000 : f64";
  checkTiles(text, true, none); // -1e9 hides nothing for certain
  text = replaced(text, "-1.0e9", infinite);
  checkTiles(text, true, none);
  // Elements of v that hidden columns multiply by 0, the last of 256 columns.
  for (double bad :
       {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN(), 1e30})
    checkTiles(text, true, [&](interp::Arguments& a) { a.tensors[2].set(255 * 8 + 3, bad); });
  // The first 100 rows see no column.
  std::string late = replaced(text, "weft.le %h, %r", "weft.le %late, %r");
  late = replaced(late, "%r = weft.view", R"(%hundred = weft.number 100 -> tensor<i64>
  %late = weft.add %h, %hundred : (tensor<256xi64>, tensor<i64>) -> tensor<256xi64>
  %r = weft.view)");
  checkTiles(late, true, none);
  // Without the division by the sum of the row, hidden columns could show.
  checkTiles(replaced(text, "weft.div %e, %t", "weft.mul %e, %t"), false, none);
}

TEST_CASE("tiles of rows that are an argument compute what the whole did, to the bit") {
  auto none = [](interp::Arguments&) {};
  std::string text = ofAnyRows(replaced(kAttention, "-1.0e9", "0xFFF0000000000000 : f64"));
  checkTiles(text, true, none, 1001); // two tiles of 501 rows, which share one
  double bad = std::numeric_limits<double>::infinity();
  checkTiles(
      text, true, [&](interp::Arguments& a) { a.tensors[2].set(255 * 8 + 3, bad); }, 600);
  checkTiles(ofAnyRows(replaced(kAttention, "weft.div %e, %t", "weft.mul %e, %t")), false, none,
             1001);
}

namespace {

// Attention of 128 rows; $N stands for the columns.
const char* kLongRows = R"(
func.func @f(%q: tensor<1x128x4xf32>, %k: tensor<1x4x$Nxf32>, %v: tensor<1x$Nx4xf32>, %zero: i64, %one: i64) -> tensor<1x128x4xf32> {
  %a = weft.scalar %zero : i64 -> tensor<i64>
  %b = weft.scalar %one : i64 -> tensor<i64>
  %c = weft.arange %a, %b {sizes = affine_map<() -> ($N)>, structure = array<i64: 3>} : (tensor<i64>, tensor<i64>) -> tensor<$Nxi64>
  %h = weft.slice %c {sizes = affine_map<() -> (0, 128, 1)>, structure = array<i64: 0>} : (tensor<$Nxi64>) -> tensor<128xi64>
  %r = weft.view %h {sizes = affine_map<() -> (128, 1)>} : (tensor<128xi64>) -> tensor<128x1xi64>
  %ten = weft.number 10 -> tensor<i64>
  %far = weft.mul %r, %ten : (tensor<128x1xi64>, tensor<i64>) -> tensor<128x1xi64>
  %mask = weft.le %c, %far : (tensor<$Nxi64>, tensor<128x1xi64>) -> tensor<128x$Nxi1>
  %low = weft.number $LOW -> tensor<f32>
  %s = weft.matmul %q, %k : (tensor<1x128x4xf32>, tensor<1x4x$Nxf32>) -> tensor<1x128x$Nxf32>
  %x = weft.where %mask, %s, %low : (tensor<128x$Nxi1>, tensor<1x128x$Nxf32>, tensor<f32>) -> tensor<1x128x$Nxf32>
  %m = weft.max %x {structure = array<i64: 1, 2>} : (tensor<1x128x$Nxf32>) -> tensor<1x128x1xf32>
  %d = weft.sub %x, %m : (tensor<1x128x$Nxf32>, tensor<1x128x1xf32>) -> tensor<1x128x$Nxf32>
  %e = weft.exp %d : (tensor<1x128x$Nxf32>) -> tensor<1x128x$Nxf32>
  %t = weft.sum %e {structure = array<i64: 1, 2>} : (tensor<1x128x$Nxf32>) -> tensor<1x128x1xf32>
  %p = weft.div %e, %t : (tensor<1x128x$Nxf32>, tensor<1x128x1xf32>) -> tensor<1x128x$Nxf32>
  %y = weft.matmul %p, %v : (tensor<1x128x$Nxf32>, tensor<1x$Nx4xf32>) -> tensor<1x128x4xf32>
  return %y : tensor<1x128x4xf32>
})";

std::string ofColumns(int columns, const std::string& low) {
  std::string text = std::regex_replace(kLongRows, std::regex("\\$N"), std::to_string(columns));
  return replaced(text, "$LOW", low);
}

} // namespace

TEST_CASE("blocks of long rows compute what whole rows did") {
  auto none = [](interp::Arguments&) {};
  // Blocks of 256 leave columns over, and they do not.
  const std::string text = ofColumns(2100, "-3.0e0");
  checkTiles(text, true, none, 0, true);
  checkTiles(ofColumns(2304, "0xFFF0000000000000 : f64"), true, none, 0, true);
  // What is no softmax stays whole.
  checkTiles(replaced(text, "weft.sub %x, %m", "weft.sub %s, %m"), false, none);
  checkTiles(replaced(text, "weft.div %e, %t", "weft.add %e, %t"), false, none);
}
