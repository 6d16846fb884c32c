// Which convolutions are planned by minimal filtering, and how they are cut.

#include "codegen/cpu/winograd_plan.h"

#include <catch2/catch.hpp>

using namespace weft::cpu;

namespace {

struct Shape {
  int64_t channels, rows, height, width;
  int64_t stride = 1, dilation = 1, taps = 3;
  DotElement element = DotElement::f32;
};

WindowLines windowsOf(const Shape& s) { // padded so that no place is lost
  WindowLines w;
  w.length = (s.width - 1) / s.stride + 1;
  w.count = (s.height - 1) / s.stride + 1;
  w.place_step = w.line_step = s.stride;
  w.tap_places = w.tap_lines = s.taps;
  w.tap_step = w.tap_line_step = s.dilation;
  w.first_position = w.first_line = s.taps / 2 * s.dilation;
  w.end_position = w.first_position + s.width;
  w.end_line = w.first_line + s.height;
  w.pitch = s.width;
  return w;
}

std::optional<WinogradPlan> planOf(const Shape& s, const DotTarget& target = {},
                                   bool keeps_weights = true) {
  WindowLines w = windowsOf(s);
  DotShape shape;
  shape.element = s.element;
  shape.m = s.rows;
  shape.n = w.length * w.count;
  shape.k = s.channels * s.taps * s.taps;
  shape.a = {shape.k, 1};
  DotPlan dot = planDot(shape, target);
  return planWinograd(dot, w, planLines(dot, w), keeps_weights);
}

DotTarget avx2() {
  DotTarget target;
  target.vector_bytes = 32;
  target.vector_registers = 16;
  return target;
}

} // namespace

TEST_CASE("convolutions of 3 x 3 taps and many channels are planned by minimal filtering") {
  CHECK(planOf({64, 64, 56, 56}));
  CHECK(planOf({256, 256, 14, 14}));
  CHECK(planOf({48, 40, 15, 17}));
  CHECK(planOf({64, 48, 16, 18, 1, 1, 3, DotElement::f64}));
  CHECK(planOf({64, 64, 17, 22, 1, 1, 3, DotElement::bf16}));
  CHECK(planOf({64, 64, 56, 56}, avx2()));
  CHECK(planOf({512, 512, 7, 7}));
  CHECK(planOf({64, 64, 56, 56}, {}, false));
  CHECK(!planOf({512, 512, 7, 7}, {}, false)); // weights are made for few places
  CHECK(!planOf({64, 64, 56, 56, 2}));         // stride
  CHECK(!planOf({64, 64, 56, 56, 1, 2}));      // dilation
  CHECK(!planOf({64, 64, 56, 56, 1, 1, 5}));   // other taps
  CHECK(!planOf({3, 64, 56, 56}));             // sums of few channels: places cost more
  CHECK(!planOf({64, 8, 56, 56}));             // fewer rows than lanes
  CHECK(!planOf({4096, 64, 56, 56}));          // more channels than the cache holds of a line
}

TEST_CASE(
    "pieces of a plan are all lines of squares, and its parts of the scratch memory lie apart") {
  for (const DotTarget& target : {DotTarget{}, avx2()})
    for (const Shape& s : {Shape{64, 64, 56, 56}, Shape{48, 40, 15, 17}, Shape{256, 256, 14, 14},
                           Shape{40, 64, 31, 9}, Shape{64, 48, 16, 18, 1, 1, 3, DotElement::f64}}) {
      INFO(s.channels << " to " << s.rows << " channels, " << s.height << " x " << s.width);
      auto plan = planOf(s, target);
      REQUIRE(plan);
      CHECK(plan->firstLine(0) == 0);
      CHECK(plan->firstLine(plan->line_pieces) == plan->squareLines());
      for (int64_t piece = 0; piece < plan->line_pieces; ++piece) {
        int64_t lines = plan->firstLine(piece + 1) - plan->firstLine(piece);
        CHECK(lines <= plan->mostLines());
        CHECK(lines * plan->squaresOfLine() >= plan->point.tile_places);
      }
      CHECK(plan->chunksOfEntry() >= 2);
      CHECK(plan->point.tile_places * plan->point.tile_vectors + plan->point.tile_vectors + 1 <=
            target.vector_registers);
      int64_t bytes = plan->point.sum_bytes;
      CHECK(plan->panelOffset() >= WinogradPlan::kPoints * plan->imagePitch() * bytes);
      CHECK(plan->sumsOffset() >
            plan->panelOffset() + plan->panelSteps() * plan->point.tileRows() * bytes);
      // A sum of each place, where they are computed by their definition, has room there too.
      int64_t places = plan->mostLines() * 2 * plan->windows.length;
      CHECK(WinogradPlan::kPoints * plan->sumsPitch() >= places * plan->point.tileRows());
      CHECK(plan->placesPitch() >= places + plan->point.lanes);
    }
}
