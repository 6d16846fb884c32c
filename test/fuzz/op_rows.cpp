#include "test/fuzz/op_rows.h"
#include "runtime/composite/outputs.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace fuzz {

namespace {

bool has(std::string_view name, std::string_view part) { return name.find(part) != name.npos; }

template <class T> struct Is {
  static constexpr bool optional = false;
  using Inner = T;
};
template <class T> struct Is<std::optional<T>> {
  static constexpr bool optional = !std::is_same_v<T, Device>;
  using Inner = T;
};
template <class T> using Inner = typename Is<T>::Inner;

template <class T, class... Others> constexpr bool is_any = (std::is_same_v<T, Others> || ...);

constexpr double kNumbers[] = {0, 1, -1, 0.5, 2, -2.5, 3, 0.1};
constexpr const char* kEquations[] = {
    "ij,jk->ik", "ij,kj->ik",    "bij,bjk->bik",    "i,j->ij",      "ij->ji",   "ii->i",
    "ij->",      "bij,bkj->bik", "bhid,bhjd->bhij", "ij,jk,kl->il", "ij,ij->i", "i,i"};

Argument of_values(Argument::Kind kind, std::vector<int> values) {
  Argument a;
  a.kind = kind;
  a.values = std::move(values);
  return a;
}
Argument of_numbers(Argument::Kind kind, std::vector<int64_t> numbers) {
  Argument a;
  a.kind = kind;
  a.numbers = std::move(numbers);
  return a;
}
Argument of_word(std::string word) {
  Argument a;
  a.kind = Argument::text;
  a.word = std::move(word);
  return a;
}

// What parameters that are words may be: for each name, all that any function takes.
struct Words {
  std::string_view parameter;
  std::vector<const char*> words;
};
const std::vector<const char*>& words_of(std::string_view parameter) {
  static const Words all[] = {
      {"mode",
       {"constant", "reflect", "replicate", "circular", "nearest", "nearest-exact", "linear",
        "bilinear", "bicubic", "trilinear", "area", "sum", "mean", "max", "reduced", "complete",
        "r"}},
      {"reduce", {"sum", "prod", "mean", "amax", "amin"}},
      {"indexing", {"ij", "xy"}},
      {"rounding_mode", {"trunc", "floor"}},
      {"approximate", {"none", "tanh"}},
      {"uplo", {"L", "U"}},
      {"ord", {"fro", "nuc"}},
      {"p", {"fro", "nuc"}},
      {"driver", {"gelsy", "gels", "gelsd", "gelss"}},
  };
  for (const Words& w : all)
    if (w.parameter == parameter) return w.words;
  throw NoArgument{};
}

} // namespace

template <class T> constexpr bool Call::can_draw() {
  return Is<T>::optional || is_any<T, Tensor, std::vector<Tensor>, Shape, Dims, int64_t, bool,
                                   double, Scalar, DType, Reduce, Padding, Tolerance,
                                   std::string_view, std::vector<double>, std::vector<int64_t>>;
}

Call::Call(const std::vector<Tensor>& values, const OpRow& row, const Round& round,
           std::mt19937& random, bool makes_tensors, const Sizing& sizing)
    : values_(values), round_(round), random_(&random),
      most_(random() % 2 ? random() % 3 : random() % 10), makes_tensors_(makes_tensors),
      sizing_(sizing) {
  text_.emplace(row.shapes, row.name, round, random, sizing);
  dtypes_.emplace(row.dtypes, row.shapes);
  if (has(row.shapes, "equation")) equation_ = kEquations[pick(12)];
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

Shape Call::shape(const Sizes& sizes) const {
  Shape s;
  for (const Size& size : sizes)
    s.push_back(size.in(round_));
  return s;
}

const Tensor& Call::tensor(int value) const {
  if (value < 0) throw NoArgument{}; // what made it was removed
  const Tensor& t = values_[static_cast<size_t>(value)];
  if (!t.defined()) throw NoArgument{};
  return t;
}

// The newest values are drawn most, and those that broadcast with the call's first one.
int Call::pick_value() const {
  auto fits = [&](const Tensor& t) {
    if (anchor_ < 0) return true;
    const Shape a = anchor().shape(), b = t.shape();
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

// The sizes of a tensor, which follow n and m where they are equal to one.
Sizes Call::sizes_of(const Tensor& t) const {
  Sizes sizes;
  for (int64_t size : t.shape())
    sizes.push_back(size > 1 && size == round_.n   ? Size{1, 'n'}
                    : size > 1 && size == round_.m ? Size{1, 'm'}
                                                   : Size{size});
  return sizes;
}

// The dim that the call is about, counted from the front. The anchor must have dims.
int64_t Call::anchor_dim() const {
  const int64_t rank = anchor().rank();
  if (!dim_) dim_ = pick(2 * rank) - rank;
  return *dim_ < 0 ? *dim_ + rank : *dim_;
}

// Seldom one that the anchor does not have.
int64_t Call::draw_dim() const {
  if (anchor_ < 0 || anchor().rank() == 0 || pick(12) == 0) return pick(4) - 2;
  anchor_dim();
  return *dim_;
}

// Sizes that the record tells in terms of the first tensor and the dim.
std::optional<Sizes> Call::like_anchor(const std::string& name) const {
  const std::optional<Likeness> like = text_->likeness(name);
  if (!like || anchor_ < 0 || anchor().rank() == 0) return {};
  Sizes sizes = sizes_of(anchor());
  const auto at = sizes.begin() + anchor_dim();
  if (like->kind == Likeness::size_of_dim) return Sizes{*at};
  if (like->kind == Likeness::along)
    *at = like->size;
  else
    sizes.erase(at);
  return sizes;
}

// The record's where it tells them; else those of the first tensor or others that go with it. None:
// any value will do.
std::optional<Sizes> Call::draw_sizes(size_t position, const std::string& name,
                                      bool is_index) const {
  if (auto told = text_->of(name, position)) return told;
  if (auto like = like_anchor(name)) return like;
  const int64_t kind = pick(12);
  if (anchor_ < 0 || kind >= (is_index ? 9 : 4)) {
    if (pick(6)) return {};
    return text_->any(4);
  }
  const Sizes like = sizes_of(anchor());
  if (kind % 3 == 2 && !like.empty())
    return Sizes{like[static_cast<size_t>(pick(static_cast<int64_t>(like.size())))]};
  if (kind == 3) return Sizes{};
  return like;
}

// A value that is there, or one that a statement of its own makes of one.
int Call::draw_tensor(size_t position, const char* name) const {
  if (!makes_tensors_) return pick_value();
  const int64_t special = pick(text_->only_broadcasts() ? 80 : 20);
  if (has(name, "mask") || special == 1) {
    std::optional<Sizes> sizes = draw_sizes(position, name, false);
    if (!sizes) sizes = anchor_ < 0 ? text_->any(3) : sizes_of(anchor());
    return made(*sizes, pick(8) ? boolean : f32, Elements::any);
  }
  if (has(name, "ind") || dtypes_->counts(name) || special == 0)
    return draw_integers(position, name);
  const int value = draw_plain(position, name, special);
  if (!dtype_) dtype_ = tensor(value).dtype();
  return value;
}

// Positions, classes or counts.
int Call::draw_integers(size_t position, const char* name) const {
  static constexpr DType integers[] = {i32, i16, i8, u8};
  std::optional<Sizes> sizes = draw_sizes(position, name, true);
  if (!sizes) sizes = anchor_ < 0 ? text_->any(3) : sizes_of(anchor());
  std::optional<DType> dtype = dtypes_->counts(name) ? dtypes_->pick(name, *random_) : std::nullopt;
  if (!dtype) dtype = pick(8) ? i64 : integers[pick(4)];
  const bool is_signed = has(name, "ind") && pick(3) == 0;
  return made(*sizes, *dtype,
              is_floating(*dtype) ? Elements::unit
              : is_signed         ? Elements::wrapped
                                  : Elements::index);
}

DType Call::any_dtype() const {
  const Tensor& t = values_[static_cast<size_t>(pick(static_cast<int64_t>(values_.size())))];
  return t.defined() ? t.dtype() : f32;
}

int Call::draw_plain(size_t position, const char* name, int64_t special) const {
  const bool is_any = text_->only_broadcasts() && special > 2;
  std::optional<Sizes> sizes = is_any ? std::nullopt : draw_sizes(position, name, false);
  if (!sizes) { // any value, unless the record refuses its dtype
    const int value = pick_value();
    if (dtypes_->allows(name, tensor(value).dtype()) || pick(6) == 0) return value;
    if (anchor_ == value) anchor_ = -1;
    return made(sizes_of(tensor(value)), *dtypes_->pick(name, *random_), Elements::any);
  }
  if (pick(2)) // one that happens to be like that
    for (size_t k = values_.size(); k-- > 0;)
      if (const Tensor& t = values_[k]; t.defined() && t.shape() == shape(*sizes) &&
                                        (!dtype_ || t.dtype() == *dtype_) &&
                                        dtypes_->allows(name, t.dtype())) {
        if (anchor_ < 0) anchor_ = static_cast<int>(k);
        return static_cast<int>(k);
      }
  DType dtype = dtype_ && pick(8) ? *dtype_ : any_dtype();
  if (!dtypes_->allows(name, dtype) && pick(12)) dtype = *dtypes_->pick(name, *random_);
  return made(*sizes, dtype, special == 2 ? Elements::unit : Elements::any);
}

int Call::made(Sizes sizes, DType dtype, Elements range) const {
  const int anchor = std::exchange(anchor_, -1); // any value may be what it is made of
  const int source = pick_value();
  anchor_ = anchor;
  int64_t count = 1, limit = 1 + pick(4);
  for (const Size& size : sizes)
    count *= size.in(round_);
  if (count > sizing_.most_elements) throw NoArgument{};
  if (anchor >= 0)
    for (int64_t size : values_[static_cast<size_t>(anchor)].shape())
      if (size > 0) limit = pick(4) ? std::min(limit, size) : size;
  Statement s;
  s.kind = Statement::fit;
  Argument to;
  to.kind = Argument::sizes;
  to.dims = std::move(sizes);
  s.arguments = {of_values(Argument::tensor, {source}), to,
                 of_numbers(Argument::integers,
                            {static_cast<int64_t>(dtype), static_cast<int64_t>(range), limit})};
  values_.push_back(fit(tensor(source), shape(to.dims), dtype, range, limit));
  fits_.push_back(std::move(s));
  const int number = static_cast<int>(values_.size()) - 1;
  if (anchor < 0) anchor_ = number;
  return number;
}

// The dims of a list's tensors, where the record tells them; else none.
std::vector<Sizes> Call::list_sizes(const char* name) const {
  std::vector<Sizes> told;
  const std::string operands = equation_.substr(0, equation_.find('-'));
  for (size_t at = 0; at < operands.size();) {
    const size_t end = std::min(operands.find(',', at), operands.size());
    told.push_back(text_->of_letters(operands.substr(at, end - at)));
    at = end + 1;
  }
  if (text_->has_list_for_each_dim(name) && anchor_ >= 0)
    for (const Size& size : sizes_of(anchor()))
      told.push_back({size});
  if (text_->listed().size() > 1 && pick(4)) {
    told = text_->listed();
    told.resize(told.size() - static_cast<size_t>(pick(2)));
  }
  return told;
}

std::vector<int> Call::draw_tensors(size_t position, const char* name) const {
  std::vector<int> all;
  if (makes_tensors_)
    for (const Sizes& sizes : list_sizes(name)) {
      if (!dtype_) dtype_ = any_dtype();
      all.push_back(made(sizes, *dtype_, Elements::any));
    }
  for (int64_t k = all.empty() ? 1 + pick(3) : 0; k > 0; k--)
    all.push_back(draw_tensor(position, name));
  return all;
}

// Numbers of dims, or sizes, steps and counts: one, or one a dim.
std::vector<int64_t> Call::draw_dims(const std::string& name) const {
  static const std::vector<int64_t> dims[] = {{},     {0}, {1},  {-1},    {0, 1},
                                              {1, 0}, {2}, {-2}, {0, -1}, {2, 0, 1}};
  std::vector<int64_t> list;
  if (has(name, "dim") || name == "source" || name == "destination") {
    const int64_t rank = anchor_ < 0 ? 3 : anchor().rank();
    for (int tries = 0; tries < 4; tries++) { // most often dims that the tensor has
      list = dims[pick(10)];
      if (std::all_of(list.begin(), list.end(), [&](int64_t d) { return -rank <= d && d < rank; }))
        break;
    }
    return list;
  }
  const int64_t least = has(name, "pad") ? 0 : has(name, "shift") ? -2 : 1;
  for (int64_t k = pick(2) ? 1 : pick(3) ? text_->spatial_dims() : pick(4); k > 0; k--)
    list.push_back(least + pick(least < 0 ? 5 : 3));
  return list;
}

Argument Call::draw_number(bool is_real) const {
  Argument a;
  a.kind = is_real ? Argument::real : Argument::number;
  a.scalar = Scalar(kNumbers[pick(8)]);
  if (!is_real && pick(2)) a.scalar = Scalar(pick(7) - 2);
  if (!is_real && pick(12) == 0) a.scalar = Scalar(pick(2) == 1);
  return a;
}

Argument Call::draw_shape(size_t position, const char* name) const {
  static const std::vector<int64_t> shapes[] = {
      {-1}, {1, -1}, {-1, 1}, {2, -1},    {-1, -1}, {2, -1, -1}, {-1, 2},    {},
      {1},  {3},     {2, 3},  {-1, 1, 1}, {0, -1},  {4},         {1, -1, -1}};
  Argument a;
  const std::optional<Sizes> told = text_->of(name, position);
  const bool is_large = sizing_.is_large && pick(2);
  a.kind = told || is_large ? Argument::sizes : Argument::integers;
  if (told)
    a.dims = *told;
  else if (is_large)
    a.dims = {text_->size(), text_->size()};
  else
    a.numbers = shapes[pick(15)];
  return a;
}

Argument Call::draw_word(const char* name) const {
  if (!equation_.empty()) return of_word(equation_);
  const std::vector<const char*>& words = words_of(name);
  return of_word(words[static_cast<size_t>(pick(static_cast<int64_t>(words.size())))]);
}

// Numbers two by two; what are sizes of parts add up to that of the first dim.
std::vector<int64_t> Call::draw_list(const char* name) const {
  std::vector<int64_t> list;
  if (has(name, "sizes") && anchor_ >= 0 && anchor().rank() > 0 && pick(4)) {
    const int64_t size = anchor().size(0), first = pick(size + 1);
    return {first, size - first};
  }
  for (int64_t k = 2 * (1 + pick(2)); k > 0; k--)
    list.push_back(pick(8) ? pick(3) : -1);
  return list;
}

// One number, or one for each dim.
std::vector<int64_t> Call::draw_halves() const {
  std::vector<int64_t> list;
  for (int64_t k = anchor_ < 0 || pick(2) ? 1 : anchor().rank(); k > 0; k--)
    list.push_back(1 + pick(5));
  return list;
}

int64_t Call::draw_integer(const char* name) const {
  if (auto told = text_->factor(name)) return *told;
  if (std::string_view(name) == "dim") return draw_dim();
  if (!has(name, "dim")) return pick(6) - 1;
  const int64_t rank = anchor_ < 0 || anchor().rank() == 0 ? 2 : anchor().rank();
  return pick(2 * rank) - rank;
}

template <class T> Argument Call::draw(size_t position, const char* name) const {
  using I = Inner<T>;
  if constexpr (std::is_same_v<I, Arg>)
    return pick(6) || text_->of(name, position)
               ? of_values(Argument::tensor, {draw_tensor(position, name)})
               : draw_number(false);
  else if constexpr (is_any<I, Scalar, double, Tolerance>)
    return draw_number(!std::is_same_v<I, Scalar>);
  else if constexpr (std::is_same_v<I, Tensor>)
    return of_values(Argument::tensor, {draw_tensor(position, name)});
  else if constexpr (std::is_same_v<I, std::vector<Tensor>>)
    return of_values(Argument::tensors, draw_tensors(position, name));
  else if constexpr (std::is_same_v<I, Shape>)
    return draw_shape(position, name);
  else if constexpr (std::is_same_v<I, Dims>)
    return of_numbers(Argument::integers, draw_dims(name));
  else if constexpr (std::is_same_v<I, Padding>)
    return pick(3) ? of_numbers(Argument::integers, draw_dims(name))
                   : of_word(pick(2) ? "same" : "valid");
  else if constexpr (std::is_same_v<I, std::string_view>)
    return draw_word(name);
  else if constexpr (std::is_same_v<I, std::vector<double>>)
    return of_numbers(Argument::halves, draw_halves());
  else if constexpr (std::is_same_v<I, std::vector<int64_t>>)
    return of_numbers(Argument::integers, draw_list(name));
  else if constexpr (std::is_same_v<I, int64_t>)
    return of_numbers(Argument::integer, {draw_integer(name)});
  else if constexpr (std::is_same_v<I, bool>)
    return of_numbers(Argument::flag, {pick(2)});
  else if constexpr (std::is_same_v<I, DType>)
    return of_numbers(Argument::dtype, {pick(kDTypeCount)});
  else if constexpr (std::is_same_v<I, Reduce>)
    return of_numbers(Argument::reduce, {pick(4)});
  else
    throw NoArgument{};
}

template <class T> T Call::value(const Argument& a) const {
  using I = Inner<T>;
  if constexpr (std::is_same_v<I, Tensor>) {
    return tensor(a.values.at(0));
  } else if constexpr (std::is_same_v<I, std::vector<Tensor>>) {
    std::vector<Tensor> list;
    for (int v : a.values)
      list.push_back(tensor(v));
    return list;
  } else if constexpr (std::is_same_v<I, Scalar>) {
    return a.scalar.kind == Scalar::Kind::floating ? Scalar(a.scalar.f + round_.shift) : a.scalar;
  } else if constexpr (is_any<I, double, Tolerance>) {
    return a.scalar.f + round_.shift;
  } else if constexpr (is_any<I, Shape, Dims>) {
    if (a.kind == Argument::sizes) return T(shape(a.dims));
    return T(Ints(a.numbers));
  } else if constexpr (std::is_same_v<I, Padding>) {
    if (a.kind == Argument::text) return Padding(std::string_view(a.word));
    return Padding(Dims(Ints(a.numbers)));
  } else if constexpr (std::is_same_v<I, std::string_view>) {
    return a.word; // of drawn_ or of the statement: both outlive the call
  } else if constexpr (std::is_same_v<I, std::vector<double>>) {
    std::vector<double> list;
    for (int64_t half : a.numbers)
      list.push_back(static_cast<double>(half) * 0.5);
    return list;
  } else if constexpr (std::is_same_v<I, std::vector<int64_t>>) {
    return a.numbers;
  } else if constexpr (std::is_same_v<I, int64_t>) {
    return a.numbers.at(0);
  } else if constexpr (std::is_same_v<I, bool>) {
    return a.numbers.at(0) != 0;
  } else if constexpr (std::is_same_v<I, DType>) {
    return static_cast<DType>(a.numbers.at(0));
  } else if constexpr (std::is_same_v<I, Reduce>) {
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
