// Layers of one recurrent step, over the ops of the same names.
#include "weft/nn_recurrent.h"

#include "runtime/core/fail_at.h"
#include "weft/ops.h"

#include <fmt/format.h>

#include <cmath>

namespace weft::nn {

namespace {

// Registers a cell's weights of so many gates with their first values.
template <class Cell, class Register>
void make_weights(Cell& cell, const char* name, int64_t gates, int64_t input_size,
                  int64_t hidden_size, const CellOptions& o, const Loc& loc,
                  Register register_weight) {
  if (input_size < 1 || hidden_size < 1)
    fail_at(ErrorKind::value,
            fmt::format("{}: input_size and hidden_size must be positive, got {} and {}", name,
                        input_size, hidden_size),
            loc);
  LocScope scope(loc);
  double bound = 1 / std::sqrt(static_cast<double>(hidden_size));
  const int64_t rows = gates * hidden_size;
  auto make = [&](const char* weight, const Shape& shape) {
    return register_weight(weight, uniform(shape, -bound, bound, o.dtype));
  };
  cell.weight_ih = make("weight_ih", {rows, input_size});
  cell.weight_hh = make("weight_hh", {rows, hidden_size});
  if (!o.bias) return;
  cell.bias_ih = make("bias_ih", {rows});
  cell.bias_hh = make("bias_hh", {rows});
}

// Throws where x, or a state that is given, does not fit; returns the state, or zeros.
Tensor checked_state(const char* cell, const Tensor& x, const Tensor& state, const Tensor& w_ih,
                     const Tensor& w_hh) {
  int64_t in = w_ih.size(1), size = w_hh.size(1);
  auto refuse = [&](const char* what, int64_t features, const Tensor& got) {
    fail_at(ErrorKind::shape,
            fmt::format("{}: {} must be [N, {}] or [{}], got {}", cell, what, features, features,
                        got.defined() ? got.shape().str() : "none"),
            {});
  };
  if (!x.defined() || (x.rank() != 1 && x.rank() != 2) || x.size(-1) != in) refuse("x", in, x);
  Shape wanted = x.shape();
  wanted[wanted.size() - 1] = size;
  if (!state.defined()) return zeros(wanted, x.dtype(), x.device());
  if (state.shape() != wanted) refuse("the state", size, state);
  return state;
}

} // namespace

RNNCell::RNNCell(int64_t input_size, int64_t hidden_size, const CellOptions& options,
                 const std::string& nonlinearity, Loc loc)
    : is_relu_(nonlinearity == "relu") {
  if (nonlinearity != "tanh" && nonlinearity != "relu")
    fail_at(
        ErrorKind::value,
        fmt::format("RNNCell: nonlinearity must be \"tanh\" or \"relu\", got \"{}\"", nonlinearity),
        loc);
  make_weights(*this, "RNNCell", 1, input_size, hidden_size, options, loc,
               [&](const char* name, const Tensor& t) { return parameter(name, t, loc); });
}

Tensor RNNCell::forward(const Tensor& x, const Tensor& h) {
  Tensor state = checked_state("RNNCell", x, h, weight_ih, weight_hh);
  auto* step = is_relu_ ? rnn_relu_cell : rnn_tanh_cell;
  return step(x, state, weight_ih, weight_hh, bias_ih, bias_hh);
}

GRUCell::GRUCell(int64_t input_size, int64_t hidden_size, const CellOptions& options, Loc loc) {
  make_weights(*this, "GRUCell", 3, input_size, hidden_size, options, loc,
               [&](const char* name, const Tensor& t) { return parameter(name, t, loc); });
}

Tensor GRUCell::forward(const Tensor& x, const Tensor& h) {
  Tensor state = checked_state("GRUCell", x, h, weight_ih, weight_hh);
  return gru_cell(x, state, weight_ih, weight_hh, bias_ih, bias_hh);
}

LSTMCell::LSTMCell(int64_t input_size, int64_t hidden_size, const CellOptions& options, Loc loc) {
  make_weights(*this, "LSTMCell", 4, input_size, hidden_size, options, loc,
               [&](const char* name, const Tensor& t) { return parameter(name, t, loc); });
}

LSTMState LSTMCell::forward(const Tensor& x, const LSTMState& state) {
  Tensor h = checked_state("LSTMCell", x, state.first, weight_ih, weight_hh);
  Tensor c = checked_state("LSTMCell", x, state.second, weight_ih, weight_hh);
  return lstm_cell(x, {h, c}, weight_ih, weight_hh, bias_ih, bias_hh);
}

} // namespace weft::nn
