// The functions of the op table, which weft-tblgen prints from the records: new ones join by
// themselves. Arguments are fetched one by one from a Call, which draws or replays them.
#pragma once

#include "test/fuzz/dtypes.h"
#include "test/fuzz/program.h"
#include "test/fuzz/shapes.h"

#include <map>
#include <random>

namespace fuzz {

/// There is no way to make up the argument.
struct NoArgument {};

struct OpRow;

/// Where arguments come from: random ones that suit the values at hand, or those of a statement.
class Call {
public:
  /// Replays `arguments`.
  Call(const std::vector<Tensor>& values, const std::vector<Argument>& arguments,
       const Round& round)
      : values_(values), given_(&arguments), round_(round) {}
  /// Draws arguments for a function; those with defaults are given up to a drawn position. Where it
  /// may, it makes tensors of the shapes that the record tells.
  Call(const std::vector<Tensor>& values, const OpRow& row, const Round& round,
       std::mt19937& random, bool makes_tensors, const Sizing& sizing = {});

  Arg operand(size_t position, const char* name) const;
  template <class T> T get(size_t position, const char* name) const {
    return value<T>(argument<T>(position, name));
  }
  template <class T> T get(size_t position, const char* name, T fallback) const {
    if (random_ && (position >= most_ || !can_draw<T>())) {
      // What is behind a default is one too, whatever the order of evaluation.
      drawn_[position];
      if (position < most_) defaulted_.push_back(position);
      return fallback;
    }
    if (given_ && (position >= given_->size() || (*given_)[position].kind == Argument::absent))
      return fallback;
    return get<T>(position, name);
  }

  /// The arguments drawn, by position. Throws NoArgument where a default stands before others.
  std::vector<Argument> drawn() const;
  /// The statements that make tensors for them; their values come behind the call's `values`.
  const std::vector<Statement>& fits() const { return fits_; }
  /// The values given and those that were made.
  const std::vector<Tensor>& values() const { return values_; }

private:
  template <class T> static constexpr bool can_draw();
  template <class T> Argument draw(size_t position, const char* name) const;
  template <class T> T value(const Argument& a) const;
  template <class T> const Argument& argument(size_t position, const char* name) const {
    if (!random_) return (*given_)[position];
    Argument a = draw<T>(position, name);
    return drawn_[position] = std::move(a);
  }
  int pick_value() const;
  int draw_tensor(size_t position, const char* name) const;
  DType any_dtype() const;
  int draw_plain(size_t position, const char* name, int64_t special) const;
  int draw_integers(size_t position, const char* name) const;
  std::optional<Sizes> draw_sizes(size_t position, const std::string& name, bool is_index) const;
  std::optional<Sizes> like_anchor(const std::string& name) const;
  Sizes sizes_of(const Tensor& t) const;
  const Tensor& anchor() const { return values_[static_cast<size_t>(anchor_)]; }
  int64_t draw_dim() const;
  int64_t anchor_dim() const;
  int made(Sizes sizes, DType dtype, Elements range) const;
  std::vector<int> draw_tensors(size_t position, const char* name) const;
  std::vector<Sizes> list_sizes(const char* name) const;
  std::vector<int64_t> draw_dims(const std::string& name) const;
  std::vector<int64_t> draw_list(const char* name) const;
  std::vector<int64_t> draw_halves() const;
  int64_t draw_integer(const char* name) const;
  Argument draw_number(bool is_real) const;
  Argument draw_shape(size_t position, const char* name) const;
  Argument draw_word(const char* name) const;
  int64_t pick(int64_t n) const {
    return static_cast<int64_t>((*random_)() % static_cast<uint64_t>(n));
  }
  Shape shape(const Sizes& sizes) const;
  const Tensor& tensor(int value) const;

  mutable std::vector<Tensor> values_;
  const std::vector<Argument>* given_ = nullptr;
  const Round& round_;
  std::mt19937* random_ = nullptr;
  size_t most_ = 0;
  bool makes_tensors_ = false;
  Sizing sizing_;
  std::string equation_; // where the record's shapes follow one
  std::optional<ShapeText> text_;
  std::optional<DTypeText> dtypes_;
  mutable std::map<size_t, Argument> drawn_;
  mutable std::vector<size_t> defaulted_;
  mutable std::vector<Statement> fits_;
  mutable int anchor_ = -1;            // the first value drawn: others should fit it
  mutable std::optional<int64_t> dim_; // of the anchor: what the call calls `dim`
  mutable std::optional<DType> dtype_; // of the first one that is no index
};

struct OpRow {
  const char *name, *returns, *shapes, *dtypes;
  std::vector<Tensor> (*call)(const Call&);

  /// Functions in place end with an underscore.
  bool writes() const { return std::string_view(name).ends_with('_'); }
  /// Says yes or no, which a program has as a tensor.
  bool answers() const { return std::string_view(returns) == "bool"; }
};
const std::vector<OpRow>& op_rows();
int row_named(const std::string& name);

} // namespace fuzz
