// Packing and padding: slices of steps, joined.
#include "weft/nn_sequences.h"

#include "runtime/composite/composite.h"
#include "weft/ops.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace weft::nn {

namespace {

using composite::refuse;

// Says whether each of 0 .. count - 1 stands there once.
bool is_order(const std::vector<int64_t>& places, int64_t count) {
  std::vector<bool> seen(static_cast<size_t>(count));
  for (int64_t p : places) {
    if (p < 0 || p >= count || seen[static_cast<size_t>(p)]) return false;
    seen[static_cast<size_t>(p)] = true;
  }
  return std::ssize(places) == count;
}

std::vector<int64_t> lengths_of(const std::vector<Tensor>& sequences, const char* function,
                                const Loc& loc) {
  if (sequences.empty())
    refuse(function, ErrorKind::value, "there must be a sequence, got none", loc);
  std::vector<int64_t> lengths;
  for (const Tensor& s : sequences) {
    if (!s.defined() || s.rank() < 1)
      refuse(function, ErrorKind::shape,
             fmt::format("sequences must have a dim of steps, got {}",
                         s.defined() ? s.shape().str() : "none"),
             loc);
    lengths.push_back(s.size(0));
  }
  return lengths;
}

// x with `rows` rows: those behind its own have one value.
Tensor with_rows(const Tensor& x, int64_t rows, double value) {
  std::vector<int64_t> sides(2 * static_cast<size_t>(x.rank()));
  sides.back() = rows - x.size(0);
  return sides.back() ? pad(x, sides, "constant", value) : x;
}

} // namespace

void detail::check_packed(const char* function, const PackedSequence& sequence, const Loc& loc) {
  const std::vector<int64_t>& sizes = sequence.batch_sizes;
  if (sizes.empty() || !sequence.data.defined() || sequence.data.rank() < 1)
    refuse(function, ErrorKind::value, "the sequence must have a step, got none", loc);
  const int64_t rows = sequence.data.size(0);
  if (!std::is_sorted(sizes.rbegin(), sizes.rend()) || sizes.back() < 1 || sizes[0] > rows ||
      std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) != rows)
    refuse(function, ErrorKind::value,
           fmt::format("batch_sizes must be positive, not increase, and add up to the rows of "
                       "data, {}, got [{}]",
                       rows, fmt::join(sizes, ", ")),
           loc);
  for (const auto* order : {&sequence.sorted_indices, &sequence.unsorted_indices})
    if (!order->empty() && !is_order(*order, sizes[0]))
      refuse(function, ErrorKind::value,
             fmt::format("indices must be 0 .. {}, each once, got [{}]", sizes[0] - 1,
                         fmt::join(*order, ", ")),
             loc);
}

Tensor detail::reordered(const Tensor& x, const std::vector<int64_t>& places) {
  if (places.empty()) return x;
  const auto count = static_cast<int64_t>(places.size());
  return index_select(x, 1, tensor(places, {count}).to(x.device()));
}

PackedSequence pack_padded_sequence(const Tensor& x, const std::vector<int64_t>& lengths,
                                    bool batch_first, bool enforce_sorted, Loc loc) {
  constexpr const char* kName = "pack_padded_sequence";
  LocScope scope(loc);
  const auto count = static_cast<int64_t>(lengths.size());
  if (!x.defined() || x.rank() < 2 || x.size(batch_first ? 0 : 1) != count || count == 0)
    refuse(kName, ErrorKind::shape,
           fmt::format("x must be {} with a length a sequence, got {} and {} lengths",
                       batch_first ? "[N, L, ...]" : "[L, N, ...]",
                       x.defined() ? x.shape().str() : "none", count),
           loc);
  Tensor steps = batch_first ? transpose(x, 0, 1) : x;
  std::vector<int64_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return lengths[static_cast<size_t>(a)] > lengths[static_cast<size_t>(b)];
  });
  const bool in_order = std::is_sorted(order.begin(), order.end());
  const int64_t longest = lengths[static_cast<size_t>(order.front())],
                shortest = lengths[static_cast<size_t>(order.back())];
  if (shortest < 1 || longest > x.size(batch_first ? 1 : 0))
    refuse(kName, ErrorKind::value,
           fmt::format("lengths must be in 1 .. {}, got {}", steps.size(0),
                       shortest < 1 ? shortest : longest),
           loc);
  PackedSequence packed;
  if (!in_order) {
    if (enforce_sorted)
      refuse(kName, ErrorKind::value,
             "lengths must not increase where enforce_sorted is given, got ones that do", loc);
    packed.unsorted_indices.resize(order.size());
    for (size_t k = 0; k < order.size(); k++)
      packed.unsorted_indices[static_cast<size_t>(order[k])] = static_cast<int64_t>(k);
    packed.sorted_indices = order;
    steps = detail::reordered(steps, order);
  }
  std::vector<Tensor> pieces;
  for (int64_t t = 0; t < longest; t++) {
    const auto live =
        std::count_if(lengths.begin(), lengths.end(), [t](int64_t n) { return n > t; });
    packed.batch_sizes.push_back(live);
    pieces.push_back(slice(select(steps, 0, t), 0, 0, live));
  }
  packed.data = concatenate(pieces, 0);
  return packed;
}

std::pair<Tensor, std::vector<int64_t>> pad_packed_sequence(const PackedSequence& sequence,
                                                            bool batch_first, double padding_value,
                                                            std::optional<int64_t> total_length,
                                                            Loc loc) {
  constexpr const char* kName = "pad_packed_sequence";
  LocScope scope(loc);
  const std::vector<int64_t>& live = sequence.batch_sizes;
  detail::check_packed(kName, sequence, loc);
  const auto longest = static_cast<int64_t>(live.size()), count = live[0];
  if (total_length.value_or(longest) < longest)
    refuse(kName, ErrorKind::value,
           fmt::format("total_length must be at least {}, got {}", longest, *total_length), loc);
  std::vector<Tensor> steps;
  int64_t at = 0;
  for (int64_t n : live) {
    steps.push_back(with_rows(slice(sequence.data, 0, at, at + n), count, padding_value));
    at += n;
  }
  Tensor padded = with_rows(stack(steps, 0), total_length.value_or(longest), padding_value);
  std::vector<int64_t> lengths(static_cast<size_t>(count)), places(lengths.size());
  std::iota(places.begin(), places.end(), 0);
  if (!sequence.unsorted_indices.empty()) places = sequence.unsorted_indices;
  padded = detail::reordered(padded, sequence.unsorted_indices);
  for (size_t k = 0; k < lengths.size(); k++)
    lengths[k] = std::count_if(live.begin(), live.end(), [&](int64_t n) { return n > places[k]; });
  return {batch_first ? transpose(padded, 0, 1) : padded, lengths};
}

Tensor pad_sequence(const std::vector<Tensor>& sequences, bool batch_first, double padding_value,
                    Loc loc) {
  LocScope scope(loc);
  const std::vector<int64_t> lengths = lengths_of(sequences, "pad_sequence", loc);
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  std::vector<Tensor> padded;
  for (const Tensor& s : sequences)
    padded.push_back(with_rows(s, longest, padding_value));
  return stack(padded, batch_first ? 0 : 1);
}

PackedSequence pack_sequence(const std::vector<Tensor>& sequences, bool enforce_sorted, Loc loc) {
  return pack_padded_sequence(pad_sequence(sequences, false, 0, loc),
                              lengths_of(sequences, "pack_sequence", loc), false, enforce_sorted,
                              loc);
}

} // namespace weft::nn
