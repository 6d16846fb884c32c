// The protocol by which a driver compares libraries: one JSON object a line, questions in, answers
// out.
#include "tools/weft-bench/commands.h"
#include "tools/weft-bench/limits.h"
#include "tools/weft-bench/sampling.h"
#include "tools/weft-bench/workloads.h"
#include "weft/io.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <sys/resource.h>

namespace weft::bench {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr NpyOptions kNpy{.bf16_as_uint16 = true}; // as other libraries write it

void say(const Json& answer) { std::cout << answer.dump() << std::endl; }

void load(const fs::path& folder, Params& params, Tensors& inputs) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::string name = entry.path().stem().string();
    if (name.starts_with("p_") && entry.path().extension() == ".npy")
      params[name.substr(2)] = load_npy(entry.path(), kNpy);
  }
  for (int k = 0; fs::exists(folder / ("in_" + std::to_string(k) + ".npy")); k++)
    inputs.push_back(load_npy(folder / ("in_" + std::to_string(k) + ".npy"), kNpy));
}

/// Returns max |a - b| / max |b|.
double relative_error(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size())
    throw Error(ErrorKind::shape, "worker: the result must have as many elements as out_0.npy");
  double worst = 0, largest = 1e-30;
  for (size_t k = 0; k < a.size(); k++) {
    double d = std::abs(a[k] - b[k]);
    worst = std::isnan(d) ? INFINITY : std::max(worst, d);
    largest = std::max(largest, std::abs(b[k]));
  }
  return worst / largest;
}

/// As the other libraries' workers do it: a call counts from 300 us on, several are batched below;
/// one of more than a second counts without those before that warm up. A sample ends when the
/// device has done what it was given.
std::vector<double> time_calls(Running& r, Device device, double budget) {
  auto call = [&] {
    double t = now();
    r.call();
    synchronize(device);
    return now() - t;
  };
  if (double first = call(); first > 1) return {first};
  double d = call();
  int batch = std::clamp(static_cast<int>(300e-6 / std::max(d, 1e-8)), 1, 20000);
  for (double start = now(); now() - start < std::min(0.05, budget / 4);)
    call();
  std::vector<double> seconds;
  for (double start = now(); seconds.size() < 3 || now() - start < budget;) {
    double t = now();
    for (int k = 0; k < batch; k++)
      r.call();
    synchronize(device);
    seconds.push_back((now() - t) / batch);
  }
  return seconds;
}

/// What the machine can do at most, in the turn of a workload.
std::vector<double> time_limit(const Limit& limit, double budget) {
  std::vector<double> seconds;
  for (double start = now(); seconds.empty() || now() - start < budget;)
    seconds.push_back(limit());
  return seconds;
}

class Worker {
public:
  Worker(std::string data, Mode mode, Device device)
      : data_(std::move(data)), mode_(mode), device_(device) {}

  /// Returns false after "quit".
  bool answer(const std::string& line) {
    try {
      Json question = Json::parse(line);
      std::string command = question.at("c");
      if (command == "quit") return quit();
      if (command == "prep")
        prepare(question.at("w"));
      else if (command == "time")
        say({{"ok", 1},
             {"xs", time_calls(running(question.at("w")), device_, question.at("budget"))}});
      else if (command == "limit")
        say({{"ok", 1}, {"xs", time_limit(limit(question.at("w")), question.at("budget"))}});
      else
        throw Error(ErrorKind::value,
                    "worker: the command must be prep, time, limit or quit, got " + command);
    } catch (const std::exception& e) {
      say({{"ok", 0}, {"err", e.what()}});
    }
    return true;
  }

private:
  void prepare(const std::string& name) {
    running_.reset();
    limit_ = nullptr;
    const Workload& w = workload(name);
    fs::path folder = fs::path(data_) / name;
    Params params;
    Tensors inputs;
    load(folder, params, inputs);
    double start = now();
    running_ = std::make_unique<Running>(w, mode_, std::move(params), std::move(inputs), device_);
    if (mode_ != Mode::eager && w.kind != Workload::Kind::training)
      for (int k = 0; k < 2; k++) // recorded, then compiled
        running_->call();
    const std::vector<double> got = running_->answer().to_vector<double>();
    double first = now() - start;
    Json error = nullptr;
    fs::path expected = folder / "out_0.npy";
    if (fs::exists(expected))
      error = relative_error(got, load_npy(expected, kNpy).to_vector<double>());
    limit_ = limit_of(w, device_);
    say({{"ok", 1}, {"first_s", first}, {"err", error}, {"limit", limit_ != nullptr}});
  }

  Running& running(const std::string& name) {
    if (!running_ || running_->workload().name != name)
      throw Error(ErrorKind::value,
                  "worker: the workload must be the one prepared last, got " + name);
    return *running_;
  }

  const Limit& limit(const std::string& name) {
    running(name);
    if (!limit_)
      throw Error(ErrorKind::value, "worker: the workload must have a limit here, got " + name);
    return limit_;
  }

  static bool quit() {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    say({{"ok", 1}, {"rss", usage.ru_maxrss}});
    return false;
  }

  std::string data_;
  Mode mode_;
  Device device_;
  std::unique_ptr<Running> running_;
  Limit limit_; // of running_
};

} // namespace

int worker_command(const std::string& data, const std::string& mode, const std::string& device,
                   double start) {
  Worker worker(data, mode_of(mode), device_named(device));
  Json hello = {{"ok", 1}, {"import_s", now() - start}};
  if (device_named(device) != Device::cpu())
    hello["device"] = device_info(device_named(device)).name;
  say(hello);
  for (std::string line; std::getline(std::cin, line);)
    if (!worker.answer(line)) break;
  return 0;
}

} // namespace weft::bench
