// The grammar: names, real literals, calls, infix operators by precedence, unary - and !,
// parentheses.
//   expression := prefix (operator expression)*      prefix := literal | name | name '(' args ')'
//                                                             | '(' expression ')' | '-' prefix |
//                                                             '!' prefix
#include "ir/expr/expr.h"

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace weft::expr {

namespace {
constexpr int kMaxNesting = 200;
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
} // namespace

class Parser {
public:
  Parser(Builder& builder, std::string_view text) : b_(builder), text_(text) { next(); }

  int whole() {
    int root = infix(0);
    if (!token_.empty()) fail("unexpected '" + std::string(token_) + "'");
    return root;
  }

  int body() {
    lets(true);
    return whole();
  }

  // With `expression_follows`, stops in front of what is no definition.
  void lets(bool expression_follows) {
    while (!token_.empty()) {
      if (expression_follows && !defines()) return;
      std::string name(token_);
      if (!is_name()) fail("a name is expected before '='");
      if (b_.names_.contains(name)) fail("'" + name + "' is already defined");
      next();
      expect("=");
      b_.names_[name] = infix(0);
      if (!token_.empty()) expect(";");
    }
  }

private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(start_, what); }
  bool is_name() const { return !token_.empty() && is_word(token_[0]) && !is_digit(token_[0]); }

  // Whether a name and '=' come next.
  bool defines() const {
    size_t k = position_;
    while (k < text_.size() && std::isspace(static_cast<unsigned char>(text_[k])))
      k++;
    return is_name() && text_.substr(k, 1) == "=" && text_.substr(k, 2) != "==";
  }

  void next() {
    while (position_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[position_])))
      position_++;
    start_ = position_;
    if (position_ == text_.size()) {
      token_ = {};
      return;
    }
    char c = text_[position_];
    if (is_digit(c)) {
      skip_number();
    } else if (is_word(c)) {
      while (position_ < text_.size() && is_word(text_[position_]))
        position_++;
    } else {
      std::string_view two = text_.substr(position_, 2);
      position_ += two == "<=" || two == ">=" || two == "==" || two == "!=" ? 2 : 1;
    }
    token_ = text_.substr(start_, position_ - start_);
  }

  void skip_number() {
    auto digits = [&] {
      while (position_ < text_.size() && is_digit(text_[position_]))
        position_++;
    };
    digits();
    if (position_ < text_.size() && text_[position_] == '.') position_++, digits();
    if (position_ < text_.size() && (text_[position_] == 'e' || text_[position_] == 'E')) {
      position_++;
      if (position_ < text_.size() && (text_[position_] == '-' || text_[position_] == '+'))
        position_++;
      if (position_ == text_.size() || !is_digit(text_[position_])) fail("an exponent is missing");
      digits();
    }
    if (position_ < text_.size() && is_word(text_[position_]))
      fail("a number is followed by a name");
  }

  void expect(std::string_view wanted) {
    if (token_ != wanted)
      fail("'" + std::string(wanted) + "' is expected" +
           (token_.empty() ? " at the end" : " before '" + std::string(token_) + "'"));
    next();
  }

  int infix(int level) {
    int left = prefix();
    for (;;) {
      const PrimitiveInfo* found = nullptr;
      for (const PrimitiveInfo& p : kPrimitives)
        if (p.precedence && p.infix == token_) found = &p;
      if (!found || found->precedence <= level) return left;
      size_t at = start_;
      next();
      int right = infix(found->precedence);
      left = b_.checked(static_cast<int>(found->id), found->infix, found->signature, found->domain,
                        {left, right}, at);
    }
  }

  int prefix() {
    if (++nesting_ > kMaxNesting) fail("the expression is nested too deeply");
    int r = prefix_unlimited();
    nesting_--;
    return r;
  }

  int prefix_unlimited() {
    size_t at = start_;
    std::string_view t = token_;
    if (t.empty()) fail("an operand is missing at the end");
    if (is_digit(t[0])) return number(t, at);
    bool name = is_name();
    if (!name && t != "(" && t != "-" && t != "!") fail("unexpected '" + std::string(t) + "'");
    next();
    if (t == "(") {
      int r = infix(0);
      expect(")");
      return r;
    }
    if (t == "-" || t == "!") {
      int r = prefix();
      if (t == "-" && b_[r].op == kLiteral) return b_.literal(-b_[r].number, b_[r].type);
      return b_.named(t == "-" ? "neg" : "not", {r}, at);
    }
    return token_ == "(" ? call(t, at) : variable(t, at);
  }

  int number(std::string_view t, size_t at) {
    double value = std::strtod(std::string(t).c_str(), nullptr);
    if (std::isinf(value)) throw Error(at, "'" + std::string(t) + "' is too large");
    if (b_.domain_ == Domain::integer && (value != std::floor(value) || value > 9007199254740992.0))
      throw Error(at, "'" + std::string(t) + "' is no integer, the op takes integers only");
    next();
    return b_.literal(value);
  }

  int variable(std::string_view t, size_t at) {
    auto found = b_.names_.find(t);
    if (found != b_.names_.end()) return found->second;
    if (t == "inf" || t == "nan") {
      if (b_.domain_ != Domain::floating)
        throw Error(at, "'" + std::string(t) + "' is for floats only, the op also takes integers");
      using Limits = std::numeric_limits<double>;
      return b_.literal(t == "inf" ? Limits::infinity() : Limits::quiet_NaN());
    }
    if (t == "lowest" || t == "highest") return b_.named(t, {}, at);
    throw Error(at,
                "'" + std::string(t) + "' is not an operand, a number or a name that is defined");
  }

  int call(std::string_view name, size_t at) {
    next();
    std::vector<int> operands;
    while (token_ != ")") {
      operands.push_back(infix(0));
      if (token_ != ")") expect(",");
    }
    next();
    return b_.named(name, operands, at);
  }

  Builder& b_;
  std::string_view text_, token_;
  size_t position_ = 0, start_ = 0;
  int nesting_ = 0;
};

int Builder::parse(std::string_view text, Type expected) {
  return constant_as(Parser(*this, text).whole(), expected);
}

void Builder::parse_lets(std::string_view text) { Parser(*this, text).lets(false); }

int Builder::parse_body(std::string_view text, Type expected) {
  return constant_as(Parser(*this, text).body(), expected);
}

} // namespace weft::expr
