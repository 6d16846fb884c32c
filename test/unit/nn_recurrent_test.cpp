// Recurrent layers and transformers: names, modes, first values, errors. What they compute is in
// oracle/layers_test.cpp.

#include "weft/nn_recurrent.h"
#include "weft/nn_transformer.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

void check_same(const Tensor& a, const Tensor& b) {
  CHECK(a.to_vector<double>() == b.to_vector<double>());
}

} // namespace

TEST_CASE("weights of recurrent layers come in PyTorch's order", "[nn]") {
  nn::LSTM lstm(3, 4, {.num_layers = 2, .bidirectional = true, .proj_size = 2});
  std::vector<std::string> names;
  for (const auto& [name, t] : lstm.named_parameters())
    names.push_back(name + " " + t.shape().str());
  CHECK(names[0] == "weight_ih_l0 [16, 3]");
  CHECK(names[1] == "weight_hh_l0 [16, 2]");
  CHECK(names[4] == "weight_hr_l0 [2, 4]");
  CHECK(names[5] == "weight_ih_l0_reverse [16, 3]");
  CHECK(names[12] == "bias_ih_l1 [16]");
  CHECK(names[10] == "weight_ih_l1 [16, 4]");
  CHECK(names.size() == 20);
  for (const Tensor& t : lstm.parameters())
    CHECK(max(abs(t)).item<float>() <= 0.5f);
}

TEST_CASE("cells are layers of one step", "[nn]") {
  nn::GRU gru(3, 4);
  nn::GRUCell cell(3, 4);
  nn::StateDict state;
  for (const auto& [name, t] : gru.state_dict())
    state[name.substr(0, name.size() - 3)] = t; // without "_l0"
  cell.load_state_dict(state);
  Tensor x = normal({1, 2, 3}), h = normal({1, 2, 4});
  auto [y, last] = gru(x, h);
  Tensor next = cell(select(x, 0, 0), select(h, 0, 0));
  check_same(select(y, 0, 0), next);
  check_same(select(last, 0, 0), next);
}

TEST_CASE("sequences are packed longest first and come back in their order", "[nn]") {
  Tensor x = arange(12).reshape({3, 4}), whole = stack({x, x + 100}, 2); // [L = 3, N = 4, 2]
  nn::PackedSequence p = nn::pack_padded_sequence(whole, {2, 3, 1, 3}, false, false);
  CHECK(p.batch_sizes == std::vector<int64_t>{4, 3, 2});
  CHECK(p.sorted_indices == std::vector<int64_t>{1, 3, 0, 2});
  check_same(select(p.data, 1, 0), tensor({1, 3, 0, 2, 5, 7, 4, 9, 11}));
  auto [back, lengths] = nn::pad_packed_sequence(p, true, -1, 4);
  CHECK(lengths == std::vector<int64_t>{2, 3, 1, 3});
  check_same(select(back, 2, 0),
             tensor({{0, 4, -1, -1}, {1, 5, 9, -1}, {2, -1, -1, -1}, {3, 7, 11, -1}}));
  CHECK(nn::pack_padded_sequence(whole, {3, 3, 2, 1}).sorted_indices.empty());
  nn::PackedSequence of_list = nn::pack_sequence({arange(3), arange(2)});
  check_same(of_list.data, tensor({0, 0, 1, 1, 2}));
  check_same(nn::pad_sequence({arange(2), arange(3)}, true, 7), tensor({{0, 1, 7}, {0, 1, 2}}));
  CHECK_THROWS_WITH(nn::pack_padded_sequence(whole, {2, 3, 1, 3}),
                    Contains("pack_padded_sequence: lengths must not increase"));
  CHECK_THROWS_WITH(nn::pack_padded_sequence(whole, {4, 3, 1, 3}, false, false),
                    Contains("lengths must be in 1 .. 3, got 4"));
  CHECK_THROWS_WITH(nn::pack_padded_sequence(whole, {2, 1}), Contains("and 2 lengths"));
  CHECK_THROWS_WITH(nn::pad_packed_sequence(p, false, 0, 2),
                    Contains("total_length must be at least 3, got 2"));
}

TEST_CASE("the numbers of a packed sequence must belong to its data", "[nn]") {
  const nn::PackedSequence whole =
      nn::pack_padded_sequence(arange(24).to(f32).reshape({2, 4, 3}), {2, 4}, true, false);
  REQUIRE(whole.unsorted_indices == std::vector<int64_t>{1, 0});
  auto refusal = [](const nn::PackedSequence& p) {
    try {
      nn::pad_packed_sequence(p);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(refusal(whole).empty());
  for (const std::vector<int64_t>& sizes :
       {std::vector<int64_t>{1, 2, 2, 1}, {2, 2, 1}, {3, 2, 2, -1}, {2, 2, 2, 0}, {7, -1}, {-6}}) {
    nn::PackedSequence p = whole;
    p.batch_sizes = sizes;
    CHECK_THAT(refusal(p), Contains("batch_sizes must be positive, not increase, and add up"));
  }
  for (const std::vector<int64_t>& places : {std::vector<int64_t>{0}, {0, 0}, {0, 2}, {-1, 0}}) {
    nn::PackedSequence p = whole;
    p.unsorted_indices = places;
    CHECK_THAT(refusal(p), Contains("indices must be 0 .. 1, each once"));
  }
}

TEST_CASE("a packed sequence must fit the layer", "[nn]") {
  nn::RNN rnn(3, 4);
  nn::PackedSequence p = nn::pack_sequence({normal({3, 2}), normal({1, 2})});
  CHECK_THROWS_WITH(rnn(p), Contains("RNN: the data of a packed sequence must be [4, 3]"));
  nn::PackedSequence right = nn::pack_sequence({normal({3, 3}), normal({1, 3})});
  CHECK_THROWS_WITH(rnn(right, zeros({1, 3, 4})), Contains("the first state must be [1, 2, 4]"));
}

TEST_CASE("dropout lies between recurrent layers, in training", "[nn]") {
  nn::RNN rnn(3, 50, {.num_layers = 2, .dropout = 0.5});
  Tensor x = normal({4, 2, 3});
  CHECK(rnn(x).first.to_vector<float>() != rnn(x).first.to_vector<float>());
  rnn.eval();
  check_same(rnn(x).first, rnn(x).first);
  nn::RNN single(3, 50, {.dropout = 0.5});
  check_same(single(x).first, single(x).first);
}

TEST_CASE("recurrent layers follow a conversion", "[nn]") {
  nn::LSTM lstm(3, 4);
  lstm.to(f64);
  auto [y, state] = lstm(normal({2, 1, 3}, 0, 1, f64));
  CHECK(y.dtype() == f64);
  CHECK(state.second.dtype() == f64);
  sum(y).backward();
  CHECK(lstm.parameters()[0].grad().dtype() == f64);
}

TEST_CASE("gradients of steps that nothing reads are none", "[nn]") {
  nn::GRU gru(2, 3);
  Tensor x = normal({5, 1, 2}).requires_grad_();
  auto [y, last] = gru(x);
  sum(select(y, 0, 1)).backward();
  Tensor by_step = sum(abs(x.grad()), {1, 2});
  CHECK(by_step[1].item<float>() > 0);
  CHECK(by_step[2].item<float>() == 0);
}

TEST_CASE("recurrent layers refuse what does not fit", "[nn]") {
  CHECK_THROWS_WITH(nn::LSTM(0, 4), Contains("LSTM: input_size, hidden_size and num_layers must be "
                                             "positive, got 0, 4 and 1"));
  CHECK_THROWS_WITH(nn::GRU(3, 4, {.dropout = 1.5}), Contains("GRU: dropout must be in 0 .. 1"));
  CHECK_THROWS_WITH(nn::LSTM(3, 4, {.proj_size = 4}),
                    Contains("LSTM: proj_size must be in 0 .. hidden_size - 1, got 4 for 4"));
  CHECK_THROWS_WITH(nn::RNN(3, 4, {.nonlinearity = "x"}),
                    Contains("RNN: nonlinearity must be \"tanh\" or \"relu\", got \"x\""));
  nn::LSTM lstm(3, 4);
  CHECK_THROWS_WITH(lstm(ones({2, 1, 5})), Contains("LSTM: x must be [L, N, 3], [N, L, 3] with "
                                                    "batch_first, or [L, 3], with L > 0, got "
                                                    "[2, 1, 5]"));
  CHECK_THROWS_WITH(lstm(ones({0, 1, 3})), Contains("got [0, 1, 3]"));
  CHECK_THROWS_WITH(lstm(Tensor()), Contains("got none"));
  CHECK_THROWS_WITH(lstm(ones({2, 1, 3}), nn::LSTMState{ones({1, 2, 4}), Tensor()}),
                    Contains("LSTM: the first state must be [1, 1, 4], got [1, 2, 4]"));
  CHECK_THROWS_WITH(lstm(ones({2, 3}), nn::LSTMState{Tensor(), ones({1, 1, 4})}),
                    Contains("LSTM: the first state must be [1, 4], got [1, 1, 4]"));
  CHECK_THROWS_WITH(nn::GRUCell(3, 4)(ones({2, 3}), ones({1, 4})),
                    Contains("GRUCell: the state must be [N, 4] or [4], got [1, 4]"));
  CHECK_THROWS_WITH(nn::RNNCell(3, 4)(ones({2, 2})), Contains("RNNCell: x must be [N, 3] or [3]"));
  nn::GRU batch_first(3, 4, {.batch_first = true});
  CHECK(batch_first(ones({0, 2, 3})).first.shape() == Shape{0, 2, 4});
}

TEST_CASE("layers of a stack start alike and are their own", "[nn]") {
  nn::TransformerEncoderLayer layer(8, 2, {.dim_feedforward = 4, .batch_first = true});
  layer.eval();
  nn::TransformerEncoder encoder(layer, 2);
  CHECK(encoder.parameters().size() == 2 * layer.parameters().size());
  check_same(encoder.layers[0].linear1.weight, encoder.layers[1].linear1.weight);
  check_same(encoder.layers[0].linear1.weight, layer.linear1.weight);
  CHECK_FALSE(encoder.layers[0].linear1.weight.is_same(layer.linear1.weight));
  CHECK_FALSE(encoder.layers[1].is_training());
  Tensor x = normal({2, 3, 8});
  check_same(encoder(x), layer(layer(x)));
  layer.to(f64);
  CHECK(layer.copy().linear1.weight.dtype() == f64);
  CHECK_THROWS_WITH(nn::TransformerEncoder(layer, 0),
                    Contains("TransformerEncoder: num_layers must be positive, got 0"));
  CHECK_THROWS_WITH(nn::TransformerEncoderLayer(8, 3),
                    Contains("embed_dim must be a multiple of num_heads, got 8 and 3"));
  CHECK_THROWS_WITH(nn::TransformerDecoderLayer(8, 2, {.activation = "tanh"}),
                    Contains("TransformerDecoderLayer: activation must be \"relu\" or \"gelu\""));
}

TEST_CASE("a causal mask and is_causal agree, in any dtype", "[nn]") {
  Tensor mask = nn::Transformer::generate_square_subsequent_mask(3);
  CHECK(mask.to_vector<float>() ==
        std::vector<float>{0, -INFINITY, -INFINITY, 0, 0, -INFINITY, 0, 0, 0});
  nn::MultiheadAttention attention(4, 2);
  attention.to(f64);
  Tensor x = normal({3, 2, 4}, 0, 1, f64);
  Tensor a = attention(x, x, x, nn::AttentionMasks{.attn_mask = mask});
  Tensor b = attention(x, x, x, nn::AttentionMasks{.is_causal = true});
  CHECK(a.dtype() == f64);
  CHECK(max(abs(a - b)).item<double>() < 1e-12);
}

TEST_CASE("dropout of a transformer runs in training alone", "[nn]") {
  nn::Transformer net(8, 2,
                      {.num_encoder_layers = 1, .num_decoder_layers = 1, .dim_feedforward = 8});
  Tensor src = normal({3, 1, 8}), tgt = normal({2, 1, 8});
  CHECK(net(src, tgt).to_vector<float>() != net(src, tgt).to_vector<float>());
  net.eval();
  check_same(net(src, tgt), net(src, tgt));
}
