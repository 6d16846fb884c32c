// The weft dialect's C++ face: ops, tensors with symbolic sizes, and what passes ask of an op.
#pragma once

#include "ir/weft/shape_rules.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace weft::ir {

/// The verifier of every op that comes from a record.
mlir::LogicalResult verifyRecord(mlir::Operation* op);

/// The effects of every op that comes from a record: none, or that of refusing operands.
void effectsOfRecord(mlir::Operation* op,
                     llvm::SmallVectorImpl<mlir::MemoryEffects::EffectInstance>& effects);

} // namespace weft::ir

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "weft/gen/weft_dialect.h.inc"
#include "weft/gen/weft_enums.h.inc"
#include "weft/gen/weft_interfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "weft/gen/weft_attrs.h.inc"

#define GET_OP_CLASSES
#include "weft/gen/weft_ops.h.inc"
#pragma GCC diagnostic pop

namespace weft::ir {

/// Attributes of a segment's function.
/// On an argument: an affine_map (indices)[sizes] -> (offset) of a leaf that is not contiguous.
inline constexpr llvm::StringLiteral kLayoutName = "weft.layout";
/// On a result: the number of the leaf that the result is written back to.
inline constexpr llvm::StringLiteral kLeafName = "weft.leaf";
/// On a function, once the memory plan is made: offsets of the temporaries, the output that each
/// lies in, or -1 for the arena, and the arena's bytes.
inline constexpr llvm::StringLiteral kTemporariesName = "weft.temporaries";
inline constexpr llvm::StringLiteral kHostsName = "weft.hosts";
inline constexpr llvm::StringLiteral kArenaName = "weft.arena";
/// On an op: it runs no earlier than what its readers read besides it.
inline constexpr llvm::StringLiteral kRecomputedName = "weft.recomputed";
/// On a result: a backward pass alone will read it, which could make it again of what is there by
/// then: leaves, and all that the function returns.
inline constexpr llvm::StringLiteral kSavedName = "weft.saved";
/// On a leaf of a function with such results: its contents may be others by then.
inline constexpr llvm::StringLiteral kFixedName = "weft.fixed";
/// On an op of such a function whose result may be kept and made again, and on each of the
/// function's results: the value's number in the segment.
inline constexpr llvm::StringLiteral kValueName = "weft.value";
/// On the function of weft.tiles, once it is lowered: how many tiles there are along each dim,
/// how far apart, and where the last one ends.
inline constexpr llvm::StringLiteral kCountsName = "weft.counts";
inline constexpr llvm::StringLiteral kStepsName = "weft.steps";
inline constexpr llvm::StringLiteral kExtentsName = "weft.extents";
/// On an op whose indices another op has checked: it refuses none.
inline constexpr llvm::StringLiteral kCheckedName = "checked";
/// There also, if tiles compute visible columns alone: the function that finds them, and how many
/// columns there are.
inline constexpr llvm::StringLiteral kVisibleName = "weft.visible";
inline constexpr llvm::StringLiteral kColumnsName = "weft.columns";
/// On a function: the most that each of its sizes can be, 0 where nobody knows. Memory of
/// temporaries is laid out for the most.
inline constexpr llvm::StringLiteral kMostName = "weft.most";
/// On a module: one {message, op location} for each code that a loom.require raises.
inline constexpr llvm::StringLiteral kErrorsName = "weft.errors";

/// Says whether a value is a number, run-time or constant: a 0-d tensor that broadcasts and
/// promotes nothing.
bool isNumber(mlir::Value v);
/// Returns the sizes of a tensor as expressions of the function's size symbols.
Exprs shapeOf(mlir::Type tensor);
inline Exprs shapeOf(mlir::Value tensor) { return shapeOf(tensor.getType()); }

/// Makes a tensor type; sizes that are not constant go to the type's encoding.
mlir::RankedTensorType tensorType(llvm::ArrayRef<mlir::AffineExpr> shape, mlir::Type element);

/// Returns the element type of a tensor.
mlir::Type elementOf(mlir::Type tensor);
inline mlir::Type elementOf(mlir::Value tensor) { return elementOf(tensor.getType()); }

/// Returns one more than the largest number of a symbol.
unsigned countSymbols(llvm::ArrayRef<mlir::AffineExpr> exprs);

/// Returns the product of sizes.
mlir::AffineExpr countOf(llvm::ArrayRef<mlir::AffineExpr> shape, mlir::MLIRContext* context);

/// Columns of a tile come in granules: a window of them begins at a multiple and holds a number of
/// granules, and what `columns` leaves over.
inline constexpr int64_t kGranule = 64;
/// Returns the first granule of the smallest window that holds columns [first, end), and its
/// number of granules, at least one.
std::pair<int64_t, int64_t> columnsOfTile(int64_t first, int64_t end, int64_t columns);

/// Returns kMostName of a function.
llvm::ArrayRef<int64_t> mostOf(mlir::func::FuncOp function);

/// Returns the indices at which an operand that broadcasts to the result is read.
Exprs broadcastIndices(llvm::ArrayRef<mlir::AffineExpr> indices, mlir::Type operand);

/// Returns the type in which elements are computed with: f32 for bf16 and f16, i64 for i1 and
/// narrower integers, else the element
/// itself.
mlir::Type computeElement(mlir::Type element);

/// Creates the op of a record by name.
mlir::Value createRecord(mlir::OpBuilder& builder, mlir::Location loc, llvm::StringRef name,
                         mlir::ValueRange operands, mlir::RankedTensorType type,
                         llvm::ArrayRef<int64_t> structure, llvm::ArrayRef<mlir::AffineExpr> sizes);

/// Returns the name of an op's record.
template <class Op> llvm::StringRef recordName() {
  return Op::getOperationName().drop_front(llvm::StringRef("weft.").size());
}
/// Creates the op of a record.
template <class Op>
mlir::Value createRecord(mlir::OpBuilder& builder, mlir::Location loc, mlir::ValueRange operands,
                         mlir::RankedTensorType type, llvm::ArrayRef<int64_t> structure = {},
                         llvm::ArrayRef<mlir::AffineExpr> sizes = {}) {
  return createRecord(builder, loc, recordName<Op>(), operands, type, structure, sizes);
}

/// Returns attribute `sizes` of a record's op as expressions.
llvm::ArrayRef<mlir::AffineExpr> sizesOf(mlir::Operation* op);
/// Returns attribute `structure` of a record's op.
llvm::ArrayRef<int64_t> structureOf(mlir::Operation* op);

} // namespace weft::ir
