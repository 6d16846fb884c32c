// See opencl.h. Only OpenCL 1.2 is asked for.
#include "codegen/gpu/opencl/opencl.h"

#include "weft/error.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <bit>
#include <dlfcn.h>
#include <vector>

namespace weft::gpu::opencl {
namespace {

[[noreturn]] void unsupported(const std::string& message) {
  throw Error(ErrorKind::unsupported, "opencl: " + message);
}

void check(cl_int code, const char* what) {
  if (code == CL_SUCCESS) return;
  throw Error(code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES
                  ? ErrorKind::out_of_memory
                  : ErrorKind::internal,
              std::string("opencl: ") + what + " must succeed, got error " + std::to_string(code));
}

// The loader's functions, each under its own name.
struct Library {
#define WEFT_CL_FUNCTIONS(row)                                                                     \
  row(clGetPlatformIDs) row(clGetDeviceIDs) row(clGetDeviceInfo) row(clCreateContext)              \
      row(clReleaseContext) row(clCreateCommandQueue) row(clReleaseCommandQueue)                   \
          row(clCreateProgramWithSource) row(clBuildProgram) row(clGetProgramBuildInfo)            \
              row(clReleaseProgram) row(clCreateKernel) row(clReleaseKernel) row(clSetKernelArg)   \
                  row(clCreateBuffer) row(clReleaseMemObject) row(clEnqueueWriteBuffer)            \
                      row(clEnqueueReadBuffer) row(clEnqueueNDRangeKernel) row(clFinish)
#define WEFT_CL_MEMBER(name) decltype(&::name) name = nullptr;
  WEFT_CL_FUNCTIONS(WEFT_CL_MEMBER)

  explicit Library(const std::string& path) {
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      unsupported("the loader must be installed (ocl-icd-libopencl1), got " +
                  std::string(dlerror()));
    auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
      if (!function) unsupported(path + " must have OpenCL 1.2, got none of " + std::string(name));
    };
#define WEFT_CL_FIND(name) find(name, #name);
    WEFT_CL_FUNCTIONS(WEFT_CL_FIND)
  }
};

} // namespace

struct DeviceState {
  Library cl;
  cl_device_id device = nullptr;
  cl_context context = nullptr;
  cl_command_queue queue = nullptr;

  explicit DeviceState(const std::string& loader) : cl(loader) {}
  DeviceState(const DeviceState&) = delete;
  ~DeviceState() {
    if (queue) cl.clReleaseCommandQueue(queue);
    if (context) cl.clReleaseContext(context);
  }

  template <class T> T info(cl_device_info what) const {
    T value{};
    cl.clGetDeviceInfo(device, what, sizeof value, &value, nullptr);
    return value;
  }
  std::string name() const {
    size_t size = 0;
    cl.clGetDeviceInfo(device, CL_DEVICE_NAME, 0, nullptr, &size);
    std::string name(size, '\0');
    cl.clGetDeviceInfo(device, CL_DEVICE_NAME, size, name.data(), nullptr);
    return name.c_str();
  }
  cl_device_id find() const {
    cl_uint count = 0;
    cl.clGetPlatformIDs(0, nullptr, &count);
    std::vector<cl_platform_id> platforms(count);
    if (count > 0) cl.clGetPlatformIDs(count, platforms.data(), nullptr);
    for (cl_device_type type :
         {cl_device_type(CL_DEVICE_TYPE_GPU), cl_device_type(CL_DEVICE_TYPE_ALL)})
      for (cl_platform_id platform : platforms) {
        cl_device_id found = nullptr;
        if (cl.clGetDeviceIDs(platform, type, 1, &found, nullptr) == CL_SUCCESS) return found;
      }
    unsupported("a driver with a device must be installed (on a CPU pocl-opencl-icd), got " +
                std::to_string(count) + " platforms");
  }
};

struct ProgramState {
  std::shared_ptr<DeviceState> device;
  cl_program program = nullptr;
  ~ProgramState() {
    if (program) device->cl.clReleaseProgram(program);
  }
};

ClDevice::ClDevice(const std::string& loader) : state_(std::make_shared<DeviceState>(loader)) {
  DeviceState& state = *state_;
  state.device = state.find();
  cl_int code = CL_SUCCESS;
  state.context = state.cl.clCreateContext(nullptr, 1, &state.device, nullptr, nullptr, &code);
  check(code, "clCreateContext");
  state.queue = state.cl.clCreateCommandQueue(state.context, state.device, 0, &code);
  check(code, "clCreateCommandQueue");
  name_ = state.name();
  auto single = state.info<cl_device_fp_config>(CL_DEVICE_SINGLE_FP_CONFIG);
  exact_division_ = single & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT;
  has_denormals_ = single & CL_FP_DENORM;
  has_f64_ = state.info<cl_device_fp_config>(CL_DEVICE_DOUBLE_FP_CONFIG) != 0;
}

ClDevice& ClDevice::get() {
  // Never closed: at the process's end the driver may be gone before us.
  static auto* device = new ClDevice;
  return *device;
}

ClProgram::ClProgram(ClDevice& device, const std::string& source)
    : state_(std::make_shared<ProgramState>()) {
  const DeviceState& on = *(state_->device = device.state_);
  const char* text = source.c_str();
  size_t size = source.size();
  cl_int code = CL_SUCCESS;
  cl_program program = state_->program =
      on.cl.clCreateProgramWithSource(on.context, 1, &text, &size, &code);
  check(code, "clCreateProgramWithSource");
  std::string options = "-cl-std=CL1.2";
  if (device.exact_division()) options += " -cl-fp32-correctly-rounded-divide-sqrt";
  code = on.cl.clBuildProgram(program, 1, &on.device, options.c_str(), nullptr, nullptr);
  if (code == CL_SUCCESS) return;
  size_t length = 0;
  auto what = CL_PROGRAM_BUILD_LOG;
  on.cl.clGetProgramBuildInfo(program, on.device, what, 0, nullptr, &length);
  std::string log(length, '\0');
  on.cl.clGetProgramBuildInfo(program, on.device, what, length, log.data(), nullptr);
  unsupported("a kernel must compile on " + device.name() + ", got error " + std::to_string(code) +
              "\n" + log.c_str());
}

namespace {

// One launch's objects: the kernel, device memory, and what was set as arguments.
struct Running {
  const DeviceState& device;
  const Library& cl = device.cl;
  cl_kernel kernel = nullptr;
  cl_uint next = 0;
  std::vector<cl_mem> memory;

  explicit Running(const DeviceState& on) : device(on) {}
  ~Running() {
    for (cl_mem piece : memory)
      cl.clReleaseMemObject(piece);
    if (kernel) cl.clReleaseKernel(kernel);
  }
  void set(const void* value, size_t bytes) {
    check(cl.clSetKernelArg(kernel, next++, bytes, value), "clSetKernelArg");
  }
  // A device buffer as the next argument; OpenCL has no empty ones.
  cl_mem add(std::span<const std::byte> contents, size_t bytes) {
    cl_int code = CL_SUCCESS;
    cl_mem piece = cl.clCreateBuffer(device.context, CL_MEM_READ_WRITE, std::max<size_t>(bytes, 8),
                                     nullptr, &code);
    check(code, "clCreateBuffer");
    memory.push_back(piece);
    if (!contents.empty())
      check(cl.clEnqueueWriteBuffer(device.queue, piece, CL_TRUE, 0, contents.size(),
                                    contents.data(), 0, nullptr, nullptr),
            "clEnqueueWriteBuffer");
    set(&piece, sizeof piece);
    return piece;
  }
  void read(cl_mem piece, std::span<std::byte> contents) {
    if (contents.empty()) return;
    check(cl.clEnqueueReadBuffer(device.queue, piece, CL_TRUE, 0, contents.size(), contents.data(),
                                 0, nullptr, nullptr),
          "clEnqueueReadBuffer");
  }
};

} // namespace

uint32_t ClProgram::run(const Launch& launch, std::span<const std::span<std::byte>> buffers,
                        std::span<const int64_t> arguments) {
  if (launch.blocks == 0) return 0;
  Running run(*state_->device);
  const Library& cl = run.cl;
  cl_int code = CL_SUCCESS;
  run.kernel = cl.clCreateKernel(state_->program, launch.kernel.c_str(), &code);
  check(code, "clCreateKernel");
  size_t buffer = 0, scalar = 0;
  for (ArgumentKind kind : launch.arguments) {
    if (kind == ArgumentKind::buffer) {
      const int64_t offset = 0;
      run.add(buffers[buffer], buffers[buffer].size());
      run.set(&offset, sizeof offset);
      ++buffer;
      continue;
    }
    int64_t bits = arguments[scalar++];
    float narrow = float(std::bit_cast<double>(bits));
    kind == ArgumentKind::f32 ? run.set(&narrow, sizeof narrow) : run.set(&bits, sizeof bits);
  }
  uint32_t errors[2] = {}; // the launch that raised, and its code
  const cl_uint number = 1;
  std::span<std::byte> words = std::as_writable_bytes(std::span(errors));
  cl_mem flags = run.add(words, words.size());
  run.set(&number, sizeof number);
  size_t scratch = size_t(launch.blocks) * size_t(launch.scratch_bytes);
  if (scratch > 0)
    run.add({}, scratch);
  else
    run.set(nullptr, sizeof(cl_mem));
  size_t threads = size_t(launch.threads), all = size_t(launch.blocks) * threads;
  check(cl.clEnqueueNDRangeKernel(state_->device->queue, run.kernel, 1, nullptr, &all, &threads, 0,
                                  nullptr, nullptr),
        "clEnqueueNDRangeKernel");
  check(cl.clFinish(state_->device->queue), "clFinish");
  for (size_t i = 0; i < buffers.size(); ++i)
    run.read(run.memory[i], buffers[i]);
  run.read(flags, words);
  return errors[1];
}

} // namespace weft::gpu::opencl
