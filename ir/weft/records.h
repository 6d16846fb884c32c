// What the compiler asks of an op's record: its kind, dtype rules and expressions.
#pragma once

#include "ir/expr/graph.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace mlir {
class Operation;
}

namespace weft::ir {

enum class RecordKind : uint8_t { pointwise, reduction, view, structured, source };
enum class ResultRule : uint8_t { same, boolean, wide, index, given };

/// The dtypes that expressions are computed in.
enum class Compute : uint8_t { f32, f64, i64 };

/// The expressions of a record. Inputs, by form:
///   value     operands, then scalar attributes, then the position of a source
///   identity  none
///   element   the element, then its position
///   combine   the accumulators, then those joined to them
///   finish    the accumulators, then the number of elements
enum class Form : uint8_t { value, identity, element, combine, finish };

/// An expression with one root a result.
struct Graph {
  expr::Nodes nodes;
  llvm::SmallVector<int, 2> roots;
};

struct Record {
  llvm::StringRef name;
  int number = -1; // row of the generated table
  RecordKind kind = RecordKind::structured;
  ResultRule result = ResultRule::same;
  bool isRandom = false;
  bool isCast = false;       // converts its operand to the result's dtype
  bool isRoutine = false;    // a structured op without a lowering: its own kernel is called
  bool mayRefuse = false;    // requires something of its operands' elements
  bool indexes = false;      // namely that those of the second are positions of a dim of the first
  bool overwrites = false;   // its own kernel may write the result over the first operand
  unsigned operands = 0;     // tensors
  unsigned accumulators = 0; // of a reduction: a number, then a position
  uint64_t masks = 0;        // bit k: operand k is a mask
  unsigned weight = 0;       // primitives computed for one element, functions written out

  bool isMask(size_t k) const { return k < 64 && (masks >> k & 1); }
  Graph graph(Form form) const;
};

/// Returns the record of an op's name, or null.
const Record* findRecord(llvm::StringRef name);
/// Returns the record of an op of the dialect, or null.
const Record* recordOf(mlir::Operation* op);
/// Says whether the op may refuse its operands: then its kernel raises an error.
bool mayRefuse(mlir::Operation* op);

/// Returns the body of a function of the expression language, by the number in expr::Node::op.
Graph functionGraph(int callable, Compute compute);

} // namespace weft::ir
