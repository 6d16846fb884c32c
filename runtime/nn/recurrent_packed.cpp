// Recurrent layers over packed sequences: a step computes the sequences that have it. Those that
// end leave their state behind; backwards, those that begin bring their first one.
#include "weft/nn_recurrent.h"

#include "runtime/composite/composite.h"
#include "weft/ops.h"

#include <fmt/format.h>

#include <numeric>

namespace weft::nn::detail {

namespace {

void check(const char* layer, const PackedSequence& x, int64_t input_size) {
  check_packed(layer, x, Loc());
  if (x.data.rank() != 2 || x.data.size(1) != input_size)
    composite::refuse(layer, ErrorKind::shape,
                      fmt::format("the data of a packed sequence must be [{}, {}], with its steps, "
                                  "got {}",
                                  x.data.size(0), input_size, x.data.shape().str()),
                      Loc());
}

// Sequences from..to of a state [1, N, ...].
Tensor rows(const Tensor& state, int64_t from, int64_t to) { return slice(state, 1, from, to); }

} // namespace

// data: [sum of batch_sizes, I]; states: [1, N, ...], longest sequence first. Leaves the last ones.
Tensor RecurrentStack::run_direction(const Tensor& data, const std::vector<int64_t>& batch_sizes,
                                     int64_t layer, int64_t direction,
                                     std::vector<Tensor>& states) const {
  const Tensor* w = weights_of(layer, direction);
  auto [shares, bias] = shares_of_input(unsqueeze(data, 0), w);
  const auto length = static_cast<int64_t>(batch_sizes.size());
  std::vector<int64_t> start(batch_sizes.size() + 1, 0);
  std::partial_sum(batch_sizes.begin(), batch_sizes.end(), start.begin() + 1);
  const std::vector<Tensor> first = states;
  std::vector<std::vector<Tensor>> ended(states.size()); // forwards, the last to end first
  std::vector<Tensor> outputs(batch_sizes.size());
  int64_t live = direction ? 0 : batch_sizes[0];
  if (direction)
    for (Tensor& s : states)
      s = rows(s, 0, 0);
  for (int64_t k = 0; k < length; k++) {
    const auto t = static_cast<size_t>(direction ? length - 1 - k : k);
    const int64_t now = batch_sizes[t];
    for (size_t s = 0; s < states.size() && now != live; s++) {
      if (now > live) {
        states[s] = concatenate({states[s], rows(first[s], live, now)}, 1);
      } else {
        ended[s].insert(ended[s].begin(), rows(states[s], now, live));
        states[s] = rows(states[s], 0, now);
      }
    }
    live = now;
    step(rows(shares, start[t], start[t + 1]), w, bias, states);
    outputs[t] = states[0];
  }
  for (size_t s = 0; s < states.size(); s++) {
    ended[s].insert(ended[s].begin(), states[s]);
    states[s] = concatenate(ended[s], 1);
  }
  return squeeze(concatenate(outputs, 1), 0);
}

std::pair<PackedSequence, std::vector<Tensor>>
RecurrentStack::run(const PackedSequence& x, const std::vector<Tensor>& initial,
                    bool is_training) const {
  check(form_.name, x, form_.input_size);
  Tensor shape_only = expand(unsqueeze(slice(x.data, 0, 0, 1), 0),
                             {1, x.batch_sizes[0], form_.input_size}); // [1, N, I]
  std::vector<Tensor> first = first_states(shape_only, initial, false);
  for (Tensor& s : first)
    s = reordered(s, x.sorted_indices);
  auto [y, states] = run_layers(
      x.data, first, is_training,
      [&](const Tensor& in, int64_t layer, int64_t direction, std::vector<Tensor>& of_direction) {
        return run_direction(in, x.batch_sizes, layer, direction, of_direction);
      });
  for (Tensor& s : states)
    s = reordered(s, x.unsorted_indices);
  PackedSequence output = x;
  output.data = y;
  return {output, states};
}

} // namespace weft::nn::detail
