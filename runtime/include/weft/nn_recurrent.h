// Recurrent networks: over sequences (RNN, LSTM, GRU) and one step of them (RNNCell, LSTMCell,
// GRUCell). Parameters have PyTorch's names, shapes and first values, uniform in +-1/sqrt(H).
//
// A sequence x is [L, N, I], [N, L, I] with batch_first, or [L, I] of one sample. With D directions
// the output has D H features, and a state is [D * num_layers, N, H], or without N. A packed
// sequence gives a packed output and the state that each sequence has after its own last step.
#pragma once

#include "weft/nn_sequences.h"

#include <functional>

namespace weft::nn {

namespace detail {

/// The shapes, weights and the loop of stacked recurrent layers.
class RecurrentStack {
public:
  struct Form {
    const char* name; // of the layer, in messages
    int64_t input_size, hidden_size, gates;
    int64_t num_layers;
    bool bias, batch_first, bidirectional;
    double dropout;
    int64_t proj_size;
    bool sums_shares; // the gates need no more than the sum of both shares below
  };
  /// One step: the next states, given the gates' share of the input and of the output before.
  using Step = std::vector<Tensor> (*)(const Tensor& of_x, const Tensor& of_h,
                                       const std::vector<Tensor>& states);

  RecurrentStack(const Form& form, Step step, const Loc& loc);
  /// Returns names and shapes of all weights, in PyTorch's order.
  std::vector<std::pair<std::string, Shape>> weights() const;
  /// Adds the next of those weights.
  void add_weight(const Tensor& weight) { weights_.push_back(weight); }

  /// Returns the output and the last states, [D * num_layers, N, ...] each. `initial`: as many as a
  /// cell has, or none for zeros.
  std::pair<Tensor, std::vector<Tensor>> run(const Tensor& x, const std::vector<Tensor>& initial,
                                             bool is_training) const;
  /// Returns the same of a packed sequence, whose steps alone are computed. States are in the order
  /// that the sequences had before they were packed.
  std::pair<PackedSequence, std::vector<Tensor>>
  run(const PackedSequence& x, const std::vector<Tensor>& initial, bool is_training) const;

private:
  int64_t directions() const { return form_.bidirectional ? 2 : 1; }
  int64_t output_size() const { return form_.proj_size ? form_.proj_size : form_.hidden_size; }
  int64_t weights_a_layer() const { return 2 + (form_.bias ? 2 : 0) + (form_.proj_size ? 1 : 0); }
  std::vector<Tensor> first_states(const Tensor& x, const std::vector<Tensor>& initial,
                                   bool is_one_sample) const;
  Tensor run_direction(const Tensor& x, int64_t layer, int64_t direction,
                       std::vector<Tensor>& states) const;
  Tensor run_direction(const Tensor& data, const std::vector<int64_t>& batch_sizes, int64_t layer,
                       int64_t direction, std::vector<Tensor>& states) const;
  /// One of the two for a layer and direction, which leaves the last states in the first ones.
  using RunDirection = std::function<Tensor(const Tensor& x, int64_t layer, int64_t direction,
                                            std::vector<Tensor>& states)>;
  /// Runs all layers; `states` has the first ones of all layers and directions. Returns the last
  /// layer's output, and the last states likewise.
  std::pair<Tensor, std::vector<Tensor>> run_layers(Tensor x, const std::vector<Tensor>& states,
                                                    bool is_training,
                                                    const RunDirection& run) const;
  const Tensor* weights_of(int64_t layer, int64_t direction) const {
    return &weights_[static_cast<size_t>((layer * directions() + direction) * weights_a_layer())];
  }
  /// The input's share of all gates, and the bias that is left for the state's share.
  std::pair<Tensor, Tensor> shares_of_input(const Tensor& x, const Tensor* weights) const;
  void step(const Tensor& of_x, const Tensor* weights, const Tensor& bias,
            std::vector<Tensor>& states) const;

  Form form_;
  Step step_;
  std::vector<Tensor> weights_;
};

} // namespace detail

/// Options of RNN.
struct RNNOptions {
  int64_t num_layers = 1;
  std::string nonlinearity = "tanh"; // or "relu"
  bool bias = true;
  bool batch_first = false;
  double dropout = 0; // of each layer's output but the last one's
  bool bidirectional = false;
  DType dtype = f32;
};

/// Computes h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with relu, for each step (Elman, Finding
/// structure in time, 1990). `auto [y, h_n] = rnn(x, h_0)`; h_0 is zeros unless given.
class RNN : public ModuleOf<RNN> {
public:
  RNN(int64_t input_size, int64_t hidden_size, const RNNOptions& options = {},
      Loc loc = Loc::current());
  std::pair<Tensor, Tensor> forward(const Tensor& x, const Tensor& h_0 = {});
  std::pair<PackedSequence, Tensor> forward(const PackedSequence& x, const Tensor& h_0 = {});

private:
  detail::RecurrentStack stack_;
};

/// Options of GRU.
struct GRUOptions {
  int64_t num_layers = 1;
  bool bias = true;
  bool batch_first = false;
  double dropout = 0; // of each layer's output but the last one's
  bool bidirectional = false;
  DType dtype = f32;
};

/// Runs gated recurrent units (Cho et al., EMNLP 2014) in PyTorch's form, whose reset gate comes
/// after the product: h' = (1 - z) n + z h with n = tanh(W_in x + b_in + r (W_hn h + b_hn)). Gates
/// are rows r, z, n of the weights. `auto [y, h_n] = gru(x, h_0)`.
class GRU : public ModuleOf<GRU> {
public:
  GRU(int64_t input_size, int64_t hidden_size, const GRUOptions& options = {},
      Loc loc = Loc::current());
  std::pair<Tensor, Tensor> forward(const Tensor& x, const Tensor& h_0 = {});
  std::pair<PackedSequence, Tensor> forward(const PackedSequence& x, const Tensor& h_0 = {});

private:
  detail::RecurrentStack stack_;
};

/// Options of LSTM.
struct LSTMOptions {
  int64_t num_layers = 1;
  bool bias = true;
  bool batch_first = false;
  double dropout = 0; // of each layer's output but the last one's
  bool bidirectional = false;
  int64_t proj_size = 0; // the output and h have this many features, made by weight_hr
  DType dtype = f32;
};

/// The output h and the cell c.
using LSTMState = std::pair<Tensor, Tensor>;

/// Runs long short-term memory (Hochreiter and Schmidhuber, 1997): c' = f c + i g and h' = o
/// tanh(c'). Gates are rows i, f, g, o of the weights. `auto [y, state] = lstm(x,
/// nn::LSTMState{h_0, c_0})`; both are zeros unless given.
class LSTM : public ModuleOf<LSTM> {
public:
  LSTM(int64_t input_size, int64_t hidden_size, const LSTMOptions& options = {},
       Loc loc = Loc::current());
  std::pair<Tensor, LSTMState> forward(const Tensor& x, const LSTMState& state = {});
  std::pair<PackedSequence, LSTMState> forward(const PackedSequence& x,
                                               const LSTMState& state = {});

private:
  detail::RecurrentStack stack_;
};

/// Options of RNNCell, GRUCell and LSTMCell.
struct CellOptions {
  bool bias = true;
  DType dtype = f32;
};

/// Runs one step of RNN: x [N, I] or [I] and h [N, H] or [H] give the next h. As for the cells
/// below, a state that is not given is zeros.
class RNNCell : public ModuleOf<RNNCell> {
public:
  RNNCell(int64_t input_size, int64_t hidden_size, const CellOptions& options = {},
          const std::string& nonlinearity = "tanh", Loc loc = Loc::current());
  Tensor weight_ih, weight_hh, bias_ih, bias_hh; // biases are undefined without
  Tensor forward(const Tensor& x, const Tensor& h = {});

private:
  bool is_relu_;
};

/// Runs one step of GRU: x [N, I] or [I] and h [N, H] or [H] give the next h.
class GRUCell : public ModuleOf<GRUCell> {
public:
  GRUCell(int64_t input_size, int64_t hidden_size, const CellOptions& options = {},
          Loc loc = Loc::current());
  Tensor weight_ih, weight_hh, bias_ih, bias_hh;
  Tensor forward(const Tensor& x, const Tensor& h = {});
};

/// Runs one step of LSTM: `auto [h, c] = cell(x, nn::LSTMState{h, c})`.
class LSTMCell : public ModuleOf<LSTMCell> {
public:
  LSTMCell(int64_t input_size, int64_t hidden_size, const CellOptions& options = {},
           Loc loc = Loc::current());
  Tensor weight_ih, weight_hh, bias_ih, bias_hh;
  LSTMState forward(const Tensor& x, const LSTMState& state = {});
};

} // namespace weft::nn
