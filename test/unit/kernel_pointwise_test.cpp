// Every eager pointwise kernel, on every instruction set, against the language's meaning on one
// element: the same bits for every op, dtype, operand form and length.
#include "ir/ops/op_graphs.h"
#include "kernels/elements.h"
#include "kernels/pointwise_table.h"
#include "test/unit/kernel_targets.h"
#include "test/unit/op_test_row.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <random>

using namespace weft;
using namespace weft::kernels;

namespace {

const OpTestRow kRows[] = {
#include "weft/gen/test_table.inc"
};

template <class T> std::vector<T> specials() {
  if constexpr (std::is_integral_v<T>) {
    using L = std::numeric_limits<T>;
    return {0, 1, -1, 2, 3, -7, 62, L::max(), L::min(), int64_t{1} << 40};
  } else {
    using L = std::numeric_limits<T>;
    return {0,        T(-0.0),         1,        -1,
            T(0.5),   L::infinity(),   L::max(), -L::infinity(),
            L::min(), L::denorm_min(), 100,      L::quiet_NaN()};
  }
}

// Operands of one op in one dtype; `T` is the compute type and `S` the storage type.
template <DType dtype> struct Case {
  using S = typename Element<dtype>::Storage;
  using T = typename Element<dtype>::Compute;

  const OpTestRow& row;
  const expr::OpGraphs& graphs = *expr::find_op(row.name);
  std::mt19937_64 random{3};
  std::vector<S> numbers[4] = {};
  std::vector<uint8_t> masks[4] = {};
  std::vector<T> attributes = {};

  T draw() {
    if constexpr (dtype == DType::boolean)
      return static_cast<T>(random() & 1);
    else if constexpr (std::is_integral_v<S>)
      return row.low + static_cast<T>(random() % static_cast<uint64_t>(row.high - row.low + 1));
    else
      return static_cast<T>(std::uniform_real_distribution<double>(row.low, row.high)(random));
  }
  // Numbers come as elements of the dtype.
  static T in_range(T v) {
    if constexpr (std::is_integral_v<S>) return widen(convert<S>(v));
    return v;
  }
  void fill(size_t n) {
    std::vector<T> edge = specials<T>();
    for (size_t k = 0; row.operands[k]; k++) {
      numbers[k].clear();
      masks[k].clear();
      for (size_t i = 0; i < n; i++) {
        // The first elements meet all pairs of special values.
        size_t pick = k == 0 ? i % edge.size() : i / edge.size();
        bool special = n > 100 && pick < edge.size() && dtype != DType::boolean;
        numbers[k].push_back(convert<S>(special ? edge[pick] : draw()));
        masks[k].push_back(random() & 1);
      }
    }
    attributes.clear();
    for (int a = 0; a < row.scalars; a++)
      attributes.push_back(in_range(convert<T>(double(row.low / 2 + 3 * a))));
  }

  // Element i, with operand k taken from `at[k]`, in the compute type for kScalar operands.
  bool agrees(size_t i, const uint8_t* form, const std::vector<T>& scalars, const void* out,
              bool* failed) {
    expr::ScalarValue<T> inputs[8];
    size_t count = 0;
    for (; row.operands[count]; count++) {
      size_t at = form[count] == kArray ? i : 0;
      if (row.operands[count] == 'B')
        inputs[count].i = masks[count][at];
      else
        inputs[count].x = form[count] == kScalar ? scalars[count] : widen(numbers[count][at]);
    }
    for (T a : attributes)
      inputs[count++].x = a;
    expr::ScalarValue<T> want = expr::evaluate_element<T>(graphs.value, inputs, 0, failed);
    if (graphs.is_mask) return static_cast<const uint8_t*>(out)[i] == want.i;
    S w = convert<S>(want.x), got = static_cast<const S*>(out)[i];
    if (std::memcmp(&w, &got, sizeof w) == 0) return true;
    auto is_nan = [](S v) { return widen(v) != widen(v); };
    return is_nan(w) && is_nan(got);
  }

  // checked_index refuses elements: then only the error flag is compared.
  void check(PointwiseKernel kernel, size_t n, const uint8_t* form) {
    std::vector<T> scalars;
    const void* in[4] = {};
    for (size_t k = 0; row.operands[k]; k++)
      scalars.push_back(in_range(draw()));
    for (size_t k = 0; row.operands[k]; k++) {
      in[k] =
          row.operands[k] == 'B' ? static_cast<const void*>(masks[k].data()) : numbers[k].data();
      if (form[k] == kScalar && row.operands[k] != 'B') in[k] = &scalars[k];
    }
    std::vector<uint8_t> out(n * sizeof(S) + 1, 0xCD);
    uint32_t error = 0;
    kernel(in, form, attributes.data(), out.data(), static_cast<int64_t>(n), &error);
    bool failed = false;
    for (size_t i = 0; i < n; i++) {
      if (agrees(i, form, scalars, out.data(), &failed)) continue;
      INFO(row.name << " " << name_of(dtype) << " element " << i << " of " << n);
      REQUIRE(agrees(i, form, scalars, out.data(), &failed));
    }
    CHECK((error != 0) == failed);
    CHECK(out[n * (graphs.is_mask ? 1 : sizeof(S))] == 0xCD); // nothing beyond the end
  }

  void run() {
    PointwiseKernel kernel = pointwise_kernel(row.op, dtype);
    if (!kernel) return;
    for (size_t n : {0, 1, 2, 7, 16, 33, 260}) {
      fill(std::max<size_t>(n, 1));
      const uint8_t arrays[4] = {};
      check(kernel, n, arrays);
    }
    fill(21);
    size_t count = std::strlen(row.operands);
    for (size_t k = 0; k < count; k++)
      for (uint8_t f : {kElement, kScalar}) {
        uint8_t form[4] = {};
        form[k] = f;
        check(kernel, 21, form);
      }
  }
};

} // namespace

TEST_CASE("the portable kernels and the best ones are there") {
  int count = 0;
  for (const char* const* n = kernel_targets(); *n; n++)
    count++;
  CHECK(count >= 2);
}

TEST_CASE("pointwise kernels give the language's bits") {
  on_each_target([] {
    for (const OpTestRow& row : kRows) {
      Case<DType::f32>{row}.run();
      Case<DType::f64>{row}.run();
      Case<DType::bf16>{row}.run();
      Case<DType::i64>{row}.run();
      Case<DType::i32>{row}.run();
      Case<DType::i16>{row}.run();
      Case<DType::i8>{row}.run();
      Case<DType::u8>{row}.run();
      Case<DType::boolean>{row}.run();
    }
  });
}

TEST_CASE("every op has a kernel for the dtypes of its domain") {
  for (const OpTestRow& row : kRows) {
    if (expr::find_op(row.name)->kind != expr::RecordKind::pointwise) continue;
    if (row.op == Op::cast) continue; // has kernels by pairs of dtypes
    std::string_view domain = row.domain;
    INFO(row.name);
    bool floats = domain != "integer" && domain != "integral";
    CHECK((pointwise_kernel(row.op, f32) != nullptr) == floats);
    CHECK((pointwise_kernel(row.op, bf16) != nullptr) == floats);
    CHECK((pointwise_kernel(row.op, i64) != nullptr) ==
          (domain == "any" || domain == "number" || domain == "widened" || !floats));
    CHECK((pointwise_kernel(row.op, boolean) != nullptr) ==
          (domain == "any" || domain == "integral"));
  }
}

TEST_CASE("narrow integers have kernels where their lanes give the same") {
  for (DType t : kNarrowDTypes) {
    for (Op op : {Op::add, Op::sub, Op::mul, Op::neg, Op::abs, Op::maximum, Op::lt, Op::eq,
                  Op::bitwise_and, Op::bitwise_xor, Op::where, Op::clamp, Op::sign})
      CHECK(pointwise_kernel(op, t));
    for (Op op : {Op::floor_divide, Op::remainder, Op::bitwise_right_shift, Op::exp})
      CHECK_FALSE(pointwise_kernel(op, t));
  }
}

TEST_CASE("a kernel may write over its input") {
  on_each_target([] {
    std::vector<float> x(37);
    for (size_t k = 0; k < x.size(); k++)
      x[k] = static_cast<float>(k) - 5;
    const void* in[] = {x.data(), x.data()};
    const uint8_t form[] = {kArray, kArray};
    uint32_t error = 0;
    pointwise_kernel(Op::mul, f32)(in, form, nullptr, x.data(), 37, &error);
    for (size_t k = 0; k < x.size(); k++) {
      float v = static_cast<float>(k) - 5;
      CHECK(x[k] == v * v);
    }
  });
}

TEST_CASE("stores to bf16 round to nearest even, and NaN stays NaN") {
  on_each_target([] {
    // 1 + 2^-8 is a tie and goes to even; a signalling NaN with low bits only must not become inf.
    const uint32_t bits[] = {0x3F808000, 0x3F818000, 0x3F808001,
                             0x7F800001, 0xFF800001, 0x7F7FFFFF};
    const uint16_t want[] = {0x3F80, 0x3F82, 0x3F81, 0x7FC0, 0xFFC0, 0x7F80};
    for (size_t k = 0; k < 6; k++) {
      Bf16 one{0x3F80}, out{};
      float x = std::bit_cast<float>(bits[k]);
      const void* in[] = {&one, &x};
      const uint8_t form[] = {kArray, kScalar};
      uint32_t error = 0;
      pointwise_kernel(Op::mul, bf16)(in, form, nullptr, &out, 1, &error);
      CHECK(out.bits == want[k]);
      CHECK(to_bf16(x).bits == want[k]);
    }
  });
}

TEST_CASE("casts truncate, saturate and round") {
  const float x[] = {1.9f, -1.9f, 1e30f, -1e30f, std::numeric_limits<float>::quiet_NaN(), 0.0f};
  int64_t i[6];
  cast_kernel(f32, i64)(x, kArray, i, 6);
  CHECK(std::vector<int64_t>(i, i + 6) == std::vector<int64_t>{1, -1, INT64_MAX, INT64_MIN, 0, 0});
  uint8_t b[6];
  cast_kernel(f32, boolean)(x, kArray, b, 6);
  CHECK(std::vector<uint8_t>(b, b + 6) == std::vector<uint8_t>{1, 1, 1, 1, 1, 0});
  float y[3];
  const int64_t seven = 7;
  cast_kernel(i64, f32)(&seven, kElement, y, 3);
  CHECK(y[2] == 7);
}

TEST_CASE("sources evaluate their expression at each position") {
  on_each_target([] {
    std::vector<float> position(19), out(19);
    for (size_t k = 0; k < 19; k++)
      position[k] = static_cast<float>(k);
    const float arange[] = {2, 0.5f}; // start, step
    source_kernel(Op::arange, f32)(position.data(), arange, out.data(), 19);
    for (size_t k = 0; k < 19; k++)
      CHECK(out[k] == 2 + 0.5f * static_cast<float>(k));
    const int64_t value[] = {1};
    uint8_t flags[19] = {};
    source_kernel(Op::full, boolean)(nullptr, value, flags, 19);
    CHECK(flags[18] == 1);
    const float uniform[] = {0, 0, -1, 3}; // seed, counter, low, high
    position.assign(19, 0.25f);
    source_kernel(Op::uniform, f32)(position.data(), uniform, out.data(), 19);
    CHECK(out[18] == 0);
  });
}
