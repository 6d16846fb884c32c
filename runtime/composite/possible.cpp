// Results that are too large, before anything is made for them.

#include "runtime/composite/composite.h"
#include "runtime/core/allocator.h"
#include "runtime/core/checked_size.h"

namespace weft::composite {

void require_possible(const char* op, const Shape& shape, DType dtype, const Loc& loc) {
  const std::optional<uint64_t> bytes = checked_bytes(shape, size_of(dtype));
  const std::string what = std::string(name_of(dtype)) + shape.str();
  if (!bytes)
    refuse(op, ErrorKind::shape, "the result must have less than 2^62 bytes, got " + what, loc);
  if (*bytes > memory::stats().cap) refuse_memory(op, what, *bytes, loc);
}

} // namespace weft::composite
