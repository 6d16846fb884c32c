#include "dot_kernel.h"

#include "ir/interp/loom_scalars.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

using namespace llvm;

namespace weft::cpu::test {
namespace {

using Entry = void (*)(void* const* buffers, const int64_t* sizes, void* scratch, int64_t begin,
                       int64_t end);
enum { kBatch, kM, kN, kK, kARow, kAColumn, kBRow, kBColumn, kABatch, kBBatch, kSizes };
enum { kBufferA, kBufferB, kBufferBias, kBufferC, kBufferD, kBufferVisits, kBuffers };

size_t storedBytes(DotElement element) {
  return element == DotElement::f32 ? 4 : isHalf(element) ? 2 : element == DotElement::i8 ? 1 : 8;
}

bool isInteger(DotElement e) { return e == DotElement::i64 || e == DotElement::i8; }

int64_t roundUp(int64_t a, int64_t b) { return (a + b - 1) / b * b; }

// Elements from the first to the last one that the operand reaches.
int64_t span(int64_t rows, int64_t columns, const DotLayout& layout, int64_t batch,
             int64_t batch_stride) {
  if (rows == 0 || columns == 0 || batch == 0) return 0;
  return (rows - 1) * layout.row_stride + (columns - 1) * layout.column_stride +
         (batch - 1) * batch_stride + 1;
}

template <class T> T valueOr(Expected<T> value) {
  if (!value) throw std::runtime_error(toString(value.takeError()));
  return std::move(*value);
}

class Builder {
public:
  Builder(Module& module, const DotCase& test_case, const DotPlan& plan)
      : b(module.getContext()), test_case(test_case), plan(plan) {
    Type *ptr = b.getPtrTy(), *i64 = b.getInt64Ty();
    auto* type = FunctionType::get(b.getVoidTy(), {ptr, ptr, ptr, i64, i64}, false);
    function = Function::Create(type, GlobalValue::ExternalLinkage, "dot", module);
    b.SetInsertPoint(BasicBlock::Create(module.getContext(), "entry", function));
  }

  void emit() {
    const DotShape& s = test_case.shape;
    Value* a_batch = b.getInt64(test_case.a_batch_stride);
    Value* b_batch = b.getInt64(test_case.b_batch_stride);
    DotProblem problem;
    problem.plan = plan;
    problem.batch = size(kBatch, s.batch);
    problem.m = size(kM, s.m);
    problem.n = size(kN, s.n);
    problem.k = size(kK, s.k);
    problem.a = {buffer(kBufferA), stride(kARow, s.a.row_stride),
                 stride(kAColumn, s.a.column_stride), scaled(a_batch)};
    problem.b = {buffer(kBufferB), stride(kBRow, s.b.row_stride),
                 stride(kBColumn, s.b.column_stride), scaled(b_batch)};
    Value *m = value(problem.m), *n = value(problem.n);
    Value *c = buffer(kBufferC), *d = buffer(kBufferD), *visits = buffer(kBufferVisits);
    Value* bias = buffer(kBufferBias);
    Value* line = nullptr;
    DotEpilogue ends;
    ends.row = [&](Value* batch, Value* row, function_ref<void()> columns) {
      line = b.CreateMul(b.CreateAdd(b.CreateMul(batch, m), row), n);
      columns();
    };
    ends.point = [&](const DotPoint& point) {
      epilogue(point, b.CreateAdd(line, point.column), bias, c, d, visits);
    };
    emitDot(b, problem, function->getArg(2), function->getArg(3), function->getArg(4), ends);
    b.CreateRetVoid();
  }

private:
  void epilogue(const DotPoint& point, Value* index, Value* bias, Value* c, Value* d,
                Value* visits) {
    Type* type = point.sums->getType();
    Type* counts = type->getWithNewType(b.getInt32Ty());
    Value* offsets = load(type, bias, point.column, point.mask);
    Value* two = type->isIntOrIntVectorTy() ? ConstantInt::get(type, 2)
                                            : static_cast<Value*>(ConstantFP::get(type, 2));
    store(point.sums, c, index, point.mask);
    store(type->isIntOrIntVectorTy() ? b.CreateAdd(b.CreateMul(point.sums, two), offsets)
                                     : b.CreateFAdd(b.CreateFMul(point.sums, two), offsets),
          d, index, point.mask);
    Value* before = load(counts, visits, index, point.mask);
    store(b.CreateAdd(before, ConstantInt::get(counts, 1)), visits, index, point.mask);
  }

  Value* load(Type* type, Value* base, Value* index, Value* mask) {
    Value* address = b.CreateGEP(type->getScalarType(), base, index);
    Align align(type->getScalarSizeInBits() / 8);
    return mask ? b.CreateMaskedLoad(type, address, align, mask, Constant::getNullValue(type))
                : static_cast<Value*>(b.CreateAlignedLoad(type, address, align));
  }

  void store(Value* value, Value* base, Value* index, Value* mask) {
    Value* address = b.CreateGEP(value->getType()->getScalarType(), base, index);
    Align align(value->getType()->getScalarSizeInBits() / 8);
    if (mask)
      b.CreateMaskedStore(value, address, align, mask);
    else
      b.CreateAlignedStore(value, address, align);
  }

  std::function<Value*(IRBuilderBase&, Value*)> scaled(Value* factor) {
    return
        [factor](IRBuilderBase& builder, Value* batch) { return builder.CreateMul(batch, factor); };
  }

  Value* buffer(int i) {
    return b.CreateLoad(b.getPtrTy(), b.CreateConstGEP1_64(b.getPtrTy(), function->getArg(0), i));
  }

  DotSize size(int i, int64_t constant) {
    if (!test_case.dynamic) return {constant, nullptr};
    return {0, b.CreateLoad(b.getInt64Ty(),
                            b.CreateConstGEP1_64(b.getInt64Ty(), function->getArg(1), i))};
  }

  DotSize stride(int i, int64_t constant) {
    return test_case.fixed_unit && constant == 1 ? DotSize{1, nullptr} : size(i, constant);
  }

  Value* value(const DotSize& size) { return size.value ? size.value : b.getInt64(size.constant); }

  IRBuilder<> b;
  const DotCase& test_case;
  const DotPlan& plan;
  Function* function;
};

DotPlan makePlan(const DotCase& test_case) {
  DotShape shape = test_case.shape;
  if (test_case.dynamic) {
    shape.batch = shape.m = shape.n = shape.k = kDynamic;
    for (int64_t* stride :
         {&shape.a.row_stride, &shape.a.column_stride, &shape.b.row_stride, &shape.b.column_stride})
      if (!(test_case.fixed_unit && *stride == 1)) *stride = kDynamic;
  }
  DotPlan plan = planDot(shape, test_case.target);
  if (test_case.k_block) {
    plan.k_block = test_case.k_block;
    if (plan.k_block % (plan.group * plan.unroll) != 0) plan.unroll = 1;
  }
  return plan;
}

} // namespace

FencedBuffer::FencedBuffer(size_t bytes) : bytes_(bytes) {
  size_t page = size_t(sysconf(_SC_PAGESIZE));
  size_t body = (bytes + page - 1) / page * page;
  map_bytes_ = body + page;
  void* map = mmap(nullptr, map_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) throw std::runtime_error("mmap failed");
  map_ = static_cast<char*>(map);
  mprotect(map_ + body, page, PROT_NONE);
  data_ = map_ + body - bytes;
}

FencedBuffer::FencedBuffer(FencedBuffer&& other) noexcept
    : map_(std::exchange(other.map_, nullptr)), data_(other.data_), map_bytes_(other.map_bytes_),
      bytes_(other.bytes_) {}

FencedBuffer::~FencedBuffer() {
  if (map_) munmap(map_, map_bytes_);
}

struct DotKernel::Code {
  std::unique_ptr<orc::LLJIT> jit;
  Entry entry;
};

DotKernel::DotKernel(const DotCase& test_case)
    : case_(test_case), plan_(makePlan(test_case)), code_(new Code),
      a_(span(case_.shape.m, case_.shape.k, case_.shape.a, case_.shape.batch,
              case_.a_batch_stride) *
         storedBytes(case_.shape.element)),
      b_(span(case_.shape.k, case_.shape.n, case_.shape.b, case_.shape.batch,
              case_.b_batch_stride) *
         storedBytes(case_.shape.element)),
      bias_(case_.shape.n * plan_.sumBytes()) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  auto context = std::make_unique<LLVMContext>();
  auto module = std::make_unique<Module>("dot", *context);
  code_->jit = valueOr(orc::LLJITBuilder().create());
  module->setDataLayout(code_->jit->getDataLayout());
  Builder(*module, case_, plan_).emit();
  std::string message;
  raw_string_ostream stream(message);
  if (verifyModule(*module, &stream)) throw std::runtime_error(message);
  cantFail(code_->jit->addIRModule(orc::ThreadSafeModule(std::move(module), std::move(context))));
  code_->entry = valueOr(code_->jit->lookup("dot")).toPtr<Entry>();
  fill(a_, 1);
  fill(b_, 2);
  for (int64_t j = 0; j < case_.shape.n; ++j) {
    float f32 = float(j % 7) - 3;
    double f64 = f32;
    int64_t i64 = j % 7 - 3;
    int32_t i32 = int32_t(i64);
    const void* from = case_.shape.element == DotElement::i8    ? static_cast<const void*>(&i32)
                       : plan_.sumBytes() == 4                  ? static_cast<const void*>(&f32)
                       : case_.shape.element == DotElement::f64 ? static_cast<const void*>(&f64)
                                                                : &i64;
    std::memcpy(bias_.data() + j * plan_.sumBytes(), from, plan_.sumBytes());
  }
}

DotKernel::~DotKernel() = default;

void DotKernel::fill(FencedBuffer& buffer, uint64_t seed) {
  size_t bytes = storedBytes(case_.shape.element);
  uint64_t state = seed * 0x9E3779B97F4A7C15u;
  for (size_t i = 0; i < buffer.bytes() / bytes; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    double value = double(state >> 11) / double(uint64_t(1) << 53) - 0.5;
    char* to = buffer.data() + i * bytes;
    if (case_.shape.element == DotElement::f64) {
      std::memcpy(to, &value, 8);
    } else if (case_.shape.element == DotElement::i64) {
      std::memcpy(to, &state, 8); // full range: products wrap
    } else if (case_.shape.element == DotElement::i8) {
      *to = char(state >> 56);
    } else {
      float f32 = float(value);
      uint16_t half = case_.shape.element == DotElement::f16 ? interp::roundToF16(f32)
                                                             : interp::roundToBf16(f32);
      if (bytes == 4)
        std::memcpy(to, &f32, 4);
      else
        std::memcpy(to, &half, 2);
    }
  }
}

double DotKernel::element(const FencedBuffer& buffer, int64_t index) const {
  const char* from = buffer.data() + index * int64_t(storedBytes(case_.shape.element));
  if (case_.shape.element == DotElement::f64) {
    double value;
    std::memcpy(&value, from, 8);
    return value;
  }
  if (isHalf(case_.shape.element)) {
    uint16_t half;
    std::memcpy(&half, from, 2);
    return case_.shape.element == DotElement::f16 ? interp::extendF16(half)
                                                  : interp::extendBf16(half);
  }
  float value;
  std::memcpy(&value, from, 4);
  return value;
}

int64_t DotKernel::integer(const FencedBuffer& buffer, int64_t index) const {
  if (case_.shape.element == DotElement::i8) return static_cast<signed char>(buffer.data()[index]);
  int64_t value;
  std::memcpy(&value, buffer.data() + index * 8, 8);
  return value;
}

DotKernel::Result DotKernel::run(bool singly) const {
  const DotShape& s = case_.shape;
  size_t elements = size_t(s.batch * s.m * s.n);
  FencedBuffer c(elements * plan_.sumBytes()), d(elements * plan_.sumBytes());
  FencedBuffer visits(elements * 4), scratch(size_t(plan_.scratchBytes()));
  std::memset(scratch.data(), 0xFF, scratch.bytes());
  void* buffers[kBuffers] = {a_.data(), b_.data(), bias_.data(), c.data(), d.data(), visits.data()};
  int64_t sizes[kSizes] = {s.batch,
                           s.m,
                           s.n,
                           s.k,
                           s.a.row_stride,
                           s.a.column_stride,
                           s.b.row_stride,
                           s.b.column_stride,
                           case_.a_batch_stride,
                           case_.b_batch_stride};
  int64_t chunks = plan_.chunks(s.batch, s.m, s.n);
  int64_t half = (chunks + 1) / 2;
  if (singly) {
    for (int64_t chunk = chunks; chunk-- > 0;)
      code_->entry(buffers, sizes, scratch.data(), chunk, chunk + 1);
  } else {
    code_->entry(buffers, sizes, scratch.data(), 0, half);
    code_->entry(buffers, sizes, scratch.data(), half, chunks);
  }
  Result result;
  for (size_t i = 0; i < elements; ++i) {
    int32_t count;
    std::memcpy(&count, visits.data() + i * 4, 4);
    result.visits.push_back(count);
    if (s.element == DotElement::i64) {
      result.ci.push_back(integer(c, int64_t(i)));
      continue;
    }
    if (s.element == DotElement::i8) {
      int32_t sum;
      std::memcpy(&sum, c.data() + i * 4, 4);
      result.ci.push_back(sum);
      continue;
    }
    for (auto [from, to] : {std::pair{&c, &result.c}, std::pair{&d, &result.d}}) {
      float f32;
      double f64;
      std::memcpy(&f32, from->data() + i * 4, 4);
      if (plan_.sumBytes() == 8) std::memcpy(&f64, from->data() + i * 8, 8);
      to->push_back(plan_.sumBytes() == 4 ? f32 : f64);
    }
  }
  return result;
}

DotKernel::Result DotKernel::reference() const {
  const DotShape& s = case_.shape;
  Result result;
  auto add = [&](double x, double y, double sum) -> double {
    if (s.element == DotElement::f64) return plan_.target.fma ? std::fma(x, y, sum) : x * y + sum;
    return plan_.target.fma ? std::fma(float(x), float(y), float(sum))
                            : float(x) * float(y) + float(sum);
  };
  auto plus = [&](double x, double y) -> double {
    return plan_.sumBytes() == 8 ? x + y : float(x) + float(y);
  };
  // Adds the halves of a vector until one number is left, and clears it.
  auto total = [&](std::vector<double>& lanes) {
    for (size_t half = lanes.size() / 2; half > 0; half /= 2)
      for (size_t lane = 0; lane < half; ++lane)
        lanes[lane] = plus(lanes[lane], lanes[lane + half]);
    double first = lanes[0];
    std::fill(lanes.begin(), lanes.end(), 0);
    return first;
  };
  for (int64_t batch = 0; batch < s.batch; ++batch)
    for (int64_t i = 0; i < s.m; ++i)
      for (int64_t j = 0; j < s.n; ++j) {
        std::vector<double> chains(plan_.lanes_along_k ? size_t(plan_.lanes) : 1);
        double sum = 0;
        uint64_t integers = 0;
        for (int64_t step = 0; step < roundUp(s.k, plan_.group); ++step) {
          // Within a group the last step comes first.
          int64_t group = step / plan_.group * plan_.group;
          int64_t k = group + plan_.group - 1 - step % plan_.group;
          if (k >= s.k) continue;
          int64_t a = batch * case_.a_batch_stride + i * s.a.row_stride + k * s.a.column_stride;
          int64_t b = batch * case_.b_batch_stride + k * s.b.row_stride + j * s.b.column_stride;
          if (isInteger(s.element)) {
            integers += uint64_t(integer(a_, a)) * uint64_t(integer(b_, b));
            continue;
          }
          double& chain = chains[size_t(k % plan_.k_block) % chains.size()];
          chain = add(element(a_, a), element(b_, b), chain);
          if (plan_.lanes_along_k && (k + 1) % plan_.k_block == 0) sum = plus(sum, total(chains));
        }
        sum = plus(sum, total(chains));
        result.visits.push_back(1);
        if (isInteger(s.element)) {
          result.ci.push_back(int64_t(integers));
          continue;
        }
        result.c.push_back(sum);
        double bias = double(j % 7) - 3;
        result.d.push_back(plan_.sumBytes() == 4 ? float(sum) * 2.0f + float(bias)
                                                 : sum * 2.0 + bias);
      }
  return result;
}

} // namespace weft::cpu::test
