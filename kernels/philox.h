// Philox4x32-10: the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>

namespace weft::kernels {

inline constexpr int kPhiloxRounds = 10;
inline constexpr uint32_t kPhiloxFactors[] = {0xD2511F53, 0xCD9E8D57};
inline constexpr uint32_t kPhiloxSteps[] = {0x9E3779B9, 0xBB67AE85}; // of the key

/// Returns the four words for a 128-bit counter and a 64-bit key.
constexpr std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> key) {
  for (int round = 0; round < kPhiloxRounds; round++) {
    uint64_t p0 = uint64_t{kPhiloxFactors[0]} * c[0], p1 = uint64_t{kPhiloxFactors[1]} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ key[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ key[1], static_cast<uint32_t>(p0)};
    key[0] += kPhiloxSteps[0];
    key[1] += kPhiloxSteps[1];
  }
  return c;
}

/// Returns the words of element `element` of the op that took number `counter` from the generator
/// seeded with `seed`.
constexpr std::array<uint32_t, 4> philox(uint64_t seed, uint64_t counter, uint64_t element) {
  auto low = [](uint64_t v) { return static_cast<uint32_t>(v); };
  return philox({low(element), low(element >> 32), low(counter), low(counter >> 32)},
                {low(seed), low(seed >> 32)});
}

/// Numbers in [0, 1): 24 bits of word 0 as a float, 53 bits of words 0 and 1 as a double.
constexpr float unit_float(uint32_t word0) {
  return static_cast<float>(static_cast<int32_t>(word0 >> 8)) * 0x1p-24f;
}
constexpr double unit_double(uint32_t word0, uint32_t word1) {
  return static_cast<double>(static_cast<int64_t>((uint64_t{word0} << 32 | word1) >> 11)) * 0x1p-53;
}

// The test vector of the authors' implementation for a counter and key of zeros.
static_assert(philox({0, 0, 0, 0}, {0, 0}) ==
              std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});

} // namespace weft::kernels
