#include "tools/weft-oracle/adapt.h"

#include <map>

namespace weft::tools {

namespace {

/// Calls and ops of the oracle's library where our names differ.
const std::map<std::string, std::string> kOtherNames = {
    {"max_dim", "max_with_indices"},
    {"min_dim", "min_with_indices"},
#include "weft/gen/pytorch_names.inc"
};

bool is_tensor(const Json& argument) { return argument.is_object() && argument.contains("t"); }

/// Refuses flags that an op does not take, and names the op in place for inplace=True.
void adapt_flags(std::string& name, Json& kwargs) {
  if (const Json reduction = kwargs.value("reduction", Json()); reduction.is_string()) {
    const std::string word = reduction;
    if (word != "none" && word != "mean" && word != "sum" && word != "batchmean")
      throw Error(ErrorKind::value, name + ": there is no reduction " + word);
  }
  const std::string mode = name == "interpolate" ? kwargs.value("mode", "nearest") : "linear";
  const bool has_corners = mode.ends_with("linear") || mode == "bicubic";
  if (!has_corners && !kwargs.value("align_corners", Json()).is_null())
    throw Error(ErrorKind::value, "interpolate: align_corners is not for the mode " + mode);
  for (const char* key :
       {"sparse_grad", "sparse", "scale_grad_by_freq", "antialias", "recompute_scale_factor"})
    if (auto flag = kwargs.find(key); flag != kwargs.end() && *flag == false) kwargs.erase(flag);
  if (auto inplace = taken(kwargs, "inplace"); inplace && *inplace == true) name += "_";
}

/// Calls with tensors or flags by position that are other calls here.
void adapt_positions(std::string& name, Json& args, Json& kwargs) {
  const bool is_extreme = name.starts_with("max_with") || name.starts_with("min_with") ||
                          name == "max" || name == "min";
  if (is_extreme && (kwargs.contains("other") || (args.size() == 2 && is_tensor(args[1]))))
    name = name.starts_with("max") ? "maximum" : "minimum";
  const bool is_spread = name == "std" || name == "var" || name == "std_mean" || name == "var_mean";
  if (is_spread && args.size() > 1 && args.back().is_boolean()) { // x, [dim,] unbiased [, keepdim]
    if (args.size() == 4) kwargs["keepdim"] = args[3];
    const size_t at = args.size() == 2 ? 1 : 2;
    kwargs["correction"] = args[at] == true ? 1 : 0;
    args.erase(args.begin() + static_cast<long>(at), args.end());
  }
  if (name.starts_with("max_pool") && args.size() == 7) {
    kwargs["return_indices"] = args[6];
    args.erase(6);
  }
  if (name == "tensordot" && args.size() == 3 && args[2].is_array()) {
    kwargs["dims"] = args[2];
    args.erase(2);
  }
  if (name == "where")
    for (auto [given, own] : {std::pair("input", "a"), {"other", "b"}})
      if (auto branch = taken(kwargs, given)) kwargs[own] = *branch;
  if (name == "meshgrid" && !args.empty() && is_tensor(args[0])) args = Json::array({args});
}

/// Forms that dims choose: max over one gives indices too, any over an empty list folds nothing.
void adapt_dims(std::string& name, Json& args, Json& kwargs) {
  const bool has_dim = kwargs.contains("dim") || (args.size() > 1 && args[1].is_number_integer());
  if ((name == "max" || name == "min") && has_dim) name += "_with_indices";
  const Json dims = args.size() > 1 ? args[1] : kwargs.value("dim", Json());
  if ((name == "any" || name == "all") && dims.is_array() && dims.empty()) {
    if (args.size() > 1) args.erase(args.begin() + 1, args.end());
    kwargs.erase("dim"), kwargs.erase("keepdim");
    args.push_back(0);
    name = "ne";
  }
}

/// torch.linalg.norm: of matrices over two dims, of vectors over one or without an order. An order
/// alone is of one vector or one matrix.
void adapt_norm(std::string& name, Json& args, Json& kwargs, const std::vector<Tensor>& inputs) {
  for (const char* key : {"A", "input"})
    if (auto x = taken(kwargs, key)) args.push_back(*x);
  if (args.empty()) throw Unsupported("norm of nothing");
  const char* names[] = {"A", "ord", "dim", "keepdim"};
  for (size_t k = 1; k < args.size(); k++)
    kwargs[names[k]] = args[k];
  args.erase(args.begin() + 1, args.end());
  const Json order = kwargs.value("ord", Json());
  Json dims = kwargs.value("dim", Json());
  if (dims.is_number()) dims = Json::array({dims});
  const int rank = inputs.at(args.at(0).at("t").get<size_t>()).rank();
  if (dims.is_null() && !order.is_null()) {
    if (rank != 1 && rank != 2)
      throw Error(ErrorKind::shape, "norm: without dim there must be one vector or one matrix");
    dims = rank == 1 ? Json::array({0}) : Json::array({0, 1});
  }
  if (!dims.is_null() && dims.size() > 2)
    throw Error(ErrorKind::value, "norm: dim must be one dim or two, got " + dims.dump());
  kwargs["dim"] = dims;
  const bool is_matrix = order.is_string() || (!order.is_null() && dims.size() == 2);
  name = is_matrix ? "matrix_norm" : "vector_norm";
}

} // namespace

std::string own_name(const Json& c) {
  const std::string call = c.at("call"), method = "torch.Tensor.";
  // A function's other name is its method's as well.
  const std::string function =
      call.starts_with(method) ? "torch." + call.substr(method.size()) : call;
  for (const std::string& name : {call, function, c.at("op").get<std::string>()})
    if (auto it = kOtherNames.find(name); it != kOtherNames.end()) return it->second;
  return call.substr(call.rfind('.') + 1);
}

std::string own_step_name(const std::string& op) {
  std::string name = op;
  for (const char* suffix : {"_keep", "_i", "0"})
    if (name.ends_with(suffix) && name.size() > std::string_view(suffix).size() + 1 &&
        !(suffix == std::string_view("0") && name.size() != 3))
      name.resize(name.size() - std::string_view(suffix).size());
  if (op.ends_with("_keep") && (name == "max" || name == "min")) return "a" + name;
  auto found = kOtherNames.find("torch." + name);
  return found == kOtherNames.end() ? name : found->second;
}

std::optional<Json> taken(Json& kwargs, const char* key) {
  auto found = kwargs.find(key);
  if (found == kwargs.end()) return std::nullopt;
  Json value = *found;
  kwargs.erase(found);
  return value;
}

std::optional<DType> converts_to(const std::string& name) {
  static const std::map<std::string, DType> dtypes = {
      {"float", f32},   {"float32", f32}, {"double", f64},    {"float64", f64}, {"half", f16},
      {"float16", f16}, {"f16", f16},     {"bfloat16", bf16}, {"long", i64},    {"int64", i64},
      {"int", i32},     {"int32", i32},   {"short", i16},     {"int16", i16},   {"char", i8},
      {"int8", i8},     {"byte", u8},     {"uint8", u8},      {"bool", boolean}};
  auto found = dtypes.find(name);
  return found == dtypes.end() ? std::nullopt : std::optional(found->second);
}

void adapt(const std::string& call, std::string& name, Json& args, Json& kwargs,
           const std::vector<Tensor>& inputs) {
  if (call == "torch.linalg.norm") adapt_norm(name, args, kwargs, inputs);
  if (call == "torch.linalg.cross" && args.size() < 3 && !kwargs.contains("dim"))
    kwargs["dim"] = -1;
  if (call == "torch.linalg.diagonal") // of matrices, whatever stands before them
    for (auto [dim, last] : {std::pair("dim1", -2), {"dim2", -1}})
      if (!kwargs.contains(dim)) kwargs[dim] = last;
  adapt_dims(name, args, kwargs);
  adapt_flags(name, kwargs);
  adapt_positions(name, args, kwargs);
  if (auto unbiased = taken(kwargs, "unbiased"))
    kwargs["correction"] = unbiased->get<bool>() ? 1 : 0;
  if (auto side = taken(kwargs, "side")) kwargs["right"] = *side == "right";
  if (name == "norm" && kwargs.value("p", Json()) == "fro") kwargs["p"] = 2;
  if (name == "div" && kwargs.contains("rounding_mode") && kwargs["rounding_mode"].is_null())
    kwargs.erase("rounding_mode");
  if (name == "unique" && !kwargs.empty()) kwargs["sorted"] = true;
  if (name.starts_with("unique") && !kwargs.empty() && !kwargs.contains("return_inverse"))
    kwargs["return_inverse"] = false;
  if (name == "clamp" && kwargs.size() == 1) { // of one bound, a tensor
    const bool is_min = kwargs.contains("min");
    const Json bound = kwargs.begin().value();
    if (bound.is_object() && bound.contains("t")) name = is_min ? "clamp_min" : "clamp_max";
  }
  if (name == "tensordot" && kwargs.contains("dims") && kwargs["dims"].is_array()) {
    const Json pair = *taken(kwargs, "dims");
    kwargs["dims_x"] = pair.at(0), kwargs["dims_y"] = pair.at(1);
  }
  if (name == "scatter")
    if (auto reduce = taken(kwargs, "reduce")) {
      name = "scatter_reduce";
      kwargs["reduce"] = *reduce == "add" ? "sum" : "prod";
    }
}

} // namespace weft::tools
