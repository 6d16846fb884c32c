// The program of docs/formats.md: tensors in files, training that is interrupted, memory that is
// shared.
#include <weft/dlpack.h>
#include <weft/weft.h>

#include <fmt/format.h>

using namespace weft;

struct Net : nn::Module {
  explicit Net(int64_t width) : up(child("up", nn::Linear(2, width))) {}
  nn::Linear up;
  Tensor forward(const Tensor& x) override { return up(x); }
};

void arrays() {
  save_npy("x.npy", tensor({{1.5f, 2.5f}, {3.5f, 4.5f}}));
  save_npz("xy.npz", {{"x", load_npy("x.npy")}, {"y", arange(3)}});
  for (const auto& [name, t] : load_npz("xy.npz"))
    fmt::print("{} = {}\n", name, t.str());
}

void maps() {
  save_safetensors("w.safetensors", {{"w", ones({3})}}, {{"made by", "formats"}});
  Tensor w = load_safetensors("w.safetensors").tensors.at("w"); // a view of the file
  w.mul_(2.0);                                                  // of this process alone
  Safetensors again = load_safetensors("w.safetensors");
  fmt::print("w = {}\nin the file: {}\n", w.str(), again.tensors.at("w").str());
}

void modules() {
  Net trained(4), other(4), wider(5);
  save(trained, "net.safetensors");
  load(other, "net.safetensors");
  try {
    load(wider, "net.safetensors");
  } catch (const Error& e) {
    fmt::print("{}\n", e.what());
  }
}

struct Run { // what a checkpoint holds
  Net net{4};
  optim::AdamW opt{net.parameters(), {.lr = 0.1}};
  Tensor labels = tensor({0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3});
  data::DataLoader loader{{ones({12, 2}), labels}, {.batch_size = 4, .shuffle = true}};
  Progress at;

  void train(int64_t last_step) {
    while (at.step < last_step) {
      loader.resume(static_cast<uint64_t>(at.epoch), at.batch);
      for (auto [x, y] : loader) {
        opt.zero_grad();
        cross_entropy(net(x) + rand({4, 4}), y).backward();
        opt.step();
        at.step++, at.batch++;
        if (at.step == last_step) break;
      }
      if (at.batch == loader.size()) at.epoch++, at.batch = 0;
    }
  }
};

void resume() {
  Run whole;
  save_checkpoint("run.safetensors", whole.net, whole.opt, whole.at);
  whole.train(8); // two epochs of three steps, and two steps more

  Run first, second;
  first.at = load_checkpoint("run.safetensors", first.net, first.opt);
  first.train(5);
  save_checkpoint("run.safetensors", first.net, first.opt, first.at);
  second.at = load_checkpoint("run.safetensors", second.net, second.opt);
  second.train(8);
  bool same = whole.net.up.weight.to_vector<float>() == second.net.up.weight.to_vector<float>();
  fmt::print("went on at step {}, {} bits\n", first.at.step, same ? "the same" : "other");
}

void share() {
  Tensor x = zeros({3});
  DLManagedTensorVersioned* m = to_dlpack(x); // what another library takes
  static_cast<float*>(m->dl_tensor.data)[1] = 7;
  Tensor y = from_dlpack(m); // and gives back
  fmt::print("x = {}, in one memory: {}\n", x.str(), x.shares_storage(y));
}

int main() {
  arrays();
  maps();
  modules();
  resume();
  share();
}
