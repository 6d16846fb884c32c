// Images of other sizes.
#ifndef WEFT_IR_OPS_INTERPOLATE_TD
#define WEFT_IR_OPS_INTERPOLATE_TD

include "ir/ops/composite.td"

def Interpolate : Composite<"interpolate", [TensorParam, Param<"const Dims&", "size", "{}">, Param<"const std::vector<double>&", "scale_factor", "{}">,
    Param<"std::string_view", "mode", "\"nearest\"">, Param<"bool", "align_corners", "false">]> {
  let summary = "an image of another size";
  let description = "`size`, or scale_factor times the old one, is one number or one a dim. mode is nearest, nearest-exact, linear, bilinear, bicubic, trilinear or area. align_corners keeps the centres of the outermost pixels in place, else their edges stay.";
  let example = "interpolate(tensor({0.f, 2.f}).reshape({1, 1, 2}), {3}, {}, \"linear\", true)";
  let gives = "[[[0., 1., 2.]]] f32[1, 1, 3]";
  let shapes = "x [N, C, sizes...] of 1 to 3 spatial dims";
  let dtypes = "floating; nearest every dtype";
}

#endif
