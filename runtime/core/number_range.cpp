#include "runtime/core/number_range.h"

#include "runtime/core/fail_at.h"
#include "runtime/core/op_scope.h"

#include <cmath>

namespace weft {

bool holds(DType dtype, const Scalar& value) {
  if (is_floating(dtype) || dtype == DType::boolean) return true;
  return visit_dtype(dtype, [&]<class T>(std::type_identity<T>) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      using Limits = std::numeric_limits<T>;
      if (value.kind != Scalar::Kind::floating)
        return value.i <= static_cast<int64_t>(Limits::max()) &&
               value.i >= (Limits::is_signed ? static_cast<int64_t>(Limits::min())
                                             : -static_cast<int64_t>(Limits::max()));
      const double end = std::ldexp(1.0, Limits::digits); // one more than the greatest number
      const double whole = std::trunc(value.f);
      return whole < end && whole >= (Limits::is_signed ? -end : 1 - end);
    }
    return true;
  });
}

void require_number(const char* op, DType dtype, const Scalar& value, const Loc& loc) {
  if (holds(dtype, value)) return;
  fail_at(ErrorKind::value,
          OpScope::name_or(op) + ": value must be a number of " + std::string(name_of(dtype)) +
              ", got " + number_text(value),
          loc);
}

std::string number_text(const Scalar& value) {
  if (value.kind == Scalar::Kind::boolean) return value.i ? "true" : "false";
  if (value.kind == Scalar::Kind::integer) return std::to_string(value.i);
  char text[32];
  snprintf(text, sizeof text, "%.9g", value.f);
  return text;
}

void detail::refuse_unsigned(uint64_t value) {
  throw Error(ErrorKind::value,
              "number: an integer must be at most 2^63 - 1, got " + std::to_string(value), {});
}

} // namespace weft
