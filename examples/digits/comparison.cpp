#include "comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

#include <unistd.h>

namespace digits {

using namespace weft;

PrivateCache::PrivateCache() {
  std::string name = (std::filesystem::temp_directory_path() / "weft-digits-XXXXXX").string();
  if (!mkdtemp(name.data())) return; // the user's own cache then
  folder_ = name;
  setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
}

PrivateCache::~PrivateCache() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

ProgressBar::ProgressBar(std::string what, int total)
    : what_(std::move(what)), total_(total), is_terminal_(isatty(STDOUT_FILENO)) {}

void ProgressBar::update(int done, const std::string& note) {
  constexpr int kWidth = 40;
  int filled = kWidth * done / total_;
  last_ = fmt::format("{} [{:=<{}}{:{}}] {}/{}  {}", what_, "", filled, "", kWidth - filled, done,
                      total_, note);
  if (is_terminal_) fmt::print("\r{}", last_);
  std::fflush(stdout);
}

void ProgressBar::finish() { fmt::print("{}{}\n\n", is_terminal_ ? "\r" : "", last_); }

double difference(const Tensor& a, const Tensor& b) {
  NoGrad no_grad;
  return max(abs(a.to(f64) - b.to(f64))).item<double>();
}

double difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double largest = 0;
  for (size_t k = 0; k < a.size(); k++)
    largest = std::max(largest, difference(a[k], b[k]));
  return largest;
}

namespace {

std::filesystem::path own_path() {
  std::error_code error;
  std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "digits" : path;
}

} // namespace

double first_compile_in_new_process(const std::string& data, const std::string& net,
                                    Device device) {
  std::string command =
      fmt::format("'{}' --first-compile --data '{}' --net {} --device {}:{}", own_path().string(),
                  data, net, name_of(device.type), device.index);
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return 0;
  double seconds = 0;
  if (std::fscanf(pipe, "%lf", &seconds) != 1) seconds = 0;
  pclose(pipe);
  return seconds;
}

void Comparison::add_step(double eager_seconds, double compiled_seconds, const RegionStats& before,
                          const RegionStats& after) {
  if (after.programs > before.programs && first_compile_seconds_ == 0)
    first_compile_seconds_ = compiled_seconds;
  if (after.programs > before.programs || after.ops_recorded > before.ops_recorded) return;
  eager_.push_back(eager_seconds);
  compiled_.push_back(compiled_seconds);
  ops_ = after.ops_followed - before.ops_followed;
  kernels_ = after.kernels - before.kernels;
}

namespace {

double median(std::vector<double> v) {
  if (v.empty()) return 0;
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

} // namespace

// The ratio of the medians; its interval from resampled runs of steps, since neighbouring steps
// share the machine's mood (moving-block bootstrap, Kuensch 1989; percentiles).
Comparison::Interval Comparison::speed_up() const {
  constexpr size_t kSamples = 1000;
  const size_t n = eager_.size(), block = std::min<size_t>(n, 32);
  if (n == 0) return {0, 0, 0};
  std::mt19937 random(1);
  std::uniform_int_distribution<size_t> start(0, n - block);
  std::vector<double> ratios, a, b;
  for (size_t sample = 0; sample < kSamples; sample++) {
    a.clear();
    b.clear();
    while (a.size() < n) {
      size_t from = start(random);
      a.insert(a.end(), eager_.data() + from, eager_.data() + from + block);
      b.insert(b.end(), compiled_.data() + from, compiled_.data() + from + block);
    }
    ratios.push_back(median(a) / median(b));
  }
  std::sort(ratios.begin(), ratios.end());
  return {median(eager_) / median(compiled_), ratios[25], ratios[974]};
}

bool Comparison::passed(double least) const {
  return eager_accuracy >= 0.97 && compiled_accuracy >= 0.97 && speed_up().low > least;
}

void Comparison::print(int64_t train_images, int64_t test_images) const {
  Interval s = speed_up();
  auto row = [](const char* what, const std::string& eager, const std::string& compiled) {
    fmt::print("  {:<34}{:>14}{:>14}\n", what, eager, compiled);
  };
  auto micro = [](double seconds) { return fmt::format("{:.0f} us", seconds * 1e6); };
  auto milli = [](double seconds) { return fmt::format("{:.1f} ms", seconds * 1e3); };
  fmt::print("{} images to train, {} to test, {} steps of 64 timed\n\n", train_images, test_images,
             eager_.size());
  row("", "eager", "compiled");
  row("test accuracy", fmt::format("{:.4f}", eager_accuracy),
      fmt::format("{:.4f}", compiled_accuracy));
  row("time a step (median)", micro(median(eager_)), micro(median(compiled_)));
  row("ops a step, kernels a step", std::to_string(ops_), std::to_string(kernels_));
  fmt::print("\n");
  row("speed-up (95% interval)", "",
      fmt::format("{:.2f} ({:.2f} .. {:.2f})", s.middle, s.low, s.high));
  row("first compile, cold", "", milli(first_compile_seconds_));
  row("first compile, from the cache", "", milli(cached_compile_seconds));
  row("largest difference of weights", "", fmt::format("{:.2e}", weight_difference));
  row("largest difference of predictions", "", fmt::format("{:.2e}", prediction_difference));
  std::string bin = own_path().parent_path().string();
  fmt::print(
      "\nThe kernels:  {0}/weft-inspect run -- {0}/digits --epochs 1; {0}/weft-inspect list\n",
      bin);
  fmt::print("digits: accuracy eager {:.4f} compiled {:.4f}, speed-up {:.2f} (95% low {:.2f}), "
             "kernels {} for {} ops\n",
             eager_accuracy, compiled_accuracy, s.middle, s.low, kernels_, ops_);
}

} // namespace digits
