#include "test/oracle/layers.h"

namespace weft::test {

using namespace nn;

namespace {

using In = const std::vector<Tensor>&;

void add_windows(LayerCases& c) {
  c["Conv1d"] = [] { return layer(Conv1d(4, 6, 3, {.padding = 2, .dilation = 2, .groups = 2})); };
  c["Conv2d"] = [] { return layer(Conv2d(3, 4, {3, 2}, {.stride = 2, .padding = 1})); };
  c["Conv2d same"] = [] { return layer(Conv2d(2, 3, 3, {.padding = "same", .bias = false})); };
  c["Conv3d"] = [] { return layer(Conv3d(2, 3, 2, {.stride = {1, 2, 1}})); };
  c["ConvTranspose1d"] = [] {
    return layer(ConvTranspose1d(4, 6, 3, {.stride = 2, .output_padding = 1, .groups = 2}));
  };
  c["ConvTranspose2d"] = [] {
    return layer(ConvTranspose2d(3, 2, 3, {.stride = 2, .padding = 1, .dilation = 2}));
  };
  c["ConvTranspose3d"] = [] { return layer(ConvTranspose3d(2, 2, 2, {.bias = false})); };
}

template <int N> void add_poolings(LayerCases& c) {
  const std::string n = std::to_string(N) + "d";
  c["MaxPool" + n] = [] {
    return layer(MaxPool<N>(3, {.stride = 2, .padding = 1, .ceil_mode = true}));
  };
  c["AvgPool" + n] = [] {
    return layer(AvgPool<N>(2, {.padding = 1, .count_include_pad = false}));
  };
  c["AdaptiveAvgPool" + n] = [] { return layer(AdaptiveAvgPool<N>(3)); };
  c["AdaptiveMaxPool" + n] = [] { return layer(AdaptiveMaxPool<N>(2)); };
  c["LPPool" + n] = [] { return layer(LPPool<N>(2, 2)); };
  for (const char* mode : {"", " eval"})
    c["BatchNorm" + n + mode] = [] { return layer(BatchNorm<N>(4, {.momentum = 0.3})); };
  c["InstanceNorm" + n] = [] { return layer(InstanceNorm<N>(4, {.affine = true})); };
}

void add_norms(LayerCases& c) {
  c["BatchNorm1d of rows"] = [] { return layer(BatchNorm1d(4, {.affine = false})); };
  c["InstanceNorm1d tracked"] = [] {
    return layer(InstanceNorm1d(4, {.track_running_stats = true}));
  };
  c["GroupNorm"] = [] { return layer(GroupNorm(2, 4, 1e-3)); };
  c["LayerNorm"] = [] { return layer(LayerNorm({3, 4})); };
  c["LayerNorm without bias"] = [] { return layer(LayerNorm({4}, 1e-5, true, false)); };
  c["RMSNorm"] = [] { return layer(RMSNorm({4}, 1e-4)); };
  c["LocalResponseNorm"] = [] { return layer(LocalResponseNorm(3, 0.5)); };
}

void add_tables(LayerCases& c) {
  c["Linear"] = [] { return layer(Linear(4, 3)); };
  c["Bilinear"] = [] { return layer(Bilinear(3, 4, 2)); };
  c["Embedding"] = [] { return layer(Embedding(6, 3, 2)); };
  c["Embedding max_norm"] = [] { return layer(Embedding(6, 3, {.max_norm = 0.9})); };
  for (const char* mode : {"mean", "sum", "max"})
    c[std::string("EmbeddingBag ") + mode] = [mode] {
      return layer(EmbeddingBag(6, 3, {.mode = mode}));
    };
  c["EmbeddingBag max_norm"] = [] {
    return layer(EmbeddingBag(6, 3, {.mode = "sum", .max_norm = 0.9, .norm_type = 1}));
  };
  c["EmbeddingBag rows"] = [] {
    return layer(EmbeddingBag(6, 3, {.mode = "sum", .padding_idx = 1}));
  };
  c["EmbeddingBag weighted"] = [] {
    return layer(EmbeddingBag(6, 3, {.mode = "sum", .include_last_offset = true}));
  };
}

void add_recurrent(LayerCases& c) {
  auto with_state = [](auto& m, In in) { return m(in[0], LSTMState{in[1], in[2]}); };
  c["RNN"] = [] { return layer(RNN(3, 4)); };
  c["RNN relu"] = [] {
    return layer(RNN(3, 4, {.num_layers = 2, .nonlinearity = "relu", .bias = false}));
  };
  c["RNN both ways"] = [] {
    return layer(RNN(3, 4, {.batch_first = true, .bidirectional = true}));
  };
  c["GRU"] = [] { return layer(GRU(3, 4, {.num_layers = 2, .bidirectional = true})); };
  c["GRU of one"] = [] { return layer(GRU(3, 4)); };
  c["LSTM"] = [] { return layer(LSTM(3, 4)); };
  c["LSTM deep"] = [=] {
    return layer(LSTM(3, 4, {.num_layers = 2, .batch_first = true, .bidirectional = true}),
                 with_state);
  };
  c["LSTM projected"] = [] { return layer(LSTM(3, 4, {.num_layers = 2, .proj_size = 2})); };
  c["LSTM of one"] = [] { return layer(LSTM(3, 4, {.bias = false, .batch_first = true})); };
  auto packed = [](auto& m, const Tensor& x, bool batch_first, const auto&... states) {
    PackedSequence p = pack_padded_sequence(x, {5, 1, 3}, batch_first, false);
    auto [y, last] = m(p, states...);
    Tensor padded = pad_packed_sequence(y, batch_first, 0.5, 6).first;
    return std::pair(padded, last);
  };
  c["RNN packed"] = [=] {
    return layer(RNN(3, 4, {.bidirectional = true}),
                 [=](auto& m, In in) { return packed(m, in[0], false); });
  };
  c["GRU packed"] = [=] {
    return layer(GRU(3, 4, {.num_layers = 2, .bidirectional = true}),
                 [=](auto& m, In in) { return packed(m, in[0], false, in[1]); });
  };
  c["LSTM packed"] = [=] {
    return layer(LSTM(3, 4, {.num_layers = 2, .batch_first = true, .proj_size = 2}),
                 [=](auto& m, In in) { return packed(m, in[0], true); });
  };
  c["RNNCell"] = [] { return layer(RNNCell(3, 4)); };
  c["RNNCell relu"] = [] { return layer(RNNCell(3, 4, {}, "relu")); };
  c["GRUCell"] = [] { return layer(GRUCell(3, 4)); };
  c["LSTMCell"] = [=] { return layer(LSTMCell(3, 4, {.bias = false}), with_state); };
}

void add_attention(LayerCases& c) {
  c["MultiheadAttention"] = [] { return layer(MultiheadAttention(8, 2)); };
  c["MultiheadAttention masked"] = [] {
    return layer(MultiheadAttention(8, 2, {.bias = false, .batch_first = true}), [](auto& m,
                                                                                    In in) {
      return m(in[0], in[0], in[0], AttentionMasks{.attn_mask = in[2], .key_padding_mask = in[1]});
    });
  };
  c["MultiheadAttention weights"] = [] {
    return layer(MultiheadAttention(8, 2), [](auto& m, In in) {
      return m.with_weights(in[0], in[0], in[0],
                            AttentionMasks{.key_padding_mask = in[1], .is_causal = true});
    });
  };
  c["MultiheadAttention of others"] = [] {
    return layer(MultiheadAttention(8, 4, {.kdim = 3, .vdim = 5}));
  };
}

void add_transformers(LayerCases& c) {
  const TransformerLayerOptions small{.dim_feedforward = 12, .dropout = 0};
  TransformerLayerOptions first{.dim_feedforward = 12, .dropout = 0, .activation = "gelu"};
  first.norm_first = true;
  c["TransformerEncoderLayer"] = [=] { return layer(TransformerEncoderLayer(8, 2, small)); };
  c["TransformerEncoderLayer first"] = [=] {
    TransformerLayerOptions o = first;
    o.batch_first = true;
    o.bias = false;
    return layer(TransformerEncoderLayer(8, 2, o), [](auto& m, In in) {
      return m(in[0], AttentionMasks{.attn_mask = in[1], .key_padding_mask = in[2]});
    });
  };
  c["TransformerDecoderLayer"] = [=] {
    return layer(TransformerDecoderLayer(8, 2, small), [](auto& m, In in) {
      return m(in[0], in[1], AttentionMasks{.attn_mask = in[2]});
    });
  };
  c["TransformerDecoderLayer first"] = [=] {
    TransformerLayerOptions o = first;
    o.layer_norm_eps = 1e-3;
    return layer(TransformerDecoderLayer(8, 2, o), [](auto& m, In in) {
      return m(in[0], in[1], AttentionMasks{}, AttentionMasks{.key_padding_mask = in[2]});
    });
  };
  c["TransformerEncoder"] = [=] {
    return layer(TransformerEncoder(TransformerEncoderLayer(8, 2, small), 2, LayerNorm({8})));
  };
  c["TransformerDecoder"] = [=] {
    return layer(TransformerDecoder(TransformerDecoderLayer(8, 2, small), 2));
  };
  c["Transformer"] = [] {
    return layer(Transformer(8, 2,
                             {.num_encoder_layers = 1,
                              .num_decoder_layers = 1,
                              .dim_feedforward = 12,
                              .dropout = 0,
                              .batch_first = true}),
                 [](auto& m, In in) {
                   return m(in[0], in[1], TransformerMasks{.tgt = {.attn_mask = in[2]}});
                 });
  };
}

template <class M> void add_plain(LayerCases& c, const char* name) {
  c[name] = [] { return layer(M()); };
}

void add_activations(LayerCases& c) {
  add_plain<ELU>(c, "ELU");
  add_plain<CELU>(c, "CELU");
  add_plain<SELU>(c, "SELU");
  add_plain<ReLU>(c, "ReLU");
  add_plain<ReLU6>(c, "ReLU6");
  add_plain<LeakyReLU>(c, "LeakyReLU");
  add_plain<GELU>(c, "GELU");
  add_plain<SiLU>(c, "SiLU");
  add_plain<Mish>(c, "Mish");
  add_plain<Sigmoid>(c, "Sigmoid");
  add_plain<LogSigmoid>(c, "LogSigmoid");
  add_plain<Tanh>(c, "Tanh");
  add_plain<Tanhshrink>(c, "Tanhshrink");
  add_plain<Softplus>(c, "Softplus");
  add_plain<Softsign>(c, "Softsign");
  add_plain<Softshrink>(c, "Softshrink");
  add_plain<Hardshrink>(c, "Hardshrink");
  add_plain<Hardtanh>(c, "Hardtanh");
  add_plain<Hardsigmoid>(c, "Hardsigmoid");
  add_plain<Hardswish>(c, "Hardswish");
  add_plain<RReLU>(c, "RReLU eval");
  add_plain<Softmax2d>(c, "Softmax2d");
  c["GELU tanh"] = [] { return layer(GELU("tanh")); };
  c["Threshold"] = [] { return layer(Threshold(0.25, -1)); };
  c["PReLU"] = [] { return layer(PReLU(4)); };
  c["Softmax"] = [] { return layer(Softmax(1)); };
  c["LogSoftmax"] = [] { return layer(LogSoftmax(1)); };
  c["Softmin"] = [] { return layer(Softmin(1)); };
  c["GLU"] = [] { return layer(GLU(1)); };
}

void add_shapes(LayerCases& c) {
  c["Flatten"] = [] { return layer(Flatten(2)); };
  c["Unflatten"] = [] { return layer(Unflatten(1, {2, -1})); };
  c["PixelShuffle"] = [] { return layer(PixelShuffle(2)); };
  c["PixelUnshuffle"] = [] { return layer(PixelUnshuffle(2)); };
  c["ChannelShuffle"] = [] { return layer(ChannelShuffle(2)); };
  c["Unfold"] = [] { return layer(Unfold({2, 3}, {.padding = 1, .stride = 2})); };
  c["Fold"] = [] { return layer(Fold({4, 5}, {2, 2})); };
  c["Upsample"] = [] { return layer(Upsample({.scale_factor = {2}})); };
  c["Upsample bilinear"] = [] {
    return layer(Upsample({.size = {7, 5}, .mode = "bilinear", .align_corners = true}));
  };
  c["ConstantPad1d"] = [] { return layer(ConstantPad1d({1, 2}, 3.5)); };
  c["ZeroPad2d"] = [] { return layer(ZeroPad2d({1, 0, 2, -1})); };
  c["ReflectionPad2d"] = [] { return layer(ReflectionPad2d(2)); };
  c["ReplicationPad3d"] = [] { return layer(ReplicationPad3d({1, 2, 0, 1, 1, 0})); };
  c["CircularPad1d"] = [] { return layer(CircularPad1d({2, 1})); };
  c["CosineSimilarity"] = [] { return layer(CosineSimilarity()); };
  c["PairwiseDistance"] = [] { return layer(PairwiseDistance(3, 1e-6, true)); };
  c["MaxUnpool2d"] = [] { return layer(MaxUnpool2d(2)); };
  c["Dropout eval"] = [] { return layer(Dropout(0.5)); };
  c["AlphaDropout eval"] = [] { return layer(AlphaDropout(0.5)); };
}

void add_losses(LayerCases& c) {
  auto weight = [] { return tensor({0.5f, 1.f, 2.f}); };
  c["L1Loss"] = [] { return layer(L1Loss()); };
  c["MSELoss"] = [] { return layer(MSELoss(Reduce::sum)); };
  c["SmoothL1Loss"] = [] { return layer(SmoothL1Loss(Reduce::mean, 0.5)); };
  c["HuberLoss"] = [] { return layer(HuberLoss(Reduce::none, 0.5)); };
  c["PoissonNLLLoss"] = [] { return layer(PoissonNLLLoss({.full = true})); };
  c["GaussianNLLLoss"] = [] { return layer(GaussianNLLLoss()); };
  c["CrossEntropyLoss"] = [=] {
    return layer(
        CrossEntropyLoss({.weight = weight(), .ignore_index = 1, .label_smoothing = 0.25}));
  };
  c["CrossEntropyLoss of probabilities"] = [] {
    return layer(CrossEntropyLoss({.reduction = Reduce::none}));
  };
  c["NLLLoss"] = [=] { return layer(NLLLoss({.weight = weight()})); };
  c["BCELoss"] = [] { return layer(BCELoss()); };
  c["BCEWithLogitsLoss"] = [=] {
    return layer(BCEWithLogitsLoss({.reduction = Reduce::sum, .pos_weight = weight()}));
  };
  c["KLDivLoss"] = [] { return layer(KLDivLoss(Reduce::batchmean, true)); };
  c["MultiMarginLoss"] = [=] {
    return layer(MultiMarginLoss({.p = 2, .margin = 0.5, .weight = weight()}));
  };
  c["MultiLabelMarginLoss"] = [] { return layer(MultiLabelMarginLoss()); };
  c["MultiLabelSoftMarginLoss"] = [] { return layer(MultiLabelSoftMarginLoss()); };
  c["SoftMarginLoss"] = [] { return layer(SoftMarginLoss()); };
  c["CTCLoss"] = [] { return layer(CTCLoss({.zero_infinity = true})); };
  c["HingeEmbeddingLoss"] = [] { return layer(HingeEmbeddingLoss(0.5)); };
  c["CosineEmbeddingLoss"] = [] { return layer(CosineEmbeddingLoss(0.1)); };
  c["MarginRankingLoss"] = [] { return layer(MarginRankingLoss(0.2)); };
  c["TripletMarginLoss"] = [] { return layer(TripletMarginLoss({.swap = true})); };
  c["TripletMarginWithDistanceLoss"] = [] {
    const auto distance = [](const Tensor& a, const Tensor& b) { return sum(abs(a - b), -1); };
    return layer(
        TripletMarginWithDistanceLoss({.distance_function = distance, .margin = 2, .swap = true}));
  };
}

} // namespace

const LayerCases& layer_cases() {
  static const LayerCases all = [] {
    LayerCases c;
    add_windows(c);
    add_poolings<1>(c);
    add_poolings<2>(c);
    add_poolings<3>(c);
    add_norms(c);
    add_tables(c);
    add_recurrent(c);
    add_attention(c);
    add_transformers(c);
    add_activations(c);
    add_shapes(c);
    add_losses(c);
    c["Sequential"] = [] {
      return layer(Sequential(Conv2d(1, 3, 3), BatchNorm2d(3), ReLU(), Flatten(), Linear(12, 2)));
    };
    return c;
  }();
  return all;
}

} // namespace weft::test
