// DLPack: what is handed out, what is taken, and who frees it.

#include "io_util.h"

#include "weft/compile.h"
#include "weft/dlpack.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;

namespace {

/// Memory of another library, and how often it was given back.
template <class Managed> struct Foreign {
  Managed managed{};
  std::vector<int64_t> shape, strides;
  int given_back = 0;

  Foreign(void* data, std::vector<int64_t> sizes, DLDataType dtype = {kDLFloat, 32, 1})
      : shape(std::move(sizes)) {
    if constexpr (requires { managed.version; }) managed.version = {1, 1};
    managed.dl_tensor = {
        data, {kDLCPU, 0}, static_cast<int32_t>(shape.size()), dtype, shape.data(), nullptr, 0};
    managed.manager_ctx = this;
    managed.deleter = [](Managed* m) { static_cast<Foreign*>(m->manager_ctx)->given_back++; };
  }
  void set_strides(std::vector<int64_t> values) {
    strides = std::move(values);
    managed.dl_tensor.strides = strides.data();
  }
};
using Versioned = Foreign<DLManagedTensorVersioned>;
using Unversioned = Foreign<DLManagedTensor>;

} // namespace

TEST_CASE("what is handed out describes the tensor and keeps it", "[dlpack]") {
  Tensor x = sample(f32, {4, 6});
  Tensor view = slice(transpose(x, 0, 1), 0, 1, 6, 2); // [3, 4]
  DLManagedTensorVersioned* m = to_dlpack(view);
  CHECK(m->version.major == 1);
  CHECK(m->flags == 0);
  const DLTensor& d = m->dl_tensor;
  CHECK(static_cast<char*>(d.data) + d.byte_offset ==
        reinterpret_cast<const char*>(x.data<float>() + 1));
  CHECK(d.ndim == 2);
  CHECK(d.device.device_type == kDLCPU);
  CHECK((d.dtype.code == kDLFloat && d.dtype.bits == 32 && d.dtype.lanes == 1));
  CHECK((d.shape[0] == 3 && d.shape[1] == 4));
  CHECK((d.strides[0] == 2 && d.strides[1] == 6));
  const float* data = x.data<float>();
  x = view = Tensor();
  CHECK(data[1] == -2.5f); // the memory stays until the deleter is called
  m->deleter(m);
  DLManagedTensor* old = to_dlpack_unversioned(sample(boolean, {}));
  CHECK((old->dl_tensor.dtype.code == kDLBool && old->dl_tensor.dtype.bits == 8));
  CHECK(old->dl_tensor.ndim == 0);
  old->deleter(old);
}

TEST_CASE("tensors of every dtype and layout make the round trip without a copy", "[dlpack]") {
  for (DType dtype : all_dtypes()) {
    CAPTURE(name_of(dtype));
    Tensor base = sample(dtype, {4, 6});
    for (const Tensor& t : {base, transpose(base, 0, 1), slice(base, 1, 1, 6, 2), base[2][3],
                            slice(base, 0, 0, 0), expand(slice(base, 0, 0, 1), {4, 6})}) {
      Tensor a = from_dlpack(to_dlpack(t)), b = from_dlpack(to_dlpack_unversioned(t));
      CHECK(is_same_data(a, t));
      CHECK(is_same_data(b, t));
      CHECK(a.strides() == t.strides());
      CHECK(a.shares_storage(base));
      CHECK(b.shares_storage(base));
    }
  }
  Tensor x = zeros({3});
  from_dlpack(to_dlpack(x)).add_(1.0);
  CHECK(is_same_data(x, ones({3})));
  CHECK(x.version() == 1);
}

TEST_CASE("memory of another library is used in place and given back once", "[dlpack]") {
  std::vector<float> memory = {0, 1, 2, 3, 4, 5, 6, 7};
  Versioned source(memory.data(), {2, 3});
  source.managed.dl_tensor.byte_offset = 4;
  source.set_strides({4, 1});
  Tensor t = from_dlpack(&source.managed);
  CHECK(t.to_vector<float>() == std::vector<float>{1, 2, 3, 5, 6, 7});
  CHECK(t.data<float>() == memory.data() + 1);
  Tensor view = t[1];
  t.mul_(10.0);
  CHECK(memory == std::vector<float>{0, 10, 20, 30, 4, 50, 60, 70});
  t = Tensor();
  CHECK(source.given_back == 0);
  view = Tensor();
  CHECK(source.given_back == 1);

  Unversioned old(memory.data(), {8}); // strides null: without gaps
  CHECK(from_dlpack(&old.managed).to_vector<float>() == memory);
  CHECK(old.given_back == 1);
  Unversioned forever(memory.data(), {8});
  forever.managed.deleter = nullptr; // memory that needs no giving back
  CHECK(sum(from_dlpack(&forever.managed)).item<float>() == 244);
  Versioned empty(nullptr, {0, 3});
  CHECK(from_dlpack(&empty.managed).shape() == Shape{0, 3});
  CHECK(empty.given_back == 1);
}

TEST_CASE("read-only memory is copied", "[dlpack]") {
  std::vector<float> memory = {1, 2, 3};
  Versioned source(memory.data(), {3});
  source.managed.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
  Tensor t = from_dlpack(&source.managed);
  CHECK(source.given_back == 1);
  t.add_(1.0);
  CHECK(t.to_vector<float>() == std::vector<float>{2, 3, 4});
  CHECK(memory == std::vector<float>{1, 2, 3});
}

TEST_CASE("regions see that two tensors look into the same foreign memory", "[dlpack]") {
  std::vector<float> memory(8), expected(8);
  Versioned whole(memory.data(), {8}), tail(memory.data(), {4});
  tail.managed.dl_tensor.byte_offset = 8; // elements 2 to 5
  Tensor a = from_dlpack(&whole.managed), b = from_dlpack(&tail.managed);
  Tensor far = zeros({4});
  Tensor total = zeros({});
  auto f = compile([&](const Tensor& x, const Tensor& y) {
    x.add_(1.0);
    y.mul_(2.0);
    total.add_(sum(x));
  });
  for (int call = 0; call < 4; call++) {
    f(a, call < 2 ? far : b); // recorded apart, then overlapping
    for (float& v : expected)
      v += 1;
    for (size_t k = 2; call >= 2 && k < 6; k++)
      expected[k] *= 2;
    CHECK(memory == expected);
  }
  float sums = 0, at[2] = {0, 0};
  for (int call = 0; call < 4; call++) {
    at[0] += 1;
    at[1] = call < 2 ? at[1] + 1 : (at[1] + 1) * 2;
    sums += 4 * at[0] + 4 * at[1];
  }
  CHECK(total.item<float>() == sums);
}

TEST_CASE("what Weft cannot take is refused and stays the caller's", "[dlpack]") {
  alignas(8) float memory[8] = {};
  struct Row {
    const char* message;
    void (*change)(Versioned&);
  };
  const Row rows[] = {
      {"from_dlpack: DLPack's version must be 1, got 2.1",
       [](Versioned& f) { f.managed.version.major = 2; }},
      {"the memory must be the CPU's or CUDA's, got device type 10, number 0",
       [](Versioned& f) { f.managed.dl_tensor.device.device_type = kDLROCM; }},
      {"the memory must be the CPU's or CUDA's, got device type 2, number -1",
       [](Versioned& f) {
         f.managed.dl_tensor.device = {kDLCUDA, -1};
       }},
      {"the dtype must be one that Weft has, got code 5 of 64 bits, 1 lanes",
       [](Versioned& f) {
         f.managed.dl_tensor.dtype = {kDLComplex, 64, 1};
       }},
      {"got code 2 of 32 bits, 4 lanes", [](Versioned& f) { f.managed.dl_tensor.dtype.lanes = 4; }},
      {"got code 1 of 64 bits",
       [](Versioned& f) {
         f.managed.dl_tensor.dtype = {kDLUInt, 64, 1};
       }},
      {"must have 0 to 8 dims with sizes, got -1",
       [](Versioned& f) { f.managed.dl_tensor.ndim = -1; }},
      {"must have 0 to 8 dims with sizes, got 9",
       [](Versioned& f) { f.managed.dl_tensor.ndim = 9; }},
      {"must have 0 to 8 dims with sizes, got 1",
       [](Versioned& f) { f.managed.dl_tensor.shape = nullptr; }},
      {"sizes must not be negative and have less than 2^62 bytes, got [-1]",
       [](Versioned& f) { f.shape[0] = -1; }},
      {"sizes must not be negative and have less than 2^62 bytes",
       [](Versioned& f) { f.shape[0] = int64_t{1} << 60; }},
      {"strides must not be negative and stay below 2^62 bytes, got [-1]",
       [](Versioned& f) { f.set_strides({-1}); }},
      {"strides must not be negative and stay below 2^62 bytes",
       [](Versioned& f) { f.set_strides({INT64_MAX}); }},
      {"the memory must be there, got a null pointer",
       [](Versioned& f) { f.managed.dl_tensor.data = nullptr; }},
      {"elements must be aligned to 4 bytes, got an offset of 2",
       [](Versioned& f) { f.managed.dl_tensor.byte_offset = 2; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    Versioned source(memory, {4});
    row.change(source);
    CHECK_THROWS_WITH(from_dlpack(&source.managed), Contains(row.message));
    CHECK(source.given_back == 0);
  }
  uint8_t bytes[] = {0, 1, 2};
  Unversioned bools(bytes, {3}, {kDLBool, 8, 1});
  CHECK_THROWS_WITH(from_dlpack(&bools.managed),
                    Contains("from_dlpack: bools must be stored as 0 or 1, got 2"));
  CHECK_THROWS_WITH(from_dlpack(static_cast<DLManagedTensor*>(nullptr)),
                    Contains("from_dlpack: the struct must be given, got null"));
  CHECK_THROWS_WITH(to_dlpack(Tensor()),
                    Contains("to_dlpack: the tensor must be defined, got none"));
  CHECK_THROWS_WITH(
      to_dlpack(ones({2}).requires_grad_()),
      Contains(
          "to_dlpack: the tensor must not require a gradient, got one that does; share detach()"));
}

TEST_CASE("a value that a region defers is computed before it is handed out", "[dlpack]") {
  auto f = compile([](const Tensor& x) {
    DLManagedTensorVersioned* m = to_dlpack(x * 2.0);
    float first = static_cast<float*>(m->dl_tensor.data)[0];
    m->deleter(m);
    return first;
  });
  for (int call = 0; call < 3; call++)
    CHECK(f(tensor({1.5f, 2.0f})) == 3.0f);
}
