// Call: an op's arguments as a case names them, fetched one by one through
// weft/gen/api_by_name.inc.
#pragma once

#include "weft/ops.h"

#include <nlohmann/json.hpp>

#include <set>

namespace weft::tools {

/// What the op, or one of its arguments, does not exist for: exit status 3.
struct Unsupported : std::runtime_error {
  using runtime_error::runtime_error;
};

using Json = nlohmann::json;

/// Arguments by position, then by keyword; both may hold {"t": k}, which stands for inputs[k].
class Call {
public:
  /// `is_spelt_out`: a list takes all positions from its own on.
  Call(Json args, Json kwargs, const std::vector<Tensor>& inputs, bool is_spelt_out)
      : args_(std::move(args)), kwargs_(std::move(kwargs)), inputs_(inputs),
        is_spelt_out_(is_spelt_out) {
    if (!is_spelt_out) return;
    for (list_at_ = args_.size(); list_at_ > 0 && args_[list_at_ - 1].is_number_integer();)
      list_at_--;
  }

  /// Returns a tensor or number operand.
  Arg operand(size_t position, const char* name) const;
  template <class T> T get(size_t position, const char* name) const;
  template <class T> T get(size_t position, const char* name, T fallback) const {
    return find(position, name) ? get<T>(position, name) : fallback;
  }

private:
  /// Returns the argument or null, and notes that it was asked for. The names `dims` and `dim` are
  /// one.
  const Json* find(size_t position, const char* name) const;
  const Json& need(size_t position, const char* name) const;
  std::vector<int64_t> integers(size_t position, const char* name) const;

  Json args_, kwargs_;
  const std::vector<Tensor>& inputs_;
  bool is_spelt_out_;
  size_t list_at_ = SIZE_MAX; // where the list begins that takes all further positions
};

/// Calls an op by its name; throws Unsupported where there is none, or where it has no such
/// argument.
std::vector<Tensor> call_op(const std::string& name, const Json& args, const Json& kwargs,
                            const std::vector<Tensor>& inputs);

double to_number(const Json& value);
DType to_dtype(const std::string& name);

} // namespace weft::tools
