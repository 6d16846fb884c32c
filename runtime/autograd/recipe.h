// Recipe: how a backward pass makes what the program of its forward part did not keep. A saved
// value that is left out is a tensor without data whose storage knows its recipe; whoever unpacks
// it gets another tensor, which the recorded ops make of what was kept.
#pragma once

#include "runtime/core/op_call.h"

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace weft {

/// What one program leaves out, as calls of ops. Immutable: calls of the program share it.
struct RecipePlan {
  struct Step {
    Op op{};
    Device device;
    Loc loc;
    std::vector<int32_t> operands; // an earlier step, kNumber, or kept_operand() of a kept tensor
    std::vector<int64_t> structure;
    int scalar_position = 0, scalar_count = 0, size_position = 0, size_count = 0;
    std::vector<int32_t> shown_by; // steps whose values lie in the memory of this one's; itself too
  };
  static constexpr int32_t kNumber = -1;
  static int32_t kept_operand(int32_t k) { return -2 - k; } // its own inverse

  std::vector<Step> steps; // in the order of the calls
  int32_t kept_count = 0;
};

/// The recipe of what one run of a program left out. It keeps what it needs as long as somebody may
/// ask for it, goes with the last storage that it is for, and lets any thread ask.
class Recipe {
public:
  /// A saved value that was left out, without handles, and the steps that make it and its memory.
  struct Missing {
    TensorImpl* value;
    int32_t step, base;
  };
  /// Makes a recipe for `missing`, of which there is one. `kept`, as the plan numbers them, are
  /// tensors with contents; `scalars` and `sizes` are those of the whole segment.
  static void make(std::shared_ptr<const RecipePlan> plan, std::span<TensorImpl* const> kept,
                   std::span<const Scalar> scalars, std::span<const int64_t> sizes,
                   std::span<const Missing> missing);

  /// Returns the value of a step: in a region deferred, else computed. It is remembered.
  Tensor value(int32_t step);
  /// Hears of the end of a storage whose memory step `base` makes.
  void forget(int32_t base) noexcept;
  /// Takes `copy` where it would read `s`.
  void replace(const Storage& s, const Tensor& copy, std::vector<Tensor>& replaced);

  Recipe(const Recipe&) = delete;
  ~Recipe();

private:
  /// A value that was made, held as the tape holds it.
  struct Made {
    TensorImpl* value = nullptr;
    std::thread::id by; // where it was deferred: only there it is known whether it is real by now
    bool was_deferred = false;
  };
  struct Asked; // what one call of value() takes from here

  Recipe(std::shared_ptr<const RecipePlan> plan, std::span<const Scalar> scalars,
         std::span<const int64_t> sizes);
  void claim(std::span<TensorImpl* const> kept);
  void collect(int32_t step, Asked& asked);
  Tensor known(Made& made, std::vector<Tensor>& outdated) const;
  Tensor run(const RecipePlan::Step& step, const Asked& asked) const;
  void remember(const Asked& asked);
  void let_go(int32_t step, std::vector<Tensor>& gone);

  std::shared_ptr<const RecipePlan> plan_;
  std::vector<Scalar> scalars_;
  std::vector<int64_t> sizes_;
  std::mutex mutex_; // guards what follows
  std::vector<TensorImpl*> kept_;
  std::vector<uint32_t> claims_, kept_claims_; // by step: itself missing, and steps that read it
  std::vector<uint8_t> is_missing_;
  std::vector<Made> made_;
  size_t storages_ = 0; // that live
};

/// Returns a value that the tape saved, or, where it was left out, one that is made now.
Tensor unpack_saved(TensorImpl* saved);

} // namespace weft
