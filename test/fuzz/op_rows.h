// The functions of the op table, which weft-tblgen prints from the records: new ones join by
// themselves. Arguments are fetched one by one from a Call, which draws or replays them.
#pragma once

#include "test/fuzz/program.h"

#include <map>
#include <random>

namespace fuzz {

/// There is no way to make up the argument.
struct NoArgument {};

/// Where arguments come from: random ones that suit the values at hand, or those of a statement.
class Call {
public:
  /// Replays `arguments`.
  Call(const std::vector<Tensor>& values, const std::vector<Argument>& arguments, double shift)
      : values_(values), given_(&arguments), shift_(shift) {}
  /// Draws arguments; those with defaults are given up to a drawn position.
  Call(const std::vector<Tensor>& values, std::mt19937& random)
      : values_(values), random_(&random), most_(random() % 3 ? 0 : random() % 5) {}

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

private:
  template <class T> static constexpr bool can_draw();
  template <class T> Argument draw(const char* name) const;
  template <class T> T value(const Argument& a) const;
  template <class T> Argument argument(size_t position, const char* name) const {
    if (!random_) return (*given_)[position];
    Argument a = draw<T>(name);
    drawn_[position] = a;
    return a;
  }
  int pick_value() const;
  int64_t pick(int64_t n) const {
    return static_cast<int64_t>((*random_)() % static_cast<uint64_t>(n));
  }
  Tensor tensor(int value) const;

  const std::vector<Tensor>& values_;
  const std::vector<Argument>* given_ = nullptr;
  std::mt19937* random_ = nullptr;
  size_t most_ = 0;
  double shift_ = 0;
  mutable std::map<size_t, Argument> drawn_;
  mutable std::vector<size_t> defaulted_;
  mutable int anchor_ = -1; // the first value drawn: others should fit it
};

struct OpRow {
  const char* name;
  std::vector<Tensor> (*call)(const Call&);
};
const std::vector<OpRow>& op_rows();
int row_named(const std::string& name);

} // namespace fuzz
