#include "runtime/core/call.h"

#include "runtime/autograd/tape_slot.h"
#include "runtime/autograd/view_history.h"
#include "runtime/core/call_list.h"
#include "runtime/core/fail_at.h"
#include "runtime/core/number_range.h"
#include "runtime/core/op_scope.h"
#include "weft/device.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace weft {

namespace {

using ArgSpan = std::span<const Arg* const>;

constexpr size_t kMostOperands = 8;
constexpr size_t kMostScalars = 12;

// The operands of one call as the dispatcher wants them. `casts` owns what promotion made.
struct Operands {
  size_t tensor_count = 0, scalar_count = 0;
  TensorImpl* tensors[kMostOperands];
  union {
    Scalar scalars[kMostScalars]; // only the first scalar_count exist
  };

  Operands() {}
  void add_scalar(const Scalar& s) { new (&scalars[scalar_count++]) Scalar(s); }
};
using Casts = std::array<Tensor, kMostOperands>;

OpCall make_call(Op op, const Operands& o, Integers structure, Integers sizes, const Loc& loc) {
  OpCall call;
  call.op = op;
  call.operands = {o.tensors, o.tensor_count};
  call.scalars = {o.scalars, o.scalar_count};
  call.structure = structure;
  call.sizes = sizes;
  call.loc = &loc;
  return call;
}

[[noreturn]] void fail_op(Op op, ErrorKind kind, const std::string& message, const Loc& loc) {
  OpCall call;
  call.op = op;
  call.loc = &loc;
  fail(call, kind, message);
}

bool is_mask(const OpInfo& info, size_t k) { return info.bool_operands >> k & 1; }

Scalar to_bool(const Scalar& s) { return s.kind == Scalar::Kind::floating ? s.f != 0 : s.i != 0; }

Tensor cast_to(TensorImpl* t, DType dtype, const Loc& loc) {
  int64_t structure[] = {static_cast<int64_t>(dtype)};
  TensorImpl* operands[] = {t};
  OpCall call;
  call.op = Op::cast;
  call.operands = operands;
  call.structure = structure;
  call.loc = &loc;
  return Tensor::adopt(dispatch(call));
}

void consume(ArgSpan operands) {
  for (const Arg* a : operands)
    a->consume();
}

void check_defined(Op op, ArgSpan operands, const Loc& loc) {
  size_t k = 0;
  for (const Arg* a : operands) {
    k++;
    if (!a->defined())
      fail_op(op, ErrorKind::value, "operand " + std::to_string(k) + " must be defined, got none",
              loc);
  }
}

// What an op says of its operands beyond the dtype that it computes in.
void check_dtypes(Op op, const OpInfo& info, ArgSpan operands, const Loc& loc) {
  if (!info.one_dtype && !info.given_masks) return;
  std::optional<DType> first;
  size_t k = 0;
  for (const Arg* a : operands) {
    const bool mask = is_mask(info, k++);
    if (a->is_scalar()) continue;
    const DType own = a->impl()->meta.dtype;
    if (mask && info.given_masks && own != DType::boolean && own != DType::u8)
      fail_op(op, ErrorKind::dtype,
              "the mask must be bool, got " + describe(a->impl()->meta) + ": compare it with 0",
              loc);
    if (mask || !info.one_dtype || a->impl()->meta.rank == 0) continue; // no dims: as a number
    if (first.value_or(own) != own)
      fail_op(op, ErrorKind::dtype,
              "operands must have one dtype, got " + std::string(name_of(*first)) + " and " +
                  std::string(name_of(own)),
              loc);
    first = own;
  }
}

// Fills `o` so that tensors have `dtype` (masks: bool), inserting casts.
void convert(const OpInfo& info, ArgSpan operands, DType dtype, const Loc& loc, Operands& o,
             Casts& casts) {
  size_t k = 0;
  // Numbers alone say in what dtype an op computes.
  const bool as_real =
      is_floating(dtype) &&
      std::all_of(operands.begin(), operands.end(), [](const Arg* a) { return a->is_scalar(); });
  for (const Arg* a : operands) {
    bool mask = is_mask(info, k);
    if (a->is_scalar()) {
      o.tensors[k] = nullptr;
      o.add_scalar(mask      ? to_bool(a->scalar())
                   : as_real ? Scalar(a->scalar().to_double())
                             : a->scalar());
    } else {
      DType wanted = mask ? DType::boolean : dtype;
      TensorImpl* t = a->impl();
      if (t->meta.dtype != wanted) {
        casts[k] = cast_to(t, wanted, loc);
        t = casts[k].impl();
      }
      o.tensors[k] = t;
    }
    k++;
  }
  o.tensor_count = k;
}

int kind_rank(DType t) { return t == DType::boolean ? 0 : is_integer(t) ? 1 : 2; }

DType dtype_of(Scalar::Kind k) {
  return k == Scalar::Kind::boolean   ? DType::boolean
         : k == Scalar::Kind::integer ? DType::i64
                                      : DType::f32;
}

// A dtype that may be absent; combining keeps the one of the higher kind (torch:
// combine_categories).
using Maybe = std::optional<DType>;

Maybe join(Maybe a, Maybe b) { return !a ? b : !b ? a : promote_types(*a, *b); }

Maybe outrank(Maybe higher, Maybe lower) {
  if (!higher || !lower) return higher ? higher : lower;
  return kind_rank(*higher) >= kind_rank(*lower) ? higher : promote_types(*higher, *lower);
}

DType result_type(const OpInfo& info, ArgSpan operands, std::span<const Scalar> attributes) {
  Maybe dimensioned, zero_dim, number;
  size_t k = 0;
  for (const Arg* a : operands) {
    if (is_mask(info, k++)) continue;
    if (a->is_scalar())
      number = join(number, dtype_of(a->scalar().kind));
    else if (a->impl()->meta.rank)
      dimensioned = join(dimensioned, a->impl()->meta.dtype);
    else
      zero_dim = join(zero_dim, a->impl()->meta.dtype);
  }
  // An infinite bound limits nothing, so it does not make integers floating either. What takes
  // floating operands alone takes no others for its numbers' sake.
  for (const Scalar& s : attributes)
    if (info.domain == OpDomain::floating_only)
      break;
    else if (s.kind != Scalar::Kind::floating || !std::isinf(s.f))
      number = join(number, dtype_of(s.kind));
  Maybe r = outrank(dimensioned, outrank(zero_dim, number));
  return r.value_or(DType::boolean);
}

[[noreturn]] void refuse(Op op, DType joined, const char* wanted, const Loc& loc) {
  fail_op(op, ErrorKind::dtype,
          std::string("operands must be ") + wanted + ", got " + std::string(name_of(joined)), loc);
}

// The dtype an op computes in; throws where its domain has none.
DType compute_type(Op op, const OpInfo& info, DType joined, const Loc& loc) {
  switch (info.domain) {
  case OpDomain::any:
    break;
  case OpDomain::number:
    if (joined == DType::boolean) refuse(op, joined, "numbers", loc);
    break;
  case OpDomain::floating:
    return is_floating(joined) ? joined : DType::f32;
  case OpDomain::floating_only:
    if (!is_floating(joined)) refuse(op, joined, "floating", loc);
    break;
  case OpDomain::integral:
    if (is_floating(joined)) refuse(op, joined, "integers or bool", loc);
    break;
  case OpDomain::widened:
    return joined == DType::boolean ? DType::i64 : joined;
  case OpDomain::boolean:
    return DType::boolean;
  case OpDomain::integer:
    if (is_floating(joined)) refuse(op, joined, "integers", loc);
    return DType::i64;
  }
  return joined;
}

// True where all operands already have one dtype that the op computes in; gives that dtype.
bool is_uniform(const OpInfo& info, ArgSpan operands, std::span<const Scalar> attributes,
                DType& dtype) {
  if (info.bool_operands || attributes.size()) return false;
  const Arg* first = operands[0];
  if (first->is_scalar() || !first->impl()) return false;
  DType d = first->impl()->meta.dtype;
  if (!is_floating(d) && (d == DType::boolean || info.domain > OpDomain::any)) return false;
  if (info.domain >= OpDomain::integral) return false;
  for (const Arg* a : operands) {
    if (a->is_scalar()) {
      if (a->scalar().kind == Scalar::Kind::floating && !is_floating(d)) return false;
    } else if (!a->impl() || a->impl()->meta.dtype != d) {
      return false;
    }
  }
  dtype = d;
  return true;
}

// An attribute of an integer op as a number of its dtype: a limit beyond it limits nothing.
Scalar limited(const Scalar& s, DType t) {
  if (s.kind != Scalar::Kind::integer || !is_integer(t)) return s;
  return visit_dtype(t, [&]<class T>(std::type_identity<T>) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      using Limits = std::numeric_limits<T>;
      return Scalar(std::clamp<int64_t>(s.i, Limits::min(), Limits::max()));
    }
    return s;
  });
}

[[gnu::noinline]] Tensor promoted_pointwise(Op op, const OpInfo& info, ArgSpan operands,
                                            std::span<const Scalar> attributes) {
  const Loc& loc = operands[0]->loc();
  check_defined(op, operands, loc);
  check_dtypes(op, info, operands, loc);
  Operands o;
  Casts casts;
  DType dtype = compute_type(op, info, result_type(info, operands, attributes), loc);
  convert(info, operands, dtype, loc, o, casts);
  for (const Scalar& s : attributes)
    o.add_scalar(limited(s, dtype));
  Tensor result = Tensor::adopt(dispatch(make_call(op, o, {}, {}, loc)));
  consume(operands);
  return result;
}

} // namespace

DType promote_types(DType a, DType b) {
  if (a == b) return a;
  if (kind_rank(a) != kind_rank(b)) return kind_rank(a) > kind_rank(b) ? a : b;
  if (size_of(a) != size_of(b)) return size_of(a) > size_of(b) ? a : b;
  return is_floating(a) ? DType::f32 : DType::i16; // bf16 and f16; i8 and u8
}

bool can_cast(DType from, DType to) { return kind_rank(from) <= kind_rank(to); }

DType promoted_dtype(const OpInfo& op, Args operands) {
  return result_type(op, {operands.begin(), operands.size()}, {});
}

Tensor pointwise(Op op, Args list, Numbers numbers) {
  return pointwise_call(op, {list.begin(), list.size()}, {numbers.begin(), numbers.size()});
}

Tensor pointwise_call(Op op, ArgSpan operands, std::span<const Scalar> attributes) {
  const OpInfo& i = info(op);
  DType dtype;
  if (!is_uniform(i, operands, attributes, dtype))
    return promoted_pointwise(op, i, operands, attributes);
  const Loc& loc = operands[0]->loc();
  Operands o;
  for (const Arg* a : operands) {
    o.tensors[o.tensor_count++] = a->impl();
    if (a->is_scalar()) o.add_scalar(a->scalar());
  }
  Tensor result = Tensor::adopt(dispatch(make_call(op, o, {}, {}, loc)));
  consume(operands);
  return result;
}

Tensor finish_followed(Op op, TensorImpl* result, Args operands) {
  Tensor r = Tensor::adopt(result);
  if (grad_mode) {
    Operands o;
    bool needs = false;
    for (const Arg* a : operands) {
      o.tensors[o.tensor_count++] = a->impl();
      if (a->impl()->is_view) refresh_view(a->impl());
      needs |= a->impl()->meta.requires_grad != 0;
    }
    if (needs) {
      prefetch_for_tape(*current_session, result->slot);
      const Loc& loc = (*operands.begin())->loc();
      if (!record_followed({o.tensors, o.tensor_count}, loc, result))
        record_tape(make_call(op, o, {}, {}, loc), result);
    }
  }
  consume({operands.begin(), operands.size()});
  return r;
}

void check_power(const Arg& a, const Arg& b) {
  if (!a.impl() || !b.is_scalar() || is_floating(a.impl()->meta.dtype)) return;
  const Scalar& exponent = b.scalar();
  if (exponent.kind != Scalar::Kind::floating && exponent.to_int() < 0)
    fail_op(Op::pow, ErrorKind::value,
            "the exponent of a tensor of integers must not be a negative integer, got " +
                std::to_string(exponent.to_int()),
            a.loc());
}

const Tensor& pointwise_inplace(Op op, const Tensor& self, Args others, Numbers numbers,
                                const Loc& loc) {
  const bool simple = numbers.size() == 0 && others.size() <= 1;
  if (simple &&
      follow_in_place(op, self.impl(), others.size() ? (*others.begin())->impl() : nullptr)) {
    consume({others.begin(), others.size()});
    return self;
  }
  const OpInfo& i = info(op);
  Arg target(self, loc);
  std::array<const Arg*, kMostOperands> all{&target};
  std::copy(others.begin(), others.end(), all.begin() + 1);
  ArgSpan operands(all.data(), others.size() + 1);
  std::span<const Scalar> attributes(numbers.begin(), numbers.size());
  Operands o;
  Casts casts;
  DType dtype;
  bool in_place = true;
  if (!is_uniform(i, operands, attributes, dtype)) {
    check_defined(op, operands, loc);
    check_dtypes(op, i, operands, loc);
    dtype = compute_type(op, i, result_type(i, operands, attributes), loc);
    DType result = i.result == OpResult::boolean ? DType::boolean : dtype;
    if (!can_cast(result, self.dtype())) {
      OpCall call = make_call(op, o, {}, {}, loc);
      call.in_place = true;
      fail(call, ErrorKind::dtype,
           "the result must be castable to the tensor that it is written to, got " +
               std::string(name_of(result)) + " and " + describe(self.impl()->meta));
    }
    in_place = dtype == self.dtype() && result == dtype;
  }
  convert(i, operands, dtype, loc, o, casts);
  for (const Scalar& s : attributes)
    o.add_scalar(limited(s, dtype));
  OpCall call = make_call(op, o, {}, {}, loc);
  call.in_place = in_place;
  Tensor result = Tensor::adopt(dispatch(call)); // operand 0 again where in place
  consume(operands);
  return in_place ? self : assign(self, Arg(std::move(result), loc));
}

const Tensor& assign(const Tensor& self, const Arg& source) {
  const Loc& loc = source.loc();
  Arg target(self, loc);
  const Arg* list[] = {&target, &source};
  check_defined(Op::assign, list, loc);
  if (source.is_scalar()) require_number("fill_", self.dtype(), source.scalar(), loc);
  Operands o;
  Casts casts;
  // A copy may go from one device to another.
  Tensor moved;
  if (source.impl() && source.impl()->meta.device != self.impl()->meta.device) {
    moved = source.tensor().to(self.device(), loc);
    const Arg here(moved, loc);
    const Arg* moved_list[] = {&target, &here};
    convert(info(Op::assign), moved_list, self.dtype(), loc, o, casts);
  } else {
    convert(info(Op::assign), list, self.dtype(), loc, o, casts);
  }
  OpCall call = make_call(Op::assign, o, {}, {}, loc);
  call.in_place = true;
  Tensor::adopt(dispatch(call));
  source.consume();
  return self;
}

Tensor& rebind(Tensor& self, Tensor view, const char* op, const Loc& loc) {
  if (grad_mode && self.is_leaf() && self.requires_grad())
    fail_at(ErrorKind::autograd,
            std::string(op) + "_: " + describe(self.impl()->meta) +
                " must not be a leaf that requires a gradient; use " + op,
            loc);
  return self = std::move(view);
}

Tensor reduction(Op op, const Arg& x, const Dims& dims, bool keepdim, std::optional<DType> dtype) {
  const Loc& loc = x.loc();
  const Arg* list[] = {&x};
  check_defined(op, list, loc);
  const OpInfo& i = info(op);
  const TensorImpl& t = require_tensor(x, i.name);
  const DType own = t.meta.dtype;
  // structure: keepdim, then the dims in ascending order
  bool chosen[kMaxRank] = {};
  for (int64_t d : dims) {
    int k = normalize_dim(d, t.meta.rank, i.name, loc);
    if (chosen[k]) fail_op(op, ErrorKind::index, "dims must differ, got " + dims.str(), loc);
    chosen[k] = true;
  }
  std::array<int64_t, kMaxRank + 1> structure{keepdim};
  size_t count = 1;
  for (int k = 0; k < t.meta.rank; k++)
    if (dims.empty() || chosen[k]) structure[count++] = k;
  Operands o;
  Casts casts;
  convert(i, list, compute_type(op, i, dtype.value_or(t.meta.dtype), loc), loc, o, casts);
  Tensor result = Tensor::adopt(dispatch(make_call(op, o, {structure.data(), count}, {}, loc)));
  x.consume();
  // As in PyTorch: a dtype that is asked for is the result's, and what is true of u8 is u8.
  const bool keeps_u8 = i.domain == OpDomain::boolean && own == DType::u8;
  const bool narrows = dtype && i.result != OpResult::index && result.dtype() != *dtype;
  return narrows || keeps_u8 ? result.to(keeps_u8 ? DType::u8 : *dtype, loc) : result;
}

Tensor primitive(Op op, Args list, std::span<const Scalar> attributes, Integers structure,
                 Integers sizes, const Loc& loc) {
  ArgSpan operands(list.begin(), list.size());
  check_defined(op, operands, loc);
  Operands o;
  for (const Arg* a : operands) {
    if (a->is_scalar())
      fail_op(op, ErrorKind::value,
              "operand " + std::to_string(o.tensor_count + 1) + " must be a tensor, got a number",
              loc);
    o.tensors[o.tensor_count++] = a->impl();
  }
  for (const Scalar& s : attributes)
    o.add_scalar(s);
  OpCall call = make_call(op, o, structure, sizes, loc);
  if (!o.tensor_count) call.device = DeviceScope::current();
  Tensor result = Tensor::adopt(dispatch(call));
  consume(operands);
  return result;
}

int normalize_dim(int64_t dim, int rank, const char* what, const Loc& loc) {
  int range = std::max(rank, 1); // a 0-d tensor takes 0 and -1
  if (dim < -range || dim >= range)
    fail_at(ErrorKind::index,
            OpScope::name_or(what) + ": dim must be in [" + std::to_string(-range) + ", " +
                std::to_string(range - 1) + "], got " + std::to_string(dim),
            loc);
  return static_cast<int>(dim < 0 ? dim + range : dim);
}

const TensorImpl& require_tensor(const Arg& a, const char* what) {
  if (!a.impl())
    fail_at(ErrorKind::value,
            OpScope::name_or(what) + ": the operand must be a tensor, got " +
                (a.is_scalar() ? "a number" : "none"),
            a.loc());
  return *a.impl();
}

} // namespace weft
