#include "weft/nn_transformer.h"

#include "runtime/core/fail_at.h"
#include "weft/device.h"
#include "weft/nn_init.h"

#include <fmt/format.h>

#include <limits>

namespace weft::nn {

namespace {

TransformerLayerOptions checked(const char* layer, TransformerLayerOptions o, const Loc& loc) {
  if (o.activation != "relu" && o.activation != "gelu")
    fail_at(
        ErrorKind::value,
        fmt::format("{}: activation must be \"relu\" or \"gelu\", got \"{}\"", layer, o.activation),
        loc);
  return o;
}

MultiheadAttention make_attention(int64_t d_model, int64_t nhead, const TransformerLayerOptions& o,
                                  const Loc& loc) {
  return MultiheadAttention(
      d_model, nhead,
      {.dropout = o.dropout, .bias = o.bias, .batch_first = o.batch_first, .dtype = o.dtype}, loc);
}

LayerNorm make_norm(int64_t d_model, const TransformerLayerOptions& o, const Loc& loc) {
  return LayerNorm({d_model}, o.layer_norm_eps, true, o.bias, o.dtype, loc);
}

Tensor activate(const TransformerLayerOptions& o, const Tensor& x) {
  return o.activation == "relu" ? relu(x) : gelu(x);
}

// A layer of its own with the values and the mode of another one.
template <class Layer> Layer copy_of(Layer fresh, const Layer& from, const Loc& loc) {
  fresh.load_state_dict(from.state_dict(), true, loc);
  fresh.train(from.is_training());
  return fresh;
}

template <class Layer>
ModuleList<Layer> copies_of(const char* stack, const Layer& layer, int64_t count, const Loc& loc) {
  LocScope scope(loc);
  if (count < 1)
    fail_at(ErrorKind::value, fmt::format("{}: num_layers must be positive, got {}", stack, count),
            loc);
  ModuleList<Layer> list;
  for (int64_t k = 0; k < count; k++)
    list.append(layer.copy(loc), loc);
  return list;
}

TransformerLayerOptions layer_options(const TransformerOptions& o) {
  return {o.dim_feedforward, o.dropout,    o.activation, o.layer_norm_eps,
          o.batch_first,     o.norm_first, o.bias,       o.dtype};
}

} // namespace

//===--- Encoder ------------------------------------------------------------------------------===//

TransformerEncoderLayer::TransformerEncoderLayer(int64_t d_model, int64_t nhead,
                                                 TransformerLayerOptions options, Loc loc)
    : self_attn(make_attention(d_model, nhead, options, loc)),
      linear1(d_model, options.dim_feedforward, options.bias, options.dtype, loc),
      linear2(options.dim_feedforward, d_model, options.bias, options.dtype, loc),
      norm1(make_norm(d_model, options, loc)), norm2(make_norm(d_model, options, loc)),
      d_model_(d_model), nhead_(nhead), options_(checked("TransformerEncoderLayer", options, loc)),
      dropout_(options.dropout), dropout1_(options.dropout), dropout2_(options.dropout) {
  child("self_attn", self_attn, loc);
  child("linear1", linear1, loc);
  child("dropout", dropout_, loc);
  child("linear2", linear2, loc);
  child("norm1", norm1, loc);
  child("norm2", norm2, loc);
  child("dropout1", dropout1_, loc);
  child("dropout2", dropout2_, loc);
}

Tensor TransformerEncoderLayer::attend(const Tensor& x, const AttentionMasks& masks) {
  return dropout1_(self_attn(x, x, x, masks));
}

Tensor TransformerEncoderLayer::feed_forward(const Tensor& x) {
  return dropout2_(linear2(dropout_(activate(options_, linear1(x)))));
}

Tensor TransformerEncoderLayer::forward(const Tensor& src, const AttentionMasks& masks) {
  if (!options_.norm_first) {
    Tensor x = norm1(src + attend(src, masks));
    return norm2(x + feed_forward(x));
  }
  Tensor x = src + attend(norm1(src), masks);
  return x + feed_forward(norm2(x));
}

TransformerEncoderLayer TransformerEncoderLayer::copy(Loc loc) const {
  TransformerLayerOptions o = options_;
  o.dtype = linear1.weight.dtype();
  DeviceScope place(linear1.weight.device());
  return copy_of(TransformerEncoderLayer(d_model_, nhead_, o, loc), *this, loc);
}

TransformerEncoder::TransformerEncoder(const TransformerEncoderLayer& layer, int64_t num_layers,
                                       std::optional<LayerNorm> norm, Loc loc)
    : layers(copies_of("TransformerEncoder", layer, num_layers, loc)), norm(std::move(norm)) {
  child("layers", layers, loc);
  if (this->norm) child("norm", *this->norm, loc);
}

Tensor TransformerEncoder::forward(const Tensor& src, const AttentionMasks& masks) {
  Tensor x = src;
  for (TransformerEncoderLayer& layer : layers)
    x = layer(x, masks);
  return norm ? (*norm)(x) : x;
}

//===--- Decoder ------------------------------------------------------------------------------===//

TransformerDecoderLayer::TransformerDecoderLayer(int64_t d_model, int64_t nhead,
                                                 TransformerLayerOptions options, Loc loc)
    : self_attn(make_attention(d_model, nhead, options, loc)),
      multihead_attn(make_attention(d_model, nhead, options, loc)),
      linear1(d_model, options.dim_feedforward, options.bias, options.dtype, loc),
      linear2(options.dim_feedforward, d_model, options.bias, options.dtype, loc),
      norm1(make_norm(d_model, options, loc)), norm2(make_norm(d_model, options, loc)),
      norm3(make_norm(d_model, options, loc)), d_model_(d_model), nhead_(nhead),
      options_(checked("TransformerDecoderLayer", options, loc)), dropout_(options.dropout),
      dropout1_(options.dropout), dropout2_(options.dropout), dropout3_(options.dropout) {
  child("self_attn", self_attn, loc);
  child("multihead_attn", multihead_attn, loc);
  child("linear1", linear1, loc);
  child("dropout", dropout_, loc);
  child("linear2", linear2, loc);
  child("norm1", norm1, loc);
  child("norm2", norm2, loc);
  child("norm3", norm3, loc);
  child("dropout1", dropout1_, loc);
  child("dropout2", dropout2_, loc);
  child("dropout3", dropout3_, loc);
}

Tensor TransformerDecoderLayer::attend(const Tensor& x, const AttentionMasks& masks) {
  return dropout1_(self_attn(x, x, x, masks));
}

Tensor TransformerDecoderLayer::attend_to(const Tensor& x, const Tensor& memory,
                                          const AttentionMasks& masks) {
  return dropout2_(multihead_attn(x, memory, memory, masks));
}

Tensor TransformerDecoderLayer::feed_forward(const Tensor& x) {
  return dropout3_(linear2(dropout_(activate(options_, linear1(x)))));
}

Tensor TransformerDecoderLayer::forward(const Tensor& tgt, const Tensor& memory,
                                        const AttentionMasks& tgt_masks,
                                        const AttentionMasks& memory_masks) {
  if (!options_.norm_first) {
    Tensor x = norm1(tgt + attend(tgt, tgt_masks));
    x = norm2(x + attend_to(x, memory, memory_masks));
    return norm3(x + feed_forward(x));
  }
  Tensor x = tgt + attend(norm1(tgt), tgt_masks);
  x = x + attend_to(norm2(x), memory, memory_masks);
  return x + feed_forward(norm3(x));
}

TransformerDecoderLayer TransformerDecoderLayer::copy(Loc loc) const {
  TransformerLayerOptions o = options_;
  o.dtype = linear1.weight.dtype();
  DeviceScope place(linear1.weight.device());
  return copy_of(TransformerDecoderLayer(d_model_, nhead_, o, loc), *this, loc);
}

TransformerDecoder::TransformerDecoder(const TransformerDecoderLayer& layer, int64_t num_layers,
                                       std::optional<LayerNorm> norm, Loc loc)
    : layers(copies_of("TransformerDecoder", layer, num_layers, loc)), norm(std::move(norm)) {
  child("layers", layers, loc);
  if (this->norm) child("norm", *this->norm, loc);
}

Tensor TransformerDecoder::forward(const Tensor& tgt, const Tensor& memory,
                                   const AttentionMasks& tgt_masks,
                                   const AttentionMasks& memory_masks) {
  Tensor x = tgt;
  for (TransformerDecoderLayer& layer : layers)
    x = layer(x, memory, tgt_masks, memory_masks);
  return norm ? (*norm)(x) : x;
}

//===--- Both ---------------------------------------------------------------------------------===//

Transformer::Transformer(int64_t d_model, int64_t nhead, const TransformerOptions& o, Loc loc)
    : encoder(TransformerEncoderLayer(d_model, nhead, layer_options(o), loc), o.num_encoder_layers,
              make_norm(d_model, layer_options(o), loc), loc),
      decoder(TransformerDecoderLayer(d_model, nhead, layer_options(o), loc), o.num_decoder_layers,
              make_norm(d_model, layer_options(o), loc), loc) {
  child("encoder", encoder, loc);
  child("decoder", decoder, loc);
  for (const Tensor& p : parameters())
    if (p.rank() > 1) init::xavier_uniform_(p, 1, nullptr, loc);
}

Tensor Transformer::forward(const Tensor& src, const Tensor& tgt, const TransformerMasks& masks) {
  return decoder(tgt, encoder(src, masks.src), masks.tgt, masks.memory);
}

Tensor Transformer::generate_square_subsequent_mask(int64_t size, DType dtype, Loc loc) {
  LocScope scope(loc);
  constexpr double kMasked = -std::numeric_limits<double>::infinity();
  return triu(full({size, size}, kMasked, dtype), 1);
}

} // namespace weft::nn
