// What a network is made of: layers, output shapes, parameters and work.
#pragma once

#include "weft/nn.h"

#include <iosfwd>

namespace weft::nn {

/// A module of a network, at one of its names.
struct LayerSummary {
  std::string name;                      // dotted; empty for the network itself
  std::string type;                      // such as "Conv2d"
  int depth = 0;                         // 0 for the network itself
  std::vector<Shape> outputs;            // what the last call returned; none without a call
  int64_t parameters = 0, trainable = 0; // elements, with those of its children, each once
  int64_t flops = 0;                     // of all its calls, with what they called
  int64_t calls = 0;                     // of the module
};

/// What a network is made of, in numbers.
struct Summary {
  std::vector<LayerSummary> layers; // the network, then its children in order of registration
  int64_t parameters = 0, trainable = 0;
  int64_t flops = 0; // 2 for each product that is added up, of matrix products and convolutions
  /// Returns a table with a line a layer, and the totals.
  std::string str() const;
};
/// Prints str().
std::ostream& operator<<(std::ostream& out, const Summary& s);

/// Runs `call`, which calls the module, in evaluation mode and without gradients, and tells what it
/// did. FLOPs are counted as torch.utils.flop_counter does. Runs eagerly, also where the module is
/// compiled or the call is part of a region.
Summary summary_of(Module& module, const std::function<void()>& call, Loc loc = Loc::current());

/// Calls a module with up to three inputs, and tells what it is made of.
template <class M, class A> Summary summary(M&& module, const A& a, Loc loc = Loc::current()) {
  return summary_of(
      module, [&] { module(a, loc); }, loc);
}
template <class M, class A, class B>
requires(!std::same_as<B, Loc>) Summary
    summary(M&& module, const A& a, const B& b, Loc loc = Loc::current()) {
  return summary_of(
      module, [&] { module(a, b, loc); }, loc);
}
template <class M, class A, class B, class C>
requires(!std::same_as<C, Loc>) Summary
    summary(M&& module, const A& a, const B& b, const C& c, Loc loc = Loc::current()) {
  return summary_of(
      module, [&] { module(a, b, c, loc); }, loc);
}

} // namespace weft::nn
