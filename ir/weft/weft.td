// The weft dialect: the ops of the records, and the few that only the compiler makes.
#ifndef WEFT_IR_WEFT_WEFT_TD
#define WEFT_IR_WEFT_WEFT_TD

include "ir/ops/ops.td"
include "ir/weft/base.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

//===--- Attributes ---------------------------------------------------------------------------===//

def Weft_BufferKind : I32EnumAttr<"BufferKind", "where a buffer lies", [
    I32EnumAttrCase<"leaf", 0>, I32EnumAttrCase<"output", 1>, I32EnumAttrCase<"temporary", 2>]> {
  let cppNamespace = "::weft::ir";
  let genSpecializedAttr = 0;
}

def Weft_BufferAttr : AttrDef<Weft_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "memory of a program: a leaf, an output, or a temporary in the arena or in an output that is written later";
  let parameters = (ins EnumParameter<Weft_BufferKind>:$kind, "int64_t":$index);
  let assemblyFormat = "`<` $kind $index `>`";
}

//===--- Ops that the compiler makes ----------------------------------------------------------===//

def Weft_ScalarOp : Op<Weft_Dialect, "scalar", [Pure]> {
  let summary = "a run-time number as a 0-d tensor, converted once";
  let arguments = (ins AnyTypeOf<[F64, I64, I1]>:$value);
  let results = (outs Weft_Tensor:$y);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($y)";
  let hasVerifier = 1;
}

def Weft_NumberOp : Op<Weft_Dialect, "number", [Pure]> {
  let summary = "a constant as a 0-d tensor, converted as weft.scalar converts run-time numbers";
  let arguments = (ins AnyAttrOf<[F64Attr, I64Attr, BoolAttr]>:$value);
  let results = (outs Weft_Tensor:$y);
  let assemblyFormat = "$value attr-dict `->` type($y)";
  let hasVerifier = 1;
}

def Weft_SliceUpdateOp : Op<Weft_Dialect, "slice_update", [Pure]> {
  let summary = "source, but update[j] at start + j * step along a dim";
  let arguments = (ins Weft_Tensor:$source, Weft_Tensor:$update, I64Attr:$dim, AffineMapAttr:$place);
  let results = (outs Weft_Tensor:$y);
  let description = "`place` gives start and step as expressions of the function's sizes.";
  let assemblyFormat = "$source `,` $update `dim` $dim `at` $place attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Weft_PartialReduceOp : Op<Weft_Dialect, "partial_reduce", [Pure]> {
  let summary = "the accumulators of a reduction over some of its elements: a step of a long reduction, without its finish";
  let arguments = (ins Weft_Tensor:$x, StrAttr:$record, DenseI64ArrayAttr:$dims);
  let results = (outs Weft_Tensor:$y);
  let assemblyFormat = "$record $x `dims` $dims attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Weft_FinishReduceOp : Op<Weft_Dialect, "finish_reduce", [Pure]> {
  let summary = "combines the accumulators of a reduction along dims and finishes it";
  let arguments = (ins Weft_Tensor:$x, StrAttr:$record, DenseI64ArrayAttr:$dims, BoolAttr:$keepdim, AffineMapAttr:$count);
  let results = (outs Weft_Tensor:$y);
  let description = "`count` is the number of elements reduced by both steps, an expression of the function's sizes.";
  let assemblyFormat = "$record $x `dims` $dims `count` $count attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Weft_KernelOp : Op<Weft_Dialect, "kernel", [RecursiveMemoryEffects]> {
  let summary = "ops that run as one kernel, in one or more parts that do not depend on each other";
  let description = "Each part is one space of points. Results are what the parts yield, in order.";
  let regions = (region VariadicRegion<SizedRegion<1>>:$parts);
  let results = (outs Variadic<Weft_Tensor>:$results);
  let assemblyFormat = "attr-dict-with-keyword ($parts^)? `:` type($results)";
  let hasRegionVerifier = 1;
}

def Weft_YieldOp : Op<Weft_Dialect, "yield", [Pure, Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "what a part of a kernel writes to memory";
  let arguments = (ins Variadic<Weft_Tensor>:$values);
  let assemblyFormat = "attr-dict $values `:` type($values)";
}

def Weft_RoutineOp : Op<Weft_Dialect, "routine", [Symbol]> {
  let summary = "a call of a structured op's own kernel, as launches name it";
  let description = [{
    The launch's inputs are the buffers that hold the operands; `layouts` has a map (indices)[sizes] -> (offset), linear in the indices, and `shapes` a
    map ()[sizes] -> (sizes) for each. The launch's one result is contiguous. `code` is what the call raises where it refuses an element, 0 if it never does.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$record, AffineMapArrayAttr:$layouts, AffineMapArrayAttr:$shapes, DenseI64ArrayAttr:$structure,
                       OptionalAttr<AffineMapAttr>:$sizes, I32Attr:$code);
  let assemblyFormat = "$sym_name `of` $record attr-dict";
  let hasVerifier = 1;
}

def Weft_TilesOp : Op<Weft_Dialect, "tiles", [Pure]> {
  let summary = "calls a function for each tile of the result";
  let description = [{
    The function takes the inputs that are tensors, the window of the result, the inputs that are numbers, the caller's sizes, and where the tile starts along
    each dim that has more than one; where a step is no constant, the next size is that step. There are up to `counts` tiles along those dims, `steps`
    elements apart, and the last one ends with the `extents`, so that it may overlap the one before it. Any of them run at once.

    `visible` is a function of the same arguments that is called first for each tile. It returns two numbers, i64: the first of `columns` columns of the
    scores that some row of the tile sees, and one more than the last. The function of the tile then takes two sizes more, in granules of 64 columns: where
    the columns begin that it computes, and how many it computes besides the `columns % 64` that always belong to them (columnsOfTile).
    Where `weft.blocks` names functions (tiles.h) they compute the blocks of columns of which some are visible, one after another.
  }];
  let arguments = (ins FlatSymbolRefAttr:$body, Variadic<Weft_Tensor>:$inputs, AffineMapAttr:$counts, AffineMapAttr:$steps, AffineMapAttr:$extents,
                       OptionalAttr<FlatSymbolRefAttr>:$visible, OptionalAttr<I64Attr>:$columns, StrAttr:$summary);
  let results = (outs Weft_Tensor:$y);
  let assemblyFormat = "$body `(` $inputs `)` `counts` $counts `steps` $steps `extents` $extents (`visible` $visible^)? (`of` $columns^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Weft_LaunchOp : Op<Weft_Dialect, "launch", [AttrSizedOperandSegments]> {
  let summary = "runs a loom.kernel, a routine, or the function of weft.tiles: results are the buffers that it writes";
  let description = [{
    The kernel's arguments are buffers, scalars and sizes. Its buffers are those of `inputs`, then those of the results that are not tied; `tied`
    holds, for each result, the input whose buffer it is written into, or -1. `buffers`, once the memory plan is made, names each of them.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Weft_Tensor>:$inputs, Variadic<AnyTypeOf<[F64, I64, I1]>>:$scalars, Variadic<Index>:$sizes,
                       DenseI64ArrayAttr:$tied, OptionalAttr<ArrayAttr>:$buffers, StrAttr:$summary);
  let results = (outs Variadic<Weft_Tensor>:$results);
  let assemblyFormat = "$kernel `(` ($inputs^ `:` type($inputs))? `)` (`scalars` `(` $scalars^ `:` type($scalars) `)`)? (`sizes` `(` $sizes^ `)`)? attr-dict `:` type($results)";
  let hasVerifier = 1;
}

#endif
