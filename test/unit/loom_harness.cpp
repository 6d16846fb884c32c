#include "test/unit/loom_harness.h"

#include "ir/interp/loom_interpreter.h"

#include "mlir/Parser/Parser.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir;

namespace weft::test {
namespace {

int64_t bytesOf(const std::string& element) {
  return element == "f32" ? 4 : element == "bf16" ? 2 : element == "i1" ? 1 : 8;
}

std::vector<char> fill(const Memory& memory, uint64_t seed) {
  static const float specials[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, -3e38f, 1.0f};
  std::vector<char> bytes(size_t(memory.count * bytesOf(memory.element)) + 64);
  uint64_t state = seed * 0x9E3779B97F4A7C15ull + 1;
  for (int64_t i = 0; i < memory.count; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    uint64_t random = state >> 20;
    double number = double(int64_t(random % 20001) - 10000) / 1500.0;
    if (memory.special && random % 7 == 0) number = specials[(random / 7) % 8];
    char* place = bytes.data() + i * bytesOf(memory.element);
    if (memory.element == "f32") {
      float value = float(number);
      std::memcpy(place, &value, 4);
    } else if (memory.element == "f64") {
      std::memcpy(place, &number, 8);
    } else if (memory.element == "bf16") {
      uint16_t bits = uint16_t(std::bit_cast<uint32_t>(float(number)) >> 16);
      std::memcpy(place, &bits, 2);
    } else if (memory.element == "i64") {
      int64_t value =
          memory.modulus ? int64_t(random % uint64_t(memory.modulus)) : int64_t(random) - 500;
      std::memcpy(place, &value, 8);
    } else {
      *place = char(random & 1);
    }
  }
  return bytes;
}

double numberAt(const Memory& memory, const std::vector<char>& bytes, int64_t i) {
  const char* place = bytes.data() + i * bytesOf(memory.element);
  if (memory.element == "f32") return *reinterpret_cast<const float*>(place);
  if (memory.element == "f64") return *reinterpret_cast<const double*>(place);
  if (memory.element == "bf16")
    return std::bit_cast<float>(uint32_t(*reinterpret_cast<const uint16_t*>(place)) << 16);
  return memory.element == "i64" ? double(*reinterpret_cast<const int64_t*>(place))
                                 : double(*place);
}

std::string compare(const LoomRun& run, size_t buffer, const std::vector<char>& want,
                    const std::vector<char>& got) {
  const Memory& memory = run.buffers[buffer];
  size_t width = size_t(bytesOf(memory.element)), used = size_t(memory.count) * width;
  if (std::memcmp(want.data() + used, got.data() + used, want.size() - used) != 0)
    return "buffer " + std::to_string(buffer) + " was written behind its end";
  double largest = 0;
  for (int64_t i = 0; i < memory.count; ++i)
    if (double x = std::abs(numberAt(memory, want, i)); std::isfinite(x))
      largest = std::max(largest, x);
  for (int64_t i = 0; i < memory.count; ++i) {
    if (std::memcmp(want.data() + i * width, got.data() + i * width, width) == 0) continue;
    double x = numberAt(memory, want, i), y = numberAt(memory, got, i);
    if ((std::isnan(x) && std::isnan(y)) || std::abs(x - y) <= run.tolerance * largest) continue;
    return "buffer " + std::to_string(buffer) + "[" + std::to_string(i) + "]: interpreter " +
           std::to_string(x) + ", code " + std::to_string(y);
  }
  return {};
}

std::string substitute(std::string text, const std::map<std::string, int64_t>& sizes) {
  for (const auto& [name, value] : sizes)
    for (size_t at; (at = text.find("$" + name)) != std::string::npos;)
      text.replace(at, name.size() + 1, std::to_string(value));
  return text;
}

} // namespace

int64_t bitsOf(double value) { return std::bit_cast<int64_t>(value); }

LoomOutcome runAgainst(const LoomRun& run, const Runner& runner) {
  DialectRegistry registry;
  registry.insert<loom::LoomDialect, arith::ArithDialect, math::MathDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  LoomOutcome outcome;
  ScopedDiagnosticHandler handler(
      &context, [&](Diagnostic& diagnostic) { outcome.difference += diagnostic.str() + "\n"; });
  auto module = parseSourceString<ModuleOp>(substitute(run.text, run.sizes), &context);
  if (!module) return outcome;
  loom::KernelOp kernel = *module->getOps<loom::KernelOp>().begin();
  std::vector<std::vector<char>> want, got;
  for (size_t i = 0; i < run.buffers.size(); ++i)
    want.push_back(fill(run.buffers[i], i + 1));
  got = want;
  std::vector<void*> pointers;
  for (auto& bytes : want)
    pointers.push_back(bytes.data());
  outcome.interpreted_error = interp::runKernel(kernel, pointers, run.arguments);
  outcome.difference = runner(run, *module, kernel, got, outcome);
  for (size_t i = 0; i < want.size() && outcome.difference.empty(); ++i)
    outcome.difference = compare(run, i, want[i], got[i]);
  outcome.emitted = std::move(got);
  return outcome;
}

} // namespace weft::test
