// One step of recurrent networks.

#include "runtime/composite/composite.h"

namespace weft {

namespace {

struct Weights {
  const Tensor &w_ih, &w_hh, &b_ih, &b_hh;
};

// x W^T + b of all gates, of the input and of the state: [N, gates * H] each.
struct Gates {
  Tensor of_x, of_h;
  int64_t size; // H

  Gates(const char* op, const Arg& x, const Tensor& h, const Weights& w, int64_t count) {
    for (const Tensor* t : {&h, &w.w_ih, &w.w_hh})
      composite::require_given(op, "the state and both weights", *t, x.loc());
    if (h.rank() == 0)
      composite::refuse(op, ErrorKind::shape,
                        "the state must have dims, got " + describe(h.impl()->meta), x.loc());
    of_x = linear(x.tensor(), w.w_ih, w.b_ih);
    of_h = linear(h, w.w_hh, w.b_hh);
    size = h.size(-1);
    Shape wanted = h.shape();
    wanted[wanted.size() - 1] *= count;
    if (of_x.shape() != wanted || of_h.shape() != wanted)
      composite::refuse(op, ErrorKind::shape,
                        "weights must have " + std::to_string(count) +
                            " rows an element of the state, got " + describe(w.w_ih.impl()->meta) +
                            " and " + describe(w.w_hh.impl()->meta) + " for a state of " +
                            describe(h.impl()->meta),
                        x.loc());
  }
  Tensor input(int64_t k) const { return slice(of_x, -1, k * size, (k + 1) * size); }
  Tensor state(int64_t k) const { return slice(of_h, -1, k * size, (k + 1) * size); }
  Tensor both(int64_t k) const { return input(k) + state(k); }
};

} // namespace

Tensor rnn_tanh_cell(const Arg& x, const Arg& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const Tensor& b_ih, const Tensor& b_hh) {
  LocScope scope(x.loc());
  return tanh(Gates("rnn_tanh_cell", x, hx.tensor(), {w_ih, w_hh, b_ih, b_hh}, 1).both(0));
}

Tensor rnn_relu_cell(const Arg& x, const Arg& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const Tensor& b_ih, const Tensor& b_hh) {
  LocScope scope(x.loc());
  return relu(Gates("rnn_relu_cell", x, hx.tensor(), {w_ih, w_hh, b_ih, b_hh}, 1).both(0));
}

Tensor gru_cell(const Arg& x, const Arg& hx, const Tensor& w_ih, const Tensor& w_hh,
                const Tensor& b_ih, const Tensor& b_hh) {
  LocScope scope(x.loc());
  Tensor h = hx.tensor();
  Gates gates("gru_cell", x, h, {w_ih, w_hh, b_ih, b_hh}, 3);
  Tensor reset = sigmoid(gates.both(0)), update = sigmoid(gates.both(1));
  Tensor fresh = tanh(gates.input(2) + reset * gates.state(2));
  return fresh + update * (h - fresh);
}

std::pair<Tensor, Tensor> lstm_cell(const Arg& x, const std::vector<Tensor>& hx, const Tensor& w_ih,
                                    const Tensor& w_hh, const Tensor& b_ih, const Tensor& b_hh) {
  LocScope scope(x.loc());
  if (hx.size() != 2 || !hx[0].defined() || !hx[1].defined())
    composite::refuse(
        "lstm_cell", ErrorKind::value,
        "hx must be an output and a cell, got " + std::to_string(hx.size()) + " tensors", x.loc());
  Gates gates("lstm_cell", x, hx[0], {w_ih, w_hh, b_ih, b_hh}, 4);
  Tensor in = sigmoid(gates.both(0)), forget = sigmoid(gates.both(1));
  Tensor cell = forget * hx[1] + in * tanh(gates.both(2));
  return {sigmoid(gates.both(3)) * tanh(cell), cell};
}

} // namespace weft
