// The user's forms of convolution: numbers or lists, padding by name, inputs without a dim of
// samples.

#include "runtime/composite/composite.h"
#include "runtime/core/fail_at.h"
#include "runtime/core/windows.h"

namespace weft {

Padding::Padding(std::string_view name, Loc loc) : kind(name == "same" ? Kind::same : Kind::valid) {
  if (name != "same" && name != "valid")
    fail_at(ErrorKind::value,
            "padding: must be \"valid\" or \"same\", got \"" + std::string(name) + "\"", loc);
}

namespace {

using composite::refuse;

// A form: its name, its number of spatial dims, and x with a dim of samples.
struct Form {
  const char* op;
  int spatial;
  const Arg& x;
  bool lacks_samples = false;
  Tensor samples; // x [N, C, sizes...]

  Form(const char* name, int dims, const Arg& input, const Tensor& weight, const Tensor& bias,
       int64_t groups, int outputs_dim)
      : op(name), spatial(dims), x(input) {
    const Meta& m = require_tensor(x, op).meta;
    composite::require_given(op, "weight", weight, x.loc());
    const Meta& w = weight.impl()->meta;
    lacks_samples = m.rank == spatial + 1;
    if ((!lacks_samples && m.rank != spatial + 2) || w.rank != spatial + 2)
      refuse(op, ErrorKind::shape,
             "x must have " + std::to_string(spatial + 1) + " or " + std::to_string(spatial + 2) +
                 " dims and weight " + std::to_string(spatial + 2) + ", got " + describe(m) +
                 " and " + describe(w),
             x.loc());
    if (m.dtype != w.dtype || m.dtype == boolean || (bias.defined() && bias.dtype() != m.dtype))
      refuse(op, ErrorKind::dtype,
             "operands must be numbers of one dtype, got " + describe(m) + " and " + describe(w) +
                 (bias.defined() ? " and " + describe(bias.impl()->meta) : ""),
             x.loc());
    if (groups < 1)
      refuse(op, ErrorKind::value, "groups must be positive, got " + std::to_string(groups),
             x.loc());
    int64_t outputs = 0;
    if (__builtin_mul_overflow(w.sizes[outputs_dim], outputs_dim ? groups : 1, &outputs))
      refuse(op, ErrorKind::value,
             "groups must be at most 2^63 over the outputs of weight, got " +
                 std::to_string(groups) + " for " + describe(w),
             x.loc());
    composite::require_shape(op, "bias", bias, {outputs}, x.loc());
    for (int k = 1; k <= spatial; k++)
      if (m.sizes[m.rank - k] == 0 && (lacks_samples || m.sizes[0] > 0))
        refuse(op, ErrorKind::shape, "images must have elements, got " + describe(m), x.loc());
    samples = lacks_samples ? unsqueeze(x, 0) : x.tensor();
  }
  // One number a dim.
  Dims list(const char* name, const Dims& given, int64_t least) const {
    Dims all = given.size() == 1 ? Dims(Ints::filled(spatial, given[0])) : given;
    bool right = all.size() == spatial;
    for (int64_t v : all)
      right = right && v >= least && v <= kMostOfWindow;
    if (!right)
      refuse(op, ErrorKind::value,
             std::string(name) + " must be one number or " + std::to_string(spatial) +
                 ", each in " + std::to_string(least) + " .. 2^31, got " + given.str(),
             x.loc());
    return all;
  }
  Tensor finish(Tensor y, const Tensor& bias) const {
    if (bias.defined()) {
      Shape channels = Ints::filled(spatial + 2, 1);
      channels[1] = bias.numel();
      y = std::move(y) + reshape(bias, channels);
    }
    return lacks_samples ? squeeze(std::move(y), 0) : y;
  }
};

std::vector<int64_t> structure_of(int64_t groups, const WindowList& windows) {
  std::vector<int64_t> structure{groups};
  windows.write(structure);
  return structure;
}

WindowList windows_of(const Form& f, const Tensor& weight, const Dims& stride,
                      const Dims& dilation) {
  WindowList list;
  list.count = f.spatial;
  Dims strides = f.list("stride", stride, 1), dilations = f.list("dilation", dilation, 1);
  for (int k = 0; k < f.spatial; k++) {
    list.dims[k].kernel = weight.size(k + 2);
    list.dims[k].stride = strides[k];
    list.dims[k].dilation = dilations[k];
  }
  return list;
}

void pad(const Form& f, WindowList& list, const Padding& padding) {
  if (padding.kind == Padding::Kind::given) {
    Dims sizes = f.list("padding", padding.sizes, 0);
    for (int k = 0; k < list.count; k++)
      list.dims[k].begin = list.dims[k].end = sizes[k];
  }
  if (padding.kind != Padding::Kind::same) return;
  for (int k = 0; k < list.count; k++) {
    Window& w = list.dims[k];
    if (w.stride != 1)
      refuse(f.op, ErrorKind::value,
             "stride must be 1 for the padding \"same\", got " + std::to_string(w.stride),
             f.x.loc());
    w.begin = (w.span() - 1) / 2;
    w.end = w.span() - 1 - w.begin;
  }
}

Tensor convolved(const Form& f, const Tensor& weight, const Tensor& bias, const Dims& stride,
                 const Padding& padding, const Dims& dilation, int64_t groups) {
  WindowList windows = windows_of(f, weight, stride, dilation);
  pad(f, windows, padding);
  const Meta &m = f.samples.impl()->meta, &w = weight.impl()->meta;
  int64_t channels = 0;
  if (__builtin_mul_overflow(w.sizes[1], groups, &channels) || m.sizes[1] != channels ||
      w.sizes[0] % groups)
    refuse(f.op, ErrorKind::shape,
           "x must have as many channels as weight in " + std::to_string(groups) +
               " groups, which divide its outputs, got " + describe(m) + " and " + describe(w),
           f.x.loc());
  if (w.sizes[0] == 0)
    refuse(f.op, ErrorKind::shape, "weight must have outputs, got " + describe(w), f.x.loc());
  for (int k = 0; k < windows.count; k++)
    if (windows.dims[k].kernel < 1 || windows.dims[k].places(m.sizes[k + 2]) < 1)
      refuse(f.op, ErrorKind::shape,
             "the kernel, dilated, must fit the padded x, got " + describe(w) + " for " +
                 describe(m),
             f.x.loc());
  Arg x(f.samples, f.x.loc()), kernel(weight, f.x.loc());
  return f.finish(
      primitive(Op::convolution, {&x, &kernel}, {}, structure_of(groups, windows), {}, f.x.loc()),
      bias);
}

Tensor transposed(const Form& f, const Tensor& weight, const Tensor& bias, const Dims& stride,
                  const Dims& padding, const Dims& output_padding, int64_t groups,
                  const Dims& dilation) {
  WindowList windows = windows_of(f, weight, stride, dilation);
  Dims pads = f.list("padding", padding, 0), more = f.list("output_padding", output_padding, 0);
  const Meta &m = f.samples.impl()->meta, &w = weight.impl()->meta;
  if (m.sizes[1] != w.sizes[0] || m.sizes[1] % groups)
    refuse(f.op, ErrorKind::shape,
           "x must have as many channels as weight, a multiple of groups, got " + describe(m) +
               " and " + describe(w),
           f.x.loc());
  Shape sizes;
  for (int k = 0; k < windows.count; k++) {
    Window& d = windows.dims[k];
    if (more[k] >= std::max(d.stride, d.dilation))
      refuse(f.op, ErrorKind::value,
             "output_padding must be less than stride or dilation, got " + more.str(), f.x.loc());
    d.begin = pads[k];
    d.end = pads[k] - more[k]; // what the convolution that this is the gradient of leaves over
    int64_t size = d.kernel < 1 ? 0 : (m.sizes[k + 2] - 1) * d.stride + d.span() - d.begin - d.end;
    if (size < 1)
      refuse(f.op, ErrorKind::shape,
             "the result's sizes must be positive, got " + describe(m) + " and " + describe(w) +
                 " with padding " + padding.str(),
             f.x.loc());
    sizes.push_back(size);
  }
  Arg x(f.samples, f.x.loc()), kernel(weight, f.x.loc());
  return f.finish(primitive(Op::convolution_input, {&x, &kernel}, {}, structure_of(groups, windows),
                            sizes, f.x.loc()),
                  bias);
}

} // namespace

Tensor conv1d(const Arg& x, const Tensor& weight, const Tensor& bias, const Dims& stride,
              const Padding& padding, const Dims& dilation, int64_t groups) {
  OpScope scope(x.loc());
  return convolved(Form("conv1d", 1, x, weight, bias, groups, 0), weight, bias, stride, padding,
                   dilation, groups);
}

Tensor conv2d(const Arg& x, const Tensor& weight, const Tensor& bias, const Dims& stride,
              const Padding& padding, const Dims& dilation, int64_t groups) {
  OpScope scope(x.loc());
  return convolved(Form("conv2d", 2, x, weight, bias, groups, 0), weight, bias, stride, padding,
                   dilation, groups);
}

Tensor conv3d(const Arg& x, const Tensor& weight, const Tensor& bias, const Dims& stride,
              const Padding& padding, const Dims& dilation, int64_t groups) {
  OpScope scope(x.loc());
  return convolved(Form("conv3d", 3, x, weight, bias, groups, 0), weight, bias, stride, padding,
                   dilation, groups);
}

Tensor conv_transpose1d(const Arg& x, const Tensor& weight, const Tensor& bias, const Dims& stride,
                        const Dims& padding, const Dims& output_padding, int64_t groups,
                        const Dims& dilation) {
  OpScope scope(x.loc());
  return transposed(Form("conv_transpose1d", 1, x, weight, bias, groups, 1), weight, bias, stride,
                    padding, output_padding, groups, dilation);
}

Tensor conv_transpose2d(const Arg& x, const Tensor& weight, const Tensor& bias, const Dims& stride,
                        const Dims& padding, const Dims& output_padding, int64_t groups,
                        const Dims& dilation) {
  OpScope scope(x.loc());
  return transposed(Form("conv_transpose2d", 2, x, weight, bias, groups, 1), weight, bias, stride,
                    padding, output_padding, groups, dilation);
}

Tensor conv_transpose3d(const Arg& x, const Tensor& weight, const Tensor& bias, const Dims& stride,
                        const Dims& padding, const Dims& output_padding, int64_t groups,
                        const Dims& dilation) {
  OpScope scope(x.loc());
  return transposed(Form("conv_transpose3d", 3, x, weight, bias, groups, 1), weight, bias, stride,
                    padding, output_padding, groups, dilation);
}

} // namespace weft
