#include "runtime/core/environment.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>

namespace weft {

std::string variable(const char* name) {
  const char* value = secure_getenv(name);
  return value ? value : "";
}

void ignore_variable(const char* name, const std::string& value, const char* must) {
  static std::mutex& mutex = *new std::mutex; // threads may still ask while the process ends
  static auto& said = *new std::set<std::string>;
  std::lock_guard lock(mutex);
  if (said.insert(name).second)
    std::fprintf(stderr, "weft: %s must be %s, got '%s'; it is ignored\n", name, must,
                 value.c_str());
}

std::optional<int64_t> number_variable(const char* name, int64_t most) {
  const std::string text = variable(name);
  if (text.empty()) return std::nullopt;
  int64_t n = 0;
  const char* end = text.data() + text.size();
  auto [last, error] = std::from_chars(text.data(), end, n);
  if (error == std::errc() && last == end && n >= 1 && n <= most) return n;
  ignore_variable(name, text, ("a whole number from 1 to " + std::to_string(most)).c_str());
  return std::nullopt;
}

} // namespace weft
