// One step of recurrent networks.
#include "runtime/composite/cells.h"

#include "runtime/composite/composite.h"
#include "weft/autograd_function.h"

namespace weft {

namespace {

struct Weights {
  const Tensor &w_ih, &w_hh, &b_ih, &b_hh;
};

// x W^T + b of all gates, of the input and of the state: [N, gates * H] each.
struct Gates {
  Tensor of_x, of_h;

  Gates(const char* op, const Arg& x, const Tensor& h, const Weights& w, int64_t count) {
    for (const Tensor* t : {&h, &w.w_ih, &w.w_hh})
      composite::require_given(op, "the state and both weights", *t, x.loc());
    if (h.rank() == 0)
      composite::refuse(op, ErrorKind::shape,
                        "the state must have dims, got " + describe(h.impl()->meta), x.loc());
    of_x = linear(x.tensor(), w.w_ih, w.b_ih);
    of_h = linear(h, w.w_hh, w.b_hh);
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
};

// The gradient of each of many slices would be a tensor of the whole's size.
struct Parts : autograd::Function<Parts> {
  static constexpr const char* name = "parts";
  int64_t dim_ = 0;
  std::vector<Tensor> forward(autograd::Context&, const Tensor& x, int64_t dim, int64_t count) {
    dim_ = dim;
    int64_t size = x.size(dim) / count;
    std::vector<Tensor> all;
    for (int64_t k = 0; k < count; k++)
      all.push_back(slice(x, dim, k * size, (k + 1) * size));
    return all;
  }
  std::vector<Tensor> backward(autograd::Context&, const std::vector<Tensor>& dy) {
    return {concatenate(dy, dim_)};
  }
};

} // namespace

std::vector<Tensor> cells::parts(const Tensor& x, int64_t dim, int64_t count) {
  return Parts::apply(x, dim, count);
}

Tensor cells::rnn_step(const Tensor& of_x, const Tensor& of_h, bool is_relu) {
  Tensor sum = of_x + of_h;
  return is_relu ? relu(std::move(sum)) : tanh(std::move(sum));
}

Tensor cells::gru_step(const Tensor& of_x, const Tensor& of_h, const Tensor& h) {
  std::vector<Tensor> x = parts(of_x, -1, 3), s = parts(of_h, -1, 3);
  Tensor reset = sigmoid(x[0] + s[0]), update = sigmoid(x[1] + s[1]);
  Tensor fresh = tanh(x[2] + reset * s[2]);
  return fresh + update * (h - fresh);
}

std::pair<Tensor, Tensor> cells::lstm_step(const Tensor& of_x, const Tensor& of_h,
                                           const Tensor& cell) {
  std::vector<Tensor> gates = parts(of_x + of_h, -1, 4);
  Tensor in = sigmoid(gates[0]), forget = sigmoid(gates[1]);
  Tensor next = forget * cell + in * tanh(gates[2]);
  return {sigmoid(gates[3]) * tanh(next), next};
}

Tensor rnn_tanh_cell(const Arg& x, const Arg& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const Tensor& b_ih, const Tensor& b_hh) {
  OpScope scope(x.loc());
  Gates gates("rnn_tanh_cell", x, hx.tensor(), {w_ih, w_hh, b_ih, b_hh}, 1);
  return cells::rnn_step(gates.of_x, gates.of_h, false);
}

Tensor rnn_relu_cell(const Arg& x, const Arg& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const Tensor& b_ih, const Tensor& b_hh) {
  OpScope scope(x.loc());
  Gates gates("rnn_relu_cell", x, hx.tensor(), {w_ih, w_hh, b_ih, b_hh}, 1);
  return cells::rnn_step(gates.of_x, gates.of_h, true);
}

Tensor gru_cell(const Arg& x, const Arg& hx, const Tensor& w_ih, const Tensor& w_hh,
                const Tensor& b_ih, const Tensor& b_hh) {
  OpScope scope(x.loc());
  Tensor h = hx.tensor();
  Gates gates("gru_cell", x, h, {w_ih, w_hh, b_ih, b_hh}, 3);
  return cells::gru_step(gates.of_x, gates.of_h, h);
}

std::pair<Tensor, Tensor> lstm_cell(const Arg& x, const std::vector<Tensor>& hx, const Tensor& w_ih,
                                    const Tensor& w_hh, const Tensor& b_ih, const Tensor& b_hh) {
  OpScope scope(x.loc());
  if (hx.size() != 2 || !hx[0].defined() || !hx[1].defined())
    composite::refuse(
        "lstm_cell", ErrorKind::value,
        "hx must be an output and a cell, got " + std::to_string(hx.size()) + " tensors", x.loc());
  Gates gates("lstm_cell", x, hx[0], {w_ih, w_hh, b_ih, b_hh}, 4);
  return cells::lstm_step(gates.of_x, gates.of_h, hx[1]);
}

} // namespace weft
