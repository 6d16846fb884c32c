// save, load, save_checkpoint, load_checkpoint. A checkpoint is one safetensors file, since one
// file can be replaced as a whole: the module's tensors under "model.NAME", the optimizer's under
// "optimizer.PARAMETER.STATE", and JSON under the key "weft.checkpoint" of the header's metadata.

#include "runtime/core/fail_at.h"
#include "runtime/io/checkpoint_state.h"
#include "runtime/io/safetensors.h"
#include "runtime/io/tensor_bytes.h"
#include "runtime/nn/state_match.h"
#include "weft/random.h"

#include <fmt/format.h>

#include <algorithm>

namespace weft {

namespace {

constexpr const char* kModel = "model.";
constexpr const char* kOptimizer = "optimizer.";
constexpr const char* kStateKey = "weft.checkpoint";

/// Adds tensors under a prefix.
void add(TensorMap& all, const std::string& prefix, const TensorMap& tensors) {
  for (const auto& [name, t] : tensors)
    all[prefix + name] = t;
}

/// Returns the tensors under a prefix, without it.
TensorMap part(const TensorMap& all, const std::string& prefix) {
  TensorMap r;
  for (auto it = all.lower_bound(prefix); it != all.end() && it->first.starts_with(prefix); ++it)
    r[it->first.substr(prefix.size())] = it->second;
  return r;
}

/// The optimizer's state with parameters by name, "up.weight.exp_avg", where it counts them,
/// "0.exp_avg"; `back` undoes it.
class StateNames {
public:
  StateNames(const char* op, const nn::Module& module, const optim::Optimizer& optimizer,
             const Loc& loc) {
    const auto named = module.named_parameters();
    const std::vector<Tensor>& parameters = optimizer.parameters();
    for (size_t k = 0; k < parameters.size(); k++) {
      auto entry = std::find_if(named.begin(), named.end(),
                                [&](const auto& n) { return n.second.is_same(parameters[k]); });
      if (entry == named.end())
        fail_at(ErrorKind::value,
                fmt::format("{}: the optimizer's parameters must be the module's, got another "
                            "one of shape {} as number {}",
                            op, parameters[k].shape().str(), k),
                loc);
      names_.push_back(entry->first);
    }
  }
  TensorMap by_name(const TensorMap& by_number) const {
    TensorMap r;
    for (const auto& [name, t] : by_number) {
      size_t dot = name.find('.');
      r[names_.at(std::stoul(name.substr(0, dot))) + name.substr(dot)] = t;
    }
    return r;
  }
  /// Returns `own`, which counts parameters, with the tensors of `given` where it has them.
  TensorMap by_number(TensorMap own, const TensorMap& given) const {
    for (auto& [name, t] : own) {
      size_t dot = name.find('.');
      auto entry = given.find(names_.at(std::stoul(name.substr(0, dot))) + name.substr(dot));
      if (entry != given.end()) t = entry->second;
    }
    return own;
  }

private:
  std::vector<std::string> names_;
};

} // namespace

void save(const nn::Module& module, const std::string& path, Loc loc) {
  in_file("save", path, loc,
          [&] { write_safetensors("save", path, module.state_dict(), {}, loc); });
}

nn::StateDifference load(nn::Module& module, const std::string& path, LoadOptions options,
                         Loc loc) {
  return in_file("load", path, loc, [&] {
    TensorMap given = map_safetensors(path, loc).tensors;
    StateMatch match = match_state(module.state_dict(), given);
    if (!match.fits(options.strict))
      throw FormatError("the file must have the module's names and shapes, got " + match.text());
    return module.load_state_dict(given, options.strict, loc);
  });
}

void save_checkpoint(const std::string& path, const nn::Module& module,
                     const optim::Optimizer& optimizer, const Progress& progress, Loc loc) {
  TensorMap all;
  StateNames names("save_checkpoint", module, optimizer, loc);
  add(all, kModel, module.state_dict());
  add(all, kOptimizer, names.by_name(optimizer.state_dict()));
  const Generator& random = default_generator();
  in_file("save_checkpoint", path, loc, [&] {
    CheckpointState state{progress.step,  progress.epoch, progress.batch,
                          progress.notes, random.seed(),  random.counter()};
    write_safetensors("save_checkpoint", path, all, {{kStateKey, print_checkpoint_state(state)}},
                      loc);
  });
}

Progress load_checkpoint(const std::string& path, nn::Module& module, optim::Optimizer& optimizer,
                         LoadOptions options, Loc loc) {
  StateNames names("load_checkpoint", module, optimizer, loc);
  return in_file("load_checkpoint", path, loc, [&] {
    Safetensors file = map_safetensors(path, loc);
    auto text = file.metadata.find(kStateKey);
    if (text == file.metadata.end())
      throw FormatError("the file must be a checkpoint, got a safetensors file without progress");
    CheckpointState state = parse_checkpoint_state(text->second);
    TensorMap own, own_state = optimizer.state_dict();
    add(own, kModel, module.state_dict());
    add(own, kOptimizer, names.by_name(own_state));
    StateMatch match = match_state(own, file.tensors);
    if (!match.fits(options.strict))
      throw FormatError("the file must have the names and shapes of the module and the optimizer, "
                        "got " +
                        match.text());
    optimizer.load_state_dict(names.by_number(own_state, part(file.tensors, kOptimizer)), loc);
    module.load_state_dict(part(file.tensors, kModel), false, loc);
    Generator& random = default_generator();
    random.manual_seed(state.seed);
    random.set_counter(state.counter);
    return Progress{state.step, state.epoch, state.batch, state.notes};
  });
}

} // namespace weft
