// Tensor's own methods: metadata, host access, conversions. Ops as methods are generated, the
// autograd half lies in runtime/autograd.

#include "runtime/core/call.h"
#include "runtime/core/checked_size.h"
#include "runtime/core/execute.h"
#include "runtime/core/fail_at.h"
#include "runtime/device/context.h"
#include "runtime/device/copies.h"

#include <memory>
#include <type_traits>

namespace weft {

namespace {

// What a host type is stored as: `int` stands for any integer, so it is an i64.
template <class T> using Stored = std::conditional_t<std::is_same_v<T, int>, int64_t, T>;

TensorImpl& checked(TensorImpl* t, const char* what, const Loc& loc) {
  if (!t) fail_at(ErrorKind::value, std::string(what) + ": the tensor must be defined", loc);
  return *t;
}

// The tensor's elements, real and readable by the host.
Tensor host_value(TensorImpl* t, const char* what, const Loc& loc) {
  checked(t, what, loc);
  materialize(t, what, loc);
  return device::on_cpu(t, loc);
}

// A stored value as the host's: an i64 that no int holds would become another number.
template <class T> T as_host(Stored<T> value, const char* what, const Loc& loc) {
  if constexpr (!std::is_same_v<Stored<T>, T>)
    if (value != static_cast<T>(value))
      fail_at(ErrorKind::value,
              std::string(what) + ": the value must fit in an int, got " + std::to_string(value) +
                  "; ask for int64_t",
              loc);
  return static_cast<T>(value);
}

template <class T> T convert_element(const TensorImpl& t, const Loc& loc) {
  Stored<T> value{};
  Meta one = make_meta({}, DTypeOf<Stored<T>>::value);
  Meta from = make_meta({}, t.meta.dtype);
  copy_elements({t.data(), &from}, {&value, &one});
  return as_host<T>(value, "item", loc);
}

} // namespace

int Tensor::rank(Loc loc) const { return checked(impl_, "rank", loc).meta.rank; }
Shape Tensor::shape(Loc loc) const { return checked(impl_, "shape", loc).meta.shape(); }
Shape Tensor::strides(Loc loc) const {
  const Meta& m = checked(impl_, "strides", loc).meta;
  return {m.strides, m.rank};
}
int64_t Tensor::size(int64_t dim, Loc loc) const {
  const Meta& m = checked(impl_, "size", loc).meta;
  if (m.rank == 0) fail_at(ErrorKind::index, "size: the tensor must have dims, got a 0-d one", loc);
  return m.sizes[normalize_dim(dim, m.rank, "size", loc)];
}
int64_t Tensor::numel(Loc loc) const { return checked(impl_, "numel", loc).meta.numel(); }
DType Tensor::dtype(Loc loc) const { return checked(impl_, "dtype", loc).meta.dtype; }
Device Tensor::device(Loc loc) const { return checked(impl_, "device", loc).meta.device; }
bool Tensor::is_contiguous(Loc loc) const {
  return checked(impl_, "is_contiguous", loc).meta.contiguous;
}
Tensor Tensor::operator[](Position index) const { return select(0, index.value, index.loc); }
bool Tensor::shares_storage(const Tensor& o) const {
  return impl_ && o.impl_ && impl_->storage == o.impl_->storage;
}
uint32_t Tensor::version(Loc loc) const {
  return checked(impl_, "version", loc).storage->version.load();
}

template <class T> T Tensor::item(Loc loc) const {
  const Meta& m = checked(impl_, "item", loc).meta;
  if (m.numel() != 1)
    fail_at(ErrorKind::shape, "item: the tensor must have one element, got " + describe(m), loc);
  return convert_element<T>(*host_value(impl_, "item", loc).impl(), loc);
}

template <class T> std::vector<T> Tensor::to_vector(Loc loc) const try {
  const Tensor host = host_value(impl_, "to_vector", loc);
  const TensorImpl& t = *host.impl();
  using S = Stored<T>;
  Meta out = make_meta(t.meta.shape(), DTypeOf<S>::value);
  auto n = static_cast<size_t>(t.meta.numel());
  if constexpr (std::is_same_v<S, T> && !std::is_same_v<T, bool>) {
    std::vector<T> r(n);
    if (n) copy_elements(t.view(), {r.data(), &out});
    return r;
  } else {
    auto buffer = std::make_unique<S[]>(n);
    if (n) copy_elements(t.view(), {buffer.get(), &out});
    std::vector<T> r(n);
    for (size_t k = 0; k < n; k++)
      r[k] = as_host<T>(buffer[k], "to_vector", loc);
    return r;
  }
} catch (const Error&) {
  throw;
} catch (const std::exception&) { // bad_alloc, bad_array_new_length, length_error
  fail_at(ErrorKind::out_of_memory,
          "to_vector: the elements must fit in memory, got " + describe(impl_->meta), loc);
}

template <class T> const T* Tensor::data(Loc loc) const {
  const TensorImpl& t = checked(impl_, "data", loc);
  materialize(impl_, "data", loc);
  if (t.meta.dtype != DTypeOf<T>::value)
    fail_at(ErrorKind::dtype,
            "data: the type asked for must be that of the elements, got " +
                std::string(name_of(DTypeOf<T>::value)) + " for " + describe(t.meta),
            loc);
  if (t.meta.device != Device::cpu())
    return reinterpret_cast<const T*>(device::host_copy(*t.storage, loc)) + t.offset;
  return reinterpret_cast<const T*>(t.data());
}

template <class T> T* Tensor::mutable_data(Loc loc) const {
  if (checked(impl_, "mutable_data", loc).meta.device != Device::cpu())
    fail_at(ErrorKind::unsupported,
            "mutable_data: the tensor must lie on the CPU, got one on " +
                name_of(impl_->meta.device) + "; write with copy_()",
            loc);
  const T* r = data<T>(loc);
  before_write(*impl_->storage);
  impl_->storage->exposed = true;
  impl_->storage->version.fetch_add(1);
  return const_cast<T*>(r);
}

void detail::refuse_rows(size_t first, size_t other, const Loc& loc) {
  fail_at(ErrorKind::shape,
          "tensor: rows must have equal lengths, got " + std::to_string(first) + " and " +
              std::to_string(other),
          loc);
}

template <class T> Tensor tensor(const std::vector<T>& values, const Shape& shape, Loc loc) {
  using S = Stored<T>;
  Tensor r = empty(shape, DTypeOf<S>::value, Device::cpu(), loc);
  if (static_cast<int64_t>(values.size()) != r.numel())
    fail_at(ErrorKind::shape,
            "tensor: the shape must have one element a value, got " +
                std::to_string(values.size()) + " values for " + shape.str(),
            loc);
  std::copy(values.begin(), values.end(), reinterpret_cast<S*>(r.impl()->data()));
  return r;
}

#define WEFT_HOST_TYPE(T)                                                                          \
  template T Tensor::item<T>(Loc) const;                                                           \
  template std::vector<T> Tensor::to_vector<T>(Loc) const;                                         \
  template Tensor tensor<T>(const std::vector<T>&, const Shape&, Loc);
WEFT_HOST_TYPE(float)
WEFT_HOST_TYPE(double)
WEFT_HOST_TYPE(BFloat16)
WEFT_HOST_TYPE(Float16)
WEFT_HOST_TYPE(int64_t)
WEFT_HOST_TYPE(int)
WEFT_HOST_TYPE(int16_t)
WEFT_HOST_TYPE(int8_t)
WEFT_HOST_TYPE(uint8_t)
WEFT_HOST_TYPE(bool)
#undef WEFT_HOST_TYPE

#define WEFT_ELEMENT_TYPE(T)                                                                       \
  template const T* Tensor::data<T>(Loc) const;                                                    \
  template T* Tensor::mutable_data<T>(Loc) const;
WEFT_ELEMENT_TYPE(float)
WEFT_ELEMENT_TYPE(double)
WEFT_ELEMENT_TYPE(BFloat16)
WEFT_ELEMENT_TYPE(Float16)
WEFT_ELEMENT_TYPE(int64_t)
WEFT_ELEMENT_TYPE(int32_t)
WEFT_ELEMENT_TYPE(int16_t)
WEFT_ELEMENT_TYPE(int8_t)
WEFT_ELEMENT_TYPE(uint8_t)
WEFT_ELEMENT_TYPE(bool)
#undef WEFT_ELEMENT_TYPE

Tensor empty(const Shape& shape, DType dtype, Device device, Loc loc) {
  if (static_cast<int>(dtype) >= kDTypeCount)
    fail_at(ErrorKind::dtype,
            "empty: the dtype must be one of weft::DType, got " +
                std::to_string(static_cast<int>(dtype)),
            loc);
  for (int64_t size : shape)
    if (size < 0)
      fail_at(ErrorKind::shape, "empty: sizes must not be negative, got " + shape.str(), loc);
  if (!checked_bytes(shape, size_of(dtype)))
    fail_at(ErrorKind::shape,
            "empty: the tensor must have less than 2^62 bytes, got " + shape.str(), loc);
  return Tensor::adopt(make_tensor(make_meta(shape, dtype, device), loc, "empty"));
}

Tensor from_data(const void* data, const Shape& shape, DType dtype, Loc loc) {
  Tensor r = empty(shape, dtype, Device::cpu(), loc);
  if (r.numel()) std::memcpy(r.impl()->data(), data, r.impl()->meta.nbytes());
  return r;
}

Tensor Tensor::to(DType dtype, Loc loc) const {
  if (checked(impl_, "to", loc).meta.dtype == dtype) return *this;
  int64_t structure[] = {static_cast<int64_t>(dtype)};
  Arg self(*this, loc);
  return primitive(Op::cast, {&self}, {}, structure, {}, loc);
}

Tensor Tensor::to(Device device, Loc loc) const {
  const Meta& m = checked(impl_, "to", loc).meta;
  if (m.device == device) return *this;
  if (device != Device::cpu()) device::Context::of(device, loc); // throws where it is not there
  int64_t structure[] = {static_cast<int64_t>(m.dtype)};
  TensorImpl* operands[] = {impl_};
  OpCall call;
  call.op = Op::cast;
  call.operands = operands;
  call.structure = structure;
  call.loc = &loc;
  call.device = device;
  call.moves = true;
  return Tensor::adopt(dispatch(call));
}

Tensor Tensor::clone(Loc loc) const {
  int64_t structure[] = {static_cast<int64_t>(checked(impl_, "clone", loc).meta.dtype)};
  Arg self(*this, loc);
  return primitive(Op::cast, {&self}, {}, structure, {}, loc);
}

Tensor Tensor::contiguous(Loc loc) const {
  return checked(impl_, "contiguous", loc).meta.contiguous ? *this : clone(loc);
}

const Tensor& Tensor::copy_(const Arg& source) const { return assign(*this, source); }

const Tensor& Tensor::fill_(Scalar value, Loc loc) const { return assign(*this, Arg(value, loc)); }

} // namespace weft
