// The eager executor's parts, one file a kind of op. Each writes into `result`, whose metadata and
// memory are there.
#pragma once

#include "runtime/core/op_info.h"

namespace weft {

void execute_pointwise(const OpCall& call, TensorImpl& result);
/// The short way for what most small calls are: contiguous operands of one shape and dtype, and
/// numbers. Returns the result, or null where the call is not of that form.
TensorImpl* execute_alike(const OpCall& call, const OpInfo& info);
void execute_reduction(const OpCall& call, TensorImpl& result);
void execute_source(const OpCall& call, TensorImpl& result);
void execute_structured(const OpCall& call, TensorImpl& result);

/// Runs the op's shape rule and, for calls in place, the rules of writing into operand 0. Throws
/// the user's errors.
void infer(const OpCall& call, Meta& result, int64_t& offset);

/// Runs the op's kernel into `result`, whose metadata fits, giving its storage memory where it has
/// none. Throws where an operand's contents never came to be. Of a call in place `result` is
/// operand 0; the version stays. Views have nothing to do.
void compute(const OpCall& call, TensorImpl* result);

/// Gives a storage memory from the caching allocator.
void allocate(Storage* storage, size_t nbytes, Device device, const Loc& loc);

/// Copies `from`, broadcast and converted, into `to`; the two must not overlap unless they are the
/// same view.
void copy_elements(const View& from, const View& to);

/// Converts to the dtype a kernel computes in, into 8 bytes: float, double, int64_t, or a bool
/// byte.
uint64_t scalar_bits(const Scalar& s, DType dtype);

/// Returns a copy of its own, row-major; the tape does not see it.
Tensor copy_of(TensorImpl& t, const Loc& loc);

/// Makes a tensor with uninitialised memory.
TensorImpl* make_tensor(const Meta& meta, const Loc& loc, const char* op = "allocate");

/// Says whether two views may share memory without being one view.
bool overlaps(const TensorImpl& a, const TensorImpl& b);
/// Says whether two elements of the view share memory.
bool overlaps_itself(const Meta& meta);

} // namespace weft
