// The graph that fusion works on: ops that compute, and what orders them.
#pragma once

#include "passes/part.h"

namespace weft {

class FusionGraph {
public:
  explicit FusionGraph(mlir::func::FuncOp function);

  mlir::func::FuncOp function;
  llvm::SmallVector<mlir::Operation*> nodes; // in program order
  llvm::DenseMap<mlir::Operation*, unsigned> number;
  std::vector<llvm::SetVector<unsigned>> producers, consumers; // of data, through what is no node
  // consumers, whoever overwrites what it reads, and who must not write before it has not refused
  std::vector<llvm::SetVector<unsigned>> after;
  std::vector<llvm::SetVector<mlir::Value>> returnedAs; // results of the function made of it
  llvm::SmallBitVector refuses,
      overwrites; // by node: may refuse its operands; makes a leaf's new value

  mlir::Block& body() { return function.getBody().front(); }

  /// Calls `visit` with each node whose result the value shows or is made of, and that result.
  void sourcesOf(mlir::Value v, llvm::function_ref<void(unsigned, mlir::Value)> visit);
  /// Calls `visit` with each argument of the function that the value shows or is made of.
  void argumentsOf(mlir::Value v, llvm::function_ref<void(mlir::BlockArgument)> visit);
  /// What a set of nodes has to write: results that others read, and the function's.
  llvm::SmallVector<mlir::Value> outputsOf(llvm::ArrayRef<unsigned> set);
  /// The set's ops with the cheap ones that they are made of, in program order.
  llvm::SmallVector<mlir::Operation*> opsOf(llvm::ArrayRef<unsigned> set);

private:
  bool isCheap(mlir::Operation* op);
  bool isShown(mlir::Value v);
  bool isReadWhole(mlir::Value v);
  bool isReadWholeBy(mlir::Value v, const llvm::DenseSet<unsigned>& whole);
  llvm::DenseSet<unsigned> unreadRefusals(llvm::ArrayRef<unsigned> set,
                                          const llvm::DenseSet<unsigned>& members);
  bool isOfOneLeaf(mlir::Operation* op);
  std::optional<unsigned> costOfNumbers(mlir::Value v);
  void findNodes();
  void findEdges();
  void orderRecomputed();
  void orderOverwrite(mlir::OpOperand& operand);
  void orderRefusals();
  bool isPath(unsigned from, unsigned to);

  llvm::DenseMap<mlir::Operation*, unsigned> cheap; // expressions of numbers, and their cost
};

} // namespace weft
