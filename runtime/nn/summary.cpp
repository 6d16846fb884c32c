// summary(): a watcher of calls keeps shapes, a session that sees every op counts their work.
#include "weft/nn_summary.h"

#include "runtime/autograd/backward.h"
#include "runtime/core/op_info.h"
#include "weft/autograd_function.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ostream>

namespace weft::nn {

namespace {

int64_t elements(const Meta& m) {
  int64_t n = 1;
  for (int d = 0; d < m.rank; d++)
    n *= m.sizes[d];
  return n;
}

// Products that each element of a convolution's output adds up. weight: [out, in / groups, ...]
int64_t terms(const Meta& weight) {
  return weight.sizes[0] ? elements(weight) / weight.sizes[0] : 0;
}

int64_t flops_of(const OpCall& call, const Meta& result) {
  auto operand = [&](size_t k) -> const Meta& { return call.operands[k]->meta; };
  switch (call.op) {
  case Op::matmul:
  case Op::quantized_matmul:
    return 2 * elements(result) * operand(0).sizes[operand(0).rank - 1];
  case Op::convolution:
    return 2 * elements(result) * terms(operand(1));
  case Op::convolution_input: // operand 0 has the shape of the forward convolution's output
    return 2 * elements(operand(0)) * terms(operand(1));
  case Op::convolution_weight:
    return 2 * elements(operand(0)) * terms(result);
  default:
    return 0;
  }
}

/// Runs every op of this thread at once, and adds its work up. No region is entered meanwhile.
class WorkCounter final : public RegionSession {
public:
  WorkCounter() : pause_("summary") { current_session = this; }
  TensorImpl* op(const OpCall& call) override {
    TensorImpl* result = execute(call);
    flops += flops_of(call, result->meta);
    return result;
  }
  void flush(const char*, const Loc&) override {}
  void died(TensorImpl*) noexcept override {}
  void on_failure(std::function<void()>) override {}

  int64_t flops = 0;

private:
  RegionPause pause_; // its end puts the session back
};

// "weft::nn::Conv<2>" is Conv2d, "weft::nn::ModuleList<...>" ModuleList.
std::string type_of(const Module& module) {
  std::string name = autograd::detail::type_name(typeid(module));
  size_t angle = std::min(name.find('<'), name.size());
  std::string argument = name.substr(angle);
  name.resize(angle);
  if (size_t colons = name.rfind("::"); colons != std::string::npos) name.erase(0, colons + 2);
  bool is_dims = argument.size() == 3 && std::isdigit(static_cast<unsigned char>(argument[1]));
  return is_dims ? name + argument[1] + "d" : name;
}

/// A row, and the module that it is about.
struct Watched {
  Module* module;
  LayerSummary row;
  int64_t flops_before = 0; // of the call under way
};

class Watcher final : public CallWatcher {
public:
  explicit Watcher(Module& module) { add(module, "", 0); }
  ~Watcher() override {
    for (size_t k = 0; k < all_.size(); k++) // from the top, since train() goes down
      all_[k].module->train(was_training_[k]);
  }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  void enter(const Module& module) override {
    for (Watched& w : all_)
      if (w.module->is_same(module)) w.flops_before = work.flops;
  }
  void leave(const Module& module, const std::vector<Tensor>& results) override {
    for (Watched& w : all_) {
      if (!w.module->is_same(module)) continue;
      w.row.calls++;
      w.row.flops += work.flops - w.flops_before;
      w.row.outputs.clear();
      for (const Tensor& t : results)
        if (t.defined()) w.row.outputs.push_back(t.shape());
    }
  }
  std::vector<LayerSummary> rows() const {
    std::vector<LayerSummary> list;
    for (const Watched& w : all_)
      list.push_back(w.row);
    return list;
  }

  WorkCounter work;

private:
  void add(Module& module, const std::string& name, int depth) {
    LayerSummary row;
    row.name = name;
    row.type = type_of(module);
    row.depth = depth;
    for (const Tensor& p : module.parameters()) {
      row.parameters += p.numel();
      if (p.requires_grad()) row.trainable += p.numel();
    }
    all_.push_back({&module, std::move(row)});
    was_training_.push_back(module.is_training());
    for (const auto& [child, part] : module.children()) {
      kept_.push_back(part);
      add(*part, name.empty() ? child : name + "." + child, depth + 1);
    }
  }

  std::vector<Watched> all_;
  std::vector<bool> was_training_;
  std::vector<std::shared_ptr<Module>> kept_;
};

// 1,234,567
std::string grouped(int64_t n) {
  std::string text = std::to_string(n);
  for (auto at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<size_t>(at), ",");
  return text;
}

std::string shapes_text(const LayerSummary& row) {
  if (row.outputs.empty()) return "-";
  std::string text;
  for (const Shape& s : row.outputs)
    text += (text.empty() ? "" : ", ") + s.str();
  return text;
}

} // namespace

Summary summary_of(Module& module, const std::function<void()>& call, Loc loc) {
  LocScope scope(loc);
  NoGrad no_grad;
  Summary s;
  {
    Watcher watcher(module);
    module.eval();
    call();
    s.layers = watcher.rows();
    s.flops = watcher.work.flops;
  }
  s.parameters = s.layers[0].parameters;
  s.trainable = s.layers[0].trainable;
  return s;
}

std::string Summary::str() const {
  std::vector<std::array<std::string, 5>> lines = {
      {"layer", "type", "output", "parameters", "FLOPs"}};
  for (const LayerSummary& row : layers) {
    size_t dot = row.name.rfind('.');
    std::string last = row.name.empty()           ? "(all)"
                       : dot == std::string::npos ? row.name
                                                  : row.name.substr(dot + 1);
    lines.push_back({std::string(2 * static_cast<size_t>(row.depth), ' ') + last, row.type,
                     shapes_text(row), grouped(row.parameters), grouped(row.flops)});
  }
  std::array<size_t, 5> widths{};
  for (const auto& line : lines)
    for (size_t k = 0; k < line.size(); k++)
      widths[k] = std::max(widths[k], line[k].size());
  std::string text;
  for (const auto& line : lines)
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>{}}  {:>{}}\n", line[0], widths[0], line[1],
                        widths[1], line[2], widths[2], line[3], widths[3], line[4], widths[4]);
  return text + fmt::format("{} parameters, {} of them trainable; {} FLOPs\n", grouped(parameters),
                            grouped(trainable), grouped(flops));
}

std::ostream& operator<<(std::ostream& out, const Summary& s) { return out << s.str(); }

} // namespace weft::nn
