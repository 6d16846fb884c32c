#include "runtime/io/tensor_bytes.h"

#include "runtime/core/execute.h"
#include "runtime/core/fail_at.h"
#include "runtime/device/copies.h"
#include "runtime/io/in_quotes.h"

#include <fmt/format.h>

namespace weft {

void fail_in_file(const char* op, const std::string& path, const FormatError& error,
                  const Loc& loc) {
  bool unsupported = error.kind == FormatError::Kind::unsupported;
  fail_at(unsupported ? ErrorKind::unsupported : ErrorKind::io,
          fmt::format("{}: {}, in {}", op, error.what(), in_quotes(path)), loc);
}

void fail_for_memory(const char* op, const std::string& path, const Loc& loc) {
  fail_at(ErrorKind::out_of_memory,
          fmt::format("{}: what the file says must fit in memory, got too little, for {}", op,
                      in_quotes(path)),
          loc);
}

std::span<uint8_t> memory_of(const Tensor& t) {
  const TensorImpl& impl = *t.impl();
  return {reinterpret_cast<uint8_t*>(impl.data()), impl.meta.nbytes()};
}

Elements elements_of(const char* op, const Tensor& t, const std::string& what, const Loc& loc) {
  if (!t.defined())
    fail_at(ErrorKind::value, fmt::format("{}: {} must be defined, got none", op, what), loc);
  materialize(t.impl(), op, loc);
  // Not through an op: a compiled region has no business with what is written to a file.
  Elements e{device::on_cpu(t.impl(), loc), {}};
  if (!e.kept.is_contiguous()) {
    const Tensor view = e.kept;
    e.kept = empty(t.shape(), t.dtype(), Device::cpu(), loc);
    copy_elements(view.impl()->view(), e.kept.impl()->view());
  }
  e.bytes = memory_of(e.kept);
  return e;
}

Tensor tensor_over(Storage* storage, int64_t offset, const Meta& meta) {
  TensorImpl* t = TensorImpl::make();
  t->storage = storage;
  t->offset = offset;
  t->meta = meta;
  return Tensor::adopt(t);
}

void check_bools(std::span<const uint8_t> bytes) {
  for (size_t k = 0; k < bytes.size(); k++)
    if (bytes[k] > 1)
      throw FormatError(
          fmt::format("bools must be stored as 0 or 1, got {} for element {}", bytes[k], k));
}

} // namespace weft
