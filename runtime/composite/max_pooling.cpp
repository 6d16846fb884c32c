// Maxima over windows and parts: gathered from where they are.

#include "runtime/composite/pool_windows.h"

namespace weft {

namespace {

using composite::PoolArguments;

// The elements of x with these numbers in its planes.
ValuesAndIndices gathered(const Tensor& x, const Tensor& positions, int spatial) {
  Tensor planes = flatten(x, -spatial, -1), numbers = flatten(positions, -spatial, -1);
  return {reshape(gather(planes, -1, numbers), positions.shape()), positions};
}

ValuesAndIndices max_pooled(const char* op, const Arg& x, int spatial, const PoolArguments& a) {
  OpScope scope(x.loc(), op);
  WindowList windows = composite::pool_windows(op, x, spatial, a);
  std::vector<int64_t> structure;
  for (int k = 0; k < spatial; k++)
    structure.push_back(windows.dims[k].kernel);
  windows.write(structure);
  Tensor image = x.tensor();
  Tensor positions = primitive(Op::max_pool_positions, {&x}, {}, structure, {}, x.loc());
  return gathered(image, positions, spatial);
}

ValuesAndIndices adaptive_max_pooled(const char* op, const Arg& x, const Dims& output_size,
                                     int spatial) {
  OpScope scope(x.loc(), op);
  Dims parts = composite::pool_parts(op, x, output_size, spatial);
  Tensor image = x.tensor();
  Tensor positions = primitive(Op::max_pool_positions, {&x}, {}, {}, parts, x.loc());
  return gathered(image, positions, spatial);
}

} // namespace

ValuesAndIndices max_pool1d_with_indices(const Arg& x, const Dims& kernel_size, const Dims& stride,
                                         const Dims& padding, const Dims& dilation,
                                         bool ceil_mode) {
  return max_pooled("max_pool1d_with_indices", x, 1,
                    {kernel_size, stride, padding, dilation, ceil_mode});
}
ValuesAndIndices max_pool2d_with_indices(const Arg& x, const Dims& kernel_size, const Dims& stride,
                                         const Dims& padding, const Dims& dilation,
                                         bool ceil_mode) {
  return max_pooled("max_pool2d_with_indices", x, 2,
                    {kernel_size, stride, padding, dilation, ceil_mode});
}
ValuesAndIndices max_pool3d_with_indices(const Arg& x, const Dims& kernel_size, const Dims& stride,
                                         const Dims& padding, const Dims& dilation,
                                         bool ceil_mode) {
  return max_pooled("max_pool3d_with_indices", x, 3,
                    {kernel_size, stride, padding, dilation, ceil_mode});
}
Tensor max_pool1d(const Arg& x, const Dims& kernel_size, const Dims& stride, const Dims& padding,
                  const Dims& dilation, bool ceil_mode) {
  return max_pooled("max_pool1d", x, 1, {kernel_size, stride, padding, dilation, ceil_mode}).values;
}
Tensor max_pool2d(const Arg& x, const Dims& kernel_size, const Dims& stride, const Dims& padding,
                  const Dims& dilation, bool ceil_mode) {
  return max_pooled("max_pool2d", x, 2, {kernel_size, stride, padding, dilation, ceil_mode}).values;
}
Tensor max_pool3d(const Arg& x, const Dims& kernel_size, const Dims& stride, const Dims& padding,
                  const Dims& dilation, bool ceil_mode) {
  return max_pooled("max_pool3d", x, 3, {kernel_size, stride, padding, dilation, ceil_mode}).values;
}

ValuesAndIndices adaptive_max_pool1d_with_indices(const Arg& x, const Dims& output_size) {
  return adaptive_max_pooled("adaptive_max_pool1d_with_indices", x, output_size, 1);
}
ValuesAndIndices adaptive_max_pool2d_with_indices(const Arg& x, const Dims& output_size) {
  return adaptive_max_pooled("adaptive_max_pool2d_with_indices", x, output_size, 2);
}
ValuesAndIndices adaptive_max_pool3d_with_indices(const Arg& x, const Dims& output_size) {
  return adaptive_max_pooled("adaptive_max_pool3d_with_indices", x, output_size, 3);
}
Tensor adaptive_max_pool1d(const Arg& x, const Dims& output_size) {
  return adaptive_max_pooled("adaptive_max_pool1d", x, output_size, 1).values;
}
Tensor adaptive_max_pool2d(const Arg& x, const Dims& output_size) {
  return adaptive_max_pooled("adaptive_max_pool2d", x, output_size, 2).values;
}
Tensor adaptive_max_pool3d(const Arg& x, const Dims& output_size) {
  return adaptive_max_pooled("adaptive_max_pool3d", x, output_size, 3).values;
}

} // namespace weft
