// Pointwise ops: from a call to the kernel with its operands, numbers and attributes. Contiguous
// operands go to the kernel whole, others as pointwise_walk.cpp cuts them.

#include "kernels/kernel_table.h"
#include "runtime/core/execute.h"
#include "runtime/core/parallel.h"
#include "runtime/core/pointwise_body.h"
#include "runtime/core/refusal.h"
#include "runtime/core/rules.h"

#include <atomic>
#include <cmath>
#include <limits>

namespace weft {

namespace {

using kernels::PointwiseKernel;

constexpr int64_t kGrain = 1 << 15; // elements worth handing to another thread

// All operands are row-major and as large as the output, or single elements.
bool run_flat(const PointwiseBody& body, const int64_t* items, char* out, int64_t out_item,
              int64_t n) {
  if (n <= kGrain) {
    uint32_t error = 0;
    body.run(body.inputs, body.forms, out, n, &error);
    return error == 0;
  }
  std::atomic<uint32_t> error{0};
  parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
    const void* in[PointwiseBody::kMostOperands];
    for (int k = 0; k < body.operands; k++)
      in[k] = static_cast<const char*>(body.inputs[k]) +
              (body.forms[k] == kernels::kArray ? begin * items[k] : 0);
    uint32_t own = 0;
    body.run(in, body.forms, out + begin * out_item, end - begin, &own);
    if (own) error.store(own, std::memory_order_relaxed);
  });
  return error.load() == 0;
}

// The dtype in which numbers meet elements: what halves compute in, else the elements' own.
DType scalar_dtype(DType t) { return is_floating(t) ? compute_dtype(t) : t; }

// Attributes stand packed in the dtype the kernel computes in.
void write_attribute(uint64_t* attributes, size_t k, const Scalar& s, DType dtype) {
  uint64_t bits = scalar_bits(s, dtype);
  size_t item = size_of(compute_dtype(dtype));
  std::memcpy(reinterpret_cast<char*>(attributes) + k * item, &bits, item);
}

// The number as an integer of a dtype: an integer wraps, a floating one saturates (an infinite
// bound of clamp limits nothing).
template <class T> int64_t integer_of(const Scalar& s) {
  if (s.kind != Scalar::Kind::floating) return static_cast<T>(s.i);
  constexpr auto least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
  if (std::isnan(s.f)) return 0;
  if (s.f <= static_cast<double>(least)) return least;
  return s.f >= static_cast<double>(most) ? most : static_cast<T>(s.f); // 2^63 for i64
}

} // namespace

uint64_t scalar_bits(const Scalar& s, DType dtype) {
  uint64_t bits = 0;
  auto integer = [&](int64_t v) { bits = static_cast<uint64_t>(v); };
  switch (dtype) {
  case DType::f32:
  case DType::bf16:
  case DType::f16: {
    auto v = static_cast<float>(s.to_double());
    std::memcpy(&bits, &v, sizeof v);
    break;
  }
  case DType::f64: {
    double v = s.to_double();
    std::memcpy(&bits, &v, sizeof v);
    break;
  }
  case DType::i64:
    integer(integer_of<int64_t>(s));
    break;
  case DType::i32:
    integer(integer_of<int32_t>(s));
    break;
  case DType::i16:
    integer(integer_of<int16_t>(s));
    break;
  case DType::i8:
    integer(integer_of<int8_t>(s));
    break;
  case DType::u8:
    integer(integer_of<uint8_t>(s));
    break;
  case DType::boolean:
    bits = s.kind == Scalar::Kind::floating ? s.f != 0 : s.i != 0;
  }
  return bits;
}

void copy_elements(const View& from, const View& to) {
  PointwiseBody body;
  body.cast = kernels::cast_kernel(from.meta->dtype, to.meta->dtype);
  body.operands = 1;
  View views[] = {to, from};
  walk_pointwise(views, body);
}

TensorImpl* execute_alike(const OpCall& call, const OpInfo& info) {
  constexpr size_t kMost = 3;
  size_t count = call.operands.size();
  TensorImpl* first = call.operands[0];
  if (!first || !first->meta.contiguous || count > kMost || info.bool_operands ||
      info.result == OpResult::given || call.scalars.size() > kMost)
    return nullptr;
  const Meta& like = first->meta;
  DType numbers = scalar_dtype(like.dtype);
  const void* in[kMost];
  uint8_t forms[kMost];
  uint64_t scalars[kMost];
  uint64_t attributes[kMost];
  size_t scalar = 0;
  for (size_t k = 0; k < count; k++) {
    const TensorImpl* t = call.operands[k];
    if (!t) {
      scalars[k] = scalar_bits(call.scalars[scalar++], numbers);
      in[k] = &scalars[k];
      forms[k] = kernels::kScalar;
      continue;
    }
    if (t->meta.dtype != like.dtype || !t->meta.contiguous || t->meta.rank != like.rank ||
        !t->meta.same_sizes(like))
      return nullptr;
    in[k] = t->data();
    forms[k] = kernels::kArray;
  }
  PointwiseKernel kernel = kernels::pointwise_kernel(call.op, like.dtype);
  int64_t n = like.numel();
  if (!kernel || n > kGrain || n == 0) return nullptr;
  for (size_t k = 0; scalar < call.scalars.size(); k++)
    write_attribute(attributes, k, call.scalars[scalar++], numbers);

  DType dtype = info.result == OpResult::boolean ? DType::boolean : like.dtype;
  Storage* storage =
      Storage::allocate(static_cast<size_t>(n) * size_of(dtype), like.device, *call.loc);
  TensorImpl* r = TensorImpl::make();
  r->storage = storage;
  r->meta.dtype = dtype;
  r->meta.device = like.device;
  r->meta.rank = like.rank;
  r->meta.ones = like.ones;
  int64_t step = 1;
  for (int k = like.rank - 1; k >= 0; k--) {
    r->meta.sizes[k] = like.sizes[k];
    r->meta.strides[k] = step; // those of a dim of size 1 may differ in `like`
    step *= like.sizes[k];
  }
  uint32_t error = 0;
  kernel(in, forms, attributes, storage->data, n, &error);
  if (error) {
    r->release();
    return nullptr; // the long way reports it
  }
  return r;
}

void execute_pointwise(const OpCall& call, TensorImpl& result) {
  const OpInfo& i = info(call.op);
  if (call.op == Op::assign && call.operands[1]) // without reading what is overwritten
    return copy_elements(call.operands[1]->view(), result.view());
  DType dtype = operand_dtype(call);
  DType numbers = scalar_dtype(dtype);
  PointwiseBody body;
  if (call.op == Op::cast)
    body.cast = kernels::cast_kernel(dtype, result.meta.dtype);
  else
    body.set_kernel(call.op, dtype, i.bool_operands, result.meta.dtype);
  size_t count = call.operands.size();
  if ((!body.pointwise && !body.cast) || count > PointwiseBody::kMostOperands)
    fail(call, ErrorKind::dtype,
         "operands must have a supported dtype, got " + describe_operands(call));
  body.operands = static_cast<int>(count);

  View views[StridedLoop::kMostArrays];
  views[0] = result.view();
  int64_t items[PointwiseBody::kMostOperands];
  int64_t n = result.meta.numel();
  bool flat = result.meta.contiguous;
  size_t next_scalar = 0;
  for (size_t k = 0; k < count; k++) {
    const TensorImpl* t = call.operands[k];
    if (!t) {
      bool mask = i.bool_operands >> k & 1;
      body.scalars[k] = scalar_bits(call.scalars[next_scalar++], mask ? DType::boolean : numbers);
      body.inputs[k] = &body.scalars[k];
      body.forms[k] = kernels::kScalar;
      continue;
    }
    views[k + 1] = t->view();
    body.inputs[k] = t->data();
    items[k] = static_cast<int64_t>(size_of(t->meta.dtype));
    int64_t own = t->meta.numel();
    bool whole = own == n && t->meta.contiguous;
    body.forms[k] = whole ? kernels::kArray : kernels::kElement;
    flat = flat && (whole || own == 1);
  }
  for (size_t k = 0; next_scalar < call.scalars.size() && k < PointwiseBody::kMostAttributes; k++)
    write_attribute(body.attributes, k, call.scalars[next_scalar++], numbers);

  bool accepted = n == 0 || (flat ? run_flat(body, items, static_cast<char*>(views[0].data),
                                             static_cast<int64_t>(size_of(result.meta.dtype)), n)
                                  : walk_pointwise({views, count + 1}, body));
  if (!accepted) refuse_element(call, first_refused(call, body, {views, count + 1}));
}

} // namespace weft
