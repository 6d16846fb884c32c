// The expression language of the op records: Builder parses text into a typed, hash-consed DAG and
// derives gradients. No LLVM here, so that the runtime can parse a user's op with it.
#pragma once

#include "ir/expr/graph.h"

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weft::expr {

/// A mistake in a text: what() says what is wrong, `at` is the offset of the offending character.
struct Error : std::runtime_error {
  size_t at;
  Error(size_t at, const std::string& what) : std::runtime_error(what), at(at) {}
};

/// Returns the message with the text's line and a caret below the mistake.
std::string with_caret(std::string_view text, const Error& error);

class Builder;

/// Something an expression can call by name: a `Function` of the language or an op.
struct Callable {
  int index = 0; // position in the record table
  std::string name;
  std::string signature; // as of PrimitiveInfo, without X
  Domain domain = Domain::number;
  // Gradients by operand, nodes of `gradient`, whose inputs are the operands, then y, then dy. Null
  // and empty: not differentiable.
  const Builder* gradient = nullptr;
  std::vector<int> gradients;
};

/// Looks a callable up by name; null where there is none.
using Resolver = std::function<const Callable*(std::string_view)>;

/// A DAG under construction. Equal nodes are one node, so roots share what they have in common.
class Builder {
public:
  explicit Builder(Domain domain = Domain::number, Resolver resolver = {})
      : domain_(domain), resolver_(std::move(resolver)) {}

  /// Declares the next input. Inputs are numbered in order of declaration.
  int input(const std::string& name, Type type);
  /// Makes a name stand for a node.
  void bind(const std::string& name, int node) { names_[name] = node; }
  /// Parses one expression over the names bound so far; throws Error. A constant takes the type
  /// `expected`.
  int parse(std::string_view text, Type expected = Type::number);
  /// Parses definitions "s = ...; t = ..." and binds their names.
  void parse_lets(std::string_view text);
  /// Parses definitions followed by an expression, "s = ...; t = ...; s * t", and returns the
  /// latter.
  int parse_body(std::string_view text, Type expected = Type::number);

  int literal(double value, Type type = Type::number);
  int apply(Primitive primitive, std::initializer_list<int> operands);
  /// Applies the primitive or callable of that name, as a call in a text does.
  int call(std::string_view name, const std::vector<int>& operands) {
    return named(name, operands, 0);
  }

  /// Returns the gradient of `root` for each input, -1 where it does not depend on the input.
  /// `seed` is the node of the incoming gradient, `result` the node to read where a rule needs the
  /// root's own value (root itself, or an input that holds it). Throws Error where no rule exists.
  std::vector<int> differentiate(int root, int result, int seed);

  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& operator[](int node) const { return nodes_[static_cast<size_t>(node)]; }
  /// Where the text that made a node names it first, for messages about the node.
  size_t place(int node) const { return places_[static_cast<size_t>(node)]; }
  int input_count() const { return inputs_; }
  Domain domain() const { return domain_; }
  /// The names bound, for readable printed code.
  const std::map<std::string, int, std::less<>>& names() const { return names_; }

private:
  friend class Parser;
  int add(const Node& node, size_t at = 0);
  int constant_as(int node, Type type);
  int checked(int op, std::string_view name, std::string_view signature, Domain needs,
              std::vector<int> operands, size_t at);
  int named(std::string_view name, const std::vector<int>& operands, size_t at);
  int splice(const Builder& from, int root, const std::vector<int>& inputs);
  std::vector<int> gradient_terms(int node, int value, int gradient);

  Domain domain_;
  Resolver resolver_;
  std::vector<Node> nodes_;
  std::vector<size_t> places_; // by node
  std::unordered_multimap<size_t, int> by_hash_;
  std::map<std::string, int, std::less<>> names_;
  int inputs_ = 0;
};

} // namespace weft::expr
