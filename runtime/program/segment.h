// Segment: the ops between two flushes, in the plain form in which the compiler receives them. Its
// serialised bytes, less the source lines, are also what the program cache is keyed by.
#pragma once

#include "runtime/view.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weft {

inline constexpr uint32_t kSegmentVersion = 3;

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

/// What is known of a size that is an argument: it is factor * sizes[a] * sizes[b], where a and b
/// are earlier sizes in the order of each_size, or -1, which counts as 1.
struct SizeFact {
  bool known = false;
  int64_t factor = 0;
  int32_t a = -1, b = -1;
  bool is_constant() const { return known && a < 0 && b < 0; }
  friend bool operator==(const SizeFact&, const SizeFact&) = default;
};

struct Segment {
  uint32_t version = kSegmentVersion;
  // Sizes are arguments instead of constants: of those below only "equals 1" is meant, and what
  // `facts` says of each; empty: nothing.
  bool generic = false;
  std::vector<SizeFact> facts;
  std::vector<SegmentValue> values;
  std::vector<SegmentOp> ops;
  std::vector<int32_t> leaves; // values, in order of first use
  std::vector<SegmentAlias> aliases;
  std::vector<Scalar::Kind> scalars; // kinds of the run-time numbers
  std::vector<int32_t> outputs;      // values whose storage must hold its final contents: results
                                     // that live on, then leaves that are written
  // Outputs that a backward pass alone will read. A program may make fewer of them, and others
  // beside them: it names what it makes. From that and the leaves the rest can be made again, but
  // for the values that are `fixed`: of these nothing is made, nor are they.
  std::vector<int32_t> saved, fixed;
  std::vector<SourceLine> locations;

  std::string serialize(bool with_locations) const;
  /// Throws weft::Error (io) for truncated, overlong or inconsistent bytes.
  static Segment deserialize(std::span<const uint8_t> bytes);
};

/// Visits every number that a size-generic program takes as an argument: of each leaf the sizes,
/// and the strides if there are gaps between its elements; then the size attributes of the ops.
template <class S, class F> void each_size(S& segment, F visit) {
  for (int32_t v : segment.leaves) {
    auto& meta = segment.values[static_cast<size_t>(v)].meta;
    for (int k = 0; k < meta.rank; k++)
      visit(meta.sizes[k]);
    for (int k = 0; k < meta.rank && !meta.contiguous; k++)
      visit(meta.strides[k]);
  }
  for (auto& op : segment.ops)
    for (auto& size : op.sizes)
      visit(size);
}

/// Returns which of each_size's numbers is the first size of a leaf.
inline size_t first_size_of(const Segment& segment, int32_t leaf) {
  size_t first = 0;
  for (int32_t v : segment.leaves) {
    if (v == leaf) break;
    const Meta& meta = segment.values[static_cast<size_t>(v)].meta;
    first += static_cast<size_t>(meta.contiguous ? meta.rank : 2 * meta.rank);
  }
  return first;
}

} // namespace weft
