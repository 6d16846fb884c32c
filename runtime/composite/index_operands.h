// What the functions of indexing and data movement share: their operands, checked and brought to
// one form.
#pragma once

#include "runtime/composite/composite.h"
#include "runtime/core/parallel.h"

namespace weft::composite {

/// Returns the metadata of a tensor that must be defined.
const Meta& require_defined(const char* op, const char* what, const Tensor& t, const Loc& loc);

/// Returns a tensor of integers as i64.
Tensor as_index(const char* op, const Tensor& index, const Loc& loc);

/// Returns a tensor that must be a mask.
const Tensor& require_mask(const char* op, const Tensor& mask, const Loc& loc);

/// Returns a 0-d tensor as one of one element, any other as it is.
Tensor at_least_1d(const Tensor& x);

/// Returns a number as one of the kind that tensors of `dtype` hold; throws where they hold no such
/// one.
Scalar number_of(DType dtype, const Scalar& value);

/// Returns a tensor of one value that takes the memory of one element.
Tensor filled(const Shape& shape, const Scalar& value, DType dtype, Device device, const Loc& loc);

/// Returns 0, 1, ... n - 1 as i64.
Tensor positions(int64_t n, Device device, const Loc& loc);

/// Returns f(0), f(1), ... f(n - 1) as i64, made on the host.
Tensor index_list(int64_t n, Device device, const Loc& loc, FunctionRef<int64_t(int64_t)> f);

/// Returns a list of positions, one for each along `dim`, as an index of `shape`, whose size along
/// the dim is that of the list.
Tensor spread_index(const Tensor& list, Shape shape, int dim);

/// Calls the primitives: operands have the dtypes and ranks that they take.
Tensor gather_along(const Tensor& x, int dim, const Tensor& index, const Loc& loc);
Tensor scatter_along(Op op, const Tensor& x, int dim, const Tensor& index, const Tensor& src,
                     const Loc& loc);
/// The same in place: x, or what it is a view of, gets the elements.
void scatter_into(Op op, const Tensor& x, int dim, const Tensor& index, const Tensor& src,
                  const Loc& loc);
Tensor sorted_positions(const Tensor& x, int dim, bool descending, int64_t count, const Loc& loc);
/// Scales the rows of a table that a list names down to norm `most`, where theirs is greater.
void shorten_rows(const Tensor& weight, const Tensor& list, double most, double order,
                  const Loc& loc);
/// Returns [n, rank] indices of the elements that are not 0. The host reads n.
Tensor positions_of_nonzero(const Tensor& x, const Loc& loc);

} // namespace weft::composite
