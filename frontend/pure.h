// Programs of pure functions: for a call's metadata, all that it takes to run without the body.
#pragma once

#include "frontend/trace.h"
#include "weft/pure.h"
#include "weft/tensor.h"

#include <functional>

namespace weft {

/// One call of a pure function, as it was followed: how its segment's leaves and its results hang
/// together with its arguments. Immutable but for what is atomic, so that threads may share it.
class PureProgram {
public:
  struct Argument {
    bool defined;
    int same_as; // an earlier argument that was the same tensor, or -1
    Meta meta;
    const TensorImpl* was; // only compared: it may be gone
  };
  struct Leaf {
    int argument;     // or -1
    Tensor captured;  // where it is no argument
    bool is_constant; // made by the call of host values, so that nobody else has it
    Meta meta;        // what it was
    uint32_t written; // ops in place of one run
  };
  struct Output { // of the program, in its order
    int leaf;     // which it writes, or -1
    size_t nbytes;
  };
  struct Result {
    enum class Kind : uint8_t { undefined, argument, captured, output, leaf, result };
    Kind kind;
    int index = -1;     // of the argument, of the leaf into which it looks, or of the earlier
                        // result that it is; of an output: the slot of the storage's owner
    int output = -1;    // its number in `outputs`
    Tensor captured;    // itself
    Meta meta = {};     // of outputs and leaves
    int64_t offset = 0; // in elements, from the output's start or the leaf's first element
    bool is_view = false, is_detached = false;
  };

  /// Says whether a call brings, and finds captured, what this one was made for.
  bool takes(const detail::PureValues& given) const;
  /// Says whether a call brings an argument in a tensor of its own for the first time: one that is
  /// always the same tensor may be a captured one as well.
  bool is_unproven(const detail::PureValues& given) const;
  /// Runs the program. Returns false where it refuses: it has written nothing then.
  bool run(const detail::PureValues& given, detail::PureResults& results) const;

  std::vector<Argument> arguments;
  std::vector<uint64_t> numbers;  // among the arguments, and what stands for their types
  bool records_gradients = false; // grad mode
  Device default_device;          // DeviceScope
  std::vector<Leaf> leaves;
  const Flush* flush = nullptr;
  SegmentProgram* segment_program = nullptr;
  std::vector<uint64_t> scalars;
  std::vector<int64_t> sizes;
  std::vector<Output> outputs;
  std::vector<Result> results;
  std::vector<uint64_t> result_numbers;
  std::function<void(int32_t)> refusals; // of a program for a device

  std::atomic<int64_t> turns{0}, bodies{0}; // calls with such arguments; those that ran the body
  std::vector<std::atomic<bool>> is_proven; // by argument
  std::atomic<bool> is_retired{false};
  PureProgram* next = nullptr;

private:
  bool bind(const detail::PureValues& given, TensorImpl** bound) const;
  bool same_overlaps(TensorImpl* const* leaves) const;
  void give(const detail::PureValues& given, TensorImpl* const* leaves, Storage* const* made,
            detail::PureResults& results) const;
};

bool same_meta(const Meta& a, const Meta& b);
/// Says whether a tensor can be read as it is.
bool has_contents(const TensorImpl& t);

/// The programs of one region. Threads read the list without a lock; nothing leaves it.
class PurePrograms {
public:
  PurePrograms() = default;
  PurePrograms(const PurePrograms&) = delete;
  ~PurePrograms();

  PureProgram* find(const detail::PureValues& given) const;
  /// Adds one, which a call with the arguments `given` made, unless there is one for such calls or
  /// there are too many.
  void add(std::unique_ptr<PureProgram> program, const detail::PureValues& given);

  /// Why a call ran its body last, for explain(); a literal.
  void note(const char* why) { why_.store(why, std::memory_order_relaxed); }
  const char* why() const { return why_.load(std::memory_order_relaxed); }
  /// After a check that failed every call runs its body.
  void give_up() { is_false_.store(true, std::memory_order_relaxed); }
  bool is_false() const { return is_false_.load(std::memory_order_relaxed); }

  int64_t calls() const;
  int64_t kernels() const;

private:
  static constexpr int kMost = 64;
  std::atomic<PureProgram*> first_{nullptr};
  std::atomic<const char*> why_{nullptr};
  std::atomic<bool> is_false_{false};
  int count_ = 0;
  std::mutex mutex_;
};

} // namespace weft
