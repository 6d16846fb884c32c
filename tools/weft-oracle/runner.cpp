#include "tools/weft-oracle/runner.h"

#include "runtime/core/tensor_impl.h"
#include "tools/common/npy.h"
#include "weft/compile.h"

#include <functional>

namespace weft::tools {

namespace {

constexpr int kCompiledCalls =
    3; // the first records, the second compiles and follows, the third only follows

/// Names of the oracle's library where ours differ.
const std::map<std::string, std::string> kOtherNames = {{"torch.cat", "concatenate"},
                                                        {"torch.broadcast_to", "expand"}};

/// A view of a one-dimensional base with the strides of the case.
Tensor strided(const Tensor& base, const std::vector<int64_t>& shape,
               const std::vector<int64_t>& strides, int64_t offset) {
  TensorImpl* t = TensorImpl::make();
  Tensor view = Tensor::adopt(t);
  t->storage = base.impl()->storage;
  t->storage->retain();
  t->offset = offset;
  t->meta = make_meta(Shape(shape), base.dtype(), base.device());
  std::copy(strides.begin(), strides.end(), t->meta.strides);
  t->meta.finish_strided();
  return view;
}

std::string own_name(const Json& c) {
  std::string call = c.at("call");
  auto it = kOtherNames.find(call);
  if (it != kOtherNames.end()) return it->second;
  return call.substr(call.rfind('.') + 1);
}

/// x[slices, indices]: each entry is a slice, a position or null for a new dim.
Tensor index(const Tensor& x, const Json& entries) {
  Tensor r = x;
  int64_t dim = 0;
  for (const Json& e : entries.is_array() ? entries : Json::array({entries})) {
    if (e.is_number_integer()) {
      r = select(r, dim, e.get<int64_t>());
    } else if (e.is_null()) {
      r = unsqueeze(r, dim++);
    } else if (e.is_object() && e.contains("slice")) {
      const Json& s = e["slice"];
      int64_t step = s[2].is_null() ? 1 : s[2].get<int64_t>();
      r = slice(r, dim++, s[0].is_null() ? 0 : s[0].get<int64_t>(),
                s[1].is_null() ? std::numeric_limits<int64_t>::max() : s[1].get<int64_t>(), step);
    } else {
      throw Unsupported("index " + e.dump());
    }
  }
  return r;
}

Tensor call_case(const Json& c, const std::vector<Tensor>& inputs) {
  std::string name = own_name(c);
  const Json &args = c.at("args"), &kwargs = c.at("kwargs");
  if (name == "__getitem__") return index(inputs.at(args.at(0).at("t").get<size_t>()), args.at(1));
  if (name == "to") name = "cast";
  if (name == "clone" && args.size() == 1) return inputs.at(0).clone();
  if (name == "permute" && args.size() > 2) throw Unsupported("permute with dims spelt out");
  return call_op(name, args, kwargs, inputs);
}

/// A step of a program: its own names over ours.
Tensor call_step(const std::string& op, const std::vector<Tensor>& in, const Json& args) {
  auto integer = [&](size_t k) { return args.at(k).get<int64_t>(); };
  if (op == "slice")
    return slice(in[0], integer(0), args[1].is_null() ? 0 : integer(1),
                 args[2].is_null() ? std::numeric_limits<int64_t>::max() : integer(2), integer(3));
  if (op == "t") return transpose(in[0], 0, 1);
  if (op == "contiguous") return in[0].contiguous();
  if (op == "clone") return in[0].clone();
  if (op == "float32") return in[0].to(f32);
  if (op == "copy_") return in[0].copy_(in[1]);
  if (op == "zero_") return in[0].zero_();
  if (op == "mean_keep") return mean(in[0], integer(0), true);
  if (op == "amax_keep") return amax(in[0], integer(0), true);
  if (op == "sum_all") return sum(in[0]);
  if (op == "sum_i" || op == "sum") return sum(in[0], integer(0));
  if (op == "gt0") return gt(in[0], 0.0);
  Json all = Json::array();
  for (size_t k = 0; k < in.size(); k++)
    all.push_back({{"t", k}});
  bool is_list = op == "reshape" || op == "expand" || op == "permute";
  if (is_list)
    all.push_back(args);
  else
    for (const Json& a : args)
      all.push_back(a);
  return call_op(op, all, Json::object(), in);
}

} // namespace

Tensor Runner::load(const Json& t) const {
  DType dtype = to_dtype(t.at("dtype"));
  if (!t.contains("base_npy"))
    return read_npy(root + "/" + t.at("npy").get<std::string>()).to(device);
  Tensor base = read_npy(root + "/" + t["base_npy"].get<std::string>());
  if (base.dtype() != dtype) throw Unsupported("a base of another dtype");
  return strided(base.to(device), t.at("shape"), t.at("strides"), t.at("offset"));
}

void Runner::run_case(const Json& c) const {
  std::vector<Tensor> inputs;
  for (const Json& t : c.at("inputs"))
    inputs.push_back(load(t));
  // A call that must be refused has none.
  const Json outputs = c.value("outputs", Json::array());
  for (const Json& t : outputs)
    to_dtype(t.at("dtype"));
  const Json gradients = c.value("grad_inputs", Json::array());
  for (size_t k = 0; k < gradients.size(); k++)
    if (!gradients[k].is_null()) inputs.at(k).requires_grad_();
  Tensor seed;
  if (c.contains("grad_outputs") && !c["grad_outputs"].empty() && !c["grad_outputs"][0].is_null())
    seed = load(c["grad_outputs"][0]);
  auto body = [&] {
    for (const Tensor& x : inputs)
      x.set_grad({});
    Tensor y = call_case(c, inputs);
    if (seed.defined()) y.backward(seed);
    return y;
  };
  if (outputs.size() > 1) throw Unsupported("several outputs");
  Tensor y;
  if (is_compiled) {
    auto compiled = compile(body);
    for (int k = 0; k < kCompiledCalls; k++)
      y = compiled();
  } else {
    y = body();
  }
  write_npy(out + "/out_0.npy", y);
  for (size_t k = 0; k < gradients.size(); k++)
    if (!gradients[k].is_null()) {
      Tensor g = inputs[k].grad();
      write_npy(out + "/grad_" + std::to_string(k) + ".npy",
                g.defined() ? g : zeros(inputs[k].shape(), inputs[k].dtype()));
    }
}

void Runner::run_program(const Json& c) const {
  std::map<std::string, Tensor> variables;
  auto body = [&] {
    for (const Json& step : c.at("steps")) {
      std::vector<Tensor> in;
      for (const Json& name : step.at("in"))
        in.push_back(variables.at(name.get<std::string>()));
      Tensor result = call_step(step.at("op"), in, step.at("args"));
      if (step.contains("out")) variables[step["out"]] = result;
    }
  };
  auto start = [&] {
    variables.clear();
    for (const auto& [name, t] : c.at("vars").items())
      variables[name] = load(t);
  };
  if (is_compiled) {
    auto compiled = compile(body);
    for (int k = 0; k < kCompiledCalls; k++) {
      start();
      compiled();
    }
  } else {
    start();
    body();
  }
  for (const auto& [name, t] : variables)
    write_npy(out + "/" + name + ".npy", t);
}

} // namespace weft::tools
