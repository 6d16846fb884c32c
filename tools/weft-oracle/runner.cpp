#include "tools/weft-oracle/runner.h"

#include "runtime/core/tensor_impl.h"
#include "tools/weft-oracle/adapt.h"
#include "weft/autograd.h"
#include "weft/compile.h"
#include "weft/io.h"

#include <algorithm>
#include <functional>
#include <set>

namespace weft::tools {

namespace {

constexpr int kCompiledCalls =
    3; // the first records, the second compiles and follows, the third only follows

constexpr int kPureCalls =
    5; // as above; the fourth still runs the body, for its arguments are other objects

constexpr NpyOptions kNpy{.bf16_as_uint16 = true}; // as the oracle's library writes it

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

/// x[entries]: each is a slice, a position, a bool, a tensor or null for a new dim.
std::vector<Index> to_indices(const Json& entries, const std::vector<Tensor>& inputs) {
  auto end = [](const Json& e) {
    return e.is_null() ? std::optional<int64_t>() : e.get<int64_t>();
  };
  std::vector<Index> list;
  for (const Json& e : entries.is_array() ? entries : Json::array({entries})) {
    if (e.is_number_integer())
      list.push_back(e.get<int64_t>());
    else if (e.is_boolean())
      list.push_back(e.get<bool>());
    else if (e.is_null())
      list.push_back(newaxis);
    else if (e.is_string() && (e == "..." || e == "Ellipsis"))
      list.push_back(ellipsis);
    else if (e.is_object() && e.contains("t"))
      list.push_back(inputs.at(e["t"].get<size_t>()));
    else if (e.is_object() && e.contains("slice"))
      list.push_back(Slice(end(e["slice"][0]), end(e["slice"][1]), end(e["slice"][2])));
    else
      throw Unsupported("index " + e.dump());
  }
  return list;
}

/// torch.svd, which gives v in the place of its transpose.
std::vector<Tensor> call_older_svd(const Json& c, const std::vector<Tensor>& inputs) {
  Json kwargs = c.at("kwargs");
  const std::optional<Json> some = taken(kwargs, "some");
  kwargs["full_matrices"] = some && !some->get<bool>();
  std::vector<Tensor> results = call_op("svd", c.at("args"), kwargs, inputs);
  results.at(2) = transpose(results[2], -2, -1);
  return results;
}

/// torch.vander, whose powers descend unless it is told otherwise, and which may have none or one.
std::vector<Tensor> call_older_vander(const Json& c, const std::vector<Tensor>& inputs) {
  Json args = c.at("args"), kwargs = c.at("kwargs");
  for (const char* key : {"x", "N", "increasing"})
    if (auto given = taken(kwargs, key)) args.push_back(*given);
  const bool has_count = args.size() > 1 && args[1].is_number_integer();
  const Json order = args.empty() ? Json() : args.back();
  const Tensor& x = inputs.at(args.at(0).at("t").get<size_t>());
  const int64_t powers = has_count ? args[1].get<int64_t>() : x.numel();
  if (powers < 0 || x.rank() != 1)
    throw Error(ErrorKind::value, "vander: x must have one dim, and N not be negative");
  Tensor result = slice(vander(x, std::max<int64_t>(powers, 2)), -1, 0, powers);
  return {order.is_boolean() && order.get<bool>() ? result : flip(result, {-1})};
}

/// torch.lu_solve, where the right side stands first.
std::vector<Tensor> call_older_lu_solve(const Json& c, const std::vector<Tensor>& inputs) {
  const Json& args = c.at("args");
  if (args.size() != 3) throw Unsupported("lu_solve of " + args.dump());
  return call_op("lu_solve", {args[1], args[2], args[0]}, c.at("kwargs"), inputs);
}

/// A number for each element of index, where scatter reduces one.
std::vector<Tensor> scatter_number(Json args, Json kwargs, std::vector<Tensor> inputs) {
  const Json number = args.size() > 3 ? args[3] : *taken(kwargs, "value");
  const Json index = args.size() > 2 ? args[2] : kwargs.at("index");
  const Tensor &x = inputs.at(0), &at = inputs.at(index.at("t").get<size_t>());
  Tensor source = full(at.shape(), to_number(number), x.dtype());
  const Json place = {{"t", inputs.size()}};
  if (args.size() > 3)
    args[3] = place;
  else
    kwargs["src"] = place;
  inputs.push_back(source);
  return call_op("scatter_reduce", args, kwargs, inputs);
}

/// Positions in an order that a sorter gives, perhaps as i32.
std::vector<Tensor> call_search(const std::string& name, Json args, Json kwargs,
                                std::vector<Tensor> inputs) {
  const std::optional<Json> narrow = taken(kwargs, "out_int32"), sorter = taken(kwargs, "sorter");
  if (sorter && !sorter->is_null()) {
    const Json sequence = args.empty() ? *taken(kwargs, "sorted_sequence") : args[0];
    const Tensor& order = inputs.at(sorter->at("t").get<size_t>());
    const Json place = {{"t", inputs.size()}};
    if (args.empty())
      kwargs["sorted_sequence"] = place;
    else
      args[0] = place;
    inputs.push_back(take_along_dim(inputs.at(sequence.at("t").get<size_t>()), order, -1));
  }
  std::vector<Tensor> results = call_op(name, args, kwargs, inputs);
  if (narrow && *narrow == true) results.at(0) = results[0].to(i32);
  return results;
}

std::vector<Tensor> call_case(const Json& c, const std::vector<Tensor>& inputs) {
  std::string name = own_name(c);
  const std::string call = c.at("call");
  Json args = c.at("args"), kwargs = c.at("kwargs");
  if (name == "svd" && call != "torch.linalg.svd") return call_older_svd(c, inputs);
  if (name == "vander" && call != "torch.linalg.vander") return call_older_vander(c, inputs);
  if (name == "lu_solve" && call != "torch.linalg.lu_solve") return call_older_lu_solve(c, inputs);
  if (call.starts_with("torch.Tensor.") && args.size() == 1)
    if (auto dtype = converts_to(name))
      return {inputs.at(args[0].at("t").get<size_t>()).to(*dtype)};
  adapt(call, name, args, kwargs, inputs);
  if (auto as_tuple = taken(kwargs, "as_tuple"); as_tuple && as_tuple->get<bool>()) {
    const Tensor at = call_op(name, args, kwargs, inputs).at(0);
    if (at.size(1) == 0) return {arange(at.size(0), i64)}; // of one number: as of a list
    return unbind(at, 1);
  }
  const Json source = args.size() > 3 ? args[3] : kwargs.value("value", Json());
  if (name == "scatter_reduce" && source.is_number()) return scatter_number(args, kwargs, inputs);
  if (name == "searchsorted" || name == "bucketize") return call_search(name, args, kwargs, inputs);
  const Json dims = args.size() > 1 ? args[1] : kwargs.value("dim", Json());
  if (name == "squeeze" && dims.is_array() && dims.empty())
    return {inputs.at(args.at(0).at("t").get<size_t>())};
  if (auto flag = kwargs.find("return_indices");
      flag != kwargs.end()) { // a function of its own here
    if (flag->get<bool>()) name += "_with_indices";
    kwargs.erase(flag);
  }
  if (name == "__getitem__")
    return {inputs.at(args.at(0).at("t").get<size_t>()).index(to_indices(args.at(1), inputs))};
  return call_op(name, args, kwargs, inputs);
}

Scalar number(const Json& value) {
  return value.is_number_integer() ? Scalar(value.get<int64_t>()) : Scalar(to_number(value));
}

/// Ops along a dim that a tensor follows: their dim is no last argument.
bool is_by_position(const std::string& op) {
  return op.starts_with("index_") || op.starts_with("scatter") || op == "gather";
}

/// A step of a program: its own names over ours.
Tensor call_step(const std::string& op, const std::vector<Tensor>& in, const Json& args) {
  auto integer = [&](size_t k) { return args.at(k).get<int64_t>(); };
  if (op == "slice")
    return slice(in[0], integer(0), args[1].is_null() ? 0 : integer(1),
                 args[2].is_null() ? std::numeric_limits<int64_t>::max() : integer(2), integer(3));
  if (auto dtype = converts_to(op)) return in[0].to(*dtype);
  if (op == "zero_") return in[0].zero_();
  if (op == "fill_") return in.size() > 1 ? in[0].copy_(in[1]) : in[0].fill_(number(args.at(0)));
  if (op == "detach") return in[0].detach();
  if (op == "index") return in[0].index({in.begin() + 1, in.end()});
  if (op == "index_put_") return in[0].index_put_({in[1]}, in[2]);
  if (op == "sum_all") return sum(in[0]);
  Json all = Json::array(), kwargs = Json::object();
  for (size_t k = 0; k < in.size(); k++)
    all.push_back({{"t", k}});
  if (op == "cat" || op == "concat" || op == "stack") all = Json::array({all});
  if (op == "einsum") return einsum(args.at(0).get<std::string>(), in);
  std::string name = own_step_name(op);
  if (op.ends_with("_keep")) kwargs["keepdim"] = true;
  static const std::set<std::string> takes_list = {"reshape", "expand",       "permute", "view",
                                                   "repeat",  "broadcast_to", "tile"};
  if (is_by_position(op) && !args.empty()) { // the dim stands behind the first tensor
    all.insert(all.begin() + 1, args[0]);
    all.insert(all.end(), args.begin() + 1, args.end());
  } else if (takes_list.contains(op)) {
    all.push_back(args.size() == 1 && args[0].is_array() ? args[0] : args);
  } else {
    all.insert(all.end(), args.begin(), args.end());
  }
  if (const std::string& compared = op; compared.size() == 3 && compared.ends_with('0'))
    all.push_back(0.0); // gt0, eq0, ...
  return call_op(name, all, kwargs, in).at(0);
}

} // namespace

Tensor Runner::load(const Json& t) const {
  DType dtype = to_dtype(t.at("dtype"));
  if (!t.contains("base_npy"))
    return load_npy(root + "/" + t.at("npy").get<std::string>(), kNpy).to(device);
  Tensor base = load_npy(root + "/" + t["base_npy"].get<std::string>(), kNpy);
  if (base.dtype() != dtype) throw Unsupported("a base of another dtype");
  return strided(base.to(device), t.at("shape"), t.at("strides"), t.at("offset"));
}

std::vector<Tensor> Runner::load_inputs(const Json& c) const {
  std::vector<Tensor> inputs;
  for (const Json& t : c.at("inputs"))
    inputs.push_back(load(t));
  const Json wanted = c.value("grad_inputs", Json::array());
  for (size_t k = 0; k < wanted.size(); k++)
    if (!wanted[k].is_null()) inputs.at(k).requires_grad_();
  return inputs;
}

std::vector<Tensor> Runner::load_seeds(const Json& c) const {
  const Json wanted = c.value("grad_inputs", Json::array());
  std::vector<Tensor> seeds;
  if (std::any_of(wanted.begin(), wanted.end(), [](const Json& g) { return !g.is_null(); }))
    for (const Json& t : c.value("grad_outputs", Json::array()))
      seeds.push_back(t.is_null() ? Tensor() : load(t));
  return seeds;
}

namespace {

/// What a case asks for: results, and for each input its gradient, undefined where none is wanted
/// or nothing depends on it.
using Answer = std::pair<std::vector<Tensor>, std::vector<Tensor>>;

/// Answers as a training step would: by a backward pass into the inputs' grad().
Answer answer_by_backward(const Json& c, const std::vector<Tensor>& inputs,
                          const std::vector<Tensor>& seeds) {
  for (const Tensor& x : inputs)
    x.set_grad({});
  std::vector<Tensor> results = call_case(c, inputs);
  // Gradients of several results are those of one sum.
  Tensor total;
  for (size_t k = 0; k < seeds.size() && k < results.size(); k++)
    if (seeds[k].defined()) {
      Tensor part = sum(results[k] * seeds[k]);
      total = total.defined() ? total + part : part;
    }
  // A result that depends on no input has no gradient.
  if (seeds.size() == 1 && seeds[0].defined() && results.at(0).requires_grad())
    results[0].backward(seeds[0]);
  else if (seeds.size() > 1 && total.defined() && total.requires_grad())
    total.backward();
  std::vector<Tensor> gradients;
  for (const Tensor& x : inputs)
    gradients.push_back(x.requires_grad() ? x.grad() : Tensor());
  return {results, gradients};
}

/// Answers as a function without effects would.
Answer answer_purely(const Json& c, const std::vector<Tensor>& inputs,
                     const std::vector<Tensor>& seeds) {
  if (seeds.empty()) {
    NoGrad no_grad;
    return {call_case(c, inputs), std::vector<Tensor>(inputs.size())};
  }
  Answer answer{call_case(c, inputs), std::vector<Tensor>(inputs.size())};
  std::vector<Tensor> outputs, weights, wanted;
  std::vector<size_t> positions;
  for (size_t k = 0; k < seeds.size() && k < answer.first.size(); k++)
    if (seeds[k].defined()) outputs.push_back(answer.first[k]), weights.push_back(seeds[k]);
  for (size_t k = 0; k < inputs.size(); k++)
    if (inputs[k].requires_grad()) wanted.push_back(inputs[k]), positions.push_back(k);
  std::vector<Tensor> gradients = grad(outputs, wanted, weights, {.allow_unused = true});
  for (size_t k = 0; k < positions.size(); k++)
    answer.second[positions[k]] = gradients[k];
  NoGrad no_grad;
  for (Tensor& t : answer.first)
    t = t.detach();
  return answer;
}

} // namespace

void Runner::run_case(const Json& c) const {
  // A call that must be refused has none.
  const Json outputs = c.value("outputs", Json::array());
  for (const Json& t : outputs)
    to_dtype(t.at("dtype"));
  const std::vector<Tensor> seeds = load_seeds(c);
  std::vector<Tensor> inputs = load_inputs(c);
  Answer answer;
  if (is_pure) {
    auto compiled =
        compile([&c](const std::vector<Tensor>& in,
                     const std::vector<Tensor>& weights) { return answer_purely(c, in, weights); },
                {.pure = true});
    for (int k = 0; k < kPureCalls; k++) // in tensors of their own each time
      answer = compiled(load_inputs(c), load_seeds(c));
  } else if (is_compiled) {
    auto compiled = compile([&] { return answer_by_backward(c, inputs, seeds); });
    for (int k = 0; k < kCompiledCalls; k++)
      answer = compiled();
  } else {
    answer = answer_by_backward(c, inputs, seeds);
  }
  const auto& [results, gradients] = answer;
  if (!outputs.empty() && results.size() != outputs.size())
    throw Unsupported("another number of results");
  for (size_t k = 0; k < results.size(); k++)
    save_npy(out + "/out_" + std::to_string(k) + ".npy", results[k], kNpy);
  for (size_t k = 0; k < inputs.size(); k++)
    if (inputs[k].requires_grad())
      save_npy(out + "/grad_" + std::to_string(k) + ".npy",
               gradients[k].defined() ? gradients[k] : zeros(inputs[k].shape(), inputs[k].dtype()),
               kNpy);
}

namespace {

void run_steps(const Json& steps, std::map<std::string, Tensor>& variables) {
  for (const Json& step : steps) {
    std::vector<Tensor> in;
    for (const Json& name : step.at("in"))
      in.push_back(variables.at(name.get<std::string>()));
    Tensor result = call_step(step.at("op"), in, step.at("args"));
    if (step.contains("out")) variables[step["out"]] = result;
  }
}

} // namespace

void Runner::run_program(const Json& c) const {
  std::map<std::string, Tensor> variables;
  auto start = [&] {
    variables.clear();
    for (const auto& [name, t] : c.at("vars").items())
      variables[name] = load(t);
  };
  auto body = [&] { run_steps(c.at("steps"), variables); };
  if (is_pure) {
    std::vector<std::string> names; // of the variables in the end
    auto compiled = compile(
        [&](const std::vector<Tensor>& given) {
          NoGrad no_grad;
          std::map<std::string, Tensor> mine;
          size_t next = 0;
          for (const auto& [name, t] : c.at("vars").items())
            mine[name] = given[next++];
          run_steps(c.at("steps"), mine);
          names.clear();
          std::vector<Tensor> all;
          for (const auto& [name, t] : mine)
            names.push_back(name), all.push_back(t);
          return all;
        },
        {.pure = true});
    std::vector<Tensor> all;
    for (int k = 0; k < kPureCalls; k++) {
      start();
      std::vector<Tensor> given;
      for (const auto& [name, t] : c.at("vars").items())
        given.push_back(variables[name]);
      all = compiled(given);
    }
    for (size_t k = 0; k < names.size(); k++)
      variables[names[k]] = all[k];
  } else if (is_compiled) {
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
    save_npy(out + "/" + name + ".npy", t, kNpy);
}

} // namespace weft::tools
