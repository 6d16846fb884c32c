// The pieces dot.cpp puts together: loops, the register tile and the copying of panels. Internal to
// the matrix product.
#pragma once

#include "codegen/cpu/dot.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <string>

namespace weft::cpu {

/// Types and constants of one product in one LLVM context.
struct DotTypes {
  DotTypes(llvm::LLVMContext& context, const DotPlan& plan);

  llvm::Type* stored;         // element of A and B in memory
  llvm::Type* sum;            // element of the accumulators
  bool is_f16, has_f16c;      // how 16 bits are widened
  llvm::FixedVectorType* vec; // <lanes x sum>
  llvm::FixedVectorType* row; // <lanes x stored>
  llvm::IntegerType* i64;
  llvm::PointerType* ptr;
};

/// Emits `for (i = from; i < to; i += step) body(i)` over i64.
void emitDotLoop(llvm::IRBuilderBase& builder, llvm::Value* from, llvm::Value* to, int64_t step,
                 llvm::function_ref<void(llvm::Value* i)> body);

/// Emits `if (condition) body()`; without a branch where the condition is a constant.
void emitDotIf(llvm::IRBuilderBase& builder, llvm::Value* condition,
               llvm::function_ref<void()> body);

/// a + b * c over i64, folded where factors are 0 or 1.
llvm::Value* emitDotOffset(llvm::IRBuilderBase& builder, llvm::Value* a, llvm::Value* b,
                           llvm::Value* c);

/// Loads `count` consecutive elements and widens bf16 and f16 to f32: a scalar for 1, else a
/// vector. With a mask, lanes outside it read nothing and are 0.
llvm::Value* emitDotLoad(llvm::IRBuilderBase& builder, const DotTypes& types, llvm::Value* address,
                         unsigned count, llvm::Value* mask = nullptr);

/// Returns the panel of `lane` (a multiple of the width) and `step` (of the group) among all of
/// `panels` where these are there, else `packed`, once `pack` has packed it.
llvm::Value* emitDotPanel(llvm::IRBuilderBase& builder, const DotTypes& types, const DotPlan& plan,
                          llvm::Value* panels, llvm::Value* lane, llvm::Value* step,
                          llvm::Value* steps, int64_t width, llvm::Value* packed,
                          llvm::function_ref<void()> pack);

/// Returns a size as a number of the code.
llvm::Value* emitDotSize(llvm::IRBuilderBase& builder, const DotSize& size);

/// Returns where an operand's entry of the batch begins.
llvm::Value* emitDotEntry(llvm::IRBuilderBase& builder, const DotTypes& types,
                          const DotOperand& operand, llvm::Value* batch);

/// Widens bf16 and f16 to f32.
llvm::Value* widenDot(llvm::IRBuilderBase& builder, const DotTypes& types, llvm::Value* value);

/// Finds an internal function or creates it: never inlined, with the attributes of the function the
/// builder is in. `emit` makes the body of a new one; the builder is where it was afterwards.
llvm::Function* dotFunction(llvm::IRBuilderBase& builder, const std::string& name,
                            llvm::ArrayRef<llvm::Type*> parameters,
                            llvm::function_ref<void(llvm::Function*)> emit);

/// What functions of a product are called by its elements.
const char* nameOfElement(DotElement element);

/// Puts the elements of a group of rows side by side: lane j of the result, as wide as an
/// accumulator, holds element j of each row.
llvm::Value* interleaveDot(llvm::IRBuilderBase& builder, const DotTypes& types,
                           llvm::ArrayRef<llvm::Value*> rows);

/// Transposes a square: as many vectors as each has lanes.
void transposeDot(llvm::IRBuilderBase& builder, llvm::MutableArrayRef<llvm::Value*> rows);

/// Mask of the first `count` of `lanes` lanes; the count may be any number.
llvm::Value* firstLanesDot(llvm::IRBuilderBase& builder, int lanes, llvm::Value* count);

/// sum + x * y where the plan has no groups, fused where the target can.
llvm::Value* multiplyAddDot(llvm::IRBuilderBase& builder, const DotPlan& plan, llvm::Value* x,
                            llvm::Value* y, llvm::Value* sum);

/// Adds to each lane of `sum`, i32, the products of four u8 of x and four i8 of y.
llvm::Value* addQuads(llvm::IRBuilderBase& builder, llvm::Value* sum, llvm::Value* x,
                      llvm::Value* y);

/// How a tile finds A(i, k) and B(k, j) from its base pointers, in bytes; a step is a group of k. A
/// row of B in place lies `b_row` behind the one before it.
struct DotTileLayout {
  int64_t a_row, a_step, b_step, b_row = 0;
  int64_t sums_row; // from one row of sums to the next, in elements
};

/// Returns `void tile(ptr a, ptr b, ptr sums, i64 steps, i1 fresh, ptr shifts)`:
/// sums[rows][columns] is 0 if fresh, and gains the products of the steps, each a group of k.
/// `fresh` is ignored unless plan.severalBlocks(), and `shifts`, which each row's sums gain as
/// well, unless plan.shiftsColumns().
llvm::Function* dotTileFunction(llvm::IRBuilderBase& builder, const DotPlan& plan,
                                const DotTileLayout& layout);

/// The same for a plan with lanes along k: a step is one of k, B a panel [step / lanes][n][lanes]
/// with zeros behind the last step, and sums [rows][tileColumns()], of which the first n columns
/// count.
llvm::Function* dotTileAlongKFunction(llvm::IRBuilderBase& builder, const DotPlan& plan,
                                      const DotTileLayout& layout);

/// Returns `void shift(ptr a, i64 steps, ptr shifts)`, for a plan that shifts columns: shifts[row]
/// is -128 times the sum of a row's elements over `steps` groups of k, of the rows of a tile,
/// packed or in place. May write up to a vector.
llvm::Function* dotShiftFunction(llvm::IRBuilderBase& builder, const DotPlan& plan);

/// What a panel is copied from: `width` lanes (rows of A, columns of B), a lane and a step of k
/// apart by these strides, each constant or kDynamic.
struct DotPanel {
  int64_t width, lane_stride, step_stride;
  bool is_left;      // of A
  int64_t steps = 0; // how many there are, where that is a constant that the function may know
  /// Panels side by side, of which the first lane of each is `width` behind that of the one before,
  /// in memory panelSteps() * width elements behind it. Several have lanes side by side, and all of
  /// them.
  int64_t count = 1;
};

/// Returns `void pack(ptr from, i64 lane_stride, i64 step_stride, i64 lanes, i64 k, ptr to)`:
/// to[step / group][width][step % group] = from[lane, step], 0 for lanes beyond `lanes` and in what
/// a last group lacks. May write up to a vector of unspecified elements behind the panel.
llvm::Function* dotPackFunction(llvm::IRBuilderBase& builder, const DotPlan& plan,
                                const DotPanel& panel);

} // namespace weft::cpu
