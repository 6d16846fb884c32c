// Leaves programs for `weft-inspect html` to show: a real one of about a thousand ops, and one
// whose every text would be markup if the page took it for that.
#include "runtime/program/collection.h"
#include "weft/weft.h"

using namespace weft;

namespace {

Tensor layers(Tensor x, const std::vector<Tensor>& weights) {
  for (size_t k = 0; k < weights.size(); k++) {
    Tensor y = gelu(layer_norm(matmul(x, weights[k]), {32}));
    x = k % 3 ? x + y : x * 0.5 + y;
  }
  return x;
}

void compile_many_ops() {
  std::vector<Tensor> weights;
  for (int k = 0; k < 100; k++)
    weights.push_back(normal({32, 32}));
  Tensor x = normal({16, 32});
  auto f = compile([&] { return layers(x, weights).sum(); });
  for (int k = 0; k < 3; k++)
    f();
}

void collect_markup() {
  const std::string markup =
      "</script><img src=x onerror=\"document.documentElement.dataset.hacked=1\">'\"&<!--";
  Segment s;
  for (int k = 0; k < 2; k++)
    s.values.push_back({make_meta({4}, f32), k, k == 0});
  s.leaves = {0};
  s.outputs = {1};
  s.locations = {{markup, markup, 1}};
  SegmentOp op;
  op.op = markup;
  op.operands = {0};
  op.result = 1;
  op.location = 0;
  s.ops = {op};
  CompileReport report;
  report.failure = report.cache_note = markup;
  report.steps = {{markup, -1, 0, 1}};
  report.total_ms = 1;
  collect(collection_folder(), s, nullptr, report);
}

} // namespace

int main() {
  compile_many_ops();
  collect_markup();
}
