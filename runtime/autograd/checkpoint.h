// Checkpoint: the saved values of a part of the tape, dropped and computed again when a backward
// pass gets there (Chen et al., Training deep nets with sublinear memory cost, 2016).
#pragma once

#include "runtime/autograd/grad_node.h"
#include "weft/autograd.h"
#include "weft/random.h"

#include <vector>

namespace weft {

class Checkpoint {
public:
  Checkpoint(TensorFunction f, std::vector<Tensor> inputs, const Loc& loc);

  /// Runs the function for the first time and takes the saved values of what it records.
  static std::vector<Tensor> run(std::shared_ptr<Checkpoint> self);
  /// Gives a node its values; the first call runs the function again. `position` counts nodes.
  void restore(GradNode& node, size_t position);

private:
  std::vector<GradNode*> nodes_behind(const std::vector<Tensor>& outputs, uint64_t first) const;
  bool is_kept(const TensorImpl* value) const;
  void run_again();
  [[noreturn]] void fail(const std::string& message) const;

  std::mutex mutex_; // guards what the second run makes
  TensorFunction f_;
  std::vector<Tensor> inputs_;
  std::vector<uint32_t> versions_; // of the inputs
  Generator random_;
  Loc loc_;
  size_t node_count_ = 0, waiting_ = 0; // nodes; those without their values
  std::vector<Tensor> outputs_;         // of the second time, whose nodes hold the values
  std::vector<GradNode*> nodes_;
};

} // namespace weft
