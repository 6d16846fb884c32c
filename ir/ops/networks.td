// Composites of networks: normalisation, dropout, attention, recurrent cells.
#ifndef WEFT_IR_OPS_NETWORKS_TD
#define WEFT_IR_OPS_NETWORKS_TD

include "ir/ops/composite.td"

def WeightParam : Param<"const Tensor&", "weight", "{}">;
def BiasParam : Param<"const Tensor&", "bias", "{}">;
def EpsParam : Param<"double", "eps", "1e-5">;

class Network<string mnemonic, list<Param> parameters> : Composite<mnemonic, parameters> {
  let dtypes = "floating";
}

//===--- Normalisation --------------------------------------------------------------------------===//

def BatchNorm : Network<"batch_norm", [TensorParam, Param<"const Tensor&", "running_mean">, Param<"const Tensor&", "running_var">, WeightParam,
    BiasParam, Param<"bool", "training", "false">, Param<"double", "momentum", "0.1">, EpsParam]> {
  let summary = "x normalised for each channel, which is dim 1, then scaled and shifted";
  let description = "In training mean and variance are those of x, and the running ones, where given, move towards them by the share `momentum`, in place; else the running ones count. Ioffe and Szegedy, Batch normalization, 2015.";
  let example = "batch_norm(tensor({{1.f}, {3.f}}), {}, {}, {}, {}, true)";
  let gives = "[[-1.0000], [ 1.0000]] f32[2, 1]";
  let shapes = "x [N, C, ...]; running_mean, running_var, weight and bias [C]";
  let formula = "(x - mean) / sqrt(var + eps) * weight + bias";
}
def InstanceNorm : Network<"instance_norm", [TensorParam, Param<"const Tensor&", "running_mean", "{}">, Param<"const Tensor&", "running_var", "{}">,
    WeightParam, BiasParam, Param<"bool", "use_input_stats", "true">, Param<"double", "momentum", "0.1">, EpsParam]> {
  let summary = "x normalised for each sample and channel, then scaled and shifted";
  let description = "The running mean and variance, where given, move towards the samples' means, in place; without use_input_stats they count instead.";
  let example = "instance_norm(tensor({1.f, 3.f}).reshape({1, 1, 2}))";
  let gives = "[[[-1.0000, 1.0000]]] f32[1, 1, 2]";
  let shapes = "x [N, C, ...]; running_mean, running_var, weight and bias [C]";
}
def GroupNorm : Network<"group_norm", [TensorParam, Param<"int64_t", "num_groups">, WeightParam, BiasParam, EpsParam]> {
  let summary = "x normalised for each sample and group of channels, then scaled and shifted";
  let example = "group_norm(tensor({{1.f, 3.f}}), 1)";
  let gives = "[[-1.0000, 1.0000]] f32[1, 2]";
  let shapes = "x [N, C * num_groups, ...]; weight and bias [C * num_groups]";
}
def RmsNorm : Network<"rms_norm", [TensorParam, Param<"const Shape&", "normalized_shape">, WeightParam,
    Param<"std::optional<double>", "eps", "std::nullopt">]> {
  let summary = "x divided by the root of its mean square over its last dims, then scaled";
  let description = "Without eps, that of x's dtype. Zhang and Sennrich, Root mean square layer normalization, 2019.";
  let example = "rms_norm(tensor({3.f, 4.f}), {2}, tensor({5.f, 5.f}))";
  let gives = "[4.2426, 5.6569] f32[2]";
  let shapes = "x [..., sizes...]; normalized_shape and weight [sizes...]";
  let formula = "x / sqrt(mean(x^2) + eps) * weight";
}

//===--- Dropout --------------------------------------------------------------------------------===//

def Dropout : Network<"dropout", [TensorParam, Param<"double", "p", "0.5">, Param<"bool", "training", "true">]> {
  let summary = "x with each element set to 0 with probability p, the others scaled by 1 / (1 - p); x itself unless training";
  let example = "manual_seed(1); dropout(ones({4}))";
  let gives = "[2., 2., 0., 2.] f32[4]";
  let shapes = "that of x";
  let inPlace = 1;
}
class FeatureDropout<string mnemonic, string dims> : Network<mnemonic, [TensorParam, Param<"double", "p", "0.5">, Param<"bool", "training", "true">]> {
  let summary = "dropout of whole channels";
  let shapes = "that of x [N, C, " # dims # "] or [C, " # dims # "]";
}
def Dropout1d : FeatureDropout<"dropout1d", "L"> { let example = "dropout1d(ones({1, 1, 2}), 0)"; let gives = "[[[1., 1.]]] f32[1, 1, 2]"; }
def Dropout2d : FeatureDropout<"dropout2d", "H, W"> { let example = "dropout2d(ones({1, 1, 2}), 0)"; let gives = "[[[1., 1.]]] f32[1, 1, 2]"; }
def Dropout3d : FeatureDropout<"dropout3d", "D, H, W"> { let example = "dropout3d(ones({1, 1, 1, 2}), 0)"; let gives = "[[[[1., 1.]]]] f32[1, 1, 1, 2]"; }

//===--- Attention ------------------------------------------------------------------------------===//

def ScaledDotProductAttention : Network<"scaled_dot_product_attention", [Param<"const Arg&", "query">, Param<"const Arg&", "key">,
    Param<"const Arg&", "value">, Param<"const Tensor&", "attn_mask", "{}">, Param<"double", "dropout_p", "0">,
    Param<"bool", "is_causal", "false">, Param<"std::optional<double>", "scale", "std::nullopt">, Param<"bool", "enable_gqa", "false">]> {
  let summary = "averages of the values, weighted by the softmax of each query's products with the keys";
  let description = "attn_mask is bool, true where a key counts, or floating and added to the products. is_causal lets query i see the keys 0 .. i. A query that sees no key gives 0. `scale` is 1 / sqrt(E) unless given. enable_gqa lets several heads of the queries share one of keys and values.";
  let example = "scaled_dot_product_attention(ones({1, 2}), ones({2, 2}), tensor({{1.f}, {3.f}}))";
  let gives = "[[2.]] f32[1, 1]";
  let shapes = "query [..., L, E], key [..., S, E] and value [..., S, V] give [..., L, V]; attn_mask [L, S] or what else broadcasts to [..., L, S]";
  let formula = "softmax(query @ key^T * scale + attn_mask) @ value";
}

//===--- Recurrent cells ------------------------------------------------------------------------===//

class Cell<string mnemonic, list<Param> state> : Network<mnemonic, !listconcat([TensorParam], state, [Param<"const Tensor&", "w_ih">, Param<"const Tensor&", "w_hh">,
    Param<"const Tensor&", "b_ih", "{}">, Param<"const Tensor&", "b_hh", "{}">])>;

def RnnTanhCell : Cell<"rnn_tanh_cell", [Param<"const Arg&", "hx">]> {
  let summary = "one step of a recurrent network with tanh";
  let example = "rnn_tanh_cell(zeros({1, 2}), ones({1, 1}), ones({1, 2}), ones({1, 1}))";
  let gives = "[[0.7616]] f32[1, 1]";
  let shapes = "x [N, I] and hx [N, H] with w_ih [H, I], w_hh [H, H] b_ih and b_hh [H] give [N, H]";
  let formula = "tanh(x w_ih^T + b_ih + hx w_hh^T + b_hh)";
}
def RnnReluCell : Cell<"rnn_relu_cell", [Param<"const Arg&", "hx">]> {
  let summary = "one step of a recurrent network with relu";
  let example = "rnn_relu_cell(zeros({1, 2}), ones({1, 1}), ones({1, 2}), ones({1, 1}))";
  let gives = "[[1.]] f32[1, 1]";
  let shapes = "x [N, I] and hx [N, H] with w_ih [H, I], w_hh [H, H] b_ih and b_hh [H] give [N, H]";
  let formula = "relu(x w_ih^T + b_ih + hx w_hh^T + b_hh)";
}
def GruCell : Cell<"gru_cell", [Param<"const Arg&", "hx">]> {
  let summary = "one step of a gated recurrent unit";
  let description = "The rows of weights and biases are those of the gates r, z and n. Cho et al., 2014.";
  let example = "gru_cell(zeros({1, 1}), ones({1, 1}), ones({3, 1}), zeros({3, 1}))";
  let gives = "[[0.5000]] f32[1, 1]";
  let shapes = "x [N, I] and hx [N, H] with w_ih [3 H, I], w_hh [3 H, H] b_ih and b_hh [3 H] give [N, H]";
}
def LstmCell : Cell<"lstm_cell", [Param<"const std::vector<Tensor>&", "hx">]> {
  let summary = "one step of a long short-term memory: its output and its cell";
  let description = "hx is the last output and the last cell. The rows of weights and biases are those of the gates i, f, g and o. Hochreiter and Schmidhuber, 1997.";
  let example = "lstm_cell(zeros({1, 1}), {zeros({1, 1}), ones({1, 1})}, ones({4, 1}), ones({4, 1})).second";
  let gives = "[[0.5000]] f32[1, 1]";
  let shapes = "x [N, I] and two hx [N, H] with w_ih [4 H, I], w_hh [4 H, H], b_ih and b_hh [4 H] give two of [N, H]";
  let returns = "std::pair<Tensor, Tensor>";
}

#endif
