// Random numbers of other distributions, all made of the uniform and normal ones of this thread's
// stream: one op of the stream a call, which eager calls, regions and devices take alike.

#include "weft/random.h"
#include "runtime/composite/composite.h"
#include "runtime/core/refusal.h"

#include <cmath>
#include <numbers>

namespace weft {

namespace {

using composite::refuse;

constexpr double kMostIntegers = 0x1p53; // that a uniform number of 53 bits tells apart

DType precise(DType dtype) { return dtype == f64 ? f64 : f32; }

// The integers of an integer dtype, or as many as a uniform number tells apart.
std::pair<int64_t, int64_t> limits(DType dtype) {
  auto of = []<class T>(T) {
    return std::pair<int64_t, int64_t>(std::numeric_limits<T>::min(),
                                       std::numeric_limits<T>::max());
  };
  switch (dtype) {
  case DType::i32:
    return of(int32_t{});
  case DType::i16:
    return of(int16_t{});
  case DType::i8:
    return of(int8_t{});
  case DType::u8:
    return of(uint8_t{});
  case DType::boolean:
    return {0, 1};
  default:
    return of(int64_t{});
  }
}

// low + the whole part of u * (high - low), which is below high - low: u is at most 1 - 2^-53.
Tensor integers(const char* op, int64_t low, int64_t high, const Shape& shape, DType dtype,
                std::optional<Device> device, const Loc& loc) {
  const double count = static_cast<double>(high) - static_cast<double>(low);
  if (low >= high || count > kMostIntegers)
    refuse(op, ErrorKind::value,
           "high must be above low, by at most 2^53, got " + std::to_string(low) + " and " +
               std::to_string(high),
           loc);
  if (const auto [least, most] = limits(dtype); low < least || high - 1 > most)
    refuse(op, ErrorKind::value,
           "the integers must be ones of " + std::string(name_of(dtype)) + ", got " +
               std::to_string(low) + " .. " + std::to_string(high - 1),
           loc);
  Tensor whole = uniform(shape, 0, count, f64, device, loc).to(i64, loc);
  return (std::move(whole) + low).to(dtype, loc);
}

// -log(1 - u), which is 0 for u = 0 alone: that counts as half a step.
Tensor exponential(const Shape& shape, DType dtype) {
  return clamp_min(-log1p(-uniform(shape, 0, 1, dtype)), dtype == f64 ? 0x1p-54 : 0x1p-25);
}

Tensor checked_probability(const char* words, const Tensor& p) {
  const RefusalWords scope(words);
  return checked_range(p, 0.0, 1.0);
}

constexpr const char* kProbabilities =
    "bernoulli: probabilities must be in 0 .. 1, got one that is not";

Tensor drawn(const Shape& shape, const Tensor& p, DType dtype) {
  Tensor known = checked_probability(kProbabilities, p);
  return (uniform(shape, 0, 1, precise(p.dtype())) < known).to(dtype);
}

void fill(const Arg& x, const Tensor& numbers) { x.tensor().copy_(Arg(numbers, x.loc())); }

const Meta& require_filled(const char* op, const Arg& x) {
  composite::require_floating(op, x);
  return x.impl()->meta;
}

} // namespace

Tensor randint(int64_t low, int64_t high, const Shape& shape, DType dtype,
               std::optional<Device> device, Loc loc) {
  OpScope scope(loc);
  return integers("randint", low, high, shape, dtype, device, loc);
}

Tensor randint(int64_t high, const Shape& shape, DType dtype, std::optional<Device> device,
               Loc loc) {
  return randint(0, high, shape, dtype, device, loc);
}

// The order of n uniform numbers.
Tensor randperm(int64_t n, DType dtype, std::optional<Device> device, Loc loc) {
  OpScope scope(loc);
  if (n < 0 || n - 1 > limits(dtype).second)
    refuse("randperm", ErrorKind::value,
           "n must not be negative, and below it integers of the dtype, got " + std::to_string(n) +
               " and " + std::string(name_of(dtype)),
           loc);
  return argsort(uniform({n}, 0, 1, f64, device, loc), 0).to(dtype, loc);
}

Tensor rand_like(const Arg& x, std::optional<DType> dtype) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "rand_like").meta;
  return uniform(m.shape(), 0, 1, dtype.value_or(m.dtype), m.device, x.loc());
}

Tensor randn_like(const Arg& x, std::optional<DType> dtype) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "randn_like").meta;
  return normal(m.shape(), 0, 1, dtype.value_or(m.dtype), m.device, x.loc());
}

Tensor randint_like(const Arg& x, int64_t low, int64_t high, std::optional<DType> dtype) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "randint_like").meta;
  return integers("randint_like", low, high, m.shape(), dtype.value_or(m.dtype), m.device, x.loc());
}

Tensor randint_like(const Arg& x, int64_t high, std::optional<DType> dtype) {
  return randint_like(x, 0, high, dtype);
}

Tensor bernoulli(const Arg& x) {
  OpScope scope(x.loc());
  composite::require_floating("bernoulli", x);
  const DeviceScope place = composite::beside(x);
  const Meta& m = x.impl()->meta;
  return drawn(m.shape(), x.tensor(), m.dtype);
}

Tensor bernoulli(const Arg& x, const Arg& p) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "bernoulli").meta;
  const DeviceScope place = composite::beside(x);
  if (p.is_scalar()) return drawn(m.shape(), full({}, p.scalar().to_double(), f64), m.dtype);
  composite::require_floating("bernoulli", p);
  expand(p.tensor(), m.shape());
  return drawn(m.shape(), p.tensor(), m.dtype);
}

Tensor normal(const Arg& mean, const Arg& std) {
  OpScope scope(mean.loc());
  if (mean.is_scalar() && std.is_scalar())
    refuse("normal", ErrorKind::value, "mean or std must be a tensor, got two numbers", mean.loc());
  for (const Arg* a : {&mean, &std})
    if (!a->is_scalar()) composite::require_floating("normal", *a);
  const DeviceScope place = composite::beside(mean.is_scalar() ? std : mean);
  NoGrad no_grad;
  Tensor deviation =
      std.is_scalar() ? full({}, std.scalar().to_double(), mean.impl()->meta.dtype) : std.tensor();
  Tensor centre =
      mean.is_scalar() ? full({}, mean.scalar().to_double(), deviation.dtype()) : mean.tensor();
  std::vector<Tensor> both = broadcast_tensors({centre, deviation}, mean.loc());
  const RefusalWords words("normal: std must not be negative, got one that is");
  deviation = checked_range(deviation, 0.0, std::numeric_limits<double>::infinity());
  const DType dtype = promote_types(centre.dtype(), deviation.dtype());
  return both[0] + deviation * normal(both[0].shape(), 0, 1, dtype);
}

// With replacement the inverse of the distribution function; without, the greatest of w / E with E
// exponentially distributed (Efraimidis and Spirakis, Weighted random sampling, 2006).
Tensor multinomial(const Arg& x, int64_t num_samples, bool replacement) {
  OpScope scope(x.loc());
  composite::require_floating("multinomial", x);
  const Meta m = x.impl()->meta;
  const int64_t n = m.rank ? m.sizes[m.rank - 1] : 0;
  if (m.rank < 1 || m.rank > 2 || n < 1)
    refuse("multinomial", ErrorKind::shape,
           "x must be a list or rows of weights, got " + describe(m), x.loc());
  if (num_samples < 1 || (!replacement && num_samples > n))
    refuse("multinomial", ErrorKind::value,
           "num_samples must be positive, and without replacement at most the number of weights, "
           "got " +
               std::to_string(num_samples) + " of " + std::to_string(n),
           x.loc());
  const DeviceScope place = composite::beside(x);
  NoGrad no_grad;
  constexpr double kLargest = std::numeric_limits<double>::max();
  Tensor weights;
  {
    const RefusalWords words("multinomial: weights must be finite and not negative, got one that "
                             "is not");
    weights = checked_range(x.tensor().to(f64), 0.0, kLargest);
  }
  const RefusalWords words("multinomial: the sum of the weights must be positive and finite, got "
                           "one that is not");
  if (replacement) {
    Tensor up_to = cumsum(weights, -1);
    Tensor total = checked_range(slice(up_to, -1, n - 1), 0x1p-1022, kLargest);
    Shape shape = m.shape();
    shape[m.rank - 1] = num_samples;
    return searchsorted(up_to, uniform(shape, 0, 1, f64) * total, true);
  }
  Tensor total = checked_range(sum(weights, -1, true), 0x1p-1022, kLargest);
  return topk(weights / total / exponential(m.shape(), f64), num_samples, -1).indices;
}

void uniform_into(const Arg& x, double from, double to) {
  OpScope scope(x.loc());
  const Meta& m = require_filled("uniform_", x);
  if (!(from <= to))
    refuse("uniform_", ErrorKind::value,
           "from must not be above to, got " + std::to_string(from) + " and " + std::to_string(to),
           x.loc());
  fill(x, uniform(m.shape(), from, to, m.dtype, m.device, x.loc()));
}

void normal_into(const Arg& x, double mean, double std) {
  OpScope scope(x.loc());
  const Meta& m = require_filled("normal_", x);
  if (!(std >= 0))
    refuse("normal_", ErrorKind::value, "std must not be negative, got " + std::to_string(std),
           x.loc());
  fill(x, normal(m.shape(), mean, std, m.dtype, m.device, x.loc()));
}

void exponential_into(const Arg& x, double lambd) {
  OpScope scope(x.loc());
  const Meta& m = require_filled("exponential_", x);
  if (!(lambd > 0))
    refuse("exponential_", ErrorKind::value, "lambd must be positive, got " + std::to_string(lambd),
           x.loc());
  const DeviceScope place = composite::beside(x);
  fill(x, exponential(m.shape(), precise(m.dtype)) / lambd);
}

void log_normal_into(const Arg& x, double mean, double std) {
  LocScope scope(x.loc());
  const Meta& m = require_filled("log_normal_", x);
  if (!(std >= 0))
    refuse("log_normal_", ErrorKind::value, "std must not be negative, got " + std::to_string(std),
           x.loc());
  const DeviceScope place = composite::beside(x);
  fill(x, exp(normal(m.shape(), mean, std, precise(m.dtype))));
}

void cauchy_into(const Arg& x, double median, double sigma) {
  LocScope scope(x.loc());
  const Meta& m = require_filled("cauchy_", x);
  if (!(sigma > 0))
    refuse("cauchy_", ErrorKind::value, "sigma must be positive, got " + std::to_string(sigma),
           x.loc());
  const DeviceScope place = composite::beside(x);
  fill(x,
       tan((uniform(m.shape(), 0, 1, precise(m.dtype)) - 0.5) * std::numbers::pi) * sigma + median);
}

void geometric_into(const Arg& x, double p) {
  LocScope scope(x.loc());
  const Meta& m = require_filled("geometric_", x);
  if (!(p > 0 && p < 1))
    refuse("geometric_", ErrorKind::value,
           "p must be above 0 and below 1, got " + std::to_string(p), x.loc());
  const DeviceScope place = composite::beside(x);
  fill(x, ceil(exponential(m.shape(), precise(m.dtype)) / -std::log1p(-p)));
}

void random_into(const Arg& x, int64_t from, int64_t to) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "random_").meta;
  fill(x, integers("random_", from, to, m.shape(), m.dtype, m.device, x.loc()));
}

void random_into(const Arg& x, int64_t to) { random_into(x, 0, to); }

void random_into(const Arg& x) {
  const Meta& m = require_tensor(x, "random_").meta;
  auto most = [](DType dtype) -> int64_t { // up to which there are no gaps between integers
    switch (dtype) {
    case DType::f32:
      return 1 << 24;
    case DType::bf16:
      return 1 << 8;
    case DType::f16:
      return 1 << 11;
    default:
      return std::min(limits(dtype).second, (int64_t{1} << 53) - 1);
    }
  };
  random_into(x, 0, most(m.dtype) + 1);
}

// Jang, Gu and Poole, Categorical reparameterization with Gumbel-softmax, 2017.
Tensor gumbel_softmax(const Arg& logits, double tau, bool hard, double, int64_t dim) {
  OpScope scope(logits.loc());
  composite::require_floating("gumbel_softmax", logits);
  const Meta m = logits.impl()->meta;
  const DeviceScope place = composite::beside(logits);
  const int d = normalize_dim(dim, m.rank, "gumbel_softmax", logits.loc());
  Tensor noise = -log(exponential(m.shape(), precise(m.dtype))).to(m.dtype);
  Tensor soft = softmax((logits.tensor() + std::move(noise)) / tau, d);
  if (!hard) return soft;
  Tensor greatest = argmax(soft, d, true);
  Shape along = Ints::filled(m.rank, 1);
  if (m.rank) along[d] = m.sizes[d];
  Tensor chosen = (reshape(arange(m.rank ? m.sizes[d] : 1), along) == greatest).to(m.dtype);
  return std::move(chosen) - soft.detach() + soft;
}

Tensor rrelu(const Arg& x, double lower, double upper, bool training) {
  OpScope scope(x.loc());
  composite::require_floating("rrelu", x);
  if (!(lower <= upper))
    refuse("rrelu", ErrorKind::value,
           "lower must not be above upper, got " + std::to_string(lower) + " and " +
               std::to_string(upper),
           x.loc());
  if (!training) return leaky_relu(x, (lower + upper) / 2);
  const DeviceScope place = composite::beside(x);
  const Meta& m = x.impl()->meta;
  Tensor t = x.tensor();
  return where(t <= 0, t * uniform(m.shape(), lower, upper, m.dtype), t);
}

} // namespace weft
