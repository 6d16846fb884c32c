#include "runtime/program/host_target.h"

#include "runtime/program/hash.h"

#include <cstdint>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#else
#include <sys/auxv.h>
#endif

namespace weft {

namespace {

#if defined(__x86_64__)

constexpr const char* kArchitecture = "x86_64-";

/// Everything that LLVM derives a processor's name and features from: leaves 0, 1, 7, 0xd,
/// 0x14, 0x19, 0x24 and the extended ones, less the fields that differ between cores, and XCR0.
std::vector<uint32_t> identification() {
  std::vector<uint32_t> words;
  auto leaf = [&](uint32_t number, uint32_t sub, uint32_t ebx_mask) {
    uint32_t a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(number, sub, &a, &b, &c, &d)) a = b = c = d = 0;
    words.insert(words.end(), {a, b & ebx_mask, c, d});
  };
  leaf(0, 0, ~0u);
  leaf(1, 0, 0x0000ff00); // the rest of ebx numbers the core
  uint32_t has_xcr = words[6] & bit_OSXSAVE;
  leaf(7, 0, ~0u);
  leaf(7, 1, ~0u);
  leaf(0x80000001, 0, ~0u);
  leaf(0x80000008, 0, ~0u);
  if (has_xcr) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    words.insert(words.end(), {low, high});
  }
  return words;
}

#else

constexpr const char* kArchitecture = "hwcap-";

std::vector<uint32_t> identification() {
  std::vector<uint32_t> words;
  for (unsigned long type : {AT_HWCAP, AT_HWCAP2}) {
    uint64_t v = getauxval(type);
    words.insert(words.end(), {static_cast<uint32_t>(v), static_cast<uint32_t>(v >> 32)});
  }
  return words;
}

#endif

} // namespace

const std::string& host_target() {
  // Never destroyed: threads may still compile while the process ends.
  static const std::string& target = *[] {
    std::vector<uint32_t> words = identification();
    return new std::string(kArchitecture +
                           hash_bytes(words.data(), words.size() * sizeof words[0]).hex());
  }();
  return target;
}

} // namespace weft
