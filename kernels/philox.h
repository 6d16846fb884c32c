// Philox4x32-10: the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>

namespace weft::kernels {

/// Returns the four words for a 128-bit counter and a 64-bit key.
constexpr std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = uint64_t{0xD2511F53} * c[0], p1 = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ key[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ key[1], static_cast<uint32_t>(p0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
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
constexpr float unit_float(const std::array<uint32_t, 4>& words) {
  return static_cast<float>(words[0] >> 8) * 0x1p-24f;
}
constexpr double unit_double(const std::array<uint32_t, 4>& words) {
  return static_cast<double>((uint64_t{words[0]} << 32 | words[1]) >> 11) * 0x1p-53;
}

// The test vector of the authors' implementation for a counter and key of zeros.
static_assert(philox({0, 0, 0, 0}, {0, 0}) ==
              std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});

} // namespace weft::kernels
