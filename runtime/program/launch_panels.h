// What the launches of a program read of panels that are kept from call to call.
#pragma once

#include "runtime/core/kept_panels.h"
#include "runtime/program/kernel_abi.h"
#include "runtime/program/program.h"

#include <span>
#include <vector>

namespace weft {

/// The panels of one launch, as a loaded program knows them.
class LaunchPanels {
public:
  /// `find` resolves a symbol of the program's code.
  template <class F> LaunchPanels(const Program& program, const ProgramLaunch& launch, F find) {
    for (const ProgramPanels& p : program.kernels[static_cast<size_t>(launch.kernel)].panels) {
      const ProgramBuffer& b =
          program.buffers[static_cast<size_t>(launch.buffers[static_cast<size_t>(p.buffer)])];
      all_.push_back({find(p.symbol), p.buffer, b.index, number_of_layout(p.layout), p.count,
                      static_cast<size_t>(p.bytes)});
    }
  }
  bool empty() const { return all_.empty(); }

  /// Of one run of the launch: finds the panels of its operands, and makes those that are wanted.
  class Held {
  public:
    /// `storages` are those of the leaves; null: a leaf of which nothing is kept.
    void find(const LaunchPanels& of, std::span<Storage* const> storages, void* const* buffers,
              const int64_t* numbers);
    /// Returns what weft_kernel_context takes.
    void* const* data() const { return data_.empty() ? nullptr : data_.data(); }

  private:
    std::vector<std::shared_ptr<const Panels>> panels_;
    std::vector<void*> data_;
  };

private:
  struct One {
    weft_kernel_fn pack;
    int32_t buffer, leaf, layout;
    int64_t count;
    size_t bytes;
  };
  static std::shared_ptr<const Panels> make(const One& one, size_t number, size_t of,
                                            void* const* buffers, const int64_t* numbers);
  std::vector<One> all_;
};

} // namespace weft
