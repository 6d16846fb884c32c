#include "runtime/composite/index_operands.h"

#include "runtime/core/number_range.h"

namespace weft::composite {

const Meta& require_defined(const char* op, const char* what, const Tensor& t, const Loc& loc) {
  if (!t.defined())
    refuse(op, ErrorKind::value, std::string(what) + " must be defined, got none", loc);
  return t.impl()->meta;
}

Tensor as_index(const char* op, const Tensor& index, const Loc& loc) {
  const Meta& m = require_defined(op, "index", index, loc);
  if (is_floating(m.dtype) || m.dtype == DType::boolean)
    refuse(op, ErrorKind::dtype, "index must have integers, got " + describe(m), loc);
  return index.to(i64, loc);
}

const Tensor& require_mask(const char* op, const Tensor& mask, const Loc& loc) {
  const Meta& m = require_defined(op, "mask", mask, loc);
  if (m.dtype != DType::boolean)
    refuse(op, ErrorKind::dtype, "mask must be bool, got " + describe(m), loc);
  return mask;
}

Tensor at_least_1d(const Tensor& x) { return x.rank() ? x : reshape(x, {1}); }

Scalar number_of(DType dtype, const Scalar& value) {
  if (dtype == DType::boolean)
    return Scalar(value.kind == Scalar::Kind::floating ? value.f != 0 : value.i != 0);
  require_number("full", dtype, value, {});
  if (!is_floating(dtype)) return Scalar(value.to_int());
  return value;
}

Tensor filled(const Shape& shape, const Scalar& value, DType dtype, Device device, const Loc& loc) {
  return expand(Arg(full({}, value, dtype, device, loc), loc), shape);
}

Tensor positions(int64_t n, Device device, const Loc& loc) { return arange(n, i64, device, loc); }

Tensor index_list(int64_t n, Device device, const Loc& loc, FunctionRef<int64_t(int64_t)> f) {
  Tensor list = empty({n}, i64, Device::cpu(), loc);
  auto* at = reinterpret_cast<int64_t*>(list.impl()->data());
  for (int64_t k = 0; k < n; k++)
    at[k] = f(k);
  return list.to(device, loc);
}

Tensor spread_index(const Tensor& list, Shape shape, int dim) {
  Shape along = Ints::filled(shape.size(), 1);
  along[dim] = shape[dim] = list.numel();
  return expand(reshape(list, along), shape);
}

Tensor gather_along(const Tensor& x, int dim, const Tensor& index, const Loc& loc) {
  const int64_t structure[] = {dim};
  Arg from(x, loc), at(index, loc);
  return primitive(Op::gather, {&from, &at}, {}, structure, {}, loc);
}

Tensor scatter_along(Op op, const Tensor& x, int dim, const Tensor& index, const Tensor& src,
                     const Loc& loc) {
  const int64_t structure[] = {dim};
  Arg to(x, loc), at(index, loc), from(src, loc);
  return primitive(op, {&to, &at, &from}, {}, structure, {}, loc);
}

void scatter_into(Op op, const Tensor& x, int dim, const Tensor& index, const Tensor& src,
                  const Loc& loc) {
  const int64_t structure[] = {dim};
  TensorImpl* operands[] = {x.impl(), index.impl(), src.impl()};
  OpCall call;
  call.op = op;
  call.in_place = true;
  call.operands = operands;
  call.structure = structure;
  call.loc = &loc;
  Tensor::adopt(dispatch(call));
}

Tensor sorted_positions(const Tensor& x, int dim, bool descending, int64_t count, const Loc& loc) {
  const int64_t structure[] = {dim, descending}, sizes[] = {count};
  Arg from(x, loc);
  return primitive(Op::sort_positions, {&from}, {}, structure, sizes, loc);
}

Tensor positions_of_nonzero(const Tensor& x, const Loc& loc) {
  Tensor is_set = x.dtype() == DType::boolean ? x : ne(Arg(x, loc), 0);
  const int64_t sizes[] = {sum(Arg(is_set, loc)).item<int64_t>(loc)};
  Arg from(is_set, loc);
  return primitive(Op::nonzero_positions, {&from}, {}, {}, sizes, loc);
}

} // namespace weft::composite
