// What the op records stand on: the dialect, its tensors, and the interfaces through which passes ask instead of naming ops.
#ifndef WEFT_IR_WEFT_BASE_TD
#define WEFT_IR_WEFT_BASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Weft_Dialect : Dialect {
  let name = "weft";
  let cppNamespace = "::weft::ir";
  let summary = "a segment as a graph on tensors";
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 0;
  let hasOperationAttrVerify = 1;
}

def Weft_Tensor : TensorOf<[F32, F64, BF16, F16, I64, I32, I16, I8, UI8, I1]>;

/// Every op that comes from a record. Its operands are tensors (scalar operands and attributes are 0-d tensors, in record order); `structure`
/// and `sizes` hold what the segment's op holds. The verifier asks the record's kind for the shape rule.
def Weft_RecordInterface : OpInterface<"RecordOp"> {
  let cppNamespace = "::weft::ir";
  let description = "An op that comes from a record.";
  let methods = [];
  let verify = [{ return ::weft::ir::verifyRecord($_op); }];
}

/// A view: element i of the result is element sourceIndices(i) of the operand.
def Weft_ViewInterface : OpInterface<"ViewOp"> {
  let cppNamespace = "::weft::ir";
  let description = "An op whose result shows its operand's elements.";
  let methods = [
    InterfaceMethod<"Returns where the operand holds the result's element at `indices`.",
      "llvm::SmallVector<::mlir::AffineExpr>", "sourceIndices", (ins "llvm::ArrayRef<::mlir::AffineExpr>":$indices)>,
    InterfaceMethod<"Returns `source` with the elements shown by this view replaced by `update`, or null where two results show one element.",
      "::mlir::Value", "writeBack", (ins "::mlir::OpBuilder &":$builder, "::mlir::Value":$source, "::mlir::Value":$update)>,
  ];
}

/// A composite: its meaning is that of a C++ function over other ops, which the decompose pass calls.
def Weft_CompositeInterface : OpInterface<"CompositeOp"> {
  let cppNamespace = "::weft::ir";
  let description = "An op that stands for the ops that its record's function calls.";
  let methods = [];
}

/// The base of every record: one result, `structure` and `sizes` in the segment's layout. `sizes` are expressions of the function's size symbols.
/// An op that may refuse its operands has an effect: it runs even where nobody reads its result.
class Weft_Op<string mnemonic, dag operands, list<Trait> traits = []>
    : Op<Weft_Dialect, mnemonic,
         !listconcat([DeclareOpInterfaceMethods<MemoryEffectsOpInterface>, DeclareOpInterfaceMethods<Weft_RecordInterface>], traits)> {
  let extraClassDefinition = [{
    void $cppClass::getEffects(::llvm::SmallVectorImpl<::mlir::MemoryEffects::EffectInstance> &effects) {
      ::weft::ir::effectsOfRecord(getOperation(), effects);
    }
  }];
  let arguments = !con(operands, (ins OptionalAttr<DenseI64ArrayAttr>:$structure, OptionalAttr<AffineMapAttr>:$sizes));
  let results = (outs Weft_Tensor:$y);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

#endif
