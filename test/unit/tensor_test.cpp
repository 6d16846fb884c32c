// Handles, metadata, host access, printing.

#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <sstream>
#include <thread>

using namespace weft;

TEST_CASE("tensors from values keep shape, dtype and elements") {
  Tensor t = tensor({1.5f, 2.f, 3.f});
  CHECK(t.dtype() == f32);
  CHECK(t.shape() == Shape{3});
  CHECK(t.to_vector<float>() == std::vector<float>{1.5f, 2, 3});
  CHECK(tensor({1, 2}).dtype() == i64);
  CHECK(tensor({1.0}).dtype() == f64);
  CHECK(tensor({true, false}).to_vector<bool>() == std::vector<bool>{true, false});
  Tensor m = tensor(std::vector<int64_t>{1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(m.strides() == Ints{3, 1});
  CHECK(m.size(-1) == 3);
  CHECK(m.numel() == 6);
  CHECK(m.is_contiguous());
}

TEST_CASE("tensors from numbers and rows") {
  CHECK(tensor(2.5f).str() == "2.5000 f32[]");
  CHECK(tensor(true).dtype() == boolean);
  CHECK(tensor({{1, 2}, {3, 4}, {5, 6}}).str() == "[[1, 2],\n [3, 4],\n [5, 6]] i64[3, 2]");
  CHECK_THROWS_WITH(tensor({{1, 2}, {3}, {4, 5, 6}}),
                    Catch::StartsWith("tensor: rows must have equal lengths, got 2 and 1"));
}

TEST_CASE("handles share, copies of elements do not") {
  Tensor a = tensor({1.f, 2.f});
  Tensor b = a, c = a.clone();
  b.add_(1);
  CHECK(a.is_same(b));
  CHECK(a.to_vector<float>() == std::vector<float>{2, 3});
  CHECK(c.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(a.shares_storage(b));
  CHECK_FALSE(a.shares_storage(c));
  Tensor moved = std::move(b);
  CHECK_FALSE(b.defined());
  CHECK(moved.is_same(a));
  a = moved; // to itself, by way of another handle
  CHECK(a.defined());
}

TEST_CASE("item and to_vector convert, data does not") {
  Tensor t = tensor({2.75f});
  CHECK(t.item<double>() == 2.75);
  CHECK(t.item<int64_t>() == 2);
  CHECK(t.item<int>() == 2);
  CHECK(t.item<bool>());
  CHECK(*t.data<float>() == 2.75f);
  CHECK_THROWS_WITH(
      t.data<double>(),
      Catch::StartsWith(
          "data: the type asked for must be that of the elements, got f64 for f32[1]"));
  CHECK_THROWS_WITH(tensor({1, 2}).item<float>(),
                    Catch::StartsWith("item: the tensor must have one element, got i64[2]"));
  CHECK_THROWS_WITH(Tensor().item<float>(), Catch::StartsWith("item: the tensor must be defined"));
  uint32_t before = t.version();
  *t.mutable_data<float>() = 4;
  CHECK(t.item<float>() == 4);
  CHECK(t.version() > before);
}

TEST_CASE("host values reach strided tensors in row-major order") {
  Tensor t = arange(0, 6).reshape({2, 3}).transpose(0, 1);
  CHECK(t.to_vector<int64_t>() == std::vector<int64_t>{0, 3, 1, 4, 2, 5});
  CHECK(t.to_vector<double>() == std::vector<double>{0, 3, 1, 4, 2, 5});
}

TEST_CASE("bfloat16 rounds to nearest even and keeps NaN") {
  auto through = [](float v) { return tensor({v}).to(bf16).item<float>(); };
  CHECK(through(1.0f) == 1.0f);
  CHECK(through(1.00390625f) == 1.0f);       // a tie goes to the even neighbour
  CHECK(through(1.01171875f) == 1.015625f);  // the other tie
  CHECK(through(1.00390637f) == 1.0078125f); // just above
  CHECK(std::isnan(through(std::nanf(""))));
  CHECK(through(INFINITY) == INFINITY);
  CHECK(through(3.4e38f) == INFINITY);
}

TEST_CASE("empty refuses negative and overflowing sizes") {
  CHECK_THROWS_WITH(empty({2, -1}),
                    Catch::StartsWith("empty: sizes must not be negative, got [2, -1]"));
  CHECK_THROWS_WITH(empty({int64_t{1} << 40, int64_t{1} << 40}),
                    Catch::StartsWith("empty: the tensor must have less than 2^62 bytes"));
  CHECK(empty({0, int64_t{1} << 40}).numel() == 0);
  CHECK_THROWS_WITH(empty({1, 1, 1, 1, 1, 1, 1, 1, 1}),
                    Catch::StartsWith("shape: a tensor must have at most 8 dims, got 9"));
  CHECK_THROWS_WITH(
      tensor(std::vector<float>{1, 2}, {3}),
      Catch::StartsWith("tensor: the shape must have one element a value, got 2 values for [3]"));
}

TEST_CASE("printing follows NumPy") {
  auto text = [](const Tensor& t) {
    std::ostringstream out;
    out << t;
    return out.str();
  };
  CHECK(text(tensor({1.f, -2.f})) == "[ 1., -2.] f32[2]");
  CHECK(text(tensor({1.5f, 20.25f})) == "[ 1.5000, 20.2500] f32[2]");
  CHECK(text(tensor({true, false})) == "[ true, false] bool[2]");
  CHECK(text(tensor({1, 20}).reshape({2, 1})) == "[[ 1],\n [20]] i64[2, 1]");
  CHECK(text(tensor({NAN, 1.f})) == "[nan,  1.] f32[2]");
  CHECK(text(full({}, 2.0)) == "2. f32[]");
  CHECK(text(empty({0, 3})) == "[] f32[0, 3]");
  CHECK(text(Tensor()) == "undefined");
  std::ostringstream shape;
  shape << Shape{2, 3} << " " << bf16;
  CHECK(shape.str() == "[2, 3] bf16");
  CHECK(text(arange(0, 2000)) == "[   0,    1,    2, ..., 1997, 1998, 1999] i64[2000]");
  CHECK(text(zeros({2, 2, 1})) == "[[[0.],\n  [0.]],\n\n [[0.],\n  [0.]]] f32[2, 2, 1]");
}

TEST_CASE("tensors may be made, passed and dropped by any thread") {
  std::vector<std::thread> threads;
  Tensor shared = ones({64});
  for (int t = 0; t < 4; t++)
    threads.emplace_back([&shared] {
      for (int k = 0; k < 2000; k++) {
        Tensor copy = shared;
        Tensor sum = copy + static_cast<float>(k);
        if (sum.to_vector<float>()[63] != 1.0f + static_cast<float>(k))
          throw std::runtime_error("wrong");
      }
    });
  for (std::thread& t : threads)
    t.join();
  CHECK(shared.to_vector<float>()[0] == 1);
}
