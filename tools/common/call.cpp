#include "tools/common/call.h"

#include "runtime/composite/outputs.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <map>

namespace weft::tools {

namespace {

Scalar to_scalar(const Json& value) {
  if (value.is_boolean()) return Scalar(value.get<bool>());
  if (value.is_number_integer()) return Scalar(value.get<int64_t>());
  return Scalar(to_number(value));
}

std::vector<int64_t> to_integers(const Json& value) {
  if (value.is_number_integer()) return {value.get<int64_t>()};
  if (!value.is_array()) throw Unsupported("a list of integers is needed, got " + value.dump());
  std::vector<int64_t> v;
  for (const Json& e : value) {
    if (e.is_null()) { // a size that stays as it is
      v.push_back(-1);
      continue;
    }
    if (!e.is_number_integer()) throw Unsupported("an integer is needed, got " + e.dump());
    v.push_back(e.get<int64_t>());
  }
  return v;
}

/// An argument that was fetched: its name and its position.
using Asked = std::pair<std::string, size_t>;

/// What the current call fetches: the only list of an op's arguments is the op's own.
thread_local std::set<Asked>* asked = nullptr;
thread_local size_t most_positions = 0;

/// A parameter's name in PyTorch where ours is another, at one position or at any.
struct OtherName {
  std::string_view given, own;
  size_t position = SIZE_MAX;
};
constexpr OtherName kOtherNames[] = {
    {"dim", "dims"},
    {"axis", "dim"},
    {"axis", "dims"},
    {"dimension", "dim"},
    {"fill_value", "value"},
    {"size", "shape"},
    {"split_size", "split_sizes"},
    {"split_size_or_sections", "split_size"},
    {"split_size_or_sections", "split_sizes"},
    {"value", "src"},
    {"input", "x"},
    {"input", "a", 0},
    {"input", "start", 0},
    {"self", "x", 0},
    {"self", "a", 0},
    {"input1", "x1"},
    {"input2", "x2"},
    {"input2", "l", 1},
    {"a", "x", 0},
    {"b", "y", 1},
    {"other", "b", 1},
    {"other", "y", 1},
    {"exponent", "b", 1},
    {"mat1", "a", 1},
    {"mat2", "b", 1},
    {"mat2", "y", 1},
    {"mat2", "b", 2},
    {"batch1", "a", 1},
    {"batch2", "b", 2},
    {"mat", "a", 1},
    {"vec", "y", 1},
    {"vec", "b", 2},
    {"vec1", "a", 1},
    {"vec2", "b", 2},
    {"vec2", "y", 1},
    {"tensor", "y", 1},
};

bool is_same_name(const std::string& given, const std::string& own, size_t position) {
  if (given == own) return true;
  if (std::equal(given.begin(), given.end(), own.begin(), own.end(),
                 [](char a, char b) { return std::tolower(a) == b; }))
    return true; // A, B, L, UPLO
  return std::any_of(std::begin(kOtherNames), std::end(kOtherNames), [&](const OtherName& n) {
    return n.given == given && n.own == own && (n.position == SIZE_MAX || n.position == position);
  });
}

} // namespace

double to_number(const Json& value) {
  if (value.is_object() && value.contains("f")) {
    const std::string text = value["f"];
    if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
    return text == "inf" ? std::numeric_limits<double>::infinity()
                         : -std::numeric_limits<double>::infinity();
  }
  if (!value.is_number()) throw Unsupported("a number is needed, got " + value.dump());
  return value.get<double>();
}

DType to_dtype(const std::string& name) {
  static const std::map<std::string, DType> names = {
      {"float32", f32}, {"float64", f64}, {"bfloat16", bf16}, {"float16", f16}, {"int64", i64},
      {"int32", i32},   {"int16", i16},   {"int8", i8},       {"uint8", u8},    {"bool", boolean}};
  auto it = names.find(name);
  if (it == names.end()) throw Unsupported("dtype " + name);
  return it->second;
}

const Json* Call::find(size_t position, const char* name) const {
  if (asked) asked->insert({name, position});
  most_positions = std::max(most_positions, position + 1);
  if (position < args_.size() && position <= list_at_)
    return args_[position].is_null() ? nullptr : &args_[position];
  for (const auto& [key, value] : kwargs_.items())
    if (is_same_name(key, name, position)) return value.is_null() ? nullptr : &value;
  return nullptr;
}

bool Call::is_none(size_t position, const char* name) const {
  if (find(position, name)) return false;
  if (position < args_.size()) return true;
  return std::any_of(kwargs_.items().begin(), kwargs_.items().end(),
                     [&](const auto& item) { return is_same_name(item.key(), name, position); });
}

const Json& Call::need(size_t position, const char* name) const {
  const Json* found = find(position, name);
  if (!found) throw Unsupported(std::string("argument ") + name + " is missing");
  return *found;
}

std::vector<int64_t> Call::integers(size_t position, const char* name) const {
  std::vector<int64_t> list = to_integers(need(position, name));
  if (!is_spelt_out_ || position >= args_.size() || !args_[position].is_number_integer())
    return list;
  for (size_t next = position + 1; next < args_.size(); next++) {
    if (!args_[next].is_number_integer()) throw Unsupported("a list must end the arguments");
    list.push_back(args_[next].get<int64_t>());
    most_positions = next + 1;
  }
  return list;
}

Arg Call::operand(size_t position, const char* name) const {
  if (auto known = find_known<const Tensor*>(position)) return Arg(**known);
  if (auto known = find_known<Scalar>(position)) return Arg(*known);
  const Json& value = need(position, name);
  if (value.is_object() && value.contains("t"))
    return Arg(*remember(position, &inputs_.at(value["t"].get<size_t>())));
  return Arg(remember(position, to_scalar(value)));
}

template <> Tensor Call::read<Tensor>(size_t position, const char* name) const {
  if (is_none(position, name)) return {};
  const Json& value = need(position, name);
  if (value.is_array()) { // such as lengths
    std::vector<int64_t> list = to_integers(value);
    return tensor(list, {static_cast<int64_t>(list.size())});
  }
  if (!value.is_object() || !value.contains("t"))
    throw Unsupported(std::string(name) + " is no tensor");
  return inputs_.at(value["t"].get<size_t>());
}
template <>
std::vector<Tensor> Call::read<std::vector<Tensor>>(size_t position, const char* name) const {
  auto is_tensor = [](const Json& e) { return e.is_object() && e.contains("t"); };
  const Json& first = need(position, name);
  std::vector<Tensor> all;
  if (is_tensor(first)) { // spelt out: all further arguments
    for (; position < args_.size() && is_tensor(args_[position]); position++)
      all.push_back(get<Tensor>(position, name));
    return all;
  }
  for (const Json& e : first)
    all.push_back(e.is_null() ? Tensor() : inputs_.at(e.at("t").get<size_t>()));
  return all;
}
template <>
std::vector<int64_t> Call::read<std::vector<int64_t>>(size_t position, const char* name) const {
  const Json& value = need(position, name);
  if (!value.is_array()) throw Unsupported(std::string(name) + " is no list of integers");
  return to_integers(value);
}
template <> Shape Call::read<Shape>(size_t position, const char* name) const {
  return Shape(integers(position, name));
}
template <> Dims Call::read<Dims>(size_t position, const char* name) const {
  return Dims(Ints(integers(position, name)));
}
template <>
std::vector<double> Call::read<std::vector<double>>(size_t position, const char* name) const {
  const Json& value = need(position, name);
  std::vector<double> list;
  for (const Json& e : value.is_array() ? value : Json::array({value}))
    list.push_back(to_number(e));
  return list;
}
template <> Padding Call::read<Padding>(size_t position, const char* name) const {
  const Json& value = need(position, name);
  if (value.is_string()) return Padding(std::string_view(value.get_ref<const std::string&>()));
  return Padding(get<Dims>(position, name));
}
template <> int64_t Call::read<int64_t>(size_t position, const char* name) const {
  const Json& value = need(position, name);
  if (!value.is_number_integer()) throw Unsupported(std::string(name) + " is no integer");
  return value.get<int64_t>();
}
template <>
std::optional<int64_t> Call::read<std::optional<int64_t>>(size_t position, const char* name) const {
  return get<int64_t>(position, name);
}
template <> bool Call::read<bool>(size_t position, const char* name) const {
  return need(position, name).get<bool>();
}
template <> double Call::read<double>(size_t position, const char* name) const {
  return to_number(need(position, name));
}
template <> Scalar Call::read<Scalar>(size_t position, const char* name) const {
  return to_scalar(need(position, name));
}
template <>
std::optional<Scalar> Call::read<std::optional<Scalar>>(size_t position, const char* name) const {
  return get<Scalar>(position, name);
}
template <> std::string_view Call::read<std::string_view>(size_t position, const char* name) const {
  const Json& value = need(position, name);
  if (!value.is_string()) throw Unsupported(std::string(name) + " is no text");
  return value.get_ref<const std::string&>();
}
template <> DType Call::read<DType>(size_t position, const char* name) const {
  const Json& value = need(position, name);
  if (!value.is_object() || !value.contains("dtype"))
    throw Unsupported(std::string(name) + " is no dtype");
  return to_dtype(value["dtype"]);
}
template <>
std::optional<DType> Call::read<std::optional<DType>>(size_t position, const char* name) const {
  return get<DType>(position, name);
}
template <>
std::optional<Device> Call::read<std::optional<Device>>(size_t position, const char* name) const {
  const Json& value = need(position, name);
  if (value == "cpu") return Device::cpu();
  throw Unsupported("device " + value.dump());
}
template <> Reduce Call::read<Reduce>(size_t position, const char* name) const {
  const std::string text = need(position, name);
  static const std::map<std::string, Reduce> words = {{"none", Reduce::none},
                                                      {"mean", Reduce::mean},
                                                      {"sum", Reduce::sum},
                                                      {"batchmean", Reduce::batchmean}};
  auto it = words.find(text);
  if (it == words.end()) throw Unsupported("reduction " + text);
  return it->second;
}
template <>
std::optional<double> Call::read<std::optional<double>>(size_t position, const char* name) const {
  return get<double>(position, name);
}
template <> Tolerance Call::read<Tolerance>(size_t position, const char* name) const {
  const Json& value = need(position, name);
  if (value.is_object() && value.contains("t")) return get<Tensor>(position, name);
  return to_number(value);
}
template <> DistanceFunction Call::read<DistanceFunction>(size_t, const char* name) const {
  throw Unsupported(std::string(name) + " is a function");
}

struct CallRow {
  const char *name, *returns, *shapes, *dtypes;
  std::vector<Tensor> (*call)(const Call&);
};

namespace {

const CallRow kRows[] = {
#include "weft/gen/api_by_name.inc"
    // Methods that are no ops of their own.
    {"clone", "Tensor", "that of x", "every dtype",
     [](const Call& c) { return outputs(c.get<Tensor>(0, "x").clone()); }},
    {"contiguous", "Tensor", "that of x", "every dtype",
     [](const Call& c) { return outputs(c.get<Tensor>(0, "x").contiguous()); }},
    {"expand_as", "Tensor", "that of other", "every dtype",
     [](const Call& c) {
       return outputs(expand(c.get<Tensor>(0, "x"), c.get<Tensor>(1, "other").shape()));
     }},
    {"view_as", "Tensor", "that of other", "every dtype",
     [](const Call& c) {
       return outputs(view(c.get<Tensor>(0, "x"), c.get<Tensor>(1, "other").shape()));
     }},
    {"reshape_as", "Tensor", "that of other", "every dtype",
     [](const Call& c) {
       return outputs(reshape(c.get<Tensor>(0, "x"), c.get<Tensor>(1, "other").shape()));
     }},
    {"type_as", "Tensor", "that of x", "every dtype",
     [](const Call& c) {
       return outputs(c.get<Tensor>(0, "x").to(c.get<Tensor>(1, "other").dtype()));
     }},
    {"copy_", "Tensor", "that of x", "every dtype",
     [](const Call& c) { return outputs(c.get<Tensor>(0, "x").copy_(c.operand(1, "source"))); }},
};

/// The form of an op that takes the arguments, and what it returned.
struct Form {
  const CallRow* row;
  bool is_spelt_out;
  std::vector<Tensor> results;
};

Form call_form(const std::string& name, const Json& args, const Json& kwargs,
               const std::vector<Tensor>& inputs) {
  std::string why = "there is no op " + name;
  struct Stop {
    ~Stop() { asked = nullptr; }
  } stop;
  std::vector<const CallRow*> rows;
  for (const CallRow& row : kRows)
    if (name == row.name) rows.push_back(&row);
  // Forms with more arguments stand further down: one that writes must not be tried with some left
  // over.
  if (name.ends_with('_')) std::reverse(rows.begin(), rows.end());
  // An op with several forms has a row for each; a list at the end may be spelt out: repeat(2, 1).
  for (bool is_spelt_out : {false, true})
    for (const CallRow* row : rows) {
      std::set<Asked> names;
      asked = &names;
      most_positions = 0;
      // What a form does not ask for, it does not have: the answer would be another op's.
      auto has_all = [&] {
        if (args.size() > most_positions) return false;
        for (const auto& [key, value] : kwargs.items()) {
          bool known = value.is_null(); // as if it were not given
          for (const auto& [own, position] : names)
            known |= is_same_name(key, own, position);
          if (!known) return false;
        }
        return true;
      };
      try {
        std::vector<Tensor> results = row->call(Call(args, kwargs, inputs, is_spelt_out));
        if (has_all()) return {row, is_spelt_out, std::move(results)};
      } catch (const Unsupported& e) {
        if (has_all()) why = e.what();
        continue;
      } catch (const Error&) {
        if (has_all()) throw;
      }
      why = name + " has no such arguments: " + args.dump() + kwargs.dump();
    }
  throw Unsupported(why);
}

} // namespace

std::vector<Tensor> call_op(const std::string& name, const Json& args, const Json& kwargs,
                            const std::vector<Tensor>& inputs) {
  return call_form(name, args, kwargs, inputs).results;
}

PreparedCall::PreparedCall(const std::string& name, const Json& args, const Json& kwargs,
                           std::vector<Tensor> inputs)
    : inputs_(std::move(inputs)) {
  const Form form = call_form(name, args, kwargs, inputs_);
  row_ = form.row;
  call_.emplace(args, kwargs, inputs_, form.is_spelt_out);
}

std::vector<Tensor> PreparedCall::operator()() const { return row_->call(*call_); }

} // namespace weft::tools
