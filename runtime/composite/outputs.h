// The results of an op as a list: what calls by name give.
#pragma once

#include "weft/ops.h"

namespace weft {

inline std::vector<Tensor> outputs(Tensor t) { return {std::move(t)}; }
inline std::vector<Tensor> outputs(bool answer) { return {tensor(answer)}; }
inline std::vector<Tensor> outputs(std::vector<Tensor> all) { return all; }
inline std::vector<Tensor> outputs(std::pair<Tensor, Tensor> r) {
  return {std::move(r.first), std::move(r.second)};
}
inline std::vector<Tensor> outputs(Quantized q) {
  return {std::move(q.codes), std::move(q.scales)};
}
inline std::vector<Tensor> outputs(ValuesAndIndices r) {
  return {std::move(r.values), std::move(r.indices)};
}
inline std::vector<Tensor> outputs(SingularVectors r) {
  return {std::move(r.u), std::move(r.s), std::move(r.vh)};
}
inline std::vector<Tensor> outputs(TriangularFactors r) {
  return {std::move(r.p), std::move(r.l), std::move(r.u)};
}
inline std::vector<Tensor> outputs(LeastSquares r) {
  return {std::move(r.solution), std::move(r.residuals), std::move(r.rank),
          std::move(r.singular_values)};
}

} // namespace weft
