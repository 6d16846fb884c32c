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
  std::string name;
  std::string about;
  // gradients: of a loss by the parameters; training: also their update
  enum class Kind { call, inference, gradients, training } kind = Kind::inference;
  Tensor (*function)(const Params& p, const Tensors& x);
  /// Makes parameters and inputs of the right shapes.
  std::function<void(Params& p, Tensors& x)> make;
  LimitClass limit = LimitClass::none;
  double flops = 0, bytes = 0; // of one call; bytes: the least traffic
  DType dtype = f32;           // of parameters and inputs that are made or read as f32
  bool always_eager = false;
  double lr = 1e-4, weight_decay = 0; // of training
  int least_products[3] = {0, 0, 0};  // m, n, k of the one product to compare with OpenBLAS
  /// The same over another number of positions; empty: there is only this one.
  std::function<Workload(int64_t)> at_positions = {};
};

const std::vector<Workload>& workloads();
/// The parts of them that are attention, whole networks, that generate text, and with narrow
/// elements.
std::vector<Workload> attention_workloads();
std::vector<Workload> network_workloads();
std::vector<Workload> decode_workloads();
std::vector<Workload> narrow_workloads();
/// Returns the workload of a name, "NAME:N" for one over N positions, or throws weft::Error that
/// lists them.
const Workload& workload(const std::string& name);

/// generic, deterministic: compiled with that option (CompileOptions).
enum class Mode { eager, compiled, generic, deterministic };
Mode mode_of(const std::string& name);

/// A workload with data of its own, ready to be called again and again.
class Running {
public:
  Running(const Workload& w, Mode mode, Params params, Tensors inputs);
  /// Makes data of its own, which lies on a device.
  Running(const Workload& w, Mode mode, Device device = Device::cpu());
  Running(const Running&) = delete;
  /// Runs once; training returns the loss before the update.
  Tensor call() { return call_(); }
  const Workload& workload() const { return workload_; }
  RegionStats stats() const { return stats_ ? stats_() : RegionStats(); }
  std::string explain() const { return explain_ ? explain_() : std::string(); }

private:
  void place(Device device); // also in the workload's dtype
  void prepare(Mode mode);
  template <class F> void set(F body, Mode mode);
  const Workload& workload_;
  Params params_;
  Tensors inputs_;
  std::shared_ptr<optim::AdamW> optimizer_;
  std::function<Tensor()> call_;
  std::function<RegionStats()> stats_;
  std::function<std::string()> explain_;
};

} // namespace weft::bench
