// The fields of a record, kind by kind.
#include "ir/tblgen/record_reader.h"

#include "llvm/TableGen/Error.h"

namespace weft::tblgen {

using expr::Builder;
using expr::Type;
using llvm::Record;
using llvm::StringRef;

void RecordReader::fail(const char* name, const std::string& message) {
  llvm::PrintError(def_->getValue(name), message);
  records_.ok = false;
}

void RecordReader::documentation(OpRecord& op) {
  op.summary = text("summary");
  op.shapes = text("shapes");
  op.formula = text("formula");
  op.example = text("example");
  op.gives = text("gives");
  for (StringRef name : def_->getValueAsListOfStrings("pytorch"))
    op.pytorch.push_back(name.str());
  op.is_ours = def_->getValueAsBit("isOurs");
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
  op.one_dtype = def_->getValueAsBit("oneDType");
  op.given_masks = def_->getValueAsBit("givenMasks");
  op.check = text("check");
  op.symbol_text = text("symbol");
  op.with_text = text("with");
  op.value_text = text("value");
  value(op, op.value, "value", expression_domain(op), true);
  if (op.differentiable && op.value.roots[0] >= 0) gradients(op, true);
  add_callable(op);
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
    static const expr::Callable product{kReducedProduct,        "prod",  "NN",
                                        expr::Domain::floating, nullptr, {}};
    return name == "sum" ? &sum : name == "prod" ? &product : resolve(name);
  };
  op.gradient.dag = std::make_shared<Builder>(expr::Domain::floating, resolver);
  for (const char* name : {"x", "y", "dy", "n"})
    op.gradient.dag->input(name, Type::number);
  op.gradient.roots = {-1};
  field("grad", grad, [&] { op.gradient.roots[0] = op.gradient.dag->parse_body(grad); });
}

void RecordReader::composite(OpRecord& op) {
  op.api = def_->getValueAsBit("api");
  op.method = def_->getValueAsBit("method");
  op.writes = def_->getValueAsBit("writes");
  op.rebinds = def_->getValueAsBit("rebinds");
  op.in_place = op.writes || op.rebinds || def_->getValueAsBit("inPlace");
  op.returns = text("returns");
  op.dtypes = text("dtypes");
  op.gradient_note = text("gradient");
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
  case Kind::structured:
    op.lowers = def->getValueAsBit("lowers");
    op.refuses = def->getValueAsBit("refuses");
    op.indexes = def->getValueAsBit("indexes");
    op.overwrites = def->getValueAsBit("overwrites");
    [[fallthrough]];
  case Kind::view:
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

} // namespace weft::tblgen
