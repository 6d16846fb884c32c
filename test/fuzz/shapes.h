// What a record's text on shapes says: "x [N, C, sizes...] and weight [O, C / groups, kernel...]".
// Each name before a bracket has the dims in it; one letter is one size in the whole text.
#pragma once

#include "test/fuzz/program.h"

#include <map>
#include <optional>
#include <random>
#include <string>

namespace fuzz {

/// How large made-up tensors are: small ones show what is wrong, large ones how long it takes.
struct Sizing {
  bool is_large = false;
  int64_t most_elements = 3000;
};

/// A shape that follows from that of a call's first tensor x and from a dim of it.
struct Likeness {
  enum Kind {
    without,    // "src is like x without the dim"
    along,      // "source is like x with n along the dim"
    size_of_dim // "repeats has the size of the dim"
  };
  Kind kind;
  Size size; // of along
};

class ShapeText {
public:
  /// Reads a text and draws a size for each of its letters. The function's name tells how many
  /// spatial dims there are, as that of conv2d does.
  ShapeText(const char* text, const std::string& function, const Round& round, std::mt19937& random,
            const Sizing& sizing = {});

  /// The dims of the parameter of that name or position, where the text has them: in a text that
  /// starts with a bracket those without names are the first parameters', up to "give".
  std::optional<Sizes> of(const std::string& name, size_t position = SIZE_MAX) const;
  /// What the parameter's shape is like, where the text says so.
  std::optional<Likeness> likeness(const std::string& name) const;
  /// Whether the parameter is a list with the positions along each dim of x: "spacing has a list
  /// for each dim".
  bool has_list_for_each_dim(const std::string& name) const;
  /// The dims of the tensors of a list, "[A, B], [B, C], ... give [A, Z]"; none where they are not
  /// told.
  const std::vector<Sizes>& listed() const { return nameless_; }
  /// What the text multiplies or divides a size by, such as groups: a parameter's value.
  std::optional<int64_t> factor(const std::string& name) const;
  /// The dims of one operand of an equation such as "ij,jk->ik".
  Sizes of_letters(const std::string& letters) const;
  /// Whether operands broadcast and nothing more is said.
  bool only_broadcasts() const { return only_broadcasts_; }
  /// A shape of 0 .. `most` dims.
  Sizes any(int64_t most) const;
  /// How many spatial dims `sizes...` stands for.
  int64_t spatial_dims() const { return spatial_dims_; }
  Size size() const;

private:
  int64_t pick(int64_t n) const {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(n));
  }
  void read();
  void read_brackets();
  Sizes read_sizes(size_t open, size_t close);
  void add(const std::string& term, Sizes& sizes);
  void add_list(const std::string& term, Sizes& sizes);
  const Size& letter(const std::string& name) const;

  const std::string text_;
  const Round& round_;
  std::mt19937& random_;
  bool is_large_;
  bool only_broadcasts_ = false;
  int64_t spatial_dims_, multiple_ = 1;
  std::map<std::string, Sizes> shapes_;
  std::vector<Sizes> nameless_; // of the first parameters
  std::map<std::string, int64_t> factors_;
  mutable std::map<std::string, Size> letters_;
  mutable std::map<std::string, Sizes> lists_; // of what ends with ...
};

} // namespace fuzz
