// Runs the kernel of the op that add_op.py adds, and its expression as data.
#include "ir/ops/op_graphs.h"
#include "kernels/pointwise_table.h"

#include <cmath>
#include <cstdio>

using namespace weft;
using namespace weft::kernels;

int main() {
  const float x[] = {-3, -0.5f, 0, 2, 50, -200};
  float y[6];
  const void* in[] = {x};
  const uint8_t form[] = {kArray};
  uint32_t error = 0;
  for (const PointwiseEntry& e : pointwise_entries<WEFT_SHARD>())
    if (e.op == Op::log_sigmoid) e.pointwise[int(f32)](in, form, nullptr, y, 6, &error);
  for (int k = 0; k < 6; k++) {
    double want = std::fmin(x[k], 0.0) - std::log1p(std::exp(-std::fabs(double{x[k]})));
    expr::ScalarValue<float> input{x[k], 0};
    float meaning = expr::evaluate_element<float>(expr::find_op("log_sigmoid")->value, &input).x;
    if (y[k] == meaning && std::fabs(y[k] - want) <= 1e-6 * std::fmax(1, std::fabs(want))) continue;
    std::printf("log_sigmoid(%g) = %g, must be %g\n", x[k], y[k], want);
    return 1;
  }
  std::printf("log_sigmoid: the kernel agrees at 6 points\n");
}
