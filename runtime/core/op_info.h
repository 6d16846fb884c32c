// OpInfo: what the generator tells the runtime about each op.
#pragma once

#include "runtime/core/op_call.h"
#include "runtime/core/routine.h"

namespace weft {

enum class OpKind : uint8_t { pointwise, reduction, view, structured, source };

/// The dtypes that operands may have once they are promoted to a common one. `number`: all but
/// bool; `floating` converts integers and bools to f32, `floating_only` refuses them; `integral`:
/// integers and bool; `integer` converts these to i64; `boolean` converts all to bool, `widened`
/// bool to i64.
enum class OpDomain : uint8_t {
  number,
  any,
  floating,
  floating_only,
  integral,
  integer,
  boolean,
  widened
};

/// The result's dtype: that of the operands, bool, i64 for integer and bool operands (sum), i64, or
/// the structural integer `dtype`.
enum class OpResult : uint8_t { same, boolean, wide, index, given };

class VjpContext;

/// The bit of OpInfo::gradient_reads for the result.
inline constexpr unsigned kReadsResult = 1u << 7;

/// One row an op, generated from its record.
struct OpInfo {
  const char* name;
  OpKind kind;
  uint8_t operand_count; // 255: any number (concatenate)
  uint8_t scalar_attributes;
  OpResult result;
  bool differentiable;
  bool is_random;
  const uint8_t* gradient_reads; // an operand: bit k: its gradient reads operand k's value, or
                                 // kReadsResult; null where no gradient reads any
  OpDomain domain;
  uint8_t bool_operands; // bit k: operand k is a mask (where's condition, logical ops)
  bool one_dtype;        // tensors with dims that are no masks must have one
  bool given_masks;      // masks must be bool or u8
  bool needs_elements;   // a reduction that has no value for no elements (max, argmax)
  bool may_refuse;       // there are elements that it does not take: an integer divisor 0
  /// Computes the result's metadata and, for views, its offset; throws weft::Error.
  void (*infer)(const OpCall&, Meta& result, int64_t& offset);
  /// The kernel of a structured op; null for the other kinds.
  Routine routine;
  /// Gradients of the operands; null where none exists.
  void (*vjp)(VjpContext&);
  const char* const* structure_names; // names of the structural integers, null-terminated
  const char* const* size_names;
  const char* const* scalar_names;
};

extern const OpInfo kOps[kOpCount]; // by op, printed from the records
inline const OpInfo& info(Op op) { return kOps[static_cast<int>(op)]; }

/// Throws an Error that names the op and the user's line: fail(call, kind, "shapes must ...").
[[noreturn]] void fail(const OpCall& call, ErrorKind kind, const std::string& message);

/// Prints dtype and shape the way all messages do: f32[2, 3].
std::string describe(const Meta& meta);

} // namespace weft
