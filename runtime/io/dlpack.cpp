// to_dlpack, from_dlpack.

#include "weft/dlpack.h"

#include "runtime/core/checked_size.h"
#include "runtime/core/execute.h"
#include "runtime/core/fail_at.h"
#include "runtime/core/strided.h"
#include "runtime/device/copies.h"
#include "runtime/device/execute.h"
#include "runtime/io/tensor_bytes.h"
#include "weft/device.h"
#include "weft/io.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

namespace weft {

namespace {

struct Code {
  DType dtype;
  uint8_t code, bits;
};
constexpr Code kCodes[] = {
    {DType::f32, kDLFloat, 32}, {DType::f64, kDLFloat, 64},   {DType::bf16, kDLBfloat, 16},
    {DType::i64, kDLInt, 64},   {DType::boolean, kDLBool, 8}, {DType::f16, kDLFloat, 16},
    {DType::i8, kDLInt, 8},     {DType::u8, kDLUInt, 8},      {DType::i16, kDLInt, 16},
    {DType::i32, kDLInt, 32},
};

static_assert(std::size(kCodes) == kDTypeCount);

struct Place {
  DeviceType type;
  DLDeviceType code;
};
constexpr Place kPlaces[] = {{DeviceType::cpu, kDLCPU}, {DeviceType::cuda, kDLCUDA}};

// Nothing where DLPack has no addresses for a device: OpenCL's are numbers of our own.
std::optional<DLDevice> place_of(Device device) {
  for (const Place& p : kPlaces)
    if (p.type == device.type) return DLDevice{p.code, device.index};
  return std::nullopt;
}

Device device_of(const DLDevice& d, const Loc& loc) {
  for (const Place& p : kPlaces) {
    if (p.code != d.device_type) continue;
    if (p.type == DeviceType::cpu) return Device::cpu();
    if (d.device_id < 0 || d.device_id > UINT8_MAX) break;
    const Device device{p.type, static_cast<uint8_t>(d.device_id)};
    device_info(device, loc); // throws where it is not there
    return device;
  }
  fail_at(ErrorKind::unsupported,
          fmt::format("from_dlpack: the memory must be the CPU's or CUDA's, got device type {}, "
                      "number {}",
                      static_cast<int32_t>(d.device_type), d.device_id),
          loc);
}

/// What the struct that was handed out points to; the struct's deleter drops it.
template <class Managed> struct Export {
  Managed managed{};
  Tensor tensor;
  int64_t shape[kMaxRank], strides[kMaxRank];

  static void drop(Managed* m) { delete static_cast<Export*>(m->manager_ctx); }
};

template <class Managed> Managed* export_tensor(const Tensor& t, const Loc& loc) {
  if (!t.defined())
    fail_at(ErrorKind::value, "to_dlpack: the tensor must be defined, got none", loc);
  if (t.requires_grad())
    fail_at(ErrorKind::autograd,
            "to_dlpack: the tensor must not require a gradient, got one that does; share detach()",
            loc);
  const std::optional<DLDevice> place = place_of(t.device());
  if (!place)
    fail_at(ErrorKind::unsupported,
            "to_dlpack: the tensor must lie on the CPU or CUDA, got one on " + name_of(t.device()) +
                "; share to(Device::cpu())",
            loc);
  materialize(t.impl(), "to_dlpack", loc);
  if (t.device() != Device::cpu()) {
    synchronize(t.device(), loc); // whoever takes it knows nothing of our queue
    device::check_contents(*t.impl()->storage, "to_dlpack", loc);
  }
  auto e = std::make_unique<Export<Managed>>();
  const Meta& meta = t.impl()->meta;
  e->tensor = t;
  before_write(*t.impl()->storage);
  t.impl()->storage->exposed = true;
  std::copy_n(meta.sizes, meta.rank, e->shape);
  std::copy_n(meta.strides, meta.rank, e->strides);
  DLTensor& d = e->managed.dl_tensor;
  d.data = t.impl()->data();
  d.device = *place;
  d.ndim = meta.rank;
  for (const Code& c : kCodes)
    if (c.dtype == meta.dtype) d.dtype = {c.code, c.bits, 1};
  d.shape = e->shape;
  d.strides = e->strides;
  e->managed.manager_ctx = e.get();
  e->managed.deleter = &Export<Managed>::drop;
  return &e.release()->managed;
}

template <class Managed> void drop(Managed* m) {
  if (m->deleter) m->deleter(m);
}

/// A storage that holds a struct of another library.
template <class Managed> struct ManagedOwner : MemoryOwner {
  ~ManagedOwner() override {
    if (managed) drop(managed);
  }
  Managed* managed = nullptr; // from when nothing can fail any more
};

DType dtype_of(const DLDataType& type, const Loc& loc) {
  for (const Code& c : kCodes)
    if (type.code == c.code && type.bits == c.bits && type.lanes == 1) return c.dtype;
  fail_at(
      ErrorKind::unsupported,
      fmt::format("from_dlpack: the dtype must be one that Weft has, got code {} of {} bits, {} "
                  "lanes",
                  type.code, type.bits, type.lanes),
      loc);
}

/// Reads sizes and strides; throws where they cannot be those of memory.
Meta read_meta(const DLTensor& d, const Loc& loc) {
  const Device device = device_of(d.device, loc);
  DType dtype = dtype_of(d.dtype, loc);
  if (d.ndim < 0 || d.ndim > kMaxRank || (d.ndim > 0 && !d.shape))
    fail_at(ErrorKind::shape,
            fmt::format("from_dlpack: the tensor must have 0 to {} dims with sizes, got {}",
                        kMaxRank, d.ndim),
            loc);
  Shape shape(d.shape, static_cast<size_t>(d.ndim));
  if (!checked_bytes(shape, size_of(dtype)))
    fail_at(ErrorKind::shape,
            "from_dlpack: sizes must not be negative and have less than 2^62 bytes, got " +
                shape.str(),
            loc);
  Meta meta = make_meta(shape, dtype, device);
  if (!d.strides) return meta;
  std::copy_n(d.strides, d.ndim, meta.strides);
  int64_t reach = 1; // elements from the first to behind the last
  for (int k = 0; k < d.ndim; k++) {
    int64_t extent = 0;
    if (meta.strides[k] < 0 ||
        __builtin_mul_overflow(std::max<int64_t>(meta.sizes[k] - 1, 0), meta.strides[k], &extent) ||
        __builtin_add_overflow(reach, extent, &reach) || !checked_bytes({{reach}}, size_of(dtype)))
      fail_at(ErrorKind::shape,
              "from_dlpack: strides must not be negative and stay below 2^62 bytes, got " +
                  Shape(d.strides, static_cast<size_t>(d.ndim)).str(),
              loc);
  }
  meta.finish_strided();
  return meta;
}

size_t reach_of(const Meta& meta) {
  int64_t reach = 1;
  for (int k = 0; k < meta.rank; k++)
    reach += (meta.sizes[k] - 1) * meta.strides[k];
  return static_cast<size_t>(reach) * size_of(meta.dtype);
}

Tensor copy_of(const Tensor& from, const Loc& loc) {
  const Meta& meta = from.impl()->meta;
  Tensor r = empty(meta.shape(), meta.dtype, meta.device, loc);
  if (!meta.numel()) return r;
  if (meta.device == Device::cpu())
    copy_elements(from.impl()->view(), r.impl()->view());
  else
    device::copy_between(*from.impl(), *r.impl(), loc);
  return r;
}

/// A bool is a byte, 0 or 1; other libraries may leave anything in it.
void check_bools_of(const View& view, const Loc& loc) {
  if (view.meta->dtype != DType::boolean || !view.meta->numel()) return;
  StridedLoop loop({{view}});
  StridedCursor cursor(loop, 0);
  for (int64_t left = loop.numel; left > 0;) {
    int64_t run = cursor.run();
    for (int64_t k = 0; k < run; k++)
      if (auto byte = static_cast<uint8_t>(cursor.at(0)[k * loop.inner_stride(0)]); byte > 1)
        fail_at(ErrorKind::value,
                fmt::format("from_dlpack: bools must be stored as 0 or 1, got {}", byte), loc);
    left -= run;
    cursor.advance(run);
  }
}

template <class Managed> Tensor import_tensor(Managed* managed, bool read_only, const Loc& loc) {
  const DLTensor& d = managed->dl_tensor;
  Meta meta = read_meta(d, loc);
  char* data = static_cast<char*>(d.data) + d.byte_offset;
  if (!d.data && meta.numel())
    fail_at(ErrorKind::value, "from_dlpack: the memory must be there, got a null pointer", loc);
  if (reinterpret_cast<uintptr_t>(data) % size_of(meta.dtype) != 0)
    fail_at(ErrorKind::value,
            fmt::format("from_dlpack: elements must be aligned to {} bytes, got an offset of {}",
                        size_of(meta.dtype), d.byte_offset),
            loc);
  View view{data, &meta};
  const bool is_ours = managed->deleter == &Export<Managed>::drop;
  if (meta.device == Device::cpu())
    check_bools_of(view, loc);
  else if (meta.dtype == DType::boolean && !is_ours)
    fail_at(ErrorKind::unsupported,
            "from_dlpack: bools of a device must come as u8, to be compared with 0, got bools",
            loc);
  if (is_ours) {
    // Ours come home: the tensor shares the storage that it had, with its count of versions.
    Storage* storage = static_cast<Export<Managed>*>(managed->manager_ctx)->tensor.impl()->storage;
    storage->retain();
    Tensor r = tensor_over(storage,
                           (data - static_cast<char*>(storage->data)) /
                               static_cast<int64_t>(size_of(meta.dtype)),
                           meta);
    drop(managed);
    return r;
  }
  Storage* storage = Storage::make();
  auto* owner = new ManagedOwner<Managed>;
  storage->data = data;
  storage->nbytes = reach_of(meta);
  storage->device = meta.device;
  storage->external = true;
  storage->owner = owner;
  Tensor r = tensor_over(storage, 0, meta);
  if (!read_only && meta.numel()) {
    owner->managed = managed;
    return r;
  }
  r = copy_of(r, loc);
  drop(managed);
  return r;
}

void check_given(const void* managed, const Loc& loc) {
  if (!managed) fail_at(ErrorKind::value, "from_dlpack: the struct must be given, got null", loc);
}

} // namespace

DLManagedTensorVersioned* to_dlpack(const Tensor& t, Loc loc) {
  auto* m = export_tensor<DLManagedTensorVersioned>(t, loc);
  m->version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
  return m;
}

DLManagedTensor* to_dlpack_unversioned(const Tensor& t, Loc loc) {
  return export_tensor<DLManagedTensor>(t, loc);
}

Tensor from_dlpack(DLManagedTensorVersioned* managed, Loc loc) {
  check_given(managed, loc);
  if (managed->version.major != DLPACK_MAJOR_VERSION)
    fail_at(ErrorKind::unsupported,
            fmt::format("from_dlpack: DLPack's version must be {}, got {}.{}", DLPACK_MAJOR_VERSION,
                        managed->version.major, managed->version.minor),
            loc);
  return import_tensor(managed, managed->flags & DLPACK_FLAG_BITMASK_READ_ONLY, loc);
}

Tensor from_dlpack(DLManagedTensor* managed, Loc loc) {
  check_given(managed, loc);
  return import_tensor(managed, false, loc);
}

} // namespace weft
