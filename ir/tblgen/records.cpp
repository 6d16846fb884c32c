// Reads TableGen records, parses their expressions, and points at mistakes with a caret.
#include "ir/tblgen/records.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/TableGen/Error.h"

#include <functional>
#include <set>

namespace weft::tblgen {

using expr::Builder;
using expr::Type;
using llvm::Record;
using llvm::StringRef;

class RecordReader {
public:
  RecordReader(Records& records) : records_(records) {}
  void read(const Record* def, Kind kind);

private:
  // Runs one parse of a field's text; a mistake is reported where the text stands in the file.
  void field(const char* name, StringRef text, const std::function<void()>& parse);
  void fail(const char* name, const std::string& message) {
    llvm::PrintError(def_->getValue(name), message);
    records_.ok = false;
  }
  void documentation(OpRecord& op);
  void operands(OpRecord& op, const llvm::DagInit* ins);
  void attributes(OpRecord& op);
  void function(OpRecord& op);
  void pointwise(OpRecord& op);
  void reduction(OpRecord& op);
  void composite(OpRecord& op);
  void value(OpRecord& op, Expression& to, const char* name, expr::Domain domain, bool with);
  void gradients(OpRecord& op, bool with);
  void add_callable(OpRecord& op);
  Expression expressions(OpRecord& op, const char* name, std::vector<StringRef> texts,
                         const std::vector<std::pair<std::string, Type>>& inputs,
                         const std::vector<Type>& types, expr::Domain domain);

  std::string text(const char* name) { return def_->getValueAsString(name).str(); }
  std::shared_ptr<Builder> builder(expr::Domain domain);
  const expr::Callable* resolve(std::string_view name) const;
  static expr::Domain expression_domain(const OpRecord& op) {
    if (op.domain == "integer") return expr::Domain::integer;
    return op.domain == "number" || op.domain == "any" ? expr::Domain::number
                                                       : expr::Domain::floating;
  }

  Records& records_;
  const Record* def_ = nullptr;
  std::map<std::string, expr::Callable, std::less<>> callables_;
};

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

void RecordReader::documentation(OpRecord& op) {
  op.summary = text("summary");
  op.shapes = text("shapes");
  op.formula = text("formula");
  if (const llvm::RecordVal* v = def_->getValue("description"); v && op.kind != Kind::function)
    op.description = def_->getValueAsString("description").trim().str();
  auto samples = def_->getValueAsListOfInts("samples");
  if (samples.size() != 2) return fail("samples", "an interval is two integers");
  op.samples = {static_cast<int>(samples[0]), static_cast<int>(samples[1])};
}

void RecordReader::operands(OpRecord& op, const llvm::DagInit* ins) {
  for (unsigned k = 0; k < ins->getNumArgs(); k++) {
    const Record* type = llvm::cast<llvm::DefInit>(ins->getArg(k))->getDef();
    bool mask = type->getName() == "Weft_Mask";
    op.operands.push_back({ins->getArgNameStr(k).str(), mask ? Type::boolean : Type::number,
                           type->isSubClassOf("Variadic")});
  }
}

void RecordReader::attributes(OpRecord& op) {
  for (const Record* s : def_->getValueAsListOfDefs("attributes"))
    op.scalars.push_back({s->getValueAsString("name").str(), s->getValueAsString("default").str(),
                          s->getValueAsString("doc").str()});
  for (StringRef s : def_->getValueAsListOfStrings("structure"))
    op.structure.push_back(s.str());
  for (StringRef s : def_->getValueAsListOfStrings("sizes"))
    op.sizes.push_back(s.str());
  const Record* result = def_->getValueAsDef("result");
  op.result = result->getValueAsString("name").str();
  op.result_dtype = result->getValueAsString("dtype").str();
  op.api = def_->getValueAsBit("api");
  op.method = def_->getValueAsBit("method");
  op.is_random = def_->getValueAsBit("isRandom");
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

void RecordReader::function(OpRecord& op) {
  operands(op, def_->getValueAsDag("arguments"));
  op.is_mask = def_->getValueAsBit("isMask");
  op.tensor_op = text("op");
  op.with_text = text("with");
  op.value_text = text("value");
  op.differentiable = !def_->getValueAsListOfStrings("grad").empty();
  if (!op.value_text.empty()) value(op, op.value, "value", expression_domain(op), true);
  if (!text("f32").empty()) value(op, op.f32, "f32", expr::Domain::floating, false);
  if (!text("f64").empty()) value(op, op.f64, "f64", expr::Domain::floating, false);
  if (!text("i64").empty()) value(op, op.i64, "i64", expr::Domain::integer, false);
  // A function may use itself in its gradient, as log and pow do.
  add_callable(op);
  if (op.differentiable) {
    gradients(op, !op.value_text.empty());
    auto& c = callables_.at(op.name);
    c.gradient = op.gradient.dag.get();
    c.gradients = op.gradient.roots;
  }
}

void RecordReader::pointwise(OpRecord& op) {
  op.is_mask = op.result == "boolean";
  op.in_place = def_->getValueAsBit("inPlace");
  op.differentiable = def_->getValueAsBit("differentiable");
  op.symbol_text = text("symbol");
  op.with_text = text("with");
  op.value_text = text("value");
  value(op, op.value, "value", expression_domain(op), true);
  if (op.differentiable && op.value.roots[0] >= 0) gradients(op, true);
  add_callable(op);
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

void RecordReader::reduction(OpRecord& op) {
  op.needs_elements = def_->getValueAsBit("needsElements");
  op.converts = def_->getValueAsBit("converts");
  auto list = [&](const char* name) {
    auto texts = def_->getValueAsListOfStrings(name);
    return std::vector<StringRef>(texts.begin(), texts.end());
  };
  bool two = list("identity").size() == 2;
  std::vector<Type> types = {Type::number};
  std::vector<std::pair<std::string, Type>> a = {{"a", Type::number}};
  auto ab = a;
  if (two) {
    types.push_back(Type::index);
    a.push_back({"ai", Type::index});
    ab = a;
  }
  ab.push_back({"b", Type::number});
  if (two) ab.push_back({"bi", Type::index});
  expr::Domain domain = expression_domain(op);
  op.identity = expressions(op, "identity", list("identity"), {}, types, domain);
  op.element = expressions(op, "element", list("element"),
                           {{"x", Type::number}, {"i", Type::index}}, types, domain);
  op.combine = expressions(op, "combine", list("combine"), ab, types, domain);
  a.push_back({"n", Type::number});
  op.finish = expressions(op, "finish", {def_->getValueAsString("finish")}, a,
                          {op.result == "index" ? Type::index : Type::number}, domain);

  std::string grad = text("grad");
  if (grad.empty()) return;
  op.differentiable = true;
  op.gradient_texts = {grad};
  auto resolver = [this](std::string_view name) {
    static const expr::Callable sum{kReducedSum, "sum", "NN", expr::Domain::floating, nullptr, {}};
    return name == "sum" ? &sum : resolve(name);
  };
  op.gradient.dag = std::make_shared<Builder>(expr::Domain::floating, resolver);
  for (const char* name : {"x", "y", "dy", "n"})
    op.gradient.dag->input(name, Type::number);
  op.gradient.roots = {-1};
  field("grad", grad, [&] { op.gradient.roots[0] = op.gradient.dag->parse(grad); });
}

void RecordReader::composite(OpRecord& op) {
  op.method = def_->getValueAsBit("method");
  op.returns = text("returns");
  op.dtypes = text("dtypes");
  for (const Record* p : def_->getValueAsListOfDefs("params"))
    op.parameters.push_back({p->getValueAsString("type").str(), p->getValueAsString("name").str(),
                             p->getValueAsString("default").str()});
}

void RecordReader::read(const Record* def, Kind kind) {
  def_ = def;
  OpRecord op;
  op.record = def;
  op.kind = kind;
  op.name = text("opName");
  op.symbol = def->getName().str();
  documentation(op);
  if (kind != Kind::composite) {
    const Record* domain = def->getValueAsDef("domain");
    op.domain = domain->getValueAsString("name").str();
    op.dtypes = domain->getValueAsString("dtypes").str();
  }
  if (op.is_op()) {
    operands(op, def->getValueAsDag("operands"));
    attributes(op);
  }
  switch (kind) {
  case Kind::function:
    function(op);
    break;
  case Kind::pointwise:
    pointwise(op);
    break;
  case Kind::reduction:
    reduction(op);
    break;
  case Kind::view:
  case Kind::structured:
    op.differentiable = def->getValueAsBit("differentiable");
    for (StringRef s : def->getValueAsListOfStrings("reads"))
      op.gradient_operands.push_back(s.str());
    break;
  case Kind::source:
    op.value_text = text("value");
    value(op, op.value, "value", expression_domain(op), false);
    break;
  case Kind::composite:
    composite(op);
    break;
  }
  records_.all.push_back(std::move(op));
}

Records::Records(const llvm::RecordKeeper& keeper) {
  static const std::pair<const char*, Kind> kinds[] = {
      {"Function", Kind::function},     {"Pointwise", Kind::pointwise},
      {"Reduction", Kind::reduction},   {"View", Kind::view},
      {"Structured", Kind::structured}, {"Source", Kind::source},
      {"Composite", Kind::composite}};
  std::vector<std::pair<const Record*, Kind>> defs;
  for (auto& [name, kind] : kinds)
    for (const Record* r : keeper.getAllDerivedDefinitions(name))
      defs.emplace_back(r, kind);
  llvm::sort(defs, [](auto& a, auto& b) { return a.first->getID() < b.first->getID(); });
  RecordReader reader(*this);
  for (auto& [def, kind] : defs)
    reader.read(def, kind);
}

std::vector<const OpRecord*> Records::callables() const {
  std::vector<const OpRecord*> r;
  for (const OpRecord& o : all)
    if (o.callable >= 0) r.push_back(&o);
  llvm::sort(r, [](auto* a, auto* b) { return a->callable < b->callable; });
  return r;
}

std::vector<const OpRecord*> Records::ops() const {
  std::vector<const OpRecord*> r;
  for (const OpRecord& o : all)
    if (o.is_op()) r.push_back(&o);
  return r;
}

const OpRecord* Records::callable(int index) const {
  for (const OpRecord& o : all)
    if (o.callable == index) return &o;
  return nullptr;
}

const OpRecord* Records::op(const std::string& name) const {
  for (const OpRecord& o : all)
    if (o.is_op() && o.name == name) return &o;
  return nullptr;
}

namespace {

unsigned reads_of_root(const OpRecord& op, int root) {
  unsigned reads = 0;
  const Builder& dag = *op.gradient.dag;
  size_t first_y = op.kind == Kind::reduction ? 1 : op.operands.size() + op.scalars.size();
  std::vector<char> needed(dag.nodes().size());
  needed[static_cast<size_t>(root)] = 1;
  for (size_t k = needed.size(); k-- > 0;) {
    if (!needed[k]) continue;
    const expr::Node& n = dag.nodes()[k];
    for (int a = 0; a < n.operand_count(); a++)
      needed[static_cast<size_t>(n.args[static_cast<size_t>(a)])] = 1;
    if (n.op != expr::kInput) continue;
    auto input = static_cast<size_t>(n.args[0]);
    if (input < op.operands.size())
      reads |= 1u << input;
    else if (input == first_y)
      reads |= 1u << 7;
  }
  return reads;
}

} // namespace

std::vector<unsigned> gradient_reads(const OpRecord& op) {
  std::vector<unsigned> reads(op.operands.size());
  for (size_t k = 0; k < op.gradient_operands.size(); k++)
    for (size_t j = 0; j < op.operands.size(); j++)
      if (op.operands[j].name == op.gradient_operands[k]) reads[k] |= 1u << j;
  if (op.differentiable && op.gradient.dag)
    for (size_t k = 0; k < op.gradient.roots.size(); k++)
      if (int root = op.gradient.roots[k]; root >= 0) reads[k] = reads_of_root(op, root);
  if (llvm::all_of(reads, [](unsigned r) { return r == 0; })) reads.clear();
  return reads;
}

} // namespace weft::tblgen
