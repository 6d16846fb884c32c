#include "ir/tblgen/records.h"

#include "ir/tblgen/record_reader.h"

#include "llvm/ADT/STLExtras.h"

namespace weft::tblgen {

using expr::Builder;
using llvm::Record;
using llvm::StringRef;

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

constexpr unsigned kResultRead = 1u << 7;

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
      reads |= kResultRead;
  }
  return reads;
}

bool may_refuse(const Records& records, const Expression& e) {
  if (!e.dag) return false;
  for (const expr::Node& n : e.dag->nodes()) {
    if (n.is_call() && may_refuse(records, *records.callable(n.op - expr::kCall))) return true;
    if (!n.is_primitive()) continue;
    if (n.primitive() == expr::Primitive::require) return true;
    if (n.primitive() == expr::Primitive::floordiv) return true;
  }
  return false;
}

} // namespace

bool may_refuse(const Records& records, const OpRecord& op) {
  if (op.refuses) return true;
  for (const Expression* e : {&op.value, &op.f32, &op.f64, &op.i64})
    if (may_refuse(records, *e)) return true;
  return false;
}

std::vector<unsigned> gradient_reads(const OpRecord& op) {
  std::vector<unsigned> reads(op.operands.size());
  for (size_t k = 0; k < op.gradient_operands.size(); k++) {
    llvm::SmallVector<llvm::StringRef> names;
    llvm::StringRef(op.gradient_operands[k]).split(names, ' ');
    for (size_t j = 0; j < op.operands.size(); j++)
      if (llvm::is_contained(names, op.operands[j].name)) reads[k] |= 1u << j;
    if (llvm::is_contained(names, "y")) reads[k] |= kResultRead;
  }
  if (op.differentiable && op.gradient.dag)
    for (size_t k = 0; k < op.gradient.roots.size(); k++)
      if (int root = op.gradient.roots[k]; root >= 0) reads[k] = reads_of_root(op, root);
  if (llvm::all_of(reads, [](unsigned r) { return r == 0; })) reads.clear();
  return reads;
}

} // namespace weft::tblgen
