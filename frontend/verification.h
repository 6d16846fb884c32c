// One verified run of a segment: the state before it, what its ops made of it, and what a program
// makes of the same.
#pragma once

#include "frontend/trace.h"

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace weft {

/// Memory of the CPU that no op sees.
class MemoryCopy {
public:
  MemoryCopy(size_t nbytes, const Loc& loc);
  /// Copies the contents of a storage.
  MemoryCopy(const Storage& of, const Loc& loc);
  MemoryCopy(MemoryCopy&& o) noexcept : storage_(std::exchange(o.storage_, nullptr)) {}
  ~MemoryCopy() {
    if (storage_) storage_->release();
  }
  char* data() const { return static_cast<char*>(storage_->data); }

private:
  Storage* storage_;
};

/// What a session has bound: values by slot, and the numbers and sizes of the segment's ops.
struct Bound {
  TensorImpl* const* values;
  std::span<const Scalar> scalars;
  const std::vector<int64_t>& sizes;
};

/// To be made before the segment's ops run one by one; everything else is asked after that. All of
/// it lies on the CPU.
class Verification {
public:
  Verification(Flush& flush, const Bound& bound, const SegmentProgram& program,
               const CompileSettings& settings);

  /// Returns what a program gives that the ops did not, empty where there is nothing.
  std::string difference(const LoadedProgram& program) const;
  /// Says which pass, or which op's place in a kernel, makes the segment's program wrong, as far as
  /// leaving it out makes the program right. Compiles the segment several times.
  std::string culprit() const;
  /// Writes a program that shows the difference, and its inputs, into a new folder below `parent`.
  /// Returns the folder; where that fails, why, in `refusal`.
  std::string write_repro(const std::string& parent, const std::string& difference,
                          std::string& refusal) const;

private:
  bool is_leaf(const ProgramOutput& o) const;
  const Flush::Value& value_of(const ProgramOutput& o) const;
  TensorImpl* result_of(const ProgramOutput& o) const { return bound_.values[value_of(o).slot]; }
  std::string run(const LoadedProgram& program, const std::vector<void*>& leaves,
                  const std::vector<const Meta*>& metas, const std::vector<void*>& outputs) const;
  std::string describe(const ProgramOutput& o, size_t element, double got, double expected) const;
  std::string pass_at_fault() const;
  std::string place_at_fault() const;
  bool is_right(const std::vector<uint8_t>& live, const std::string& without) const;
  Tensor storage_before(const Storage& storage, DType dtype) const;

  Flush& flush_;
  Bound bound_;
  std::vector<uint8_t> live_;
  CompileSettings settings_; // that the program was compiled with, but for the cache
  SizesOf taken_;
  Loc loc_;
  std::map<const Storage*, MemoryCopy> before_;            // of what the segment writes
  std::vector<std::pair<const Storage*, int64_t>> leaves_; // and bytes from its start
  std::vector<Meta> metas_;
  double around_ = 0; // the largest number that the segment reads
};

} // namespace weft
