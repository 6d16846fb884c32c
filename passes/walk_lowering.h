// What lowers a routine to walks of a device: the routine's operands, and code that reads and
// writes elements. Internal to lower_walk.cpp and what it calls.
#pragma once

#include "passes/index_value.h"
#include "passes/kernel_shell.h"
#include "passes/lower_routine.h"
#include "passes/scalar_body.h"
#include "passes/typical_size.h"

namespace weft {

class WalkLowering {
public:
  virtual ~WalkLowering() = default;
  mlir::LogicalResult run();

protected:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<mlir::Value>;
  using Exprs = llvm::SmallVector<mlir::AffineExpr>;

  // A buffer of the kernel and where the element of some indices lies in it.
  struct Array {
    Value buffer;
    mlir::AffineExpr offset;
  };

  explicit WalkLowering(KernelShell from);
  virtual void lower() = 0; // creates the kernel and its parts

  mlir::AffineExpr dimExpr(unsigned k) { return getAffineDimExpr(k, context); }
  mlir::AffineExpr constant(int64_t v) { return getAffineConstantExpr(v, context); }
  loom::AxisAttr axis(const llvm::Twine& name, mlir::AffineExpr extent);
  /// Makes an axis for each line of a shape along `dim` that is wanted, and in `at` the indices of
  /// an element in terms of them and of a last one.
  void setAxes(llvm::ArrayRef<mlir::AffineExpr> shape, llvm::function_ref<bool(unsigned)> wanted);

  Array arrayOf(unsigned operand) const {
    return {shell.bufferOf.lookup(operands[operand].buffer), operands[operand].offset};
  }
  Array result() const;
  /// Loads and stores the element at indices whose dims are `values`.
  Value load(mlir::OpBuilder& b, const Array& array, llvm::ArrayRef<mlir::AffineExpr> at,
             mlir::ValueRange values, Value mask = {}, Value other = {});
  void store(mlir::OpBuilder& b, Value value, const Array& array,
             llvm::ArrayRef<mlir::AffineExpr> at, mlir::ValueRange values, Value mask = {});

  /// An index expression of `values` as an i64.
  Value number(mlir::OpBuilder& b, mlir::AffineExpr e, mlir::ValueRange values);
  Value compare(mlir::OpBuilder& b, mlir::arith::CmpIPredicate predicate, Value x, Value y) {
    return mlir::arith::CmpIOp::create(b, loc, predicate, x, y);
  }
  Value zero(mlir::OpBuilder& b, mlir::Type type) {
    return mlir::arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  }
  static int32_t noCode() { return 0; } // what is joined is never refused

  KernelShell shell;
  mlir::Operation* op;
  mlir::MLIRContext* context;
  mlir::Location loc;
  int64_t dim;
  llvm::SmallVector<Operand> operands;
  mlir::OpBuilder builder{context};
  llvm::SmallVector<loom::AxisAttr> axes; // of the part at hand
  Exprs at;                               // the indices of its element

private:
  std::pair<mlir::AffineMap, Values> place(const Array& array, llvm::ArrayRef<mlir::AffineExpr> at,
                                           mlir::ValueRange values);
};

/// Returns the dims of a shape that tell its lines along `dim` apart.
llvm::SmallVector<unsigned> dimsOfLines(llvm::ArrayRef<mlir::AffineExpr> shape, int64_t dim);

bool isScatter(mlir::Operation* op);
/// Says whether a device walks a scatter.
bool isWalkedScatter(mlir::Operation* op);
mlir::LogicalResult lowerScatter(KernelShell shell,
                                 llvm::function_ref<int32_t(mlir::Operation*)> errorCode);

/// Says whether a device walks a scan: sums and products.
bool isWalkedScan(mlir::Operation* op);
mlir::LogicalResult lowerScan(KernelShell shell);

} // namespace weft
