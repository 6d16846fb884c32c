// The other side of pytorch_exchange.py: a network of many layers, whose state goes to and from
// files.
//   exchange load STATE INPUTS OUT    takes the state over, and writes what the network gives
//   exchange save STATE INPUTS OUT    the same with first values of its own, which it writes into
//   STATE
#include <weft/weft.h>

#include <cstdio>
#include <string>

using namespace weft;

namespace {

nn::TransformerLayerOptions small() {
  return {.dim_feedforward = 16, .activation = "gelu", .norm_first = true};
}

struct Net : nn::ModuleOf<Net> {
  nn::Conv2d conv = child("conv", nn::Conv2d(1, 4, 3, {.padding = 1}));
  nn::BatchNorm2d norm = child("norm", nn::BatchNorm2d(4));
  nn::PReLU act = child("act", nn::PReLU(4));
  nn::ConvTranspose2d up = child("up", nn::ConvTranspose2d(4, 2, 2, {.stride = 2}));
  nn::GroupNorm group = child("group", nn::GroupNorm(1, 2));
  nn::Embedding table = child("table", nn::Embedding(11, 8));
  nn::EmbeddingBag bag = child("bag", nn::EmbeddingBag(11, 8));
  nn::LSTM lstm = child("lstm", nn::LSTM(8, 6, {.num_layers = 2, .bidirectional = true}));
  nn::GRU gru = child("gru", nn::GRU(12, 8));
  nn::RNN rnn = child("rnn", nn::RNN(8, 8, {.nonlinearity = "relu"}));
  nn::LSTMCell cell = child("cell", nn::LSTMCell(8, 8));
  nn::TransformerEncoder encoder =
      child("encoder", nn::TransformerEncoder(nn::TransformerEncoderLayer(8, 2, small()), 2,
                                              nn::LayerNorm({8})));
  nn::TransformerDecoder decoder =
      child("decoder", nn::TransformerDecoder(nn::TransformerDecoderLayer(8, 2, small()), 1));
  nn::MultiheadAttention attention =
      child("attention", nn::MultiheadAttention(8, 2, {.kdim = 12, .vdim = 12}));
  nn::ModuleList<nn::Linear> list =
      child("list", nn::ModuleList<nn::Linear>({nn::Linear(8, 8), nn::Linear(8, 8, false)}));
  nn::ModuleDict<> heads = child("heads", nn::ModuleDict<>());
  nn::ParameterList scales = child("scales", nn::ParameterList({ones({8}), ones({})}));
  nn::CrossEntropyLoss loss =
      child("loss", nn::CrossEntropyLoss({.weight = tensor({1.f, 2.f, 0.5f})}));

  Net() {
    heads.insert("plain", nn::Linear(8, 3));
    heads.insert("rms", nn::Sequential(nn::RMSNorm({8}, 1e-5), nn::Linear(8, 3)));
  }

  std::vector<Tensor> forward(const Tensor& image, const Tensor& tokens, const Tensor& classes) {
    Tensor pixels = group(up(act(norm(conv(image)))));
    auto [y, state] = lstm(table(tokens));
    auto [h, last] = gru(y);
    Tensor x = encoder(rnn(h).first);
    x = decoder(x, h) + attention(x, y, y);
    x = list[1](list[0](x)) * scales[0] + scales[1];
    nn::LSTMState next =
        cell(select(x, 0, -1), nn::LSTMState{bag(transpose(tokens, 0, 1)), last[0]});
    Tensor logits = heads["plain"](next.first) + heads["rms"](next.second);
    return {pixels, x, state.second, logits, loss(logits, classes)};
  }
};

} // namespace

int main(int count, char** arguments) {
  if (count != 5) {
    std::fputs("exchange load|save STATE INPUTS OUT\n", stderr);
    return 2;
  }
  try {
    const std::string mode = arguments[1], state = arguments[2];
    manual_seed(5);
    Net net;
    if (mode == "load")
      load(net, state); // every name and shape must be the same
    else
      save(net, state);
    net.eval();
    TensorMap in = load_safetensors(arguments[3]).tensors, out;
    std::vector<Tensor> results = net(in.at("image"), in.at("tokens"), in.at("classes"));
    for (size_t k = 0; k < results.size(); k++)
      out["out." + std::to_string(k)] = results[k].detach();
    save_safetensors(arguments[4], out);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
