#include "test/fuzz/op_rows.h"
#include "runtime/composite/outputs.h"

#include <optional>
#include <string_view>

namespace fuzz {

namespace {

bool has(const char* name, const char* part) { return std::strstr(name, part) != nullptr; }

template <class T> struct Is { static constexpr bool optional_dtype = false; };
template <> struct Is<std::optional<DType>> { static constexpr bool optional_dtype = true; };

constexpr double kNumbers[] = {0, 1, -1, 0.5, 2, -2.5, 3, 0.1};

} // namespace

template <class T> constexpr bool Call::can_draw() {
  return std::is_same_v<T, Tensor> || std::is_same_v<T, std::vector<Tensor>> ||
         std::is_same_v<T, Shape> || std::is_same_v<T, Dims> || std::is_same_v<T, int64_t> ||
         std::is_same_v<T, bool> || std::is_same_v<T, double> || std::is_same_v<T, Scalar> ||
         std::is_same_v<T, DType> || std::is_same_v<T, Reduce> || Is<T>::optional_dtype;
}

std::vector<Argument> Call::drawn() const {
  std::vector<Argument> list;
  for (const auto& [position, argument] : drawn_) {
    list.resize(std::max(list.size(), position + 1));
    list[position] = argument;
  }
  for (size_t k : defaulted_)
    for (size_t later = k + 1; later < list.size(); later++)
      if (list[later].kind != Argument::absent) throw NoArgument{};
  while (!list.empty() && list.back().kind == Argument::absent)
    list.pop_back();
  return list;
}

Tensor Call::tensor(int value) const {
  if (value < 0) throw NoArgument{}; // what made it was removed
  const Tensor& t = values_[static_cast<size_t>(value)];
  if (!t.defined()) throw NoArgument{};
  return t;
}

// The newest values are drawn most, and those that broadcast with the call's first one.
int Call::pick_value() const {
  auto fits = [&](const Tensor& t) {
    if (anchor_ < 0) return true;
    const Shape a = values_[static_cast<size_t>(anchor_)].shape(), b = t.shape();
    for (int k = 1; k <= std::min(a.size(), b.size()); k++)
      if (a[a.size() - k] != b[b.size() - k] && a[a.size() - k] != 1 && b[b.size() - k] != 1)
        return false;
    return true;
  };
  const auto n = static_cast<int64_t>(values_.size());
  for (int tries = 0; tries < 40; tries++) {
    const int64_t k = pick(2) ? n - 1 - pick(std::min<int64_t>(n, 4)) : pick(n);
    const Tensor& t = values_[static_cast<size_t>(k)];
    if (!t.defined() || (tries < 25 && !fits(t))) continue;
    if (anchor_ < 0) anchor_ = static_cast<int>(k);
    return static_cast<int>(k);
  }
  throw NoArgument{};
}

template <class T> Argument Call::draw(const char* name) const {
  Argument a;
  auto integers = [&](Argument::Kind kind, std::vector<int64_t> v) {
    a.kind = kind;
    a.numbers = std::move(v);
  };
  if constexpr (std::is_same_v<T, Arg> || std::is_same_v<T, Scalar> || std::is_same_v<T, double>) {
    if (std::is_same_v<T, Arg> && pick(6)) {
      a.kind = Argument::tensor;
      a.values = {pick_value()};
      return a;
    }
    a.kind = std::is_same_v<T, double> ? Argument::real : Argument::number;
    a.scalar = Scalar(kNumbers[pick(8)]);
    if (!std::is_same_v<T, double> && pick(2)) a.scalar = Scalar(pick(7) - 2);
    if (!std::is_same_v<T, double> && pick(12) == 0) a.scalar = Scalar(pick(2) == 1);
  } else if constexpr (std::is_same_v<T, Tensor>) {
    a.kind = Argument::tensor;
    a.values = {pick_value()};
  } else if constexpr (std::is_same_v<T, std::vector<Tensor>>) {
    a.kind = Argument::tensors;
    for (int64_t k = 1 + pick(3); k > 0; k--)
      a.values.push_back(pick_value());
  } else if constexpr (std::is_same_v<T, Shape>) {
    static const std::vector<int64_t> shapes[] = {
        {-1}, {1, -1}, {-1, 1}, {2, -1},    {-1, -1}, {2, -1, -1}, {-1, 2},    {},
        {1},  {3},     {2, 3},  {-1, 1, 1}, {0, -1},  {4},         {1, -1, -1}};
    integers(Argument::integers, shapes[pick(15)]);
  } else if constexpr (std::is_same_v<T, Dims>) {
    static const std::vector<int64_t> dims[] = {{},     {0}, {1},  {-1},    {0, 1},
                                                {1, 0}, {2}, {-2}, {0, -1}, {2, 0, 1}};
    integers(Argument::integers, dims[pick(10)]);
  } else if constexpr (std::is_same_v<T, int64_t>) {
    integers(Argument::integer, {has(name, "dim") ? pick(4) - 2 : pick(6) - 1});
  } else if constexpr (std::is_same_v<T, bool>) {
    integers(Argument::flag, {pick(2)});
  } else if constexpr (std::is_same_v<T, DType> || Is<T>::optional_dtype) {
    integers(Argument::dtype, {pick(kDTypeCount)});
  } else if constexpr (std::is_same_v<T, Reduce>) {
    integers(Argument::reduce, {pick(3)});
  } else {
    throw NoArgument{};
  }
  return a;
}

template <class T> T Call::value(const Argument& a) const {
  if constexpr (std::is_same_v<T, Tensor>) {
    return tensor(a.values.at(0));
  } else if constexpr (std::is_same_v<T, std::vector<Tensor>>) {
    std::vector<Tensor> list;
    for (int v : a.values)
      list.push_back(tensor(v));
    return list;
  } else if constexpr (std::is_same_v<T, Scalar>) {
    return a.scalar.kind == Scalar::Kind::floating ? Scalar(a.scalar.f + shift_) : a.scalar;
  } else if constexpr (std::is_same_v<T, double>) {
    return a.scalar.f + shift_;
  } else if constexpr (std::is_same_v<T, Shape> || std::is_same_v<T, Dims>) {
    return T(Ints(a.numbers));
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return a.numbers.at(0);
  } else if constexpr (std::is_same_v<T, bool>) {
    return a.numbers.at(0) != 0;
  } else if constexpr (std::is_same_v<T, DType> || Is<T>::optional_dtype) {
    return static_cast<DType>(a.numbers.at(0));
  } else if constexpr (std::is_same_v<T, Reduce>) {
    return static_cast<Reduce>(a.numbers.at(0));
  } else {
    throw NoArgument{};
  }
}

Arg Call::operand(size_t position, const char* name) const {
  const Argument a = argument<Arg>(position, name);
  if (a.kind == Argument::tensor) return Arg(tensor(a.values.at(0)));
  return Arg(value<Scalar>(a));
}

namespace {

const OpRow kRows[] = {
#include "weft/gen/api_by_name.inc"
};

} // namespace

const std::vector<OpRow>& op_rows() {
  static const std::vector<OpRow> rows = [] {
    std::vector<OpRow> all(std::begin(kRows), std::end(kRows));
    std::erase_if(all, [](const OpRow& row) { // whose elements are unspecified
      return std::string_view(row.name) == "empty_like";
    });
    return all;
  }();
  return rows;
}

int row_named(const std::string& name) {
  for (size_t k = 0; k < op_rows().size(); k++)
    if (name == op_rows()[k].name) return static_cast<int>(k);
  return -1;
}

} // namespace fuzz
