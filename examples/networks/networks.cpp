// The program of docs/nn.md: which of four tokens comes most often in a sequence, learnt by an
// LSTM.

#include <weft/weft.h>

#include <fmt/format.h>

using namespace weft;

struct Reader : nn::Module {
  nn::Embedding table = child("table", nn::Embedding(4, 8));
  nn::LSTM lstm = child("lstm", nn::LSTM(8, 32, {.batch_first = true}));
  nn::Linear head = child("head", nn::Linear(32, 4));
  Tensor forward(const Tensor& tokens) override {
    auto [outputs, state] = lstm(table(tokens)); // [N, L, 32]
    return head(select(outputs, 1, -1));
  }
};

void train(Reader& net) {
  optim::AdamW opt({{net.table.parameters(), {.lr = 0.01, .weight_decay = 0}},
                    {net.lstm.parameters(), {.lr = 0.01}},
                    {net.head.parameters(), {.lr = 0.02}}});
  optim::OneCycleLR schedule(opt, {0.01, 0.01, 0.02}, {.total_steps = 300});
  nn::CrossEntropyLoss loss({.label_smoothing = 0.05});
  auto step = compile([&](const Tensor& tokens, const Tensor& wanted) {
    opt.zero_grad();
    Tensor l = loss(net(tokens), wanted);
    l.backward();
    nn::clip_grad_norm_(net.parameters(), 1);
    opt.step();
    schedule.step();
    return l;
  });
  for (int k = 0; k < 300; k++) {
    Tensor tokens = randint(0, 4, {64, 9});
    step(tokens, argmax(sum(one_hot(tokens, 4), 1), 1));
  }
}

int main() {
  manual_seed(1);
  Reader net;
  nn::init::orthogonal_(net.head.weight, 0.5);
  fmt::print("{}\n", nn::summary(net, randint(0, 4, {1, 9})).str());
  train(net);
  save(net, "reader.safetensors");

  Reader same;
  load(same, "reader.safetensors"); // PyTorch's names: model.load_state_dict(load_file(...)) there
  NoGrad no_grad;
  Tensor tokens = randint(0, 4, {1000, 9});
  Tensor right = argmax(same(tokens), 1) == argmax(sum(one_hot(tokens, 4), 1), 1);
  fmt::print("more than 90 % right: {}\n", mean(right.to(f32)).item<float>() > 0.9f ? "yes" : "no");
}
