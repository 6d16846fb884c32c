// The workloads: functions of the public API over named parameters and inputs.
#pragma once

#include "weft/compile.h"
#include "weft/optim.h"
#include "weft/weft.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weft::bench {

using Params = std::map<std::string, Tensor>;
using Tensors = std::vector<Tensor>;

enum class LimitClass { none, copy, read, flops };

struct Workload {
  std::string name = {};
  std::string about = {};
  // gradients: of a loss by the parameters; training: also their update
  enum class Kind { call, inference, gradients, training } kind = Kind::inference;
  std::function<Tensor(const Params& p, const Tensors& x)> function;
  std::string expression = {}; // the function's value as other libraries read it; empty: a network
  /// Makes parameters and inputs of the right shapes.
  std::function<void(Params& p, Tensors& x)> make = {};
  LimitClass limit = LimitClass::none;
  double flops = 0, bytes = 0; // of one call; bytes: the least traffic
  DType dtype = f32;           // of parameters and inputs that are made or read as f32
  int weight_bits = 0;         // not 0: parameters *_w, [in, out], are quantised to so many
  bool always_eager = false;
  double lr = 1e-4, weight_decay = 0; // of training
  int least_products[3] = {0, 0, 0};  // m, n, k of the one product to compare with OpenBLAS
  bool each = false;                  // a call runs the function on each input alone, in turn
  std::string row = {}; // that it belongs to in a comparison with other libraries; empty: its own
  double reach = 0;     // how many times as fast as the best other library that row is to be
  std::vector<int64_t> positions = {}; // other numbers of them that belong to the row
  /// The same over another number of positions; empty: there is only this one.
  std::function<Workload(int64_t)> at_positions = {};
};

/// A function that is one expression, and its text: Python with PyTorch's names, since the API has
/// those.
#define WEFT_BENCH_EXPRESSION(...)                                                                 \
  .function = []([[maybe_unused]] const Params& p, [[maybe_unused]] const Tensors& x) -> Tensor {  \
    return __VA_ARGS__;                                                                            \
  },                                                                                               \
  .expression = #__VA_ARGS__

// What expressions are written with beside the API: tools/peers has the same names.
inline const Tensor none;
template <class... Sizes> Shape shape(Sizes... sizes) { return {static_cast<int64_t>(sizes)...}; }
/// x W with W [in, out], the parameter NAME_w, or NAME_w and NAME_w_scales where it is quantised.
Tensor product(const Tensor& x, const Params& p, const std::string& name);
/// The same and NAME_b.
Tensor affine(const Tensor& x, const Params& p, const std::string& name);
/// layer_norm over the last dim with the parameters NAMEg and NAMEb.
Tensor norm(const Tensor& x, const Params& p, const std::string& name);

/// Numbers around 0, and classes 0 .. count - 1, as inputs and parameters are made of.
inline Tensor random(const Shape& shape, double scale = 1) { return normal(shape, 0, scale); }
inline Tensor random_classes(const Shape& shape, int64_t count) {
  return uniform(shape, 0, static_cast<double>(count)).to(i64);
}

const std::vector<Workload>& workloads();
/// The parts of them that are sweeps, attention, whole networks, that generate text, and with
/// narrow elements.
std::vector<Workload> sweep_workloads();
std::vector<Workload> attention_workloads();
std::vector<Workload> network_workloads();
std::vector<Workload> decode_workloads();
std::vector<Workload> narrow_workloads();
/// Returns the workload of a name, "NAME:N" for one over N positions, or throws weft::Error that
/// lists them.
const Workload& workload(const std::string& name);

/// generic, deterministic: compiled with that option (CompileOptions). resized: called with inputs
/// of half the sizes first, all but those that parameters have, so that the second sizes are
/// measured. forward: of a step of training only the loss is compiled; its backward pass and the
/// update run outside of the region.
enum class Mode { eager, compiled, generic, deterministic, resized, forward };
Mode mode_of(const std::string& name);

/// A workload with data of its own, ready to be called again and again.
class Running {
public:
  /// Takes its data, or makes data of its own, which is put on the device.
  Running(const Workload& w, Mode mode, Params params, Tensors inputs,
          Device device = Device::cpu());
  Running(const Workload& w, Mode mode, Device device = Device::cpu());
  Running(const Running&) = delete;
  /// Runs once; training returns the loss before the update.
  Tensor call() { return call_(); }
  /// Calls, and returns what libraries are compared by: the result; gradients of all parameters,
  /// one after another; or losses of the next three steps of training.
  Tensor answer();
  const Workload& workload() const { return workload_; }
  const Params& params() const { return params_; }
  const Tensors& inputs() const { return inputs_; }
  RegionStats stats() const { return stats_ ? stats_() : RegionStats(); }
  std::string explain() const { return explain_ ? explain_() : std::string(); }

private:
  void place(Device device); // also in the workload's dtype
  void quantize_weights();
  void prepare(Mode mode);
  template <class F> void set(F body, Mode mode);
  void call_smaller();
  void set_each(Mode mode);
  const Workload& workload_;
  Params params_;
  Tensors inputs_;
  std::shared_ptr<optim::AdamW> optimizer_;
  std::function<Tensor()> call_;
  std::function<RegionStats()> stats_;
  std::function<std::string()> explain_;
};

} // namespace weft::bench
