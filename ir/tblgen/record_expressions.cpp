// The expressions of a record: values, gradients, what may be called by name. A mistake in one is
// shown at its place in the .td file.
#include "ir/tblgen/record_reader.h"

#include "llvm/TableGen/Error.h"

namespace weft::tblgen {

using expr::Builder;
using expr::Type;
using llvm::StringRef;

const expr::Callable* RecordReader::resolve(std::string_view name) const {
  auto found = callables_.find(name);
  if (found != callables_.end()) return &found->second;
  // "#k" asks for the callable of index k.
  if (name.empty() || name[0] != '#') return nullptr;
  int index = std::stoi(std::string(name.substr(1)));
  for (auto& [key, callable] : callables_)
    if (callable.index == index) return &callable;
  return nullptr;
}

std::shared_ptr<Builder> RecordReader::builder(expr::Domain domain) {
  return std::make_shared<Builder>(domain, [this](std::string_view n) { return resolve(n); });
}

void RecordReader::field(const char* name, StringRef text, const std::function<void()>& parse) {
  try {
    parse();
  } catch (const expr::Error& e) {
    records_.ok = false;
    llvm::SMLoc start = def_->getValue(name)->getLoc();
    StringRef source(start.getPointer(), text.empty() ? 0 : std::strlen(start.getPointer()));
    size_t at = source.substr(0, 8000).find(text);
    if (at != StringRef::npos)
      llvm::PrintError(llvm::SMLoc::getFromPointer(source.data() + at + e.at), e.what());
    else // put together from pieces: the place is shown inside the whole
      llvm::PrintError(start, expr::with_caret(std::string_view(text), e));
  }
}

// Parses one value text: the op's operands and attributes are its inputs.
void RecordReader::value(OpRecord& op, Expression& to, const char* name, expr::Domain domain,
                         bool with) {
  to.dag = builder(domain);
  for (const Operand& o : op.operands)
    to.dag->input(o.name, o.type);
  for (const ScalarAttribute& s : op.scalars)
    to.dag->input(s.name, Type::number);
  if (op.kind == Kind::source) to.dag->input(text("position"), Type::number);
  to.roots = {-1};
  if (with) field("with", op.with_text, [&] { to.dag->parse_lets(op.with_text); });
  std::string body = text(name);
  field(name, body, [&] {
    to.roots[0] = to.dag->parse_body(body);
    bool is_mask = (*to.dag)[to.roots[0]].type == Type::boolean;
    if (is_mask && !op.is_mask) throw expr::Error(0, "the value is a mask, the result is not bool");
    if (!is_mask && op.is_mask) throw expr::Error(0, "the result is bool, the value is no mask");
  });
}

// Gradients are expressions of floats over operands, attributes, y and dy; derived where not given.
void RecordReader::gradients(OpRecord& op, bool with) {
  Builder& dag = *(op.gradient.dag = builder(expr::Domain::floating));
  for (const Operand& o : op.operands)
    dag.input(o.name, o.type);
  for (const ScalarAttribute& s : op.scalars)
    dag.input(s.name, Type::number);
  op.gradient.roots.assign(op.operands.size(), -1);
  auto texts = def_->getValueAsListOfStrings("grad");
  bool derive = texts.empty();
  if (with) field("with", op.with_text, [&] { dag.parse_lets(op.with_text); });
  int root = -1;
  if (derive) field("value", op.value_text, [&] { root = dag.parse_body(op.value_text); });
  int y = dag.input("y", op.is_mask ? Type::boolean : Type::number);
  int dy = dag.input("dy", Type::number);
  if (derive) {
    if (root < 0) return;
    field("value", op.value_text, [&] {
      std::vector<int> all = dag.differentiate(root, y, dy);
      std::copy_n(all.begin(), op.operands.size(), op.gradient.roots.begin());
    });
    return;
  }
  if (texts.size() != op.operands.size())
    return fail("grad", "a gradient is needed for each of the " +
                            std::to_string(op.operands.size()) + " operands");
  for (size_t k = 0; k < texts.size(); k++) {
    op.gradient_texts.push_back(texts[k].str());
    if (texts[k].empty()) continue;
    field("grad", texts[k], [&] {
      int g = dag.parse(std::string_view(texts[k]));
      if (dag[g].type != Type::number) throw expr::Error(0, "a gradient is a number");
      std::vector<char> below(dag.nodes().size());
      below[static_cast<size_t>(g)] = 1;
      for (int n = g; n >= 0; n--)
        for (int a = 0; below[static_cast<size_t>(n)] && a < dag[n].operand_count(); a++)
          below[static_cast<size_t>(dag[n].args[static_cast<size_t>(a)])] = 1;
      if (!below[static_cast<size_t>(dy)]) throw expr::Error(0, "the gradient does not use dy");
      op.gradient.roots[k] = g;
    });
  }
}

void RecordReader::add_callable(OpRecord& op) {
  op.signature = op.is_mask ? "B" : "N";
  for (const Operand& o : op.operands)
    op.signature += static_cast<char>(o.type);
  op.signature += std::string(op.scalars.size(), 'N');
  if (op.signature.size() > expr::kMaxOperands + 1) return;
  int next = 0;
  for (auto& [name, c] : callables_)
    next = std::max(next, c.index + 1);
  // An op and the function it wraps share a name: the function is what the language calls.
  if (callables_.contains(op.name)) return;
  op.callable = next;
  expr::Callable c{next, op.name, op.signature, expression_domain(op), nullptr, {}};
  if (op.differentiable && op.gradient.dag) {
    c.gradient = op.gradient.dag.get();
    c.gradients = op.gradient.roots;
    c.gradients.resize(op.signature.size() - 1, -1);
  }
  callables_.emplace(op.name, std::move(c));
}

Expression RecordReader::expressions(OpRecord& op, const char* name, std::vector<StringRef> texts,
                                     const std::vector<std::pair<std::string, Type>>& inputs,
                                     const std::vector<Type>& types, expr::Domain domain) {
  Expression e{builder(domain), {}};
  for (auto& [input, type] : inputs)
    e.dag->input(input, type);
  if (texts.size() != types.size()) {
    fail(name, op.name + " has " + std::to_string(types.size()) + " accumulators");
    return e;
  }
  for (size_t k = 0; k < texts.size(); k++)
    field(name, texts[k], [&] {
      e.roots.push_back(e.dag->parse(std::string_view(texts[k]), types[k]));
      if ((*e.dag)[e.roots.back()].type != types[k]) throw expr::Error(0, "is of another type");
    });
  return e;
}

} // namespace weft::tblgen
