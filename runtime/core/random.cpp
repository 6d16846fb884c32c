#include "weft/random.h"

#include "runtime/core/call.h"
#include "weft/device.h"
#include "weft/ops.h"

#include <atomic>

namespace weft {

namespace {

Tensor draw(Op op, const Shape& shape, double a, double b, DType dtype,
            std::optional<Device> device, Generator& g, const Loc& loc) {
  const DeviceScope place(device.value_or(DeviceScope::current()));
  auto integer = [](uint64_t v) { return Scalar(static_cast<int64_t>(v)); };
  Scalar scalars[] = {integer(g.seed()), integer(g.take()), Scalar(a), Scalar(b)};
  int64_t structure[] = {static_cast<int64_t>(dtype)};
  return primitive(op, {}, scalars, structure, shape, loc);
}

} // namespace

Generator& default_generator() {
  static std::atomic<uint64_t> threads{0};
  thread_local Generator generator(threads.fetch_add(1));
  return generator;
}

void manual_seed(uint64_t seed) { default_generator().manual_seed(seed); }

Tensor uniform(Generator& generator, const Shape& shape, double low, double high, DType dtype,
               std::optional<Device> device, Loc loc) {
  return draw(Op::uniform, shape, low, high, dtype, device, generator, loc);
}

Tensor normal(Generator& generator, const Shape& shape, double mean, double std, DType dtype,
              std::optional<Device> device, Loc loc) {
  return draw(Op::normal, shape, mean, std, dtype, device, generator, loc);
}

Tensor uniform(const Shape& shape, double low, double high, DType dtype,
               std::optional<Device> device, Loc loc) {
  return uniform(default_generator(), shape, low, high, dtype, device, loc);
}

Tensor normal(const Shape& shape, double mean, double std, DType dtype,
              std::optional<Device> device, Loc loc) {
  return normal(default_generator(), shape, mean, std, dtype, device, loc);
}

Tensor rand(const Shape& shape, DType dtype, std::optional<Device> device, Loc loc) {
  return uniform(default_generator(), shape, 0, 1, dtype, device, loc);
}

Tensor randn(const Shape& shape, DType dtype, std::optional<Device> device, Loc loc) {
  return normal(default_generator(), shape, 0, 1, dtype, device, loc);
}

} // namespace weft
