// Runs a program of device C: addresses and sizes in, launches enqueued. Immutable but for the code
// of each device, which is made at the first run there.
#pragma once

#include "runtime/device/context.h"
#include "runtime/program/executor.h"
#include "runtime/program/routine_launch.h"

namespace weft::device {

class ProgramRunner {
public:
  /// The program must outlive the runner; its code is taken over.
  explicit ProgramRunner(Program& program);

  /// Enqueues every launch. Throws Error (unsupported) where the device lacks what the code needs,
  /// (out_of_memory) for temporaries.
  void run(const RunArguments& a) const;

private:
  std::shared_ptr<DriverCode> code_on(Context& context) const;
  std::vector<Address> buffers(const RunArguments& a, const int64_t* values, Address arena) const;
  Refuse refusals(const RunArguments& a) const;
  Loc location(const ProgramLaunch& l, const RunArguments& a) const;
  void call_routine(const ProgramLaunch& l, const int64_t* values,
                    const std::vector<Address>& buffers, const RunArguments& a,
                    Context& context) const;
  Launch launch(const ProgramLaunch& l, const int64_t* values, const std::vector<Address>& buffers,
                const RunArguments& a) const;

  const Program& program_;
  std::string source_;
  std::vector<int64_t> constants_;           // every expression's value, where none has a symbol
  size_t leaf_count_ = 0, scalar_count_ = 0; // what a run must bring
  size_t argument_bytes_ = 0;                // of the launch with most of them
  int32_t threads_ = 0;                      // of the block with most of them
  std::vector<size_t> numbers_;   // by kernel: its place among those that are no routines
  std::vector<Routine> routines_; // by kernel: null where it is none
  size_t kernel_count_ = 0;
  bool needs_f64_ = false, has_temporaries_ = false;
  mutable std::mutex mutex_;
  mutable std::map<Context*, std::shared_ptr<DriverCode>> codes_;
};

} // namespace weft::device
