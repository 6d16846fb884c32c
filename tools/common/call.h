// Call: an op's arguments as a case names them, fetched one by one through
// weft/gen/api_by_name.inc.
#pragma once

#include "weft/ops.h"

#include <nlohmann/json.hpp>

#include <any>
#include <optional>
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
  template <class T> T get(size_t position, const char* name) const {
    if (const T* known = find_known<T>(position)) return *known;
    return remember(position, read<T>(position, name));
  }
  template <class T> T get(size_t position, const char* name, T fallback) const {
    if (const T* known = find_known<T>(position)) return *known;
    return find(position, name) ? get<T>(position, name) : remember(position, fallback);
  }

private:
  template <class T> T read(size_t position, const char* name) const;
  /// What was made of the JSON at a position is kept: a call that runs again reads no JSON.
  template <class T> const T* find_known(size_t position) const {
    return position < known_.size() ? std::any_cast<T>(&known_[position]) : nullptr;
  }
  template <class T> T remember(size_t position, T value) const {
    if (position >= known_.size()) known_.resize(position + 1);
    known_[position] = value;
    return value;
  }
  /// Returns the argument or null, and notes that it was asked for. The names `dims` and `dim` are
  /// one.
  const Json* find(size_t position, const char* name) const;
  /// Whether the argument was given as none.
  bool is_none(size_t position, const char* name) const;
  const Json& need(size_t position, const char* name) const;
  std::vector<int64_t> integers(size_t position, const char* name) const;

  Json args_, kwargs_;
  const std::vector<Tensor>& inputs_;
  bool is_spelt_out_;
  size_t list_at_ = SIZE_MAX; // where the list begins that takes all further positions
  mutable std::vector<std::any> known_;
};

/// Calls an op by its name; throws Unsupported where there is none, or where it has no such
/// argument.
std::vector<Tensor> call_op(const std::string& name, const Json& args, const Json& kwargs,
                            const std::vector<Tensor>& inputs);

struct CallRow;

/// A call of an op by its name that has found its form: it runs again and again at the op's own
/// cost and some ten nanoseconds.
class PreparedCall {
public:
  /// Runs the op once; throws as call_op does.
  PreparedCall(const std::string& name, const Json& args, const Json& kwargs,
               std::vector<Tensor> inputs);
  PreparedCall(const PreparedCall&) = delete;
  std::vector<Tensor> operator()() const;
  const std::vector<Tensor>& inputs() const { return inputs_; }

private:
  std::vector<Tensor> inputs_;
  std::optional<Call> call_;
  const CallRow* row_ = nullptr;
};

double to_number(const Json& value);
DType to_dtype(const std::string& name);

} // namespace weft::tools
