// Tensors from nothing: full, zeros, ones and what is like them, arange and other numbers at equal
// distances, the identity, indices of triangles.

#include "runtime/composite/index_operands.h"
#include "runtime/core/number_range.h"

#include <cmath>

namespace weft {

Tensor full(const Shape& shape, Scalar value, std::optional<DType> dtype,
            std::optional<Device> device, Loc loc) {
  OpScope scope(loc);
  const DeviceScope place(device.value_or(DeviceScope::current()));
  DType own = value.kind == Scalar::Kind::boolean   ? boolean
              : value.kind == Scalar::Kind::integer ? i64
                                                    : f32;
  require_number("full", dtype.value_or(own), value, loc);
  int64_t structure[] = {static_cast<int64_t>(dtype.value_or(own))};
  return primitive(Op::full, {}, {&value, 1}, structure, shape, loc);
}

Tensor zeros(const Shape& shape, DType dtype, std::optional<Device> device, Loc loc) {
  OpScope scope(loc);
  return full(shape, 0, dtype, device, loc);
}

Tensor ones(const Shape& shape, DType dtype, std::optional<Device> device, Loc loc) {
  OpScope scope(loc);
  return full(shape, 1, dtype, device, loc);
}

namespace {

Tensor like(const char* op, const Arg& x, Scalar value, std::optional<DType> dtype) {
  OpScope scope(x.loc(), op);
  const Meta& m = require_tensor(x, op).meta;
  return full(m.shape(), value, dtype.value_or(m.dtype), m.device, x.loc());
}

} // namespace

Tensor zeros_like(const Arg& x, std::optional<DType> dtype) {
  return like("zeros_like", x, 0, dtype);
}

Tensor ones_like(const Arg& x, std::optional<DType> dtype) {
  return like("ones_like", x, 1, dtype);
}

Tensor full_like(const Arg& x, Scalar value, std::optional<DType> dtype) {
  return like("full_like", x, value, dtype);
}

Tensor arange(Scalar end, std::optional<DType> dtype, std::optional<Device> device, Loc loc) {
  return arange(Scalar(0), end, Scalar(1), dtype, device, loc);
}

Tensor arange(Scalar start, Scalar end, Scalar step, std::optional<DType> dtype,
              std::optional<Device> device, Loc loc) {
  OpScope scope(loc);
  const DeviceScope place(device.value_or(DeviceScope::current()));
  auto fail_here = [&](const std::string& message) {
    composite::refuse("arange", ErrorKind::value, message, loc);
  };
  auto is_floating = [](const Scalar& s) { return s.kind == Scalar::Kind::floating; };
  bool floating = is_floating(start) || is_floating(end) || is_floating(step);
  double distance = end.to_double() - start.to_double(), stride = step.to_double();
  if (!std::isfinite(distance) || !std::isfinite(stride) || stride == 0)
    fail_here("start and end must be finite and step not 0, got " +
              std::to_string(start.to_double()) + ", " + std::to_string(end.to_double()) + " and " +
              std::to_string(stride));
  if (distance != 0 && (distance < 0) != (stride < 0))
    fail_here("step must lead from start to end, got " + std::to_string(start.to_double()) + ", " +
              std::to_string(end.to_double()) + " and " + std::to_string(stride));
  double count = std::ceil(distance / stride);
  if (count > 0x1p62)
    fail_here("there must be less than 2^62 elements, got " + std::to_string(count));
  auto n = static_cast<int64_t>(count);
  if (!floating) {
    // Exact also where a double is not, and where the difference has 64 bits and a sign.
    auto bits = [](const Scalar& s) { return static_cast<uint64_t>(s.i); };
    bool up = step.i > 0;
    uint64_t whole = up ? bits(end) - bits(start) : bits(start) - bits(end);
    uint64_t width = up ? bits(step) : 0 - bits(step);
    n = static_cast<int64_t>(whole / width + (whole % width != 0));
  }
  Scalar scalars[] = {start, step};
  int64_t structure[] = {static_cast<int64_t>(dtype.value_or(floating ? f32 : i64))};
  int64_t sizes[] = {n};
  return primitive(Op::arange, {}, scalars, structure, sizes, loc);
}

// Counted from the nearer end, so that both ends are exact.
Tensor linspace(double start, double end, int64_t steps, DType dtype, std::optional<Device> device,
                Loc loc) {
  OpScope scope(loc);
  if (steps < 0 || dtype == boolean)
    composite::refuse("linspace", ErrorKind::value,
                      "steps must be at least 0 and dtype no bool, got " + std::to_string(steps) +
                          " and " + std::string(name_of(dtype)),
                      loc);
  if (!is_floating(dtype)) start = std::trunc(start), end = std::trunc(end);
  DType computed = is_half(dtype) || dtype == f32 ? f32 : f64;
  Tensor i = arange(0, steps, 1, computed, device);
  double last = static_cast<double>(steps) - 1;
  double step = steps > 1 ? (end - start) / last : 0;
  Tensor up = start + step * i, down = end - step * (last - i);
  return where(i < static_cast<double>(steps / 2 + (steps == 1)), up, down).to(dtype);
}

Tensor empty_like(const Arg& x, std::optional<DType> dtype) {
  const Meta& m = require_tensor(x, "empty_like").meta;
  return empty(m.shape(), dtype.value_or(m.dtype), m.device, x.loc());
}

Tensor logspace(double start, double end, int64_t steps, double base, DType dtype,
                std::optional<Device> device, Loc loc) {
  OpScope scope(loc);
  if (steps < 0 || !is_floating(dtype))
    composite::refuse("logspace", ErrorKind::value,
                      "steps must be at least 0 and dtype floating, got " + std::to_string(steps) +
                          " and " + std::string(name_of(dtype)),
                      loc);
  return pow(base, linspace(start, end, steps, f64, device, loc)).to(dtype, loc);
}

Tensor eye(int64_t n, int64_t m, DType dtype, std::optional<Device> device, Loc loc) {
  OpScope scope(loc);
  if (n < 0 || m < 0)
    composite::refuse("eye", ErrorKind::value,
                      "n and m must not be negative, got " + std::to_string(n) + " and " +
                          std::to_string(m),
                      loc);
  const DeviceScope place(device.value_or(DeviceScope::current()));
  return (unsqueeze(arange(n), 1) == arange(m)).to(dtype, loc);
}

Tensor eye(int64_t n, DType dtype, std::optional<Device> device, Loc loc) {
  return eye(n, n, dtype, device, loc);
}

namespace {

// How many elements of a matrix lie up to a diagonal: row i has i + by + 1 of them, at least 0 and
// at most all.
int64_t count_up_to(int64_t by, int64_t rows, int64_t columns) {
  const int64_t first = std::clamp<int64_t>(-by, 0, rows);
  const int64_t whole = std::clamp<int64_t>(columns - by, first, rows); // rows from there on are
  const int64_t growing = whole - first;
  return growing * (by + 1) + growing * (first + whole - 1) / 2 + (rows - whole) * columns;
}

// Rows and columns of the elements on one side of a diagonal, whose number follows from the sizes.
Tensor triangle_indices(const char* op, bool lower, int64_t rows, int64_t columns, int64_t offset,
                        DType dtype, std::optional<Device> device, const Loc& loc) {
  constexpr int64_t kMost = int64_t{1} << 30;
  if (rows < 0 || columns < 0 || rows > kMost || columns > kMost)
    composite::refuse(op, ErrorKind::value,
                      "row and col must not be negative and at most 2^30, got " +
                          std::to_string(rows) + " and " + std::to_string(columns),
                      loc);
  if (dtype != i64 && dtype != i32)
    composite::refuse(op, ErrorKind::dtype,
                      "dtype must be i64 or i32, got " + std::string(name_of(dtype)), loc);
  const DeviceScope place(device.value_or(DeviceScope::current()));
  const int64_t by = std::clamp(offset, -rows, columns);
  const int64_t sizes[] = {lower ? count_up_to(by, rows, columns)
                                 : rows * columns - count_up_to(by - 1, rows, columns)};
  Tensor edge = unsqueeze(arange(rows), 1) + by;
  Tensor chosen = lower ? arange(columns) <= edge : arange(columns) >= edge;
  Arg mask(chosen, loc);
  Tensor places = primitive(Op::nonzero_positions, {&mask}, {}, {}, sizes, loc);
  return transpose(places, 0, 1).to(dtype, loc).contiguous(loc);
}

} // namespace

Tensor tril_indices(int64_t row, int64_t col, int64_t offset, DType dtype,
                    std::optional<Device> device, Loc loc) {
  OpScope scope(loc);
  return triangle_indices("tril_indices", true, row, col, offset, dtype, device, loc);
}

Tensor triu_indices(int64_t row, int64_t col, int64_t offset, DType dtype,
                    std::optional<Device> device, Loc loc) {
  OpScope scope(loc);
  return triangle_indices("triu_indices", false, row, col, offset, dtype, device, loc);
}

} // namespace weft
