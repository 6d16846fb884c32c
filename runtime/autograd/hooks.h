// Lists of hooks: on the gradient of a tensor, or on a leaf that has just got one.
#pragma once

#include "weft/autograd.h"

#include <memory>
#include <mutex>
#include <vector>

namespace weft {

/// Hooks in the order of their registration. Handles refer to the list weakly.
class HookList {
public:
  using Hook = detail::GradientHook;

  uint64_t add(Hook hook, const Loc& loc);
  void remove(uint64_t id);
  /// Calls each hook on what the one before it left of `gradient`, and returns what is left at
  /// last.
  Tensor run(Tensor gradient) const;

private:
  struct Entry {
    uint64_t id;
    std::shared_ptr<const Hook> hook;
    Loc loc;
  };
  mutable std::mutex mutex_; // never held while a hook runs
  std::vector<Entry> entries_;
  uint64_t last_ = 0;
};

/// Says whether some leaf has hooks: only then does a backward pass look for them.
bool any_leaf_has_hooks();

} // namespace weft
