// Sequences of different lengths: padded to one length, or packed without padding, as recurrent
// layers take them. Names and arguments are those of torch.nn.utils.rnn.
#pragma once

#include "weft/nn.h"

namespace weft::nn {

/// The steps of sequences, longest first: step 0 of all of them, then step 1 of those that have
/// one, and so on.
struct PackedSequence {
  Tensor data;                         // [sum of the lengths, ...]
  std::vector<int64_t> batch_sizes;    // how many sequences have step 0, 1, ...
  std::vector<int64_t> sorted_indices; // which sequence is the k-th; empty where they are in order
  std::vector<int64_t> unsorted_indices; // the place of sequence k among them
};

/// Adds the tensors of a result, as summary() looks at it.
inline void collect_results(std::vector<Tensor>& to, const PackedSequence& s) {
  to.push_back(s.data);
}

namespace detail {
/// Returns x [..., N, ...] with `places` of its dim 1, x itself where there are none.
Tensor reordered(const Tensor& x, const std::vector<int64_t>& places);
/// Throws weft::Error (value) where the numbers of a packed sequence do not belong to its data.
void check_packed(const char* function, const PackedSequence& sequence, const Loc& loc);
} // namespace detail

/// Packs x [L, N, ...], or [N, L, ...] with batch_first, of whose sequence k the first lengths[k]
/// steps count. With enforce_sorted the lengths must not increase. Throws Error (value) where they
/// do, and where a length is not in 1 .. L.
PackedSequence pack_padded_sequence(const Tensor& x, const std::vector<int64_t>& lengths,
                                    bool batch_first = false, bool enforce_sorted = true,
                                    Loc loc = Loc::current());

/// Unpacks to [L, N, ...], or [N, L, ...] with batch_first, in the order before sorting, and the
/// lengths. L is the greatest length, or total_length where it is given.
std::pair<Tensor, std::vector<int64_t>>
pad_packed_sequence(const PackedSequence& sequence, bool batch_first = false,
                    double padding_value = 0, std::optional<int64_t> total_length = std::nullopt,
                    Loc loc = Loc::current());

/// Stacks sequences [L_k, ...], each padded to the longest one, to [L, N, ...] or [N, L, ...].
Tensor pad_sequence(const std::vector<Tensor>& sequences, bool batch_first = false,
                    double padding_value = 0, Loc loc = Loc::current());

/// Packs sequences [L_k, ...]. With enforce_sorted the lengths must not increase.
PackedSequence pack_sequence(const std::vector<Tensor>& sequences, bool enforce_sorted = true,
                             Loc loc = Loc::current());

} // namespace weft::nn
