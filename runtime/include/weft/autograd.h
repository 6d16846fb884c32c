// Gradients: grad(), EnableGrad, and pictures of the recorded graph. See also Tensor::backward and
// NoGrad in weft/tensor.h.
#pragma once

#include "weft/tensor.h"

#include <vector>

namespace weft {

/// While one lives, ops record a tape, also inside of a NoGrad scope.
class EnableGrad {
public:
  EnableGrad();
  ~EnableGrad();
  EnableGrad(const EnableGrad&) = delete;
  EnableGrad& operator=(const EnableGrad&) = delete;

private:
  bool previous_;
};

struct GradOptions {
  bool retain_graph = false; // keep what the tape saved, for another pass over it
  bool create_graph =
      false; // record the backward pass, for gradients of gradients; implies the former
  bool allow_unused =
      false; // an input that no output depends on gets an undefined gradient, no error
};

/// Returns the gradients of the sum of `outputs`, each weighted by its seed, by each of `inputs`,
/// which may be leaves or results. No leaf's grad() changes. A seed may be left out (or undefined)
/// for an output with one element.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const std::vector<Tensor>& seeds = {}, GradOptions options = {},
                         Loc loc = Loc::current());

/// Prints the ops recorded behind a tensor in the order of their calls, a line each: result, op,
/// operands, attributes, dtype and shape, and the user's file:line.
std::string print_graph(const Tensor& t);
/// Prints the same graph in Graphviz' dot language.
std::string dot_graph(const Tensor& t);

} // namespace weft
