// From API arguments to op calls: type promotion, scalars, locations. The generated API calls
// these.
#pragma once

#include "runtime/core/op_info.h"
#include "runtime/core/region_hook.h"

#include <initializer_list>
#include <optional>

namespace weft {

using Args = std::initializer_list<const Arg*>;
using Numbers = std::initializer_list<Scalar>;
using Integers = std::span<const int64_t>;

/// Calls a pointwise op: casts operands to their common dtype (promoted_dtype), runs it in the
/// region or at once, records the tape, lets go of temporaries.
Tensor pointwise(Op op, Args operands, Numbers attributes = {});

/// Ends a call whose op a region followed by follow_known: `result` is the reference it gave.
Tensor finish_followed(Op op, TensorImpl* result, Args operands);

/// Calls a pointwise op that writes its result, cast back where needed, into `self`.
const Tensor& pointwise_inplace(Op op, const Tensor& self, Args others, Numbers attributes,
                                const Loc& loc);

/// Throws where pow refuses: a tensor of integers to the power of a number that is a negative
/// integer.
void check_power(const Arg& a, const Arg& b);

/// Writes `source`, broadcast and converted to its dtype, into `self`.
const Tensor& assign(const Tensor& self, const Arg& source);

/// Makes `self` a handle of what `op` gave, a view of its tensor; other handles keep theirs. Throws
/// where a leaf that requires a gradient would be lost.
Tensor& rebind(Tensor& self, Tensor view, const char* op, const Loc& loc);

/// Calls a reduction over `dims`, none meaning all, of the elements as they are or in `dtype`.
Tensor reduction(Op op, const Arg& x, const Dims& dims, bool keepdim,
                 std::optional<DType> dtype = std::nullopt);

/// Calls an op as it is: operands must be tensors, not numbers, and have the dtypes that the op
/// takes.
Tensor primitive(Op op, Args operands, std::span<const Scalar> attributes, Integers structure,
                 Integers sizes, const Loc& loc);

/// Returns the dtype an op computes in, by PyTorch's rules: the highest kind (bool < integer <
/// floating) decides; tensors with dims outrank 0-d ones of the same kind, which outrank numbers.
DType promoted_dtype(const OpInfo& op, Args operands);

/// Returns the dtype that holds values of both.
DType promote_types(DType a, DType b);

/// Says whether a value of dtype `from` may be written into a tensor of dtype `to`: floating never
/// becomes integer, nothing but bool becomes bool.
bool can_cast(DType from, DType to);

/// Returns a dim counted from the front; throws an index error that names `what`.
int normalize_dim(int64_t dim, int rank, const char* what, const Loc& loc);

/// Throws unless the operand is a tensor.
const TensorImpl& require_tensor(const Arg& a, const char* what);

} // namespace weft
