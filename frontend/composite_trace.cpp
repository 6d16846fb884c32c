// The function runs as it does for a user; the ops that it calls reach a session that applies their
// shape rules and writes them down.
#include "frontend/composite_trace.h"

#include "runtime/composite/outputs.h"
#include "runtime/core/call.h"

#include <algorithm>
#include <type_traits>

namespace weft {

namespace {

[[noreturn]] void refuse(const std::string& composite, const std::string& message) {
  throw Error(ErrorKind::unsupported, composite + ": " + message);
}

class Recorder final : public RegionSession {
public:
  explicit Recorder(const std::string& composite)
      : composite_(composite), outer_(std::exchange(current_session, this)) {}
  ~Recorder() override { current_session = outer_; }

  Tensor leaf(const Meta& meta) {
    Tensor t = make(meta, nullptr, 0);
    trace.segment.leaves.push_back(t.impl()->slot);
    trace.segment.values.back().is_leaf = true;
    return t;
  }

  TensorImpl* op(const OpCall& call) override {
    if (call.in_place) refuse(composite_, "the function must not write into tensors");
    Segment& s = trace.segment;
    SegmentOp op;
    op.op = info(call.op).name;
    auto number = static_cast<int32_t>(s.scalars.size());
    for (const Scalar& value : call.scalars) {
      s.scalars.push_back(value.kind);
      trace.numbers.push_back(value);
    }
    for (TensorImpl* t : call.operands) {
      if (t && t->session != this)
        refuse(composite_, "the function must compute with its arguments alone");
      op.operands.push_back(t ? t->slot : -1 - number++);
    }
    while (number < static_cast<int32_t>(s.scalars.size()))
      op.scalar_attributes.push_back(number++);
    op.structure.assign(call.structure.begin(), call.structure.end());
    op.sizes.assign(call.sizes.begin(), call.sizes.end());
    op.first_size = sizes_;
    sizes_ += static_cast<int32_t>(op.sizes.size());
    Meta meta;
    int64_t offset = 0;
    info(call.op).infer(call, meta, offset);
    bool is_view = info(call.op).kind == OpKind::view;
    Tensor result = make(meta, is_view ? call.operands[0] : nullptr, offset);
    op.result = result.impl()->slot;
    s.ops.push_back(std::move(op));
    return result.detach_handle();
  }
  void flush(const char*, const Loc&) override {
    refuse(composite_, "the function must not read values");
  }
  void died(TensorImpl*) noexcept override {}
  void on_failure(std::function<void()>) override {}

  CompositeTrace trace;

private:
  // A tensor without data; a view shares the storage of `shown`.
  Tensor make(const Meta& meta, TensorImpl* shown, int64_t offset) {
    TensorImpl* t = TensorImpl::make();
    Tensor handle = Tensor::adopt(t);
    auto number = static_cast<int32_t>(trace.segment.values.size());
    t->meta = meta;
    t->meta.requires_grad = 0;
    t->session = this;
    t->slot = number;
    t->is_view = shown;
    t->offset = offset;
    if (shown) shown->storage->retain();
    t->storage = shown ? shown->storage : Storage::make();
    t->storage->device = meta.device;
    SegmentValue value;
    value.meta = t->meta;
    value.base = shown ? trace.segment.values[static_cast<size_t>(shown->slot)].base : number;
    trace.segment.values.push_back(value);
    return handle;
  }

  const std::string& composite_;
  RegionSession* outer_;
  int32_t sizes_ = 0;
};

/// The arguments as weft/gen/api_by_name.inc fetches them: by the parameter's name.
class Call {
public:
  Call(const CompositeCall& call, Recorder& recorder) : call_(call) {
    for (const auto& [name, value] : call.arguments)
      if (const Meta* meta = std::get_if<Meta>(&value))
        tensors_.emplace_back(name, recorder.leaf(*meta));
  }

  Arg operand(size_t, const char* name) const { return Arg(tensor(name)); }
  template <class T> T get(size_t, const char* name) const {
    if constexpr (std::is_same_v<T, Tensor>) {
      return tensor(name);
    } else if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, double>) {
      return as<T>(name);
    } else if constexpr (std::is_same_v<T, Shape>) {
      return Shape(as<std::vector<int64_t>>(name));
    } else if constexpr (std::is_same_v<T, Reduce>) {
      const auto& word = as<std::string>(name);
      if (word != "none" && word != "sum" && word != "mean")
        refuse(call_.name, std::string(name) + " must be none, sum or mean, got " + word);
      return word == "none" ? Reduce::none : word == "sum" ? Reduce::sum : Reduce::mean;
    } else {
      refuse(call_.name, std::string(name) + " must be of a kind that the dialect has");
    }
  }
  template <class T> T get(size_t position, const char* name, T fallback) const {
    for (const auto& argument : call_.arguments)
      if (argument.first == name) return get<T>(position, name);
    return fallback;
  }

private:
  Tensor tensor(const char* name) const {
    for (const auto& [own, t] : tensors_)
      if (own == name) return t;
    refuse(call_.name, std::string(name) + " must be given");
  }
  template <class T> const T& as(const char* name) const {
    for (const auto& [own, value] : call_.arguments)
      if (const T* found = own == name ? std::get_if<T>(&value) : nullptr) return *found;
    refuse(call_.name, std::string(name) + " must be given");
  }

  const CompositeCall& call_;
  std::vector<std::pair<std::string, Tensor>> tensors_;
};

struct Row {
  const char *name, *returns, *shapes, *dtypes;
  std::vector<Tensor> (*call)(const Call&);
};
const Row kRows[] = {
#include "weft/gen/api_by_name.inc"
};

} // namespace

CompositeTrace trace_composite(const CompositeCall& call) {
  auto row = std::find_if(std::begin(kRows), std::end(kRows),
                          [&](const Row& r) { return call.name == r.name; });
  if (row == std::end(kRows)) refuse(call.name, "there must be a function of that name");
  NoGrad no_grad; // gradients are taken of what the ops are replaced by
  Recorder recorder(call.name);
  {
    std::vector<Tensor> results = row->call(Call(call, recorder));
    if (results.size() != 1) refuse(call.name, "the function must return one tensor");
    Tensor result = std::move(results[0]);
    if (result.impl()->session != &recorder)
      refuse(call.name, "the function must return what it computed");
    // The segment gives back storages, so what only shows one is computed once more.
    const auto number = static_cast<size_t>(result.impl()->slot);
    const SegmentValue& value = recorder.trace.segment.values[number];
    if (value.is_leaf || value.base != result.impl()->slot) {
      const int64_t structure[] = {static_cast<int64_t>(value.meta.dtype)};
      Arg shown(result);
      result = primitive(Op::cast, {&shown}, {}, structure, {}, shown.loc());
    }
    recorder.trace.segment.outputs = {result.impl()->slot};
  }
  return std::move(recorder.trace);
}

} // namespace weft
