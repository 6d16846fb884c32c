// Trains a small network on the UCI optical digits twice, step by step: eagerly, and with the same
// code through weft::compile. Compares accuracy, weights and time.

#include "comparison.h"
#include "digits_data.h"
#include "nets.h"

#include <weft/weft.h>

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <numbers>

using namespace weft;

namespace {

constexpr double kRate = 0.01;

struct Trainer {
  Trainer(const std::string& name, Device device) : net(digits::make_net(name)) { net->to(device); }
  std::unique_ptr<nn::Module> net;
  optim::AdamW opt{net->parameters(), {.lr = kRate}};

  Tensor step(const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy((*net)(x), y);
    loss.backward();
    opt.step();
    return loss;
  }
};

struct Options {
  std::string data = DIGITS_DATA, net = "mlp";
  int epochs = 60;
  Device device = Device::cpu();
  bool first_compile = false; // only measure the first compile, with the cache as it is
  bool help = false;
};

double accuracy(nn::Module& net, const data::TensorDataset& set) {
  NoGrad no_grad;
  Tensor right = argmax(net(set.x()), 1) == set.y();
  return mean(right.to(f64)).item<double>();
}

data::DataLoader batches(const data::TensorDataset& set) {
  return data::DataLoader(set, {.batch_size = 64, .shuffle = true, .drop_last = true, .seed = 1});
}

/// Runs the compiled step until its first program is there, and returns the seconds of that call.
double measure_first_compile(const Options& options) {
  digits::Split split = digits::load(options.data, options.device);
  manual_seed(7);
  Trainer trainer(options.net, options.device);
  auto step = compile([&](const Tensor& x, const Tensor& y) { return trainer.step(x, y); });
  for (auto [x, y] : batches(split.train)) {
    digits::Stopwatch watch;
    step(x, y);
    if (step.stats().programs > 0) return watch.seconds();
  }
  return 0;
}

/// The speed-up that counts as a success. What a device makes of the kernels is its driver's.
double least_speed_up(const Options& options) {
  if (options.device != Device::cpu()) return 0;
  return options.net == "mlp" ? 1.2 : 1;
}

int compare(const Options& options) {
  digits::PrivateCache cache; // empty, so that the first compile is a cold one
  digits::Split split = digits::load(options.data, options.device);
  manual_seed(7);
  Trainer eager(options.net, options.device);
  manual_seed(7);
  Trainer compiled(options.net, options.device);
  auto step = compile([&](const Tensor& x, const Tensor& y) { return compiled.step(x, y); });

  digits::Comparison result;
  digits::ProgressBar bar("training", options.epochs);
  auto loader = batches(split.train);
  for (int epoch = 1; epoch <= options.epochs; epoch++) {
    double loss = 0;
    // The learning rate falls along half a cosine: a number of the host, new in each epoch.
    double rate = kRate * 0.5 * (1 + std::cos(std::numbers::pi * (epoch - 1) / options.epochs));
    eager.opt.options.lr = compiled.opt.options.lr = rate;
    for (auto [x, y] : loader) {
      RegionStats before = step.stats();
      double eager_seconds = digits::seconds_of([&] { eager.step(x, y).item<double>(); });
      double compiled_seconds = digits::seconds_of([&] { loss = step(x, y).item<double>(); });
      result.add_step(eager_seconds, compiled_seconds, before, step.stats());
    }
    bar.update(epoch, fmt::format("loss {:.4f}", loss));
  }
  bar.finish();

  eager.net->eval();
  compiled.net->eval();
  Tensor logits = (*eager.net)(split.test.x());
  compiled.net->compile(); // every call of the net runs compiled kernels from here on
  for (int call = 0; call < 3; call++)
    result.prediction_difference =
        digits::difference(softmax((*compiled.net)(split.test.x()), 1), softmax(logits, 1));
  result.weight_difference =
      digits::difference(compiled.net->parameters(), eager.net->parameters());
  result.eager_accuracy = accuracy(*eager.net, split.test);
  result.compiled_accuracy = accuracy(*compiled.net, split.test);
  result.cached_compile_seconds =
      digits::first_compile_in_new_process(options.data, options.net, options.device);
  result.print(split.train.size(), split.test.size());
  return result.passed(least_speed_up(options)) ? 0 : 1;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int k = 1; k < argc; k++) {
    auto is = [&](const char* name) { return !std::strcmp(argv[k], name); };
    if (is("--first-compile"))
      options.first_compile = true;
    else if (is("--data") && k + 1 < argc)
      options.data = argv[++k];
    else if (is("--net") && k + 1 < argc)
      options.net = argv[++k];
    else if (is("--epochs") && k + 1 < argc)
      options.epochs = std::max(1, std::atoi(argv[++k]));
    else if (is("--device") && k + 1 < argc)
      options.device = device_named(argv[++k]);
    else if (is("--help"))
      options.help = true;
    else
      throw Error(ErrorKind::value,
                  fmt::format("digits: options must be those of `digits --help`, got {}", argv[k]));
  }
  return options;
}

} // namespace

int main(int argc, char** argv) try {
  Options options = parse(argc, argv);
  if (options.help) {
    fmt::print(
        "usage: digits [--net mlp|cnn] [--data FOLDER] [--epochs N] [--device cpu|opencl|cuda]\n"
        "Trains a network on the digits of FOLDER, eagerly and compiled, and compares both.\n");
    return 0;
  }
  if (!options.first_compile) return compare(options);
  fmt::print("{}\n", measure_first_compile(options));
  return 0;
} catch (const std::exception& e) {
  fmt::print(stderr, "{}\n", e.what());
  return 1;
}
