// Tensors on a device: memory, copies, eager ops, gradients. All run on test_device().
#include "test/unit/device_util.h"

#include "weft/autograd.h"
#include "weft/data.h"
#include "weft/dlpack.h"
#include "weft/io.h"
#include "weft/memory.h"
#include "weft/nn.h"
#include "weft/optim.h"

#include <catch2/catch.hpp>

#include <cstdio>
#include <sstream>
#include <thread>

using namespace weft;
using namespace weft::test;

TEST_CASE("a name and a number make a device", "[device]") {
  CHECK(device_named("cpu") == Device::cpu());
  CHECK(device_named("opencl") == Device::opencl());
  CHECK(device_named("cuda:3") == Device::cuda(3));
  CHECK(name_of(device_named("cuda:3")) == "cuda(3)");
  for (const char* name :
       {"", "tpu", "CUDA", "cud", "cuda:", "cuda:x", "cuda:1x", "cuda:256", "cpu:1"})
    CHECK_THROWS_WITH(device_named(name),
                      Catch::StartsWith("device: the name must be cpu, opencl, cuda, or one with a "
                                        "number such as cuda:1, got ") &&
                          Catch::Contains("device_tensor_test.cpp:"));
}

TEST_CASE("tensors go to a device and come back", "[device]") {
  Device device = test_device();
  for (DType dtype : {f32, f64, f16, bf16, i64, i32, i16, i8, u8, boolean}) {
    Tensor x = tensor({{1, 0, 3}, {0, 5, 6}}).to(dtype);
    Tensor there = x.to(device);
    CHECK(there.device() == device);
    CHECK(there.dtype() == dtype);
    CHECK(there.shape() == Shape{2, 3});
    CHECK(there.to(device).is_same(there));
    CHECK(there.to_vector<double>() == x.to_vector<double>());
    CHECK(there.to(Device::cpu()).device() == Device::cpu());
  }
  CHECK(tensor(2.5f).to(device).item<float>() == 2.5f);
  CHECK(empty({0, 3}, f32, device).to_vector<float>().empty());
}

TEST_CASE("the host reads a tensor of a device through copies", "[device]") {
  Device device = test_device();
  Tensor x = tensor({{1.f, 2.f}, {3.f, 4.f}}).to(device);
  std::ostringstream text;
  text << x;
  CHECK(text.str() == "[[1., 2.],\n [3., 4.]] f32[2, 2] " + name_of(device));
  CHECK(x[1].data<float>()[0] == 3);
  x.fill_(7);
  CHECK(x.data<float>()[3] == 7);
  CHECK_THROWS_WITH(x.mutable_data<float>(),
                    Catch::StartsWith("mutable_data: the tensor must lie on the CPU, got one on " +
                                      name_of(device) + "; write with copy_()"));
}

TEST_CASE("views of a device are metadata, and their copies are row-major", "[device]") {
  Device device = test_device();
  Tensor x = arange(24).reshape({2, 3, 4});
  Tensor there = x.to(device);
  auto launches = device_stats(device).launches;
  Tensor view = there.permute({2, 0, 1}).slice(0, 1, 4, 2);
  CHECK(device_stats(device).launches == launches);
  CHECK(view.shares_storage(there));
  CHECK(view.to_vector<int64_t>() == x.permute({2, 0, 1}).slice(0, 1, 4, 2).to_vector<int64_t>());
  // A view of the CPU is copied as what it shows.
  Tensor from_view = x.permute({2, 1, 0}).to(device);
  CHECK(from_view.is_contiguous());
  CHECK(from_view.to_vector<int64_t>() == x.permute({2, 1, 0}).to_vector<int64_t>());
}

TEST_CASE("copies go between devices and views, both ways", "[device]") {
  Device device = test_device();
  Tensor host = zeros({3, 4}), there = zeros({4, 3}, f32, device);
  there.permute({1, 0}).copy_(arange(12).reshape({3, 4}));
  CHECK(there.permute({1, 0}).to_vector<int>() == arange(12).to_vector<int>());
  host.permute({1, 0}).copy_(there);
  CHECK(host.to_vector<int>() == arange(12).to_vector<int>());
  there[1].fill_(9);
  CHECK(there.to_vector<int>() == std::vector<int>{0, 4, 8, 9, 9, 9, 2, 6, 10, 3, 7, 11});
  there[0].copy_(there[2]); // rows of one storage
  CHECK(there[0].to_vector<int>() == std::vector<int>{2, 6, 10});
  // Source and target overlap: what is read is what was there before.
  Tensor row = arange(5, f32, device);
  row.slice(0, 1, 5).copy_(row.slice(0, 0, 4));
  CHECK(row.to_vector<int>() == std::vector<int>{0, 0, 1, 2, 3});
}

TEST_CASE("scatters in place write into views of a device", "[device]") {
  Device device = test_device();
  Tensor index = tensor({{0, 2}, {1, 0}}), src = tensor({{1.f, 2.f}, {3.f, 4.f}});
  Tensor there = zeros({2, 3}, f32, device), here = zeros({2, 3});
  there.permute({1, 0}).scatter_(0, index.to(device), src.to(device));
  here.permute({1, 0}).scatter_(0, index, src);
  CHECK(there.to_vector<float>() == here.to_vector<float>());
  CHECK_THROWS_AS(there.scatter_(0, tensor({{7}}).to(device), src.to(device)), Error);
  CHECK(there.to_vector<float>() == here.to_vector<float>());
}

TEST_CASE("files get what lies on a device by way of the CPU", "[device]") {
  Device device = test_device();
  Tensor there = arange(6).reshape({2, 3}).to(device).permute({1, 0});
  const std::string path = std::tmpnam(nullptr);
  save_npy(path, there);
  CHECK(load_npy(path).to_vector<int>() == std::vector<int>{0, 3, 1, 4, 2, 5});
  std::remove(path.c_str());
}

TEST_CASE("memory of CUDA is shared with other libraries", "[device]") {
  Device device = test_device();
  Tensor base = arange(12, f32, device).reshape({3, 4});
  if (device.type != DeviceType::cuda) {
    CHECK_THROWS_WITH(to_dlpack(base),
                      Catch::StartsWith("to_dlpack: the tensor must lie on the CPU or CUDA"));
    return;
  }
  DLManagedTensorVersioned* m = to_dlpack(base.permute({1, 0}).slice(0, 1, 4));
  CHECK(m->dl_tensor.device.device_type == kDLCUDA);
  CHECK(m->dl_tensor.device.device_id == device.index);
  CHECK((m->dl_tensor.strides[0] == 1 && m->dl_tensor.strides[1] == 4));
  Tensor home = from_dlpack(m);
  CHECK(home.shares_storage(base));
  CHECK(home.to_vector<float>() == std::vector<float>{1, 5, 9, 2, 6, 10, 3, 7, 11});
  // What another library gives: the same memory, of whose owner we know nothing.
  static int dropped;
  dropped = 0;
  int64_t shape[] = {2, 2}, strides[] = {4, 1};
  auto foreign = [&](bool read_only) {
    m = to_dlpack(base);
    auto* other = new DLManagedTensorVersioned(*m);
    other->manager_ctx = m;
    other->deleter = [](DLManagedTensorVersioned* self) {
      dropped++;
      auto* inner = static_cast<DLManagedTensorVersioned*>(self->manager_ctx);
      inner->deleter(inner);
      delete self;
    };
    other->dl_tensor.shape = shape;
    other->dl_tensor.strides = strides;
    other->dl_tensor.ndim = 2;
    other->dl_tensor.byte_offset = 8;
    if (read_only) other->flags = DLPACK_FLAG_BITMASK_READ_ONLY;
    return other;
  };
  {
    Tensor y = from_dlpack(foreign(false));
    CHECK(y.device() == device);
    CHECK(y.to_vector<float>() == std::vector<float>{2, 3, 6, 7});
    y.mul_(10);
    Tensor z = y.permute({1, 0}) + 1;
    y = Tensor();
    CHECK(dropped == 1); // when all that used it is done
    CHECK(z.to_vector<float>() == std::vector<float>{21, 61, 31, 71});
  }
  CHECK(base.to_vector<float>() == std::vector<float>{0, 1, 20, 30, 4, 5, 60, 70, 8, 9, 10, 11});
  Tensor copy = from_dlpack(foreign(true));
  CHECK(dropped == 2);
  base.fill_(0);
  CHECK(copy.to_vector<float>() == std::vector<float>{20, 30, 60, 70});
}

TEST_CASE("calls of an op share programs, whatever their sizes", "[device]") {
  Device device = test_device();
  auto programs = [&] { return device_stats(device).programs; };
  auto lesser = [&](const Shape& a, const Shape& b) {
    return minimum(ones(a, f32, device), zeros(b, f32, device)).sum().item<float>();
  };
  auto transposed = [&](const Shape& a, const Shape& b) {
    return minimum(ones(a, f32, device).transpose(0, -1), zeros(b, f32, device));
  };
  lesser({4}, {4});
  const int64_t flat = programs();
  CHECK(lesser({2, 3}, {2, 3}) == 0);
  CHECK(lesser({1, 1}, {1, 1}) == 0);
  CHECK(lesser({5, 1, 7}, {5, 1, 7}) == 0);
  CHECK(programs() == flat);
  transposed({3, 4}, {4, 3});
  const int64_t strided = programs();
  CHECK(strided == flat + 1);
  transposed({6, 5, 4}, {4, 5, 6}); // of more dims
  transposed({7, 2, 8}, {8, 2, 7});
  transposed({9, 2}, {2, 9});
  CHECK(programs() == strided + 1);
}

TEST_CASE("which sizes of a result are 1 is known to its program", "[device]") {
  for (int64_t n : {3, 17, 2}) {
    INFO("n " << n);
    Tensor x = arange(4 * n).to(f32).reshape({2, 1, n, 2});
    CHECK(allclose(max_pool2d(x.to(test_device()), 2).to(Device::cpu()), max_pool2d(x, 2)));
  }
}

TEST_CASE("tensors from nothing are made on the device that is asked for", "[device]") {
  Device device = test_device();
  CHECK(zeros({2}, f32, device).device() == device);
  CHECK(full({2}, 3, i64, device).to_vector<int>() == std::vector<int>{3, 3});
  CHECK(arange(1, 2, 0.25, std::nullopt, device).to_vector<float>() ==
        arange(1, 2, 0.25).to_vector<float>());
  CHECK(zeros_like(zeros({2}, f32, device)).device() == device);
  {
    DeviceScope scope(device);
    CHECK(ones({3}).device() == device);
    CHECK(ones({3}, f32, Device::cpu()).device() == Device::cpu());
  }
  CHECK(ones({3}).device() == Device::cpu());
  // The same stream as on the CPU, whatever the number of threads.
  for (DType dtype : {f32, f64, f16, bf16}) {
    manual_seed(5);
    Tensor a = randn({1000}, dtype), b = rand({7, 11}, dtype);
    manual_seed(5);
    Tensor c = randn({1000}, dtype, device), d = rand({7, 11}, dtype, device);
    CHECK(a.to_vector<double>() == c.to_vector<double>());
    CHECK(b.to_vector<double>() == d.to_vector<double>());
  }
}

TEST_CASE("operands lie on one device, but for numbers and tensors of the CPU without dims",
          "[device]") {
  Device device = test_device();
  Tensor x = ones({2}, f32, device);
  CHECK_THROWS_WITH(x + ones({2}),
                    Catch::StartsWith("add: operands must lie on one device, got f32[2] on " +
                                      name_of(device) + " and f32[2] on cpu; move one with to()"));
  CHECK_THROWS_AS(matmul(ones({2, 2}), ones({2, 2}, f32, device)), Error);
  CHECK_THROWS_AS(concatenate({x, ones({2})}, 0), Error);
  Tensor y = ones({2});
  CHECK_THROWS_AS(y.add_(x), Error);
  Tensor number = tensor(3.f).requires_grad_();
  Tensor z = number * x + tensor(1.f);
  CHECK(z.device() == device);
  CHECK(z.to_vector<float>() == std::vector<float>{4, 4});
  z.sum().backward();
  CHECK(number.grad().device() == Device::cpu());
  CHECK(number.grad().item<float>() == 2);
}

TEST_CASE("gradients pass through moves to where their tensors lie", "[device]") {
  Device device = test_device();
  Tensor x = tensor({1.f, 2.f, 3.f}).requires_grad_();
  Tensor there = x.to(device);
  CHECK(there.requires_grad());
  CHECK(!there.is_leaf());
  Tensor back = (there * there).to(Device::cpu()) * tensor({1.f, 10.f, 100.f});
  back.sum().backward();
  CHECK(x.grad().device() == Device::cpu());
  CHECK(x.grad().to_vector<float>() == std::vector<float>{2, 40, 600});

  Tensor leaf = tensor({1.f, 2.f, 3.f}).to(device).requires_grad_();
  leaf.slice(0, 0, 3, 2).exp().sum().backward();
  CHECK(leaf.grad().device() == device);
  std::vector<float> e = exp(tensor({1.f, 3.f})).to_vector<float>();
  CHECK(leaf.grad().to_vector<float>() == std::vector<float>{e[0], 0, e[1]});
  leaf.slice(0, 0, 2).mul(2).sum().backward(); // accumulates in place
  CHECK(leaf.grad().to_vector<float>() == std::vector<float>{e[0] + 2, 2, e[1]});
}

TEST_CASE("versions and ops in place are those of the CPU", "[device]") {
  Device device = test_device();
  Tensor x = tensor({1.f, 2.f}).to(device).requires_grad_();
  Tensor y = x * 3;
  Tensor z = y * y;
  uint32_t before = y.version();
  y.add_(1);
  CHECK(y.version() == before + 1);
  CHECK_THROWS_WITH(z.sum().backward(), Catch::Contains("must not be changed in place"));
}

TEST_CASE("memory of a device is counted, cached and capped", "[device]") {
  Device device = test_device();
  synchronize(device);
  memory::trim(device);
  memory::Stats start = memory::stats(device);
  CHECK(start.cached == 0);
  {
    Tensor x = zeros({1 << 18}, f32, device);
    CHECK(memory::stats(device).live == start.live + (1 << 20));
    CHECK(memory::stats(device).peak >= start.live + (1 << 20));
  }
  CHECK(memory::stats(device).live == start.live);
  CHECK(memory::stats(device).cached >= 1 << 20);
  size_t cpu = memory::stats().live;
  Tensor again = zeros({1 << 18}, f32, device);
  CHECK(memory::stats().live == cpu);
  CHECK(memory::stats(device).cached < 1 << 20);
  memory::trim(device);
  CHECK(memory::stats(device).cached == 0);

  memory::set_cap(memory::stats(device).live + (1 << 20), device);
  Tensor fits = zeros({1 << 17}, f32, device);
  std::string message;
  try {
    zeros({1 << 20}, f32, device);
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::out_of_memory);
    message = e.what();
  }
  CHECK_THAT(message,
             Catch::StartsWith("allocate: 4.0 MiB must fit in the memory of " + name_of(device)));
  CHECK_THAT(message, Catch::Contains("device_tensor_test.cpp:"));
  memory::set_cap(0, device);
  CHECK(zeros({1 << 20}, f32, device).sum().item<float>() == 0);
}

TEST_CASE("tensors may end while kernels use them", "[device]") {
  Device device = test_device();
  Tensor x = ones({1 << 16}, f32, device);
  Tensor sum = zeros({1 << 16}, f32, device);
  for (int k = 0; k < 50; k++) {
    Tensor y = x * k; // its memory is taken again in the next round
    sum = sum + y * tensor(2.f);
    if (k % 10 == 0) memory::trim(device);
  }
  CHECK(sum.min().item<float>() == 2450);
  CHECK(sum.max().item<float>() == 2450);
}

TEST_CASE("threads share a device", "[device]") {
  Device device = test_device();
  std::vector<float> results(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < results.size(); t++)
    threads.emplace_back([&, t] {
      Tensor x = full({1000}, static_cast<float>(t + 1), f32, device);
      for (int k = 0; k < 20; k++) {
        x = x * 2 - x;
        if (k % 5 == 0) results[t] = x.max().item<float>();
      }
      results[t] = (x + x.sum()).min().item<float>();
    });
  for (std::thread& t : threads)
    t.join();
  for (size_t t = 0; t < results.size(); t++)
    CHECK(results[t] == 1001 * static_cast<float>(t + 1));
}

namespace {

struct Net : nn::Module {
  nn::Linear up = child("up", nn::Linear(6, 16)), down = child("down", nn::Linear(16, 3));
  Tensor forward(const Tensor& x) override { return down(gelu(up(x))); }
};

/// The losses of some steps and the parameters after them.
std::vector<std::vector<double>> train(Device device) {
  manual_seed(11);
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 1e-2});
  net.to(device); // behind the optimizer's back: its state follows
  manual_seed(12);
  data::TensorDataset set(randn({32, 6}).to(device), classes(32, 3).to(device));
  std::vector<std::vector<double>> out(1);
  for (int epoch = 0; epoch < 3; epoch++)
    for (auto [x, y] : data::DataLoader(set, {.batch_size = 8})) {
      opt.zero_grad();
      Tensor loss = cross_entropy(net(x), y);
      loss.backward();
      opt.step();
      out[0].push_back(loss.item<double>());
    }
  for (const Tensor& p : net.parameters())
    out.push_back(p.to_vector<double>());
  for (auto& [name, t] : opt.state_dict())
    out.push_back(t.to_vector<double>());
  return out;
}

} // namespace

TEST_CASE("training on a device is training on the CPU", "[device]") {
  const int64_t cpu_ops = device_stats(test_device()).cpu_ops;
  auto got = train(test_device()), want = train(Device::cpu());
  REQUIRE(got.size() == want.size());
  for (size_t k = 0; k < got.size(); k++) {
    REQUIRE(got[k].size() == want[k].size());
    for (size_t i = 0; i < got[k].size(); i++) {
      INFO("value " << k << ", element " << i);
      CHECK(std::abs(got[k][i] - want[k][i]) <= 1e-4 * (1 + std::abs(want[k][i])));
    }
  }
  CHECK(device_stats(test_device()).cpu_ops == cpu_ops);
}

// Runs on its own, in an environment that names no compiler library.
TEST_CASE("without a compiler ops of a device run on the CPU, on copies", "[.no-compiler]") {
  Device device = test_device();
  Tensor x = arange(12, f32, device).reshape({3, 4});
  Tensor y = matmul(x, x.permute({1, 0})) + exp(x.slice(1, 0, 3));
  y.slice(1, 0, 3, 2).mul_(2);
  x[1].copy_(x[0]);
  Tensor a = arange(12, f32).reshape({3, 4});
  Tensor b = matmul(a, a.permute({1, 0})) + exp(a.slice(1, 0, 3));
  b.slice(1, 0, 3, 2).mul_(2);
  a[1].copy_(a[0]);
  CHECK(y.to_vector<float>() == b.to_vector<float>());
  CHECK(x.to_vector<float>() == a.to_vector<float>());
  CHECK(device_stats(device).launches == 0);
  CHECK(device_stats(device).cpu_ops >= 6);
  CHECK_THAT(device_stats(device).cpu_ops_by_name[0].first, Catch::Contains("compiler library"));
}

TEST_CASE("without a driver a device is an error that says what is missing", "[.no-driver]") {
  CHECK(!is_available(Device::opencl()));
  CHECK_THROWS_WITH(zeros({2}).to(Device::opencl()),
                    Catch::StartsWith("opencl: a driver with a device must be installed") &&
                        Catch::Contains("device_tensor_test.cpp:"));
  CHECK_THROWS_AS(zeros({2}, f32, Device::opencl()), Error);
  if (!is_available(Device::cuda())) // no variable hides NVIDIA's driver
    CHECK_THROWS_WITH(zeros({2}, f32, Device::cuda()),
                      Catch::StartsWith("cuda: ") && Catch::Contains("must be") &&
                          Catch::Contains("device_tensor_test.cpp:"));
  CHECK(zeros({2}).to(Device::cpu()).sum().item<float>() == 0);
}
