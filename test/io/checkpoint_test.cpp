// Modules and checkpoints in files: names, strictness, and training that goes on as if nothing had
// been.

#include "io_util.h"

#include "runtime/io/checkpoint_state.h"
#include "weft/compile.h"
#include "weft/data.h"
#include "weft/ops.h"
#include "weft/random.h"

#include <catch2/catch.hpp>

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

struct Net : nn::Module {
  explicit Net(int64_t width = 8) : width(width) {}
  int64_t width;
  nn::Linear up = child("up", nn::Linear(4, width)), down = child("down", nn::Linear(width, 3));
  Tensor seen = buffer("seen", zeros({}, i64));
  Tensor forward(const Tensor& x) override { return down(gelu(up(x))); }
};

bool is_same_state(const nn::StateDict& a, const nn::StateDict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, t] : a)
    if (!b.count(name) || !is_same_data(t, b.at(name))) return false;
  return true;
}

/// Training that depends on the order of batches, on random numbers, and on the optimizer's state.
struct Training {
  static constexpr int64_t kBatches = 5;
  Training(bool is_compiled, uint64_t seed) {
    manual_seed(seed);
    net = std::make_unique<Net>();
    opt = std::make_unique<optim::AdamW>(net->parameters(), optim::AdamWOptions{.lr = 0.02});
    step = [this](const Tensor& x, const Tensor& y) {
      opt->zero_grad();
      cross_entropy((*net)(x + randn({4, 4}) * 0.1), y).backward();
      opt->step();
      net->seen.add_(1);
    };
    if (is_compiled)
      step = [f = compile(step)](const Tensor& x, const Tensor& y) mutable { f(x, y); };
  }
  /// Trains from where progress stands to a step, and saves there.
  void run(int64_t until, const std::string& path) {
    while (progress.step < until) {
      loader.resume(static_cast<uint64_t>(progress.epoch), progress.batch);
      for (auto [x, y] : loader) {
        step(x, y);
        progress.step++;
        progress.batch++;
        if (progress.step == until) break;
      }
      if (progress.batch == kBatches) {
        progress.epoch++;
        progress.batch = 0;
      }
    }
    save_checkpoint(path, *net, *opt, progress);
  }

  std::unique_ptr<Net> net;
  std::unique_ptr<optim::AdamW> opt;
  std::function<void(const Tensor&, const Tensor&)> step;
  Tensor labels = tensor({0, 1, 2, 2, 1, 0, 1, 1, 2, 0, 0, 2, 1, 0, 2, 1, 1, 0, 2, 0});
  data::DataLoader loader{{sample(f32, {20, 4}), labels},
                          {.batch_size = 4, .shuffle = true, .seed = 5}};
  Progress progress;
};

} // namespace

TEST_CASE("a module comes back from its file", "[checkpoint]") {
  Folder folder;
  Net a, b;
  a.seen.fill_(7);
  save(a, folder / "net.safetensors");
  Safetensors file = load_safetensors(folder / "net.safetensors");
  CHECK(is_same_state(file.tensors, a.state_dict()));
  nn::StateDifference difference = load(b, folder / "net.safetensors");
  CHECK(difference.missing.empty());
  CHECK(difference.unexpected.empty());
  CHECK(is_same_state(a.state_dict(), b.state_dict()));
  CHECK(b.up.weight.requires_grad());
  Net wide;
  wide.to(f64);
  load(wide, folder / "net.safetensors");
  CHECK(is_same_data(wide.up.weight.detach(), a.up.weight.detach().to(f64)));
}

TEST_CASE("a file that does not fit is refused with every name, and changes nothing",
          "[checkpoint]") {
  Folder folder;
  std::string path = folder / "net.safetensors";
  Net net, narrow(6);
  nn::StateDict state = narrow.state_dict(), before;
  state.erase("up.bias");
  state.erase("seen");
  state["extra"] = ones({1});
  state["other"] = ones({1});
  for (const auto& [name, t] : net.state_dict())
    before[name] = t.clone();
  save_safetensors(path, state);
  CHECK_THROWS_WITH(
      load(net, path),
      StartsWith("load: the file must have the module's names and shapes, got missing "
                 "\"seen\", \"up.bias\"; unexpected \"extra\", \"other\"; \"down.weight\" of shape "
                 "[3, 6], not [3, 8]; \"up.weight\" of shape [6, 4], not [8, 4], in \""));
  CHECK_THROWS_WITH(load(net, path, {.strict = false}),
                    Contains("\"up.weight\" of shape [6, 4], not [8, 4]"));
  state["down.weight"] = ones({3, 8});
  state["up.weight"] = ones({8, 4});
  state["seen"] = ones({});
  save_safetensors(path, state);
  CHECK_THROWS_WITH(load(net, path, {.strict = false}),
                    Contains("got missing \"up.bias\"; unexpected \"extra\", \"other\"; \"seen\" "
                             "of dtype f32, not i64"));
  CHECK(is_same_state(before, net.state_dict()));
  state.erase("seen");
  save_safetensors(path, state);
  nn::StateDifference difference = load(net, path, {.strict = false});
  CHECK(difference.missing == std::vector<std::string>{"seen", "up.bias"});
  CHECK(difference.unexpected == std::vector<std::string>{"extra", "other"});
  CHECK(is_same_data(net.up.weight.detach(), ones({8, 4})));
  CHECK(is_same_data(net.up.bias.detach(), before.at("up.bias")));
}

TEST_CASE("training that is resumed ends with the bits of training that was not", "[checkpoint]") {
  bool is_compiled = GENERATE(false, true);
  CAPTURE(is_compiled);
  Folder folder;
  std::string path = folder / "run.safetensors";
  Training whole(is_compiled, 1);
  whole.run(17, folder / "whole.safetensors");
  Training first(is_compiled, 1);
  first.run(7, path); // in the middle of the second epoch
  Training second(is_compiled, 99);
  manual_seed(12345);
  second.progress = load_checkpoint(path, *second.net, *second.opt);
  CHECK(second.progress.step == 7);
  CHECK(second.progress.epoch == 1);
  CHECK(second.progress.batch == 2);
  second.run(17, path);
  CHECK(is_same_state(whole.net->state_dict(), second.net->state_dict()));
  CHECK(is_same_state(whole.opt->state_dict(), second.opt->state_dict()));
  CHECK(read_file(path) == read_file(folder / "whole.safetensors"));
  CHECK_FALSE(is_same_state(first.net->state_dict(), second.net->state_dict()));
}

TEST_CASE("a checkpoint holds the optimizer's state by parameter name", "[checkpoint]") {
  Folder folder;
  std::string path = folder / "run.safetensors";
  Net net;
  // In another order than the module's, and not all of them.
  optim::AdamW opt({net.down.weight, net.up.weight});
  sum(net(ones({2, 4}))).backward();
  opt.step();
  save_checkpoint(path, net, opt, {.step = 1, .notes = {{"data", "v2 \xc3\xa4"}}});
  TensorMap tensors = load_safetensors(path).tensors;
  CHECK(tensors.size() == 5 + 2 * 3);
  CHECK(is_same_data(tensors.at("model.up.bias"), net.up.bias.detach()));
  CHECK(is_same_data(tensors.at("optimizer.up.weight.exp_avg"), opt.state_dict().at("1.exp_avg")));
  Net other;
  optim::AdamW same_order(std::vector<Tensor>{other.up.weight, other.down.weight});
  Progress progress = load_checkpoint(path, other, same_order);
  CHECK(progress.notes.at("data") == "v2 \xc3\xa4");
  CHECK(is_same_data(same_order.state_dict().at("0.exp_avg"), opt.state_dict().at("1.exp_avg")));
  CHECK(same_order.state_dict().at("0.step").item<int64_t>() == 1);

  optim::AdamW all(other.parameters());
  CHECK_THROWS_WITH(
      load_checkpoint(path, other, all),
      StartsWith("load_checkpoint: the file must have the names and shapes of the module and the "
                 "optimizer, got missing \"optimizer.down.bias.exp_avg\""));
  load_checkpoint(path, other, all, {.strict = false});
  CHECK(all.state_dict().at("0.step").item<int64_t>() == 1);
  CHECK(all.state_dict().at("1.step").item<int64_t>() == 0);
  optim::AdamW foreign(Net().parameters());
  CHECK_THROWS_WITH(save_checkpoint(path, net, foreign),
                    Contains("save_checkpoint: the optimizer's parameters must be the module's, "
                             "got another one of shape [8, 4] as number 0"));
  save(net, path);
  CHECK_THROWS_WITH(load_checkpoint(path, net, opt),
                    Contains("load_checkpoint: the file must be a checkpoint, got a safetensors "
                             "file without progress"));
}

TEST_CASE("a checkpoint that does not fit changes neither module nor optimizer", "[checkpoint]") {
  Folder folder;
  std::string path = folder / "run.safetensors";
  Net net, other;
  optim::AdamW adamw(net.parameters());
  optim::SGD sgd(other.parameters(), {.momentum = 0.9});
  nn::StateDict before;
  for (const auto& [name, t] : other.state_dict())
    before[name] = t.clone();
  save_checkpoint(path, net, adamw);
  uint64_t counter = default_generator().counter();
  CHECK_THROWS_WITH(load_checkpoint(path, other, sgd),
                    Contains("missing \"optimizer.down.bias.momentum_buffer\""));
  CHECK(is_same_state(before, other.state_dict()));
  CHECK(default_generator().counter() == counter);
  Progress negative{.step = -1};
  CHECK_THROWS_WITH(
      save_checkpoint(path, net, adamw, negative),
      Contains("save_checkpoint: the checkpoint's state must have a step from 0 on, got -1"));
  load_checkpoint(path, net, adamw);

  // A count that no optimizer can have.
  Safetensors file = load_safetensors(path);
  file.tensors["optimizer.up.bias.step"] = tensor(-1);
  file.tensors["model.up.bias"].add_(1.0);
  save_safetensors(path, file.tensors, file.metadata);
  for (const auto& [name, t] : net.state_dict())
    before[name] = t.clone();
  CHECK_THROWS_WITH(load_checkpoint(path, net, adamw),
                    Contains(".step\" must not be negative, got -1"));
  CHECK(is_same_state(before, net.state_dict()));
}

TEST_CASE("the text of a checkpoint is checked", "[checkpoint]") {
  Folder folder;
  Net net;
  optim::SGD opt(net.parameters());
  struct Row {
    const char* text;
    const char* message;
  };
  std::string deep(40, '['),
      good = R"({"version":1,"step":1,"epoch":1,"batch":1,"seed":1,"counter":1,"notes":{}})";
  std::string twice = R"({"step":1,"step":2})";
  for (const Row& row : {
           Row{"", "the checkpoint's state must be JSON, got \"\""},
           Row{"[1", "the checkpoint's state must be JSON, got \"[1\""},
           Row{"[]", "the checkpoint's state must be a JSON object, got \"[]\""},
           Row{deep.c_str(), "the checkpoint's state must be nested 16 deep at most, got more"},
           Row{twice.c_str(), "the checkpoint's state must have each key once, got \"step\" twice"},
           Row{"{}", "the checkpoint's state must have version, got none"},
           Row{R"({"version":2})", "the checkpoint's state must have version 1, got 2"},
           Row{R"({"version":1})", "the checkpoint's state must have step, got none"},
           Row{R"({"version":1,"step":-1})",
               "the checkpoint's state must have a whole number step, got \"-1\""},
           Row{R"({"version":1,"step":1e3})", "must have a whole number step, got \"1000.0\""},
           Row{R"({"version":1,"step":9223372036854775808})", "must have a whole number step"},
       }) {
    save_safetensors(folder / "c", {}, {{"weft.checkpoint", row.text}});
    std::string text = refusal_of([&] { load_checkpoint(folder / "c", net, opt); });
    CHECK_THAT(text, StartsWith("load_checkpoint: "));
    CHECK_THAT(text, Contains(row.message));
  }
  CHECK(parse_checkpoint_state(good).step == 1);
  CheckpointState state{1, 2, 3, {{"a", "b"}}, UINT64_MAX, 5};
  CheckpointState back = parse_checkpoint_state(print_checkpoint_state(state));
  CHECK(back.seed == UINT64_MAX);
  CHECK(back.batch == 3);
  CHECK(back.notes == state.notes);
}
