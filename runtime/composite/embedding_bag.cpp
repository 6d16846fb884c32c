// Sums, means and maxima of rows that bags of indices name. Each index has the number of its bag,
// and those that count for nothing the number of a bag that is cut off in the end.

#include "runtime/composite/index_operands.h"
#include "runtime/core/refusal.h"

namespace weft {

using composite::refuse;

namespace {

enum class Fold { sum, mean, max };

Fold fold_of(std::string_view mode, const Loc& loc) {
  if (mode == "sum") return Fold::sum;
  if (mode == "mean") return Fold::mean;
  if (mode == "max") return Fold::max;
  refuse("embedding_bag", ErrorKind::value,
         "mode must be sum, mean or max, got " + std::string(mode), loc);
}

struct Bags {
  Tensor of; // each index's bag
  int64_t count;
};

Bags bags_of_rows(const Tensor& input, const Loc& loc) {
  const int64_t bags = input.size(0), each = input.size(1);
  Tensor number = composite::positions(bags, input.device(), loc);
  return {reshape(expand(unsqueeze(number, 1), {bags, each}), {-1}), bags};
}

// Offsets start with 0 and lie in the list; the last one may be an end.
Bags bags_of_offsets(int64_t length, const Tensor& offsets, bool include_last, const Loc& loc) {
  const Meta& m = composite::require_defined("embedding_bag", "offsets", offsets, loc);
  Tensor starts = composite::as_index("embedding_bag", offsets, loc);
  if (m.rank != 1 || (include_last && m.sizes[0] == 0))
    refuse("embedding_bag", ErrorKind::shape,
           "offsets must be a list, with its end where include_last_offset, got " + describe(m),
           loc);
  const int64_t count = m.sizes[0] - include_last;
  Tensor places = composite::positions(length, starts.device(), loc);
  if (m.sizes[0] == 0) return {zeros({length}, i64, starts.device()), 0};
  const RefusalWords words(
      "embedding_bag: offsets must start with 0 and lie in the list, got others");
  Tensor first = checked_index(slice(starts, 0, 0, 1), 1, 0);
  starts = concatenate({first, checked_index(slice(starts, 0, 1), length + 1, 0)}, 0, loc);
  return {searchsorted(starts, places, true) - 1, count};
}

// Elements joined by bag; `zero` has a row more than there are bags.
Tensor folded(Fold fold, const Tensor& rows, const Tensor& bags, int64_t count) {
  Tensor zero = zeros({count + 1, rows.size(1)}, rows.dtype(), rows.device());
  if (fold == Fold::max) {
    Tensor spread = expand(unsqueeze(bags, 1), rows.shape());
    return scatter_reduce(zero, 0, spread, rows, "amax", false);
  }
  Tensor sums = index_add(zero, 0, bags, rows);
  if (fold == Fold::sum) return sums;
  Tensor members = index_add(zeros({count + 1}, i64, rows.device()), 0, bags, ones_like(bags));
  return sums / unsqueeze(clamp_min(members, 1), 1);
}

} // namespace

Tensor embedding_bag(const Tensor& input, const Tensor& weight, const Tensor& offsets,
                     std::string_view mode, const Tensor& per_sample_weights,
                     bool include_last_offset, std::optional<int64_t> padding_idx,
                     std::optional<double> max_norm, double norm_type, Loc loc) {
  OpScope scope(loc);
  const Meta m = composite::require_defined("embedding_bag", "input", input, loc);
  const Meta& mw = composite::require_defined("embedding_bag", "weight", weight, loc);
  const Fold fold = fold_of(mode, loc);
  if (m.rank < 1 || m.rank > 2 || mw.rank != 2 || !is_floating(mw.dtype))
    refuse("embedding_bag", ErrorKind::shape,
           "input must be a list or rows and weight a floating matrix, got " + describe(m) +
               " and " + describe(mw),
           loc);
  if (m.rank == 2 && offsets.defined())
    refuse("embedding_bag", ErrorKind::value, "offsets are for lists, got rows " + describe(m),
           loc);
  if (per_sample_weights.defined() && fold != Fold::sum)
    refuse("embedding_bag", ErrorKind::value,
           "per_sample_weights are for mode sum, got " + std::string(mode), loc);
  composite::require_shape("embedding_bag", "per_sample_weights", per_sample_weights, m.shape(),
                           loc);
  const int64_t entries = mw.sizes[0];
  if (padding_idx && (*padding_idx < -entries || *padding_idx >= entries))
    refuse("embedding_bag", ErrorKind::index,
           "padding_idx must be a row of weight, " + describe(mw) + ", got " +
               std::to_string(*padding_idx),
           loc);
  Bags bags = m.rank == 2 ? bags_of_rows(input, loc)
                          : bags_of_offsets(m.numel(), offsets, include_last_offset, loc);
  Tensor list = reshape(composite::as_index("embedding_bag", input, loc), {-1});
  if (max_norm) composite::shorten_rows(weight, list, *max_norm, norm_type, loc);
  Tensor rows =
      embedding(list, composite::widened(Arg(weight, loc)), std::nullopt, std::nullopt, 2, loc);
  if (per_sample_weights.defined())
    rows = std::move(rows) * reshape(per_sample_weights, {-1, 1}).to(rows.dtype());
  if (padding_idx) {
    const int64_t row = *padding_idx < 0 ? *padding_idx + entries : *padding_idx;
    bags.of = where(list == row, bags.count, bags.of);
  }
  return slice(folded(fold, rows, bags.of, bags.count), 0, 0, bags.count).to(mw.dtype, loc);
}

} // namespace weft
