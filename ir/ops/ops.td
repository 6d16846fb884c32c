// Every op of the library. From these records come the dialect, the API, kernels, gradients, lowerings, reference pages and tests: see docs/add_an_op.md.
#ifndef WEFT_IR_OPS_OPS_TD
#define WEFT_IR_OPS_OPS_TD

include "ir/ops/pointwise.td"
include "ir/ops/pointwise_math.td"
include "ir/ops/pointwise_number.td"
include "ir/ops/pointwise_special.td"
include "ir/ops/reduction.td"
include "ir/ops/view.td"
include "ir/ops/structured.td"
include "ir/ops/composite.td"
include "ir/ops/composite_number.td"
include "ir/ops/indexing.td"
include "ir/ops/indexing_forms.td"
include "ir/ops/activations.td"
include "ir/ops/convolution.td"
include "ir/ops/images.td"
include "ir/ops/interpolate.td"
include "ir/ops/losses.td"
include "ir/ops/max_pooling.td"
include "ir/ops/networks.td"
include "ir/ops/number_forms.td"
include "ir/ops/pooling.td"
include "ir/ops/product_forms.td"
include "ir/ops/products.td"
include "ir/ops/random.td"
include "ir/ops/selection.td"
include "ir/ops/shape_forms.td"
include "ir/ops/sources.td"
include "ir/ops/statistics.td"
include "ir/ops/statistics_forms.td"

#endif
