// LoadedProgram: a program whose code is mapped into the process. Immutable: any number of threads
// may run it at once.
#pragma once

#include "runtime/core/routine.h"
#include "runtime/core/scratchpad.h"
#include "runtime/program/kernel_abi.h"
#include "runtime/program/launch_panels.h"
#include "runtime/program/program.h"
#include "weft/error.h"

#include <atomic>
#include <functional>
#include <memory>

namespace weft {

class CodeImage;  // runtime/program/code_image.h
class TileLaunch; // runtime/program/tile_launch.h

namespace device {
class ProgramRunner; // runtime/device/program_runner.h
}

/// What one run reads and writes.
struct RunArguments {
  std::span<void* const> leaves = {};           // address of element [0, ..., 0] of each leaf
  std::span<const Meta* const> leaf_metas = {}; // read by size-generic programs only
  /// Of each leaf that this call does not write, for panels that are kept of its contents; null
  /// where nothing may be kept. May be empty.
  std::span<Storage* const> leaf_storages = {};
  std::span<void* const> outputs = {};    // by Program::outputs; ignored where the output is a leaf
  std::span<const uint64_t> scalars = {}; // 8 bytes each: f64 bits, i64, or 0/1
  std::span<const int64_t> size_attributes =
      {}; // of the whole segment; read by size-generic programs only
  std::span<const Loc> op_locations = {}; // by op of the segment, for errors; may be empty
  Device device = {};                     // which one of the program's kind
  uint64_t* last_launch = nullptr;        // receives the number of the last launch on a device
  /// Throws the error of op number `op` one of whose elements was refused. Programs of devices say
  /// so later than run(): they keep what this makes then, where it is not empty.
  std::function<std::function<void(int32_t op)>()> refuse = {};
};

/// Writes the value of every size expression of a program to values[0 .. exprs.size()).
void evaluate_sizes(const Program& p, const RunArguments& a, int64_t* values);

/// What run() throws where a kernel found an element that an op does not take: the op's position in
/// the segment, so that a caller who knows the call can say it in the op's own words.
struct ElementRefused : Error {
  ElementRefused(const ProgramError& e, const Loc& loc)
      : Error(e.kind, e.message, loc), op(e.location) {}
  int32_t op;
};

/// What run() throws where a device's driver did not take a launch: those before it may have
/// written already.
struct LaunchFailed : Error {
  using Error::Error;
  explicit LaunchFailed(const Error& e) : Error(e) {}
};

class LoadedProgram {
public:
  /// Checks the program, maps its code and resolves its kernels. Throws weft::Error (io) for an
  /// inconsistent program or code that the dynamic linker refuses.
  static std::shared_ptr<LoadedProgram> load(Program program);
  /// The same where the code is the start of an open, verified file.
  static std::shared_ptr<LoadedProgram> load(Program program, std::shared_ptr<CodeImage> code);

  /// Runs every launch in order, or enqueues them on a device. Throws ElementRefused with the op's
  /// line where a kernel refused an element; what outputs then hold is unspecified.
  void run(const RunArguments& a) const;

  /// What was loaded; `code` is empty. ProgramError::location is an op position in the segment.
  const Program& program() const { return program_; }
  /// How many times as long as its ops the program took where that was too long, here or where
  /// the cache was filled; 0 else.
  double slower_by() const { return slower_by_.load(std::memory_order_relaxed); }
  void set_slower_by(double times) { slower_by_.store(times, std::memory_order_relaxed); }
  /// Returns how many launches, from the first on, may run while only so many of the first leaves
  /// and scalars are known: each small enough for one thread, and none that writes a leaf. Of a
  /// size-generic program, or one for a device, none may.
  size_t count_ready(size_t leaves, size_t scalars) const;
  /// Says whether sizes are arguments, so that `leaf_metas` and `size_attributes` are needed.
  bool is_generic() const { return !program_.symbols.empty(); }

  /// Says whether launches may keep panels, so that `leaf_storages` are of use.
  bool keeps_panels() const { return keeps_panels_; }

  /// What the launches took since the program was loaded, in order; kept where WEFT_COLLECT is set.
  struct Times {
    uint64_t runs = 0;
    std::vector<uint64_t> nanoseconds; // of each launch, all runs together
  };
  Times times() const;

  ~LoadedProgram();

private:
  friend class ProgramRun;
  struct Phase { // of a launch, for one vector of sizes
    int64_t chunks, grain;
  };
  struct Launch {
    weft_kernel_fn function; // or the routine
    Routine routine;
    const ProgramRoutine* called;
    std::shared_ptr<const TileLaunch> tiles; // or tiles
    uint32_t first_buffer, buffer_count, first_argument, argument_count, first_phase, phase_count;
    int32_t number;                             // in Program::launches
    int32_t scratch_bytes;                      // expression
    std::shared_ptr<const LaunchPanels> panels; // null: none
  };

  LoadedProgram();
  void resolve();
  weft_kernel_fn find(const std::string& symbol) const;
  void add_launch(const ProgramLaunch& launch);
  void find_early();
  void count_scalars(const ProgramLaunch& launch);
  static Phase geometry(const ProgramPhase& phase, const int64_t* values);
  void launch(const Launch& l, const int64_t* values, void* const* buffers, const int64_t* args,
              void* const* panels, const RunArguments& a) const;
  void call(const Launch& l, const int64_t* values, void* const* buffers, const int64_t* args,
            const RunArguments& a) const;
  void launch_observed(const Launch& l, const int64_t* values, void* const* buffers,
                       const int64_t* args, void* const* panels, const RunArguments& a) const;
  Loc location_of(const Launch& l, const RunArguments& a) const;
  std::string lines_of(const Launch& l, const RunArguments& a) const;
  [[noreturn]] void raise(uint32_t code, const RunArguments& a) const;

  Program program_;
  std::shared_ptr<CodeImage> code_;
  std::unique_ptr<device::ProgramRunner> runner_; // of a program for a device
  std::vector<weft_kernel_fn> functions_;         // by kernel; null: it is no compiled one
  std::vector<Launch> launches_;                  // those of tiles look into functions_
  std::vector<int32_t> launch_buffers_;           // of all launches, one after another; ~k: leaf k
  std::vector<ProgramArgument> launch_arguments_; // likewise
  std::vector<Phase> launch_phases_;              // likewise; of a program without symbols
  std::vector<int64_t> constants_; // every expression's value, where none has a symbol
  int64_t arena_bytes_ = 0;        // likewise
  struct Needs {
    size_t leaves, scalars; // of the launch and those before it
  };
  std::vector<Needs> early_;                 // of launches that may run before all leaves are known
  size_t leaf_count_ = 0, scalar_count_ = 0; // what a run must bring
  size_t most_buffers_ = 0, most_arguments_ = 0;
  bool keeps_panels_ = false;
  std::atomic<double> slower_by_{0};
  mutable std::atomic<uint64_t> runs_{0};
  std::unique_ptr<std::atomic<uint64_t>[]>
      nanoseconds_; // by launch; null where nobody asks for times
};

/// A run in pieces, on the CPU. What the arguments look into may be filled while it goes on, each
/// leaf and number before the first launch that takes it.
class ProgramRun {
public:
  /// Allocates the temporaries. `a` must outlive the run; outputs are there from the start.
  ProgramRun(const LoadedProgram& program, const RunArguments& a);
  ProgramRun(const ProgramRun&) = delete;
  /// Runs the launches before `end` that have not run yet. Throws as LoadedProgram::run does.
  void run_to(size_t end);
  size_t next() const { return next_; }

private:
  class Arena {
  public:
    Arena(int64_t bytes, const Loc& loc);
    ~Arena();
    Arena(const Arena&) = delete;
    char* memory() const { return memory_; }

  private:
    char* memory_ = nullptr;
    size_t size_;
  };
  static size_t sizes_count(const LoadedProgram& program);
  int64_t evaluate_arena();

  const LoadedProgram& program_;
  const RunArguments& arguments_;
  const int64_t* values_ = nullptr; // of the program's expressions
  Scratchpad<int64_t, 64> evaluated_;
  Arena arena_;
  Scratchpad<void*, 32> addresses_, buffers_;
  Scratchpad<int64_t, 32> numbers_;
  LaunchPanels::Held panels_; // of the launch at hand
  size_t next_ = 0;
  bool is_counted_ = false; // among the program's runs
};

} // namespace weft
