// Shape and dtype rules: what OpInfo::infer points at. Each fills `result` from the call, or throws
// an Error that names the op, the shapes and the user's line. Views also set `offset`, in elements
// from the storage's start. The rules of structured ops are declared by the generated table.
#pragma once

#include "runtime/core/op_info.h"

namespace weft {

void infer_pointwise(const OpCall& call, Meta& result, int64_t& offset);
void infer_cast(const OpCall& call, Meta& result, int64_t& offset);
void infer_reduction(const OpCall& call, Meta& result, int64_t& offset);
void infer_source(const OpCall& call, Meta& result, int64_t& offset);

void infer_view(const OpCall& call, Meta& result, int64_t& offset);
void infer_permute(const OpCall& call, Meta& result, int64_t& offset);
void infer_slice(const OpCall& call, Meta& result, int64_t& offset);
void infer_expand(const OpCall& call, Meta& result, int64_t& offset);
void infer_strided_view(const OpCall& call, Meta& result, int64_t& offset);
void infer_flip_view(const OpCall& call, Meta& result, int64_t& offset);
void infer_diagonal_view(const OpCall& call, Meta& result, int64_t& offset);

/// Fills the strides with which `result` (sizes set) views x's elements in order; false where none
/// do.
bool view_strides(const Meta& x, Meta& result);

/// Returns the dtype that a pointwise call computes in: that of the operands that are no masks.
DType operand_dtype(const OpCall& call);

/// Grows `sizes` (rank dims) by NumPy's broadcasting with `other`; false where they do not fit.
bool broadcast_into(Meta& sizes, const int64_t* other, int other_rank);

/// Prints the operands' dtypes and shapes for a message: "f32[2, 3] and f32[4]".
std::string describe_operands(const OpCall& call);

/// Returns the dtype that a call's structure begins with; throws where there is no such dtype.
DType given_dtype(const OpCall& call);

/// Gives the result the sizes that a call names, once its dtype is set; throws where they are no
/// shape.
void take_sizes(const OpCall& call, Meta& result);

/// Throws where a tensor of these sizes has more bytes than 2^62.
void check_extent(const OpCall& call, const Meta& result);

} // namespace weft
