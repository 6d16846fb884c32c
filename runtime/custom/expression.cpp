#include "runtime/custom/expression.h"

#include "runtime/core/fail_at.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <unordered_map>

namespace weft::custom {

namespace detail {

struct Term {
  const char* function = nullptr; // null: a number or an input
  std::vector<TermPtr> operands;
  double number = 0;
  bool is_input = false;
  int depth = 0;
};

TermPtr number_term(double number) {
  Term t;
  t.number = number;
  return std::make_shared<const Term>(std::move(t));
}

TermPtr input_term() {
  Term t;
  t.is_input = true;
  return std::make_shared<const Term>(std::move(t));
}

TermPtr call_term(const char* function, std::initializer_list<TermPtr> operands) {
  constexpr int kDeepest = 1000; // terms are read and freed recursively
  Term t;
  t.function = function;
  t.operands = operands;
  for (const TermPtr& o : operands) {
    if (!o)
      throw Error(ErrorKind::value, std::string("custom: ") + function +
                                        " must be given values, got one that was moved from");
    t.depth = std::max(t.depth, o->depth + 1);
  }
  if (t.depth > kDeepest)
    throw Error(ErrorKind::value, "custom: an expression must be nested at most " +
                                      std::to_string(kDeepest) + " deep, got a deeper one");
  return std::make_shared<const Term>(std::move(t));
}

} // namespace detail

namespace {

using detail::Term;

// Makes nodes of terms, one for each.
class Lowering {
public:
  Lowering(expr::Builder& dag, const Expression& e, std::span<const Input> inputs) : dag_(dag) {
    if (e.inputs().size() > inputs.size())
      throw expr::Error(0, "the lambda must have at most " + std::to_string(inputs.size()) +
                               (inputs.size() == 1 ? " parameter" : " parameters") + ", got " +
                               std::to_string(e.inputs().size()));
    for (size_t k = 0; k < e.inputs().size(); k++) {
      if (e.masks()[k] != (inputs[k].type == expr::Type::boolean))
        throw expr::Error(0, "parameter " + std::to_string(k + 1) + " of the lambda must be a " +
                                 (e.masks()[k] ? "Value, got a Mask" : "Mask, got a Value"));
      nodes_[e.inputs()[k].get()] = dag.names().find(inputs[k].name)->second;
    }
  }

  int node(const Term* t) {
    if (auto known = nodes_.find(t); known != nodes_.end()) return known->second;
    if (t->is_input) throw expr::Error(0, "a parameter of another lambda must not be used");
    int made;
    if (t->function) {
      std::vector<int> operands;
      for (const detail::TermPtr& o : t->operands)
        operands.push_back(node(o.get()));
      made = dag_.call(t->function, operands);
    } else {
      made = dag_.literal(t->number);
    }
    return nodes_[t] = made;
  }

private:
  expr::Builder& dag_;
  std::unordered_map<const Term*, int> nodes_;
};

} // namespace

Formula parse(const Expression& e, std::span<const Input> inputs, const std::string& op,
              const char* part, const Loc& loc) {
  std::string where = *part ? std::string(part) + ": " : "";
  if (!e.defined()) refuse(op, ErrorKind::value, where + "must be given, got none", loc);
  expr::Builder dag = make_builder(inputs);
  try {
    int root = e.root() ? Lowering(dag, e, inputs).node(e.root().get()) : dag.parse_body(e.text());
    return under_name(op, loc, [&] { return Formula(dag, root, inputs, op); });
  } catch (const expr::Error& error) {
    refuse(op, ErrorKind::value,
           where + (e.root() ? error.what() : expr::with_caret(e.text(), error)), loc);
  }
}

void refuse(const std::string& op, ErrorKind kind, const std::string& what, const Loc& loc) {
  fail_at(kind, op + ": " + what, loc);
}

void rethrow_under_name(const Error& e, const std::string& op, const Loc& loc) {
  const Loc& at = e.location();
  if (at.line() != loc.line() || std::string_view(at.file_name()) != loc.file_name()) throw;
  std::string text = e.what();
  if (at.line()) text.resize(std::min(text.size(), text.rfind(" (at ")));
  if (!text.starts_with(op + ": ")) text = op + ": " + text;
  throw Error(e.kind(), text, at);
}

void check_names(const std::vector<Input>& inputs, const std::string& op, const Loc& loc) {
  for (size_t k = 0; k < inputs.size(); k++) {
    const std::string& name = inputs[k].name;
    bool is_name = !name.empty() && !std::isdigit(static_cast<unsigned char>(name[0]));
    for (char c : name)
      is_name &= std::isalnum(static_cast<unsigned char>(c)) || c == '_';
    if (!is_name)
      refuse(op, ErrorKind::value,
             "names of operands and numbers must be words, got '" + name + "'", loc);
    for (size_t j = 0; j < k; j++)
      if (inputs[j].name == name)
        refuse(op, ErrorKind::value,
               "names of operands and numbers must differ, got '" + name + "' twice", loc);
  }
}

} // namespace weft::custom
