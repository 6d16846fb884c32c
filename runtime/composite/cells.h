// What recurrent cells make of what their gates get, shared by the ops of one step and by the
// layers that run over sequences.
#pragma once

#include "weft/ops.h"

#include <utility>
#include <vector>

namespace weft::cells {

/// Cuts a dim into `count` equal parts, views whose gradients become one tensor at once.
std::vector<Tensor> parts(const Tensor& x, int64_t dim, int64_t count);

/// The next state of gates [..., gates * H], given their share of the input and of the state.
Tensor rnn_step(const Tensor& of_x, const Tensor& of_h, bool is_relu);
Tensor gru_step(const Tensor& of_x, const Tensor& of_h, const Tensor& h);
/// The output and the next cell.
std::pair<Tensor, Tensor> lstm_step(const Tensor& of_x, const Tensor& of_h, const Tensor& cell);

} // namespace weft::cells
