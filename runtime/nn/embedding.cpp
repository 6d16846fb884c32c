#include "weft/nn_layers.h"

#include "runtime/core/fail_at.h"

#include <fmt/format.h>

namespace weft::nn {

namespace {

// What a table must be; `padding_idx` may count from the end.
void check_table(const char* layer, int64_t rows, int64_t columns,
                 std::optional<int64_t> padding_idx, const Loc& loc) {
  if (rows < 1 || columns < 1 || (padding_idx && (*padding_idx < -rows || *padding_idx >= rows)))
    fail_at(ErrorKind::value,
            fmt::format("{}: rows and columns must be positive and padding_idx a row, got {}, "
                        "{} and {}",
                        layer, rows, columns, padding_idx ? std::to_string(*padding_idx) : "none"),
            loc);
}

void clear_row(const Tensor& weight, std::optional<int64_t> row) {
  if (!row) return;
  NoGrad no_grad;
  select(weight, 0, *row).zero_();
}

} // namespace

Embedding::Embedding(int64_t rows, int64_t columns, const EmbeddingOptions& options, Loc loc)
    : options_(options) {
  LocScope scope(loc);
  check_table("Embedding", rows, columns, options.padding_idx, loc);
  weight = parameter("weight", normal({rows, columns}, 0, 1, options.dtype), loc);
  clear_row(weight, options.padding_idx);
}

Tensor Embedding::forward(const Tensor& indices) {
  return embedding(indices, weight, options_.padding_idx, options_.max_norm, options_.norm_type);
}

EmbeddingBag::EmbeddingBag(int64_t rows, int64_t columns, const EmbeddingBagOptions& options,
                           Loc loc)
    : options_(options) {
  LocScope scope(loc);
  check_table("EmbeddingBag", rows, columns, options.padding_idx, loc);
  if (options.mode != "mean" && options.mode != "sum" && options.mode != "max")
    fail_at(ErrorKind::value,
            fmt::format("EmbeddingBag: mode must be \"mean\", \"sum\" or \"max\", got \"{}\"",
                        options.mode),
            loc);
  weight = parameter("weight", normal({rows, columns}, 0, 1, options.dtype), loc);
  clear_row(weight, options.padding_idx);
}

Tensor EmbeddingBag::forward(const Tensor& input, const Tensor& offsets,
                             const Tensor& per_sample_weights) {
  return embedding_bag(input, weight, offsets, options_.mode, per_sample_weights,
                       options_.include_last_offset, options_.padding_idx, options_.max_norm,
                       options_.norm_type);
}

} // namespace weft::nn
