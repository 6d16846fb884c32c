// Rules of pointwise ops: operands of one dtype broadcast to the result's shape.

#include "runtime/core/checked_size.h"
#include "runtime/core/rules.h"

namespace weft {

namespace {

DType dtype_of(Scalar::Kind k) {
  return k == Scalar::Kind::boolean   ? DType::boolean
         : k == Scalar::Kind::integer ? DType::i64
                                      : DType::f32;
}

void broadcast_operands(const OpCall& call, Meta& result) {
  result.rank = 0;
  for (const TensorImpl* t : call.operands) {
    if (!t) continue;
    if (!broadcast_into(result, t->meta.sizes, t->meta.rank))
      fail(call, ErrorKind::shape, "shapes must broadcast, got " + describe_operands(call));
  }
  if (call.in_place) {
    const Meta& target = call.operands[0]->meta;
    if (target.rank != result.rank || !target.same_sizes(result))
      fail(call, ErrorKind::shape,
           "the result must have the shape of the tensor it is written to, got " +
               describe_operands(call));
  }
}

} // namespace

DType operand_dtype(const OpCall& call) {
  uint8_t masks = info(call.op).bool_operands;
  size_t next_scalar = 0;
  DType of_scalars = DType::boolean;
  bool only_numbers = true;
  for (size_t k = 0; k < call.operands.size(); k++) {
    const TensorImpl* t = call.operands[k];
    bool mask = masks >> k & 1;
    if (t && !mask) return t->meta.dtype;
    only_numbers &= !t;
    if (!t) {
      DType d = dtype_of(call.scalars[next_scalar++].kind);
      // f32 > i64 > bool, which is not the enum's order
      if (!mask && (d == DType::f32 || of_scalars == DType::boolean)) of_scalars = d;
    }
  }
  // Numbers alone give a 0-d tensor that keeps their precision; it only raises the kind of others.
  return only_numbers && of_scalars == DType::f32 ? DType::f64 : of_scalars;
}

bool broadcast_into(Meta& sizes, const int64_t* other, int other_rank) {
  int rank = std::max<int>(sizes.rank, other_rank);
  if (sizes.rank < rank) {
    int shift = rank - sizes.rank;
    for (int k = rank - 1; k >= shift; k--)
      sizes.sizes[k] = sizes.sizes[k - shift];
    std::fill_n(sizes.sizes, shift, 1);
    sizes.rank = static_cast<uint8_t>(rank);
  }
  int shift = rank - other_rank;
  for (int k = 0; k < other_rank; k++) {
    int64_t& size = sizes.sizes[k + shift];
    if (other[k] == size || other[k] == 1) continue;
    if (size != 1) return false;
    size = other[k];
  }
  return true;
}

std::string describe_operands(const OpCall& call) {
  std::string r;
  for (size_t k = 0; k < call.operands.size(); k++) {
    if (k) r += k + 1 == call.operands.size() ? " and " : ", ";
    r += call.operands[k] ? describe(call.operands[k]->meta) : "a number";
  }
  return r;
}

DType given_dtype(const OpCall& call) {
  int64_t number = call.structure[0];
  if (number < 0 || number >= kDTypeCount)
    fail(call, ErrorKind::dtype,
         "the dtype must be one of weft::DType, got " + std::to_string(number));
  return static_cast<DType>(number);
}

void check_extent(const OpCall& call, const Meta& result) {
  if (!checked_bytes({result.sizes, result.rank}, size_of(result.dtype)))
    fail(call, ErrorKind::shape,
         "the result must have less than 2^62 bytes, got " + describe(result));
}

void take_sizes(const OpCall& call, Meta& result) {
  if (call.sizes.size() > kMaxRank)
    fail(call, ErrorKind::shape,
         "the shape must have at most " + std::to_string(kMaxRank) + " dims, got " +
             std::to_string(call.sizes.size()));
  result.rank = static_cast<uint8_t>(call.sizes.size());
  std::copy(call.sizes.begin(), call.sizes.end(), result.sizes);
  for (int64_t size : call.sizes)
    if (size < 0)
      fail(call, ErrorKind::shape, "sizes must not be negative, got " + result.shape().str());
  check_extent(call, result);
}

void infer_pointwise(const OpCall& call, Meta& result, int64_t&) {
  const OpInfo& i = info(call.op);
  DType dtype = operand_dtype(call);
  const Meta* first = nullptr;
  bool same = true;
  for (size_t k = 0; k < call.operands.size(); k++) {
    const TensorImpl* t = call.operands[k];
    if (!t) continue;
    DType wanted = i.bool_operands >> k & 1 ? DType::boolean : dtype;
    if (t->meta.dtype != wanted)
      fail(call, ErrorKind::dtype, "operands must have one dtype, got " + describe_operands(call));
    if (!first)
      first = &t->meta;
    else
      same = same && t->meta.rank == first->rank && t->meta.same_sizes(*first);
  }
  result.dtype = i.result == OpResult::boolean ? DType::boolean : dtype;
  if (first && same) {
    result.rank = first->rank;
    std::copy_n(first->sizes, first->rank, result.sizes);
  } else {
    broadcast_operands(call, result);
    check_extent(call, result);
  }
  if (first) result.device = first->device;
  result.set_contiguous();
}

void infer_cast(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  result.rank = x.rank;
  std::copy_n(x.sizes, x.rank, result.sizes);
  result.device = x.device;
  result.dtype = given_dtype(call);
  check_extent(call, result);
  result.set_contiguous();
}

} // namespace weft
