// What lies without gaps is one copy. A view is copied with all that lies between its elements, or,
// where that is far more, by way of a row-major copy on the device.
#include "runtime/device/copies.h"

#include "runtime/core/execute.h"
#include "runtime/device/context.h"
#include "runtime/device/run_op.h"

#include <unordered_map>

namespace weft::device {

namespace {

/// The bytes of a storage between a view's first and last element.
struct Extent {
  Address begin;
  size_t nbytes;
  int64_t first; // offset of element [0, ..., 0] from `begin`, in bytes

  explicit Extent(const TensorImpl& t) {
    const ByteRange r = t.meta.byte_range(0);
    begin = t.data() + r.low;
    nbytes = static_cast<size_t>(r.high - r.low);
    first = -r.low;
  }
  bool is_much_more_than(const TensorImpl& t) const {
    return nbytes > (size_t{1} << 16) && nbytes / 4 > t.meta.nbytes();
  }
};

Tensor row_major(TensorImpl& t, const Loc& loc) {
  Tensor r = empty_like(t, Device::cpu(), loc);
  copy_elements(t.view(), r.impl()->view());
  return r;
}

void to_device(TensorImpl& from, TensorImpl& to, const Loc& loc) {
  Tensor copy;
  if (!from.meta.contiguous) copy = row_major(from, loc);
  TensorImpl& source = copy.defined() ? *copy.impl() : from;
  Context& context = Context::of(to.meta.device, loc);
  if (to.meta.contiguous) return context.copy_in(to.data(), source.data(), from.meta.nbytes());
  // Into a view, through a copy of its own on the device or of all that lies between its elements.
  LocScope scope(loc);
  Tensor there = empty_like(to, to.meta.device, loc);
  context.copy_in(there.impl()->data(), source.data(), from.meta.nbytes());
  TensorImpl* operands[] = {&to, there.impl()};
  if (try_run(assign_call(operands, loc), to).empty()) return;
  Extent extent(to);
  std::vector<char> bytes(extent.nbytes);
  context.copy_out(bytes.data(), extent.begin, extent.nbytes);
  copy_elements(source.view(), {bytes.data() + extent.first, &to.meta});
  context.copy_in(extent.begin, bytes.data(), extent.nbytes);
}

// Makes a row-major copy on the device first; false where it has no program for that.
bool copy_packed(TensorImpl& from, TensorImpl& to, const Loc& loc) {
  Tensor packed = empty_like(from, from.meta.device, loc);
  TensorImpl* operands[] = {packed.impl(), &from};
  if (!try_run(assign_call(operands, loc), *packed.impl()).empty()) return false;
  Context::of(from.meta.device, loc).copy_out(to.data(), packed.impl()->data(), from.meta.nbytes());
  check_contents(*packed.impl()->storage, "to", loc);
  return true;
}

void to_cpu(TensorImpl& from, TensorImpl& to, const Loc& loc) {
  LocScope scope(loc);
  Context& context = Context::of(from.meta.device, loc);
  if (from.meta.contiguous) {
    context.copy_out(to.data(), from.data(), from.meta.nbytes());
  } else if (Extent extent(from); !extent.is_much_more_than(from) || !copy_packed(from, to, loc)) {
    std::vector<char> bytes(extent.nbytes);
    context.copy_out(bytes.data(), extent.begin, extent.nbytes);
    copy_elements({bytes.data() + extent.first, &from.meta}, to.view());
  }
  check_contents(*from.storage, "to", loc);
}

struct HostCopies {
  std::mutex mutex;
  std::unordered_map<const Storage*, std::vector<char>> copies;
  static HostCopies& get() {
    static HostCopies& c = *new HostCopies;
    return c;
  }
};

} // namespace

Tensor empty_like(const TensorImpl& t, Device device, const Loc& loc) {
  return Tensor::adopt(make_tensor(make_meta(t.meta.shape(), t.meta.dtype, device), loc));
}

void copy_between(TensorImpl& from, TensorImpl& to, const Loc& loc) {
  if (from.meta.device == Device::cpu()) return to_device(from, to, loc);
  if (to.meta.device == Device::cpu()) return to_cpu(from, to, loc);
  Tensor between = empty_like(from, Device::cpu(), loc);
  to_cpu(from, *between.impl(), loc);
  to_device(*between.impl(), to, loc);
}

Tensor bring(TensorImpl* t, Device device, const Loc& loc) {
  Tensor here = empty_like(*t, device, loc);
  to_device(*t, *here.impl(), loc);
  return here;
}

Tensor on_cpu(TensorImpl* t, const Loc& loc) {
  if (t->meta.device == Device::cpu()) {
    t->retain();
    return Tensor::adopt(t);
  }
  Tensor r = empty_like(*t, Device::cpu(), loc);
  to_cpu(*t, *r.impl(), loc);
  return r;
}

char* host_copy(const Storage& s, const Loc& loc) {
  Context& context = Context::of(s.device, loc);
  check_contents(s, "data", loc);
  HostCopies& all = HostCopies::get();
  char* to;
  {
    std::lock_guard lock(all.mutex);
    std::vector<char>& bytes = all.copies[&s];
    bytes.resize(std::max<size_t>(s.nbytes, 1)); // once: pointers into it stay
    to = bytes.data();
  }
  LocScope scope(loc);
  context.copy_out(to, static_cast<Address>(s.data), s.nbytes);
  check_contents(s, "data", loc);
  return to;
}

void forget_host_copy(const Storage& s) noexcept {
  HostCopies& all = HostCopies::get();
  std::lock_guard lock(all.mutex);
  all.copies.erase(&s);
}

} // namespace weft::device
