// Layers of transformers (Vaswani et al., Attention is all you need, 2017) with PyTorch's names,
// arguments and defaults. Sequences are [L, N, E], [N, L, E] with batch_first, or [L, E].
#pragma once

#include "weft/nn_containers.h"
#include "weft/nn_layers.h"

namespace weft::nn {

/// What the layers of a transformer are made of.
struct TransformerLayerOptions {
  int64_t dim_feedforward = 2048;
  double dropout = 0.1;
  std::string activation = "relu"; // or "gelu"
  double layer_norm_eps = 1e-5;
  bool batch_first = false;
  bool norm_first = false; // before attention and feedforward, else after (Xiong et al., 2020)
  bool bias = true;
  DType dtype = f32;
};

/// Attends to itself, then runs two linear layers around an activation; the result of each is added
/// to what went in, and normalised.
class TransformerEncoderLayer : public ModuleOf<TransformerEncoderLayer> {
public:
  TransformerEncoderLayer(int64_t d_model, int64_t nhead, TransformerLayerOptions options = {},
                          Loc loc = Loc::current());
  MultiheadAttention self_attn;
  Linear linear1, linear2;
  LayerNorm norm1, norm2;
  Tensor forward(const Tensor& src) override { return forward(src, {}); }
  Tensor forward(const Tensor& src, const AttentionMasks& masks);
  /// Returns a layer of its own with the same values and mode.
  TransformerEncoderLayer copy(Loc loc = Loc::current()) const;

private:
  Tensor attend(const Tensor& x, const AttentionMasks& masks);
  Tensor feed_forward(const Tensor& x);
  int64_t d_model_, nhead_;
  TransformerLayerOptions options_;
  Dropout dropout_, dropout1_, dropout2_;
};

/// Attends to itself, then to `memory`, then runs the linear layers.
class TransformerDecoderLayer : public ModuleOf<TransformerDecoderLayer> {
public:
  TransformerDecoderLayer(int64_t d_model, int64_t nhead, TransformerLayerOptions options = {},
                          Loc loc = Loc::current());
  MultiheadAttention self_attn, multihead_attn;
  Linear linear1, linear2;
  LayerNorm norm1, norm2, norm3;
  Tensor forward(const Tensor& tgt, const Tensor& memory, const AttentionMasks& tgt_masks = {},
                 const AttentionMasks& memory_masks = {});
  /// Returns a layer of its own with the same values and mode.
  TransformerDecoderLayer copy(Loc loc = Loc::current()) const;

private:
  Tensor attend(const Tensor& x, const AttentionMasks& masks);
  Tensor attend_to(const Tensor& x, const Tensor& memory, const AttentionMasks& masks);
  Tensor feed_forward(const Tensor& x);
  int64_t d_model_, nhead_;
  TransformerLayerOptions options_;
  Dropout dropout_, dropout1_, dropout2_, dropout3_;
};

/// Runs num_layers copies of a layer, one after the other, then `norm` where given.
class TransformerEncoder : public ModuleOf<TransformerEncoder> {
public:
  TransformerEncoder(const TransformerEncoderLayer& layer, int64_t num_layers,
                     std::optional<LayerNorm> norm = std::nullopt, Loc loc = Loc::current());
  ModuleList<TransformerEncoderLayer> layers;
  std::optional<LayerNorm> norm;
  Tensor forward(const Tensor& src) override { return forward(src, {}); }
  Tensor forward(const Tensor& src, const AttentionMasks& masks);
};

/// Runs num_layers copies of a layer, each of which attends to the same `memory`, then `norm` where
/// given.
class TransformerDecoder : public ModuleOf<TransformerDecoder> {
public:
  TransformerDecoder(const TransformerDecoderLayer& layer, int64_t num_layers,
                     std::optional<LayerNorm> norm = std::nullopt, Loc loc = Loc::current());
  ModuleList<TransformerDecoderLayer> layers;
  std::optional<LayerNorm> norm;
  Tensor forward(const Tensor& tgt, const Tensor& memory, const AttentionMasks& tgt_masks = {},
                 const AttentionMasks& memory_masks = {});
};

/// What a transformer is made of; the names mean what they mean for its layers.
struct TransformerOptions {
  int64_t num_encoder_layers = 6, num_decoder_layers = 6;
  int64_t dim_feedforward = 2048;
  double dropout = 0.1;
  std::string activation = "relu"; // or "gelu"
  double layer_norm_eps = 1e-5;
  bool batch_first = false;
  bool norm_first = false;
  bool bias = true;
  DType dtype = f32;
};
/// The masks of each attention of a transformer: the encoder's, the decoder's to itself and to what
/// the encoder gave.
struct TransformerMasks {
  AttentionMasks src = {}, tgt = {}, memory = {};
};

/// Runs an encoder on src, and a decoder that attends to what it gives on tgt. Matrices start as
/// init::xavier_uniform_ makes them.
class Transformer : public ModuleOf<Transformer> {
public:
  explicit Transformer(int64_t d_model = 512, int64_t nhead = 8,
                       const TransformerOptions& options = {}, Loc loc = Loc::current());
  TransformerEncoder encoder;
  TransformerDecoder decoder;
  Tensor forward(const Tensor& src, const Tensor& tgt, const TransformerMasks& masks = {});
  /// Returns [size, size] with -inf where a key comes after its query, else 0.
  static Tensor generate_square_subsequent_mask(int64_t size, DType dtype = f32,
                                                Loc loc = Loc::current());
};

} // namespace weft::nn
