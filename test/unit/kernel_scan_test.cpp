// Scans on every instruction set: the bits of a plain loop, however lines lie in memory.
#include "kernels/element_fold.h"
#include "kernels/elements.h"
#include "kernels/scan.h"
#include "test/unit/kernel_targets.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

using namespace weft;
using namespace weft::kernels;

namespace {

/// How lines lie in memory: bytes from a step to the next one and from a line to the next one.
struct Layout {
  const char* name;
  int64_t step, across, before; // elements, those of an array before its first one
};
std::vector<Layout> layouts(int64_t steps, int64_t lines) {
  return {{"rows", lines, 1, 0},
          {"rows from the last", -lines, 1, (steps - 1) * lines},
          {"lines", 1, steps, 0},
          {"lines from their ends", -1, steps, steps - 1},
          {"lines from the last", 1, -steps, (lines - 1) * steps},
          {"spaced lines", 3, 3 * steps + 1, 0},
          {"spaced rows", 2 * lines + 1, 2, 0}};
}

template <class T> struct Array {
  Layout layout;
  std::vector<T> all;

  Array(const Layout& l, int64_t steps, int64_t lines)
      : layout(l), all(static_cast<size_t>(4 * steps * lines + steps + lines + 1)) {}
  T& at(int64_t k, int64_t j) {
    return all[static_cast<size_t>(layout.before + k * layout.step + j * layout.across)];
  }
  ScanLines::Array lines() {
    constexpr int64_t item = sizeof(T);
    return {reinterpret_cast<char*>(&at(0, 0)), layout.step * item, layout.across * item};
  }
};

/// Numbers of which many are equal, now and then NaN and infinity where there are such.
template <class T> T draw(std::mt19937& random) {
  const double v = static_cast<double>(random() % 9) * 0.37 - 1.1;
  const uint32_t rare = random() % 97;
  if constexpr (std::is_integral_v<T>) return convert<T>(v * 10);
  if (rare == 0) return convert<T>(std::numeric_limits<float>::quiet_NaN());
  if (rare == 1) return convert<T>(std::numeric_limits<float>::infinity());
  return convert<T>(static_cast<float>(v));
}

template <class T> bool same_bits(const T& a, const T& b) {
  if (std::memcmp(&a, &b, sizeof(T)) == 0) return true;
  const auto x = widen(a), y = widen(b);
  return x != x && y != y;
}

/// Runs body(layout of the result, of the operands, steps, lines).
template <class Body> void on_each_layout(Body body) {
  for (int64_t steps : {1, 2, 15, 16, 17, 41})
    for (int64_t lines : {1, 3, 8, 16, 37}) {
      const auto all = layouts(steps, lines);
      for (const Layout& from : all) {
        INFO(steps << " steps, " << lines << " lines, from " << from.name);
        body(all[0], from, steps, lines);
        body(from, all[2], steps, lines);
      }
    }
}

template <class T, class Total, class Join>
void check_scan(ScanFold fold, DType dtype, Total start, Join join) {
  std::mt19937 random(7);
  on_each_layout([&](const Layout& to, const Layout& from, int64_t steps, int64_t lines) {
    Array<T> x(from, steps, lines), y(to, steps, lines);
    for (T& v : x.all)
      v = draw<T>(random);
    scan_kernel(fold, dtype)({y.lines(), {x.lines()}, steps, lines});
    bool is_same = true;
    for (int64_t j = 0; j < lines; j++) {
      Total total = start;
      for (int64_t k = 0; k < steps; k++) {
        total = join(total, static_cast<Total>(widen(x.at(k, j))));
        const T want = convert<T>(static_cast<decltype(widen(T()))>(total));
        is_same = is_same && same_bits(y.at(k, j), want);
      }
    }
    CHECK(is_same);
  });
}

} // namespace

TEMPLATE_TEST_CASE_SIG("scans of floats", "", ((DType dtype), dtype), DType::f32, DType::f64,
                       DType::bf16, DType::f16) {
  using T = typename Element<dtype>::Storage;
  on_each_target([] {
    check_scan<T>(ScanFold::sum, dtype, 0.0, [](double a, double b) { return a + b; });
    check_scan<T>(ScanFold::product, dtype, 1.0, [](double a, double b) { return a * b; });
  });
}

TEMPLATE_TEST_CASE_SIG("scans of integers wrap", "", ((DType dtype), dtype), DType::i64, DType::i32,
                       DType::u8) {
  using T = typename Element<dtype>::Storage;
  on_each_target([] {
    check_scan<T>(ScanFold::sum, dtype, int64_t{0}, wrapping_add<int64_t>);
    check_scan<T>(ScanFold::product, dtype, int64_t{1}, wrapping_mul<int64_t>);
    CHECK(scan_kernel(ScanFold::log_sum_exp, dtype) == nullptr);
    CHECK(recurrence_kernel(dtype) == nullptr);
  });
}

TEST_CASE("the recurrence leaves its first factor alone") {
  on_each_target([] {
    std::mt19937 random(3);
    on_each_layout([&](const Layout& to, const Layout& from, int64_t steps, int64_t lines) {
      Array<float> a(from, steps, lines), b(to, steps, lines), y(to, steps, lines);
      for (auto* all : {&a.all, &b.all})
        for (float& v : *all)
          v = draw<float>(random);
      recurrence_kernel(f32)({y.lines(), {a.lines(), b.lines()}, steps, lines});
      bool is_same = true;
      for (int64_t j = 0; j < lines; j++) {
        double total = 0;
        for (int64_t k = 0; k < steps; k++) {
          total = k ? double{a.at(k, j)} * total + double{b.at(k, j)} : double{b.at(k, j)};
          is_same = is_same && same_bits(y.at(k, j), static_cast<float>(total));
        }
      }
      CHECK(is_same);
    });
  });
}

TEMPLATE_TEST_CASE_SIG("positions of extremes so far are those of the last of equal ones", "",
                       ((DType dtype), dtype), DType::f32, DType::f64, DType::bf16, DType::i64,
                       DType::u8, DType::boolean) {
  using T = typename Element<dtype>::Storage;
  on_each_target([] {
    std::mt19937 random(5);
    for (bool is_least : {false, true})
      on_each_layout([&](const Layout& to, const Layout& from, int64_t steps, int64_t lines) {
        Array<T> x(from, steps, lines);
        Array<int64_t> y(to, steps, lines);
        for (T& v : x.all)
          v = draw<T>(random);
        scan_position_kernel(is_least, dtype)({y.lines(), {x.lines()}, steps, lines});
        bool is_same = true;
        for (int64_t j = 0; j < lines; j++) {
          int64_t best = 0;
          for (int64_t k = 0; k < steps; k++) {
            const auto v = widen(x.at(k, j)), most = widen(x.at(best, j));
            if (v != v || (is_least ? v <= most : v >= most)) best = k;
            is_same = is_same && y.at(k, j) == best;
          }
        }
        CHECK(is_same);
      });
  });
}
