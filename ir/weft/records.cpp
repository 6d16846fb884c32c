// The generated tables as the compiler reads them.
#include "ir/weft/records.h"

#include "ir/expr/rare.h"
#include "ir/ops/op_graphs.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringMap.h"

#include <vector>

namespace weft::ir {
namespace {

// How many primitives an expression takes; what only rare sides need counts as nothing.
unsigned weigh(const expr::Graph& graph) {
  unsigned weight = 0;
  std::vector<bool> rare =
      expr::rare_nodes(graph.nodes, graph.roots, [](const expr::Node&) { return false; });
  for (size_t k = 0; k < graph.nodes.size(); k++) {
    const expr::Node& n = graph.nodes[k];
    if (rare[k]) continue;
    if (n.is_call())
      weight += weigh(expr::kCallables[n.op - expr::kCall].graphs[0]);
    else
      weight += n.is_primitive() && n.operand_count() > 0;
  }
  return weight;
}

// Says whether an expression requires something of its inputs: a division by what may be 0 does
// too.
bool mayRefuse(expr::Nodes nodes) {
  for (const expr::Node& n : nodes) {
    if (n.is_call()) {
      for (const expr::Graph& graph : expr::kCallables[n.op - expr::kCall].graphs)
        if (mayRefuse(graph.nodes)) return true;
    } else if (n.is_primitive() && n.primitive() == expr::Primitive::require) {
      return true;
    } else if (n.is_primitive() && n.primitive() == expr::Primitive::floordiv) {
      const expr::Node& divisor = nodes[static_cast<size_t>(n.args[1])];
      if (divisor.op != expr::kLiteral || divisor.number == 0) return true;
    }
  }
  return false;
}

RecordKind kindOf(expr::RecordKind kind) {
  switch (kind) {
  case expr::RecordKind::pointwise:
    return RecordKind::pointwise;
  case expr::RecordKind::reduction:
    return RecordKind::reduction;
  case expr::RecordKind::view:
    return RecordKind::view;
  case expr::RecordKind::source:
    return RecordKind::source;
  default:
    return RecordKind::structured;
  }
}

ResultRule ruleOf(std::string_view name) {
  return name == "boolean" ? ResultRule::boolean
         : name == "wide"  ? ResultRule::wide
         : name == "index" ? ResultRule::index
         : name == "given" ? ResultRule::given
                           : ResultRule::same;
}

struct Table {
  std::vector<Record> records;
  llvm::StringMap<const Record*> byName;

  Table() {
    for (const expr::OpGraphs& row : expr::kOpGraphs) {
      Record r;
      r.name = row.name;
      r.number = static_cast<int>(records.size());
      r.kind = kindOf(row.kind);
      r.result = ruleOf(row.result);
      r.isRandom = row.is_random;
      r.isCast = r.kind == RecordKind::pointwise && r.result == ResultRule::given;
      r.isRoutine = r.kind == RecordKind::structured && !row.lowers;
      r.mayRefuse = row.refuses || mayRefuse(row.value.nodes);
      r.indexes = row.indexes;
      r.overwrites = row.overwrites;
      r.operands = std::string_view(row.signature).size();
      for (unsigned k = 0; k < r.operands; k++)
        if (row.signature[k] == 'B') r.masks |= uint64_t{1} << k;
      r.accumulators = row.identity.root_count();
      r.weight = weigh(row.value) + weigh(row.combine) + (r.isRandom ? 60 : 0);
      records.push_back(r);
    }
    for (const Record& r : records)
      byName[r.name] = &r;
  }
};

const Table& table() {
  static const Table t;
  return t;
}

} // namespace

const Record* findRecord(llvm::StringRef name) { return table().byName.lookup(name); }

const Record* recordOf(mlir::Operation* op) {
  if (!op || op->getName().getDialectNamespace() != "weft") return nullptr;
  return findRecord(op->getName().stripDialect());
}

Graph Record::graph(Form form) const {
  const expr::OpGraphs& row = expr::kOpGraphs[number];
  const expr::Graph& g = form == Form::value      ? row.value
                         : form == Form::identity ? row.identity
                         : form == Form::element  ? row.element
                         : form == Form::combine  ? row.combine
                                                  : row.finish;
  Graph r{g.nodes, {}};
  for (int root : g.roots)
    if (root >= 0) r.roots.push_back(root);
  return r;
}

Graph functionGraph(int callable, Compute compute) {
  const expr::Graph& g = expr::kCallables[callable].graphs[static_cast<size_t>(compute)];
  return {g.nodes, {g.roots[0]}};
}

} // namespace weft::ir
