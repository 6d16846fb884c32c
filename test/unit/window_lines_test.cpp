// Lines that are found in the windows of products, and what is planned for them.

#include "codegen/cpu/lines_plan.h"
#include "codegen/cpu/plan.h"

#include "mlir/IR/MLIRContext.h"

#include <catch2/catch.hpp>

using namespace mlir;
using namespace weft::cpu;

namespace {

struct Image {
  int64_t height, width, kernel_height, kernel_width, stride, padding, dilation;
};

int64_t placesOf(int64_t image, int64_t kernel, const Image& g) {
  return (image + 2 * g.padding - g.dilation * (kernel - 1) - 1) / g.stride + 1;
}

// The windows of a convolution of two dims as windows.cpp reads them.
ProductWindow windowOf(MLIRContext& context, const Image& g) {
  AffineExpr d = getAffineDimExpr(0, &context);
  const int64_t length = placesOf(g.width, g.kernel_width, g);
  AffineExpr y = d.floorDiv(length) * g.stride, x = d % length * g.stride;
  AffineExpr r = d.floorDiv(g.kernel_width) * g.dilation, t = d % g.kernel_width * g.dilation;
  ProductWindow w;
  w.period = g.kernel_height * g.kernel_width;
  w.period_stride = g.height * g.width;
  w.by_column = y * g.width + x;
  w.by_step = r * g.width + t - g.padding * (g.width + 1);
  if (g.padding == 0) return w;
  w.bounds.push_back({y, r - g.padding});
  w.bounds.push_back({-y, -r + (g.height - 1 + g.padding)});
  w.bounds.push_back({x, t - g.padding});
  w.bounds.push_back({-x, -t + (g.width - 1 + g.padding)});
  return w;
}

} // namespace

TEST_CASE("windows lie in lines of the image") {
  MLIRContext context;
  for (const Image& g :
       {Image{14, 14, 3, 3, 1, 1, 1}, Image{15, 12, 3, 3, 2, 1, 1}, Image{13, 17, 5, 3, 1, 2, 2},
        Image{9, 11, 3, 3, 2, 0, 1}, Image{12, 12, 3, 1, 1, 0, 1}, Image{12, 12, 1, 5, 3, 0, 1},
        Image{20, 18, 3, 3, 2, 2, 2}, Image{7, 7, 7, 7, 2, 3, 1}}) {
    INFO(g.height << " x " << g.width << ", " << g.kernel_height << " x " << g.kernel_width
                  << ", stride " << g.stride << ", padding " << g.padding << ", dilation "
                  << g.dilation);
    const int64_t length = placesOf(g.width, g.kernel_width, g);
    const int64_t count = placesOf(g.height, g.kernel_height, g);
    auto lines = findLines(windowOf(context, g), length * count);
    REQUIRE(lines);
    CHECK(lines->length == length);
    CHECK(lines->count == count);
    // What each column sees at each tap, by the image and by the lines.
    for (int64_t j = 0; j < length * count; ++j)
      for (int64_t s = 0; s < g.kernel_height * g.kernel_width; ++s) {
        const int64_t r = s / g.kernel_width, t = s % g.kernel_width;
        const int64_t row = j / length * g.stride + r * g.dilation - g.padding;
        const int64_t column = j % length * g.stride + t * g.dilation - g.padding;
        const int64_t tap_line = s / lines->tap_places, tap = s % lines->tap_places;
        const int64_t line = j / length * lines->line_step + tap_line * lines->tap_line_step;
        const int64_t position = j % length * lines->place_step + tap * lines->tap_step;
        const bool is_inside = row >= 0 && row < g.height && column >= 0 && column < g.width;
        REQUIRE((line >= lines->first_line && line < lines->end_line &&
                 position >= lines->first_position && position < lines->end_position) == is_inside);
        if (is_inside)
          REQUIRE(lines->origin + line * lines->pitch + position == row * g.width + column);
        REQUIRE(position < lines->width());
      }
  }
}

TEST_CASE("windows that do not lie in lines have none") {
  MLIRContext context;
  AffineExpr d = getAffineDimExpr(0, &context);
  ProductWindow one_line = windowOf(context, {1, 40, 1, 3, 1, 0, 1});
  CHECK(!findLines(one_line, 38));
  ProductWindow planes; // whose lines are not evenly apart
  planes.period = 9;
  planes.by_column = d.floorDiv(16) * 100 + (d % 16).floorDiv(4) * 7 + d % 4;
  planes.by_step = d.floorDiv(3) * 7 + d % 3;
  CHECK(!findLines(planes, 64));
  ProductWindow skewed = windowOf(context, {14, 14, 3, 3, 1, 1, 1});
  skewed.bounds[0].by_column = skewed.bounds[0].by_column + d % 14;
  CHECK(!findLines(skewed, 196));
}

TEST_CASE("lanes run along the rows where lines fill tiles and columns would not fill vectors") {
  MLIRContext context;
  auto plan = [&](int64_t channels, int64_t rows, const Image& g) {
    DotShape shape;
    shape.m = rows;
    shape.n = placesOf(g.width, g.kernel_width, g) * placesOf(g.height, g.kernel_height, g);
    shape.k = channels * g.kernel_height * g.kernel_width;
    shape.a = {shape.k, 1};
    return planLines(planDot(shape, DotTarget{}), *findLines(windowOf(context, g), shape.n));
  };
  auto small = plan(512, 512, {7, 7, 3, 3, 1, 1, 1});
  REQUIRE(small);
  CHECK(small->tile_places == 7);
  CHECK(small->severalBlocks());
  CHECK(small->rowChunks() * small->lineChunks() >= 8);
  auto large = plan(64, 64, {56, 56, 3, 3, 1, 1, 1});
  REQUIRE(large);
  CHECK(large->tile_places * large->tile_vectors == 28);
  CHECK(large->lineChunks() == 8);
  CHECK(!plan(64, 8, {56, 56, 3, 3, 1, 1, 1}));    // fewer rows than lanes
  CHECK(!plan(4096, 64, {56, 56, 3, 3, 1, 1, 1})); // lines of more channels than the cache holds
}
