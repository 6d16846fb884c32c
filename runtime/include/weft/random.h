// Random tensors. A generator is a seed and a counter: each random op takes the next number of the
// counter when it is called, so the stream does not depend on how or where ops run.
//
// Element i (in row-major order) of an op is made of the words w0, w1 of Philox4x32-10 with the key
// (low, high half of the seed) and the counter (low, high half of i; low, high half of the op's
// number). f32 and bf16 use u = (w0 >> 8) * 2^-24, f64 u = ((w0 * 2^32 + w1) >> 11) * 2^-53, which
// lie in [0, 1). uniform gives low + (high - low) * u; normal gives mean + std * q(u) with q the
// inverse of the normal distribution function, as the op's reference page defines it. What else is
// random is made of these two: randint and random_ of the whole part of (high - low) u in f64,
// bernoulli of u < p, exponential_ of -log(1 - u), randperm and multinomial of the order of such
// numbers. Each takes one number of the counter.
#pragma once

#include "weft/tensor.h"

namespace weft {

/// A stream of random numbers: a seed and how far it was used.
class Generator {
public:
  /// Begins the stream of a seed.
  explicit Generator(uint64_t seed) : seed_(seed) {}
  /// Returns the seed.
  uint64_t seed() const { return seed_; }
  /// Returns the number that the next random op takes.
  uint64_t counter() const { return counter_; }
  /// Sets that number, to resume a stream.
  void set_counter(uint64_t counter) { counter_ = counter; }
  /// Begins the stream of another seed.
  void manual_seed(uint64_t seed) {
    seed_ = seed;
    counter_ = 0;
  }
  /// Returns the number of a random op and goes on to the next.
  uint64_t take() { return counter_++; }

private:
  uint64_t seed_, counter_ = 0;
};

/// Returns this thread's generator. Unless seeded, each thread has a stream of its own that is the
/// same in every run, counted in the order in which threads first ask.
Generator& default_generator();

/// Makes a tensor of numbers uniform in [low, high), as uniform() of weft/ops.h does, of the given
/// generator.
Tensor uniform(Generator& generator, const Shape& shape, double low = 0, double high = 1,
               DType dtype = f32, std::optional<Device> device = std::nullopt,
               Loc loc = Loc::current());
/// Makes a tensor of normally distributed numbers, as normal() of weft/ops.h does, of the given
/// generator. `std` is the standard deviation.
Tensor normal(Generator& generator, const Shape& shape, double mean = 0, double std = 1,
              DType dtype = f32, std::optional<Device> device = std::nullopt,
              Loc loc = Loc::current());
/// Makes a tensor of numbers uniform in [0, 1).
Tensor rand(const Shape& shape, DType dtype = f32, std::optional<Device> device = std::nullopt,
            Loc loc = Loc::current());
/// Makes a tensor of numbers of the standard normal distribution.
Tensor randn(const Shape& shape, DType dtype = f32, std::optional<Device> device = std::nullopt,
             Loc loc = Loc::current());

} // namespace weft
