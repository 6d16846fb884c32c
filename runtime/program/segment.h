// Segment: the ops between two flushes, in the plain form in which the compiler receives them. Its
// serialised bytes, less the source lines, are also what the program cache is keyed by.
#pragma once

#include "runtime/view.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weft {

inline constexpr uint32_t kSegmentVersion = 1;

struct SourceLine {
  std::string file, function;
  uint32_t line = 0;
};

/// A tensor of the segment. Views name the value whose storage they look into.
struct SegmentValue {
  Meta meta;
  int32_t base =
      -1; // the value that owns the storage: a leaf, the result of a computing op, itself
  bool is_leaf = false;
};

struct SegmentOp {
  std::string op;                // the record's name
  bool in_place = false;         // writes into operand 0's memory; result is -1
  std::vector<int32_t> operands; // value number, or -1 - k for scalar k of the segment
  std::vector<int64_t> structure;
  std::vector<int64_t> sizes;
  std::vector<int32_t> scalar_attributes; // numbers of the segment's scalars
  int32_t first_size = 0; // position of sizes[0] among all size attributes of the segment
  int32_t result = -1;
  int32_t location = -1;
};

/// Two leaves that look into one storage, one of which is written. Only equal views compile.
struct SegmentAlias {
  int32_t leaf, same_as; // positions in `leaves`
};

struct Segment {
  uint32_t version = kSegmentVersion;
  // Sizes are arguments instead of constants: of those below only "equals 1" is meant.
  bool generic = false;
  std::vector<SegmentValue> values;
  std::vector<SegmentOp> ops;
  std::vector<int32_t> leaves; // values, in order of first use
  std::vector<SegmentAlias> aliases;
  std::vector<Scalar::Kind> scalars; // kinds of the run-time numbers
  std::vector<int32_t> outputs;      // values whose storage must hold its final contents: results
                                     // that live on, then leaves that are written
  std::vector<SourceLine> locations;

  std::string serialize(bool with_locations) const;
  /// Throws weft::Error (io) for truncated, overlong or inconsistent bytes.
  static Segment deserialize(std::span<const uint8_t> bytes);
};

} // namespace weft
