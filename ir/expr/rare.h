// Which nodes of a DAG only the rare sides of `rarely` need.
#pragma once

#include "ir/expr/graph.h"

#include <vector>

namespace weft::expr {

/// Says whether operand `a` of a node is the rare side of a `rarely`.
constexpr bool is_rare_side(const Node& n, int a) {
  return n.is_primitive() && n.primitive() == Primitive::rarely && a == 1;
}

/// Says for each node whether rare sides alone read it, through whatever else. `stays(node)`: it is
/// computed in any case, such as one that may refuse its operands. Inputs and constants are no
/// work.
template <class Stays>
std::vector<bool> rare_nodes(Nodes nodes, std::span<const int> roots, Stays stays) {
  std::vector<bool> usual(nodes.size()), rare(nodes.size());
  for (int root : roots)
    if (root >= 0) usual[static_cast<size_t>(root)] = true;
  for (size_t k = nodes.size(); k-- > 0;) {
    if (!usual[k] && !rare[k]) continue;
    if (nodes[k].operand_count() == 0 || stays(nodes[k])) usual[k] = true;
    for (int a = 0; a < nodes[k].operand_count(); a++)
      (usual[k] && !is_rare_side(nodes[k], a)
           ? usual
           : rare)[static_cast<size_t>(nodes[k].args[static_cast<size_t>(a)])] = true;
  }
  for (size_t k = 0; k < nodes.size(); k++)
    rare[k] = rare[k] && !usual[k];
  return rare;
}

} // namespace weft::expr
