#include "weft/nn_layers.h"

#include <fmt/format.h>

namespace weft::nn {

Embedding::Embedding(int64_t rows, int64_t columns, std::optional<int64_t> padding_idx, DType dtype,
                     Loc loc)
    : padding_idx_(padding_idx) {
  LocScope scope(loc);
  if (rows < 1 || columns < 1 || (padding_idx && (*padding_idx < -rows || *padding_idx >= rows)))
    throw Error(
        ErrorKind::value,
        fmt::format("Embedding: rows and columns must be positive and padding_idx a row, got "
                    "{}, {} and {}",
                    rows, columns, padding_idx ? std::to_string(*padding_idx) : "none"),
        LocScope::resolve(loc));
  weight = parameter("weight", normal({rows, columns}, 0, 1, dtype), loc);
  if (!padding_idx) return;
  NoGrad no_grad;
  select(weight, 0, *padding_idx).zero_();
}

Tensor Embedding::forward(const Tensor& indices) {
  return embedding(indices, weight, padding_idx_);
}

} // namespace weft::nn
