// Training steps of recurrent layers and transformers, with each optimizer that has cases of no
// other kind.

#include "soundness.h"

using namespace weft;
using soundness::ramp;

namespace {

Tensor labels(int k) { return tensor({k % 3, (k + 1) % 3}); }

/// Trains some steps of a network that gives classes, and shows losses and parameters.
template <class Net>
void train(soundness::Witness& w, Net& net, optim::Optimizer& opt, const Shape& shape) {
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    opt.step();
    return loss;
  });
  for (int k = 0; k < 5; k++)
    w.see(step(ramp(shape, 0.3 * k), labels(k)));
  w.see(net.parameters());
}

/// Classes from what a recurrent layer gives last.
template <class Layer> struct Recurrent : nn::Module {
  explicit Recurrent(const Layer& made) : layer(child("layer", made)) {}
  Layer layer;
  nn::Linear head = child("head", nn::Linear(10, 3));
  Tensor forward(const Tensor& x) override { return head(select(layer(x).first, 0, -1)); }
};

} // namespace

SOUND("a step of a deep LSTM of both directions, with Adagrad") {
  Recurrent net(nn::LSTM(4, 5, {.num_layers = 2, .bidirectional = true}));
  optim::Adagrad opt(net.parameters(), {.lr = 0.05, .lr_decay = 0.01});
  train(w, net, opt, {3, 2, 4});
}

SOUND("a step of a GRU with dropout, with Lion") {
  Recurrent net(nn::GRU(4, 10, {.num_layers = 2, .dropout = 0.3}));
  optim::Lion opt(net.parameters(), {.lr = 0.01, .weight_decay = 0.1});
  train(w, net, opt, {3, 2, 4});
}

SOUND("a step of a projected LSTM, with AdamW and amsgrad") {
  Recurrent net(nn::LSTM(4, 12, {.proj_size = 10}));
  optim::AdamW opt(net.parameters(), {.lr = 0.02, .amsgrad = true});
  train(w, net, opt, {3, 2, 4});
}

SOUND("sequences of changing length") {
  Recurrent net(nn::RNN(4, 10));
  auto f = w.compile([&](const Tensor& x) {
    Tensor loss = sum(square(net(x)));
    loss.backward();
    return loss;
  });
  for (int64_t length : {2, 2, 4, 1, 4, 2, 3})
    w.see(f(ramp({length, 2, 4})));
  for (const Tensor& p : net.parameters())
    w.see(p.grad());
}

SOUND("only the forward pass of a GRU compiled") {
  Recurrent net(nn::GRU(4, 10));
  auto f = w.compile([&](const Tensor& x) { return net(x); });
  for (int k = 0; k < 4; k++) {
    Tensor loss = sum(square(f(ramp({3, 2, 4}, k))));
    loss.backward();
    w.see(loss);
  }
  for (const Tensor& p : net.parameters())
    w.see(p.grad());
}

SOUND("a state that is carried from call to call") {
  nn::LSTM lstm(3, 4);
  nn::LSTMState state;
  auto f = w.compile([&](const Tensor& x) {
    auto [y, next] = lstm(x, state);
    state = {next.first.detach(), next.second.detach()};
    return y;
  });
  for (int k = 0; k < 5; k++)
    w.see(f(ramp({2, 1, 3}, k)));
  w.see(state.second);
}

SOUND("a step of an RNN of both directions, with RMSprop, centered") {
  Recurrent net(nn::RNN(4, 5, {.nonlinearity = "relu", .bidirectional = true}));
  optim::RMSprop opt(net.parameters(), {.lr = 0.01, .momentum = 0.5, .centered = true});
  train(w, net, opt, {3, 2, 4});
}

// The gradient of the keys' biases is 0 but for rounding, which rules that divide by its size would
// show.
SOUND("a step of transformer layers with dropout, with SGD") {
  struct Net : nn::Module {
    nn::TransformerEncoder encoder =
        child("encoder", nn::TransformerEncoder(nn::TransformerEncoderLayer(
                                                    4, 2, {.dim_feedforward = 8, .dropout = 0.2}),
                                                2, nn::LayerNorm({4})));
    nn::Linear head = child("head", nn::Linear(4, 3));
    Tensor forward(const Tensor& x) override { return head(mean(encoder(x), 0)); }
  } net;
  optim::SGD opt(net.parameters(), {.lr = 0.05, .momentum = 0.8});
  train(w, net, opt, {3, 2, 4});
}

SOUND("a decoder that attends to an encoder's memory, causally") {
  nn::Transformer net(4, 2,
                      {.num_encoder_layers = 1,
                       .num_decoder_layers = 1,
                       .dim_feedforward = 8,
                       .dropout = 0,
                       .activation = "gelu",
                       .norm_first = true,
                       .bias = false}); // whose gradients would be sums of almost nothing
  optim::SGD opt(net.parameters(), {.lr = 0.1, .momentum = 0.8, .dampening = 0.5});
  auto step = w.compile([&](const Tensor& src, const Tensor& tgt) {
    opt.zero_grad();
    nn::TransformerMasks masks{.tgt = {.is_causal = true}};
    Tensor loss = mean(square(net(src, tgt, masks) - 1));
    loss.backward();
    opt.step();
    return loss;
  });
  for (int k = 0; k < 4; k++)
    w.see(step(ramp({3, 2, 4}, k), ramp({2, 2, 4}, 0.5 * k)));
  w.see(net.parameters());
}

SOUND("groups under one cycle of rates and momenta, then a plateau") {
  nn::Linear body(4, 8), head(8, 3);
  optim::SGD opt({{body.parameters(), {.momentum = 0.9}}, {head.parameters(), {.momentum = 0.5}}});
  optim::OneCycleLR cycle(opt, {0.1, 0.3}, {.total_steps = 8});
  optim::ReduceLROnPlateau plateau(opt, {.factor = 0.5, .patience = 0});
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(head(relu(body(x))), y);
    loss.backward();
    nn::clip_grad_value_(opt.parameters(), 0.2);
    opt.step();
    cycle.step();
    return loss;
  });
  for (int k = 0; k < 6; k++) {
    Tensor loss = step(ramp({2, 4}, k), labels(k));
    w.see(loss);
    if (k > 3) plateau.step(5);
    w.see(opt.group(1).lr);
  }
  w.see(body.parameters());
  w.see(head.parameters());
}

SOUND("bags of embeddings and a loss as a module") {
  nn::EmbeddingBag bag(7, 3, {.mode = "mean"});
  nn::CrossEntropyLoss criterion({.weight = tensor({1.f, 2.f, 0.5f}), .label_smoothing = 0.1});
  optim::Adam opt(bag.parameters(), {.lr = 0.1, .amsgrad = true, .maximize = true});
  auto step = w.compile([&](const Tensor& rows, const Tensor& offsets, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = criterion(bag(rows, offsets), y);
    loss.backward();
    opt.step();
    return loss;
  });
  for (int k = 0; k < 4; k++)
    w.see(step(tensor({k, 1, 6, 2}), tensor({0, 1 + k % 2}), labels(k)));
  w.see(bag.parameters());
}
