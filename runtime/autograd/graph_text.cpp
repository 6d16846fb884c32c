// The recorded graph as text: print_graph() and dot_graph().

#include "runtime/autograd/node_extra.h"
#include "weft/autograd.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace weft {

namespace {

/// The nodes behind a tensor in the order of their calls, and the leaves in order of first use.
struct Graph {
  std::vector<GradNode*> nodes;
  std::vector<TensorImpl*> leaves;
  std::unordered_map<uintptr_t, size_t> numbers; // by edge

  explicit Graph(const Tensor& t) {
    if (t.requires_grad()) collect(t.impl());
    std::sort(nodes.begin(), nodes.end(),
              [](const GradNode* a, const GradNode* b) { return a->sequence < b->sequence; });
    for (size_t i = 0; i < nodes.size(); i++) {
      numbers[reinterpret_cast<uintptr_t>(nodes[i])] = i;
      for (uint32_t k = 0; k < nodes[i]->operand_count; k++)
        add_leaf(nodes[i]->operands()[k].edge);
    }
  }

private:
  void collect(const TensorImpl* t) {
    std::unordered_map<const GradNode*, bool> seen;
    if (GradNode* root = node_of(t)) nodes.push_back(root), seen[root] = true;
    for (size_t i = 0; i < nodes.size(); i++)
      for (uint32_t k = 0; k < nodes[i]->operand_count; k++)
        if (GradNode* n = nodes[i]->operands()[k].edge.node(); n && !std::exchange(seen[n], true))
          nodes.push_back(n);
  }
  void add_leaf(const GradEdge& edge) {
    if (!edge.leaf()) return;
    if (numbers.try_emplace(edge.key(), leaves.size()).second) leaves.push_back(edge.leaf());
  }
};

std::string describe_result(GradNode* n) {
  return std::string(name_of(n->dtype)) + n->result_shape().str();
}

std::string describe_operand(GradNode* n, const GradOperand& operand) {
  return operand.meta >= 0 ? describe(n->metas()[operand.meta]) : describe_result(n);
}

std::string describe_number(const Scalar& s) {
  if (s.kind == Scalar::Kind::floating) return fmt::format("{}", s.f);
  if (s.kind == Scalar::Kind::boolean) return s.i ? "true" : "false";
  return std::to_string(s.i);
}

// The last name of a list takes all integers that are left.
std::string describe_integers(const char* const* names, const int64_t* v, size_t n) {
  std::string text;
  for (size_t k = 0; names && *names && k < n; names++) {
    size_t count = names[1] ? 1 : n - k;
    text += fmt::format(", {}=", *names);
    if (names[1])
      text += std::to_string(v[k]);
    else
      text += fmt::format("[{}]", fmt::join(v + k, v + k + count, ", "));
    k += count;
  }
  return text;
}

std::string operand_list(const Graph& graph, GradNode* n) {
  std::string text;
  size_t scalar = 0;
  for (uint32_t k = 0; k < n->operand_count; k++) {
    const GradOperand& operand = n->operands()[k];
    text += k ? ", " : "";
    if (operand.edge)
      text += fmt::format("{}{}", operand.edge.leaf() ? "leaf" : "%",
                          graph.numbers.at(operand.edge.key()));
    else if (operand.meta != GradOperand::kNumber)
      text += describe_operand(n, operand);
    else if (n->op != kNoOp)
      text += describe_number(n->scalars()[scalar++]);
    else
      text += "none";
  }
  if (n->op == kNoOp) return text;
  const OpInfo& op = info(n->op);
  for (int i = 0; scalar < n->scalar_count; scalar++, i++)
    text += fmt::format(", {}={}", op.scalar_names ? op.scalar_names[i] : "value",
                        describe_number(n->scalars()[scalar]));
  text += describe_integers(op.structure_names, n->structure(), n->structure_count);
  return text + describe_integers(op.size_names, n->sizes(), n->size_count);
}

std::string place(const Loc& loc) {
  std::string_view file = loc.file_name();
  return fmt::format("{}:{}", file.substr(file.rfind('/') + 1), loc.line());
}

std::string name(GradNode* n) { return node_name(*n) + (n->in_place ? "_" : ""); }

} // namespace

std::string print_graph(const Tensor& t) {
  Graph graph(t);
  std::string text;
  for (size_t i = 0; i < graph.leaves.size(); i++)
    text += fmt::format("leaf{} : {}\n", i, describe(graph.leaves[i]->meta));
  for (size_t i = 0; i < graph.nodes.size(); i++) {
    GradNode* n = graph.nodes[i];
    text += fmt::format("%{} = {}({}) : {}  # {}\n", i, name(n), operand_list(graph, n),
                        describe_result(n), place(n->loc));
  }
  return text;
}

std::string dot_graph(const Tensor& t) {
  Graph graph(t);
  std::string text = "digraph tape {\n  node [shape=box];\n";
  for (size_t i = 0; i < graph.leaves.size(); i++)
    text += fmt::format("  leaf{} [label=\"leaf{}\\n{}\", style=filled];\n", i, i,
                        describe(graph.leaves[i]->meta));
  for (size_t i = 0; i < graph.nodes.size(); i++) {
    GradNode* n = graph.nodes[i];
    text += fmt::format("  op{} [label=\"{}\\n{}\\n{}\"];\n", i, name(n), describe_result(n),
                        place(n->loc));
    for (uint32_t k = 0; k < n->operand_count; k++)
      if (const GradEdge& edge = n->operands()[k].edge)
        text += fmt::format("  {}{} -> op{};\n", edge.leaf() ? "leaf" : "op",
                            graph.numbers.at(edge.key()), i);
  }
  return text + "}\n";
}

} // namespace weft
