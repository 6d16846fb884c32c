// Quantises the layers of a network for inference.
#pragma once

#include "weft/nn.h"

namespace weft::nn {

/// How weights are quantised, and which of them.
struct QuantizeOptions {
  int64_t bits = 8, block = 32; // of a code; inputs that share a scale, as in weft::quantize
  /// Says whether the layer of this dotted name is quantised; empty: all are.
  std::function<bool(const std::string& name, const Linear& layer)> filter = {};
};

/// Quantises the weights of the Linear layers of a module and its children, each once, and returns
/// their names. Parameters outside of such layers, and the projections of MultiheadAttention, stay
/// as they are. Throws, before anything is changed, where the inputs of a layer are no multiple of
/// the block. Convert a module to bf16 before, since that would round the scales.
std::vector<std::string> quantize(Module& module, const QuantizeOptions& options = {},
                                  Loc loc = Loc::current());

} // namespace weft::nn
