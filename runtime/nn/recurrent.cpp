// Recurrent layers over sequences. The input's share of all gates is one product a layer and
// direction; what is left for each step is the state's share and the gates themselves.
#include "weft/nn_recurrent.h"

#include "runtime/composite/cells.h"
#include "runtime/core/fail_at.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace weft::nn {

namespace detail {

namespace {

[[noreturn]] void fail(ErrorKind kind, const std::string& message) { fail_at(kind, message, {}); }

} // namespace

RecurrentStack::RecurrentStack(const Form& form, Step step, const Loc& loc)
    : form_(form), step_(step) {
  const Form& f = form_;
  auto refuse = [&](const std::string& message) {
    fail_at(ErrorKind::value, fmt::format("{}: {}", f.name, message), loc);
  };
  if (f.input_size < 1 || f.hidden_size < 1 || f.num_layers < 1)
    refuse(fmt::format("input_size, hidden_size and num_layers must be positive, got {}, {} and {}",
                       f.input_size, f.hidden_size, f.num_layers));
  if (!(f.dropout >= 0 && f.dropout <= 1))
    refuse(fmt::format("dropout must be in 0 .. 1, got {}", f.dropout));
  if (f.proj_size < 0 || f.proj_size >= f.hidden_size)
    refuse(fmt::format("proj_size must be in 0 .. hidden_size - 1, got {} for {}", f.proj_size,
                       f.hidden_size));
}

std::vector<std::pair<std::string, Shape>> RecurrentStack::weights() const {
  std::vector<std::pair<std::string, Shape>> all;
  const int64_t rows = form_.gates * form_.hidden_size;
  for (int64_t layer = 0; layer < form_.num_layers; layer++)
    for (int64_t direction = 0; direction < directions(); direction++) {
      std::string suffix = fmt::format("_l{}{}", layer, direction ? "_reverse" : "");
      int64_t in = layer ? directions() * output_size() : form_.input_size;
      all.emplace_back("weight_ih" + suffix, Shape{rows, in});
      all.emplace_back("weight_hh" + suffix, Shape{rows, output_size()});
      if (form_.bias) {
        all.emplace_back("bias_ih" + suffix, Shape{rows});
        all.emplace_back("bias_hh" + suffix, Shape{rows});
      }
      if (form_.proj_size)
        all.emplace_back("weight_hr" + suffix, Shape{form_.proj_size, form_.hidden_size});
    }
  return all;
}

// The given states as [D * num_layers, N, ...], or zeros. x: [L, N, I].
std::vector<Tensor> RecurrentStack::first_states(const Tensor& x,
                                                 const std::vector<Tensor>& initial,
                                                 bool is_one_sample) const {
  std::vector<Tensor> states;
  for (size_t k = 0; k < initial.size(); k++) {
    Shape wanted{directions() * form_.num_layers, x.size(1), k ? form_.hidden_size : output_size()};
    if (!initial[k].defined()) {
      states.push_back(zeros(wanted, x.dtype(), x.device()));
      continue;
    }
    Tensor state = is_one_sample && initial[k].rank() == 2 ? unsqueeze(initial[k], 1) : initial[k];
    if (state.shape() != wanted || (is_one_sample && initial[k].rank() != 2))
      fail(ErrorKind::shape,
           fmt::format("{}: the first state must be {}, got {}", form_.name,
                       is_one_sample ? Shape{wanted[0], wanted[2]}.str() : wanted.str(),
                       initial[k].shape().str()));
    states.push_back(state);
  }
  return states;
}

std::pair<Tensor, Tensor> RecurrentStack::shares_of_input(const Tensor& x,
                                                          const Tensor* weights) const {
  Tensor b_ih, b_hh;
  if (form_.bias) b_ih = weights[2], b_hh = weights[3];
  // One sum for all steps, and one for its gradient.
  if (form_.bias && form_.sums_shares) b_ih = b_ih + std::exchange(b_hh, {});
  return {linear(x, weights[0], b_ih), b_hh};
}

void RecurrentStack::step(const Tensor& of_x, const Tensor* weights, const Tensor& bias,
                          std::vector<Tensor>& states) const {
  states = step_(of_x, linear(states[0], weights[1], bias), states);
  if (form_.proj_size) states[0] = linear(states[0], weights[weights_a_layer() - 1]);
}

// x: [L, N, I]. Leaves the last states of this layer and direction in `states`, [1, N, ...] each.
Tensor RecurrentStack::run_direction(const Tensor& x, int64_t layer, int64_t direction,
                                     std::vector<Tensor>& states) const {
  const Tensor* w = weights_of(layer, direction);
  auto [shares, bias] = shares_of_input(x, w);
  const auto length = static_cast<size_t>(x.size(0));
  std::vector<Tensor> of_x = cells::parts(shares, 0, x.size(0));
  std::vector<Tensor> outputs(length);
  for (size_t k = 0; k < length; k++) {
    size_t t = direction ? length - 1 - k : k;
    step(of_x[t], w, bias, states);
    outputs[t] = states[0];
  }
  return concatenate(outputs, 0);
}

std::pair<Tensor, std::vector<Tensor>> RecurrentStack::run_layers(Tensor x,
                                                                  const std::vector<Tensor>& first,
                                                                  bool is_training,
                                                                  const RunDirection& run) const {
  std::vector<std::vector<Tensor>> last(first.size());
  for (int64_t layer = 0; layer < form_.num_layers; layer++) {
    std::vector<Tensor> outputs;
    for (int64_t direction = 0; direction < directions(); direction++) {
      std::vector<Tensor> states;
      const int64_t at = layer * directions() + direction;
      for (const Tensor& s : first)
        states.push_back(slice(s, 0, at, at + 1));
      outputs.push_back(run(x, layer, direction, states));
      for (size_t k = 0; k < states.size(); k++)
        last[k].push_back(states[k]);
    }
    x = outputs.size() == 1 ? outputs[0] : concatenate(outputs, -1);
    if (form_.dropout > 0 && layer + 1 < form_.num_layers)
      x = dropout(x, form_.dropout, is_training);
  }
  std::vector<Tensor> states;
  for (const std::vector<Tensor>& of_layers : last)
    states.push_back(concatenate(of_layers, 0));
  return {x, states};
}

std::pair<Tensor, std::vector<Tensor>>
RecurrentStack::run(const Tensor& x, const std::vector<Tensor>& initial, bool is_training) const {
  bool is_one_sample = x.defined() && x.rank() == 2;
  if (!x.defined() || (x.rank() != 2 && x.rank() != 3) || x.size(-1) != form_.input_size ||
      x.size(form_.batch_first && !is_one_sample ? 1 : 0) == 0)
    fail(ErrorKind::shape,
         fmt::format("{}: x must be [L, N, {}], [N, L, {}] with batch_first, or [L, {}], with L > "
                     "0, got {}",
                     form_.name, form_.input_size, form_.input_size, form_.input_size,
                     x.defined() ? x.shape().str() : "none"));
  Tensor of_all = is_one_sample ? unsqueeze(x, 1) : form_.batch_first ? transpose(x, 0, 1) : x;
  const std::vector<Tensor> first = first_states(of_all, initial, is_one_sample);
  auto [y, states] =
      run_layers(std::move(of_all), first, is_training,
                 [this](const Tensor& in, int64_t layer, int64_t direction,
                        std::vector<Tensor>& s) { return run_direction(in, layer, direction, s); });
  if (is_one_sample) {
    y = squeeze(y, 1);
    for (Tensor& s : states)
      s = squeeze(s, 1);
  }
  return {is_one_sample || !form_.batch_first ? y : transpose(y, 0, 1), states};
}

} // namespace detail

namespace {

using Stack = detail::RecurrentStack;

bool is_relu(const char* layer, const std::string& nonlinearity, const Loc& loc) {
  if (nonlinearity != "tanh" && nonlinearity != "relu")
    fail_at(ErrorKind::value,
            fmt::format("{}: nonlinearity must be \"tanh\" or \"relu\", got \"{}\"", layer,
                        nonlinearity),
            loc);
  return nonlinearity == "relu";
}

template <bool kRelu>
std::vector<Tensor> rnn_step(const Tensor& of_x, const Tensor& of_h, const std::vector<Tensor>&) {
  return {cells::rnn_step(of_x, of_h, kRelu)};
}
std::vector<Tensor> gru_step(const Tensor& of_x, const Tensor& of_h,
                             const std::vector<Tensor>& states) {
  return {cells::gru_step(of_x, of_h, states[0])};
}
std::vector<Tensor> lstm_step(const Tensor& of_x, const Tensor& of_h,
                              const std::vector<Tensor>& states) {
  auto [h, c] = cells::lstm_step(of_x, of_h, states[1]);
  return {h, c};
}

template <class Options>
Stack::Form form_of(const char* name, int64_t input_size, int64_t hidden_size, int64_t gates,
                    bool sums_shares, const Options& o) {
  int64_t proj_size = 0;
  if constexpr (requires { o.proj_size; }) proj_size = o.proj_size;
  return {name,          input_size,      hidden_size, gates,     o.num_layers, o.bias,
          o.batch_first, o.bidirectional, o.dropout,   proj_size, sums_shares};
}

// Registers the weights with their first values.
template <class Register>
void make_weights(Stack& stack, int64_t hidden_size, DType dtype, Register register_weight) {
  double bound = 1 / std::sqrt(static_cast<double>(hidden_size));
  for (const auto& [name, shape] : stack.weights())
    stack.add_weight(register_weight(name, uniform(shape, -bound, bound, dtype)));
}

} // namespace

RNN::RNN(int64_t input_size, int64_t hidden_size, const RNNOptions& options, Loc loc)
    : stack_(form_of("RNN", input_size, hidden_size, 1, true, options),
             is_relu("RNN", options.nonlinearity, loc) ? rnn_step<true> : rnn_step<false>, loc) {
  LocScope scope(loc);
  make_weights(stack_, hidden_size, options.dtype,
               [&](const std::string& name, const Tensor& t) { return parameter(name, t, loc); });
}

std::pair<Tensor, Tensor> RNN::forward(const Tensor& x, const Tensor& h_0) {
  auto [y, states] = stack_.run(x, {h_0}, is_training());
  return {y, states[0]};
}

std::pair<PackedSequence, Tensor> RNN::forward(const PackedSequence& x, const Tensor& h_0) {
  auto [y, states] = stack_.run(x, {h_0}, is_training());
  return {y, states[0]};
}

GRU::GRU(int64_t input_size, int64_t hidden_size, const GRUOptions& options, Loc loc)
    : stack_(form_of("GRU", input_size, hidden_size, 3, false, options), gru_step, loc) {
  LocScope scope(loc);
  make_weights(stack_, hidden_size, options.dtype,
               [&](const std::string& name, const Tensor& t) { return parameter(name, t, loc); });
}

std::pair<Tensor, Tensor> GRU::forward(const Tensor& x, const Tensor& h_0) {
  auto [y, states] = stack_.run(x, {h_0}, is_training());
  return {y, states[0]};
}

std::pair<PackedSequence, Tensor> GRU::forward(const PackedSequence& x, const Tensor& h_0) {
  auto [y, states] = stack_.run(x, {h_0}, is_training());
  return {y, states[0]};
}

LSTM::LSTM(int64_t input_size, int64_t hidden_size, const LSTMOptions& options, Loc loc)
    : stack_(form_of("LSTM", input_size, hidden_size, 4, true, options), lstm_step, loc) {
  LocScope scope(loc);
  make_weights(stack_, hidden_size, options.dtype,
               [&](const std::string& name, const Tensor& t) { return parameter(name, t, loc); });
}

std::pair<Tensor, LSTMState> LSTM::forward(const Tensor& x, const LSTMState& state) {
  auto [y, states] = stack_.run(x, {state.first, state.second}, is_training());
  return {y, {states[0], states[1]}};
}

std::pair<PackedSequence, LSTMState> LSTM::forward(const PackedSequence& x,
                                                   const LSTMState& state) {
  auto [y, states] = stack_.run(x, {state.first, state.second}, is_training());
  return {y, {states[0], states[1]}};
}

} // namespace weft::nn
