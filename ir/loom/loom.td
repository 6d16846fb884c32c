// The loom dialect: one scheduled kernel, described per point of its axes. Lanes, threads and blocks are how an emitter maps axes.
#ifndef WEFT_IR_LOOM_LOOM_TD
#define WEFT_IR_LOOM_LOOM_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

def Loom_Dialect : Dialect {
  let name = "loom";
  let cppNamespace = "::weft::loom";
  let summary = "one scheduled kernel, described per point of its axes";
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let extraClassDeclaration = [{
    /// Kernel attributes set by the emitter: an affine_map<()[sizes] -> (values)> each, with a value for each phase; scratch memory has one.
    static constexpr llvm::StringLiteral kChunksName = "loom.chunks";
    static constexpr llvm::StringLiteral kScratchName = "loom.scratch";
    static constexpr llvm::StringLiteral kBytesName = "loom.bytes";
    static constexpr llvm::StringLiteral kFlopsName = "loom.flops";
    /// Kernel attribute set by the CPU emitter: of each function that packs panels ahead of calls, [buffer, panels, bytes, layout].
    static constexpr llvm::StringLiteral kPanelsName = "loom.panels";
    /// Kernel attribute set by the CPU emitter: chunks side by side are computed together.
    static constexpr llvm::StringLiteral kJoinedName = "loom.joined";
    /// Attribute of a buffer argument: calls often find in it what the call before found.
    static constexpr llvm::StringLiteral kKeptName = "loom.kept";
    /// Kernel attribute: the most that each of its sizes can be, 0 where nobody knows.
    static constexpr llvm::StringLiteral kMostName = "loom.most";
    /// Attribute of an arith.sitofp of an i64: the number is known to fit an i32, whose conversion is cheaper.
    static constexpr llvm::StringLiteral kNarrowName = "loom.narrow";
  }];
}

//===--- Types --------------------------------------------------------------------------------===//

class Loom_Type<string def_name, string type_mnemonic> : TypeDef<Loom_Dialect, def_name> {
  let mnemonic = type_mnemonic;
  let parameters = (ins "::mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
  let genVerifyDecl = 1;
}

def Loom_BufferType : Loom_Type<"Buffer", "buffer"> {
  let summary = "memory outside the kernel: a base pointer; elements f32 f64 bf16 f16 i64 i32 i16 i8 ui8, or i1 as one byte";
}

def Loom_LocalType : Loom_Type<"Local", "local"> {
  let summary = "a tile of one point that stays in registers, L1 or shared memory: f32 f64 i64 i1";
}

def Loom_Scalar : AnyTypeOf<[F32, F64, BF16, F16, I64, I1], "f32, f64, bf16, f16, i64 or i1">;
def Loom_Float : AnyTypeOf<[F32, F64], "f32 or f64">;
def Loom_Number : AnyTypeOf<[F32, F64, I64], "f32, f64 or i64">;
def Loom_Value : AnyTypeOf<[F32, F64, I64, I1], "f32, f64, i64 or i1">;
def Loom_Memory : AnyTypeOf<[Loom_BufferType, Loom_LocalType], "a buffer or a local">;

//===--- Attributes ---------------------------------------------------------------------------===//

def Loom_AxisAttr : AttrDef<Loom_Dialect, "Axis"> {
  let mnemonic = "axis";
  let summary = "a named axis, its extent and its schedule";
  let description = [{
    `<"c", 1024>` or `<"c", affine_map<()[s0] -> (s0 * 4)>>`, then the schedule in any order:
    `lanes` (vector lanes run along it, masked tail), `unroll = N` (blocks of lanes in flight), `chunk = N` (elements of the axis in one chunk of
    the launch; 0: every chunk runs over the whole axis). The kernel's `index` arguments, in order, are the symbols s0, s1, ... of every map in it.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::AffineMap":$extent, "bool":$lanes, "int64_t":$unroll, "int64_t":$chunk);
  let builders = [
    AttrBuilder<(ins "llvm::StringRef":$name, "int64_t":$extent)>,
    AttrBuilder<(ins "llvm::StringRef":$name, "::mlir::AffineMap":$extent)>,
  ];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Returns the extent if it is a constant.
    std::optional<int64_t> getConstantExtent() const;
    AxisAttr withLanes(bool lanes) const;
    AxisAttr withUnroll(int64_t unroll) const;
    AxisAttr withChunk(int64_t chunk) const;
  }];
}
def Loom_AxisArrayAttr : TypedArrayAttrBase<Loom_AxisAttr, "axes">;

//===--- Ops ----------------------------------------------------------------------------------===//

class Loom_Op<string mnemonic, list<Trait> traits = []> : Op<Loom_Dialect, mnemonic, traits>;

def Loom_KernelOp : Loom_Op<"kernel", [FunctionOpInterface, IsolatedFromAbove, SingleBlock, NoTerminator]> {
  let summary = "one kernel of one or more parts";
  let description = [{
    Arguments: buffers, then scalars (f32 f64 i64 i1), then sizes (index), which are the symbols of the maps inside.
    Parts between two `loom.barrier`s are a phase: they run in any order or at once, so that none reads a buffer which another one writes.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let builders = [OpBuilder<(ins "llvm::StringRef":$name, "llvm::ArrayRef<::mlir::Type>":$arguments)>];
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
  let skipDefaultBuilders = 1;
  let extraClassDeclaration = [{
    llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// Returns the size arguments: the values of the symbols s0, s1, ...
    llvm::SmallVector<::mlir::Value> getSizes();
    /// Returns the most that each size can be, 0 where nobody knows (kMostName).
    llvm::ArrayRef<int64_t> getMost();
    auto getParts() { return getBody().front().getOps<PartOp>(); }
    /// Returns the parts of each phase: those that no barrier keeps apart.
    std::vector<std::vector<PartOp>> getPhases();
  }];
}

def Loom_PartOp : Loom_Op<"part", [HasParent<"KernelOp">, SingleBlockImplicitTerminator<"YieldOp">, RecursiveMemoryEffects]> {
  let summary = "a space of independent points: one block argument for each axis";
  let description = [{
    All axes are parallel: no two points write one element, and no point reads what another writes. Hence a load may be moved across points.
    Where `streams` is given, a map of the sizes, nontemporal stores go past the cache only if it is at least 0.
  }];
  let arguments = (ins Loom_AxisArrayAttr:$axes, OptionalAttr<AffineMapAttr>:$streams);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$axes (`streams` $streams^)? $body attr-dict";
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "llvm::ArrayRef<AxisAttr>":$axes, CArg<"llvm::function_ref<void(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>", "nullptr">:$body)>];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    AxisAttr getAxis(unsigned i) { return llvm::cast<AxisAttr>(getAxes()[i]); }
    unsigned getNumAxes() { return getAxes().size(); }
    void setAxis(unsigned i, AxisAttr axis);
  }];
}

def Loom_BarrierOp : Loom_Op<"barrier", [HasParent<"KernelOp">]> {
  let summary = "ends a phase: all points of the parts before it are done, and what they wrote is seen, when the first point after it starts";
  let assemblyFormat = "attr-dict";
}

def Loom_YieldOp : Loom_Op<"yield", [Pure, Terminator, ParentOneOf<["PartOp", "LoopOp", "WalkOp", "DotOp"]>]> {
  let arguments = (ins Variadic<Loom_Scalar>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
}

def Loom_LoopOp : Loom_Op<"loop", [SingleBlockImplicitTerminator<"YieldOp">, RecursiveMemoryEffects, RangedTypesMatchWith<
    "results have the types of the identities", "identities", "results", "$_self">]> {
  let summary = "an inner axis with zero or more accumulators";
  let description = [{
    The body yields one new value for each accumulator. `combine` takes the accumulators and then the new values and yields the accumulators: it is
    associative and commutative, up to rounding, and the operands of `init` are its identities. An argmax breaks ties by the index in its combine.
    What a loop stores may be loaded by later loops, not by other iterations of the same loop.
  }];
  let arguments = (ins Loom_AxisAttr:$axis, Variadic<Loom_Scalar>:$identities);
  let regions = (region SizedRegion<1>:$body, MaxSizedRegion<1>:$combine);
  let results = (outs Variadic<Loom_Scalar>:$results);
  let assemblyFormat = "$axis (`init` `(` $identities^ `:` type($identities) `)`)? $body (`combine` $combine^)? attr-dict";
  let skipDefaultBuilders = 1;
  // Both callbacks end with a loom.yield of the values they return.
  let builders = [OpBuilder<(ins "AxisAttr":$axis, "::mlir::ValueRange":$identities,
      "llvm::function_ref<llvm::SmallVector<::mlir::Value>(::mlir::OpBuilder &, ::mlir::Location, ::mlir::Value)>":$body,
      CArg<"llvm::function_ref<llvm::SmallVector<::mlir::Value>(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange, ::mlir::ValueRange)>", "nullptr">:$combine)>];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getIndex() { return getBody().getArgument(0); }
  }];
}

def Loom_WalkOp : Loom_Op<"walk", [HasParent<"PartOp">, SingleBlockImplicitTerminator<"YieldOp">, RecursiveMemoryEffects, RangedTypesMatchWith<
    "results have the types of the first values", "initial", "results", "$_self">]> {
  let summary = "an inner axis whose iterations run one after the other";
  let description = [{
    The body takes the index and what the iteration before yielded, in the first one `initial`; the results are what the last one yielded. What an iteration
    stores may be loaded by later ones of the same point. Lanes never run along it. A `guarded` walk ends in front of an iteration whose first value, an i1,
    is false. Device kernels have walks, those of a CPU none.
  }];
  let arguments = (ins Loom_AxisAttr:$axis, Variadic<Loom_Value>:$initial, UnitAttr:$guarded);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Variadic<Loom_Value>:$results);
  let assemblyFormat = "$axis (`from` `(` $initial^ `:` type($initial) `)`)? (`guarded` $guarded^)? $body attr-dict";
  let skipDefaultBuilders = 1;
  // The callback gets the index and what the iteration before yielded; it ends with a loom.yield of what it returns.
  let builders = [OpBuilder<(ins "AxisAttr":$axis, "::mlir::ValueRange":$initial,
      "llvm::function_ref<llvm::SmallVector<::mlir::Value>(::mlir::OpBuilder &, ::mlir::Location, ::mlir::Value, ::mlir::ValueRange)>":$body)>];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getIndex() { return getBody().getArgument(0); }
    /// What the iteration before yielded.
    ::mlir::ValueRange getCarried() { return getBody().getArguments().drop_front(); }
  }];
}

def Loom_DotOp : Loom_Op<"dot", [HasParent<"PartOp">, SingleBlockImplicitTerminator<"YieldOp">, RecursiveMemoryEffects]> {
  let summary = "the sum over an axis of the product of two factors, at the current point";
  let description = [{
    The body computes both factors at (point, k) and yields them: loads, and any producer that dequantises, casts or normalises. What uses the result is the
    epilogue. Products are accumulated by fma in the result's type, or as integers that wrap, in any order. With lhs a function of (batch, m, k) and rhs of (batch, k, n) an emitter tiles m
    and n of the part's axes; any other dot is a loop.
  }];
  let arguments = (ins Loom_AxisAttr:$axis);
  let regions = (region SizedRegion<1>:$body);
  let results = (outs Loom_Number:$result);
  let assemblyFormat = "$axis $body attr-dict `:` type($result)";
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "AxisAttr":$axis,
      "llvm::function_ref<std::pair<::mlir::Value, ::mlir::Value>(::mlir::OpBuilder &, ::mlir::Location, ::mlir::Value)>":$body)>];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getIndex() { return getBody().getArgument(0); }
    ::mlir::Value getLhs() { return getBody().front().getTerminator()->getOperand(0); }
    ::mlir::Value getRhs() { return getBody().front().getTerminator()->getOperand(1); }
  }];
}

def Loom_LocalOp : Loom_Op<"local", [HasParent<"PartOp">]> {
  let summary = "a tile of one point, uninitialised";
  let arguments = (ins AffineMapAttr:$extent);
  let results = (outs Res<Loom_LocalType, "", [MemAlloc]>:$result);
  let assemblyFormat = "`over` $extent attr-dict `:` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Type":$element, "::mlir::AffineMap":$extent)>];
  let hasVerifier = 1;
}

def Loom_LoadOp : Loom_Op<"load", [AttrSizedOperandSegments, TypesMatchWith<"the result is the element's compute type", "memory", "result", "::weft::loom::computeType($_self)">]> {
  let summary = "an element of a buffer or local at map(indices)[sizes], in elements from its base; bf16 and f16 become f32, narrow integers i64";
  let description = [{
    `loom.load %x[map](%r, %c) if %mask else %other : type`: where the mask is false no memory is read and the value is `other`.
    `loom.load %x[map](%r, %c) within set : type`: the same where the indices are outside of an affine set of inequalities, with the value 0. A window's
    padding is such a set: what it depends on can be read from it.
    Indices are axis indices or any other index value (a gather).
  }];
  let arguments = (ins Arg<Loom_Memory, "", [MemRead]>:$memory, AffineMapAttr:$map, Variadic<Index>:$indices, Optional<I1>:$mask, Optional<Loom_Scalar>:$other,
                       OptionalAttr<IntegerSetAttr>:$within);
  let results = (outs Loom_Scalar:$result);
  let assemblyFormat = "$memory `[` $map `]` `` `(` $indices `)` (`within` $within^)? (`if` $mask^ `else` $other `:` type($other) `from`)? attr-dict `:` type($memory)";
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$memory, "::mlir::AffineMap":$map, "::mlir::ValueRange":$indices,
                                 CArg<"::mlir::Value", "{}">:$mask, CArg<"::mlir::Value", "{}">:$other, CArg<"::mlir::IntegerSet", "{}">:$within)>];
  let hasVerifier = 1;
}

def Loom_StoreOp : Loom_Op<"store", [AttrSizedOperandSegments, TypesMatchWith<"the value is of the element's compute type", "memory", "value", "::weft::loom::computeType($_self)">]> {
  let summary = "writes an element at map(indices)[sizes]; f32 is rounded to nearest even for bf16 and f16, i64 wraps for narrow integers; with a mask, only where it is true";
  let arguments = (ins Loom_Scalar:$value, Arg<Loom_Memory, "", [MemWrite]>:$memory, AffineMapAttr:$map, Variadic<Index>:$indices, Optional<I1>:$mask, UnitAttr:$nontemporal);
  let assemblyFormat = "$value `,` $memory `[` $map `]` `` `(` $indices `)` (`if` $mask^)? (`nontemporal` $nontemporal^)? attr-dict `:` type($memory)";
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$value, "::mlir::Value":$memory, "::mlir::AffineMap":$map, "::mlir::ValueRange":$indices,
                                 CArg<"::mlir::Value", "{}">:$mask)>];
  let hasVerifier = 1;
}

def Loom_RequireOp : Loom_Op<"require", [MemoryEffects<[MemWrite]>]> {
  let summary = "raises the kernel's error flag to at least `code` where the condition is false; execution goes on";
  let arguments = (ins I1:$condition, I32Attr:$code);
  let assemblyFormat = "$condition `,` $code attr-dict";
}

def Loom_RarelyOp : Loom_Op<"rarely", [Pure, AllTypesMatch<["rare", "usual", "result"]>]> {
  let summary = "`rare` where the condition holds, else `usual`: a choice whose condition seldom holds";
  let description = [{
    The value is that of an `arith.select`. Ops without effects that nothing but rare sides reads are computed inside of a branch that a vector takes if some
    lane of it has the condition: they count as no work.
  }];
  let arguments = (ins I1:$condition, Loom_Value:$rare, Loom_Value:$usual);
  let results = (outs Loom_Value:$result);
  let assemblyFormat = "$condition `,` $rare `,` $usual attr-dict `:` type($result)";
  let hasFolder = 1;
}

def Loom_RandomOp : Loom_Op<"random", [Pure]> {
  let summary = "word `word` (0 to 3), in [0, 2^32), of Philox4x32-10";
  let description = [{
    Key: (low, high) 32 bits of `seed`. Counter: (low, high) of `counter`, then (low, high) of `stream`. Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
  }];
  let arguments = (ins I64:$seed, I64:$stream, I64:$counter, ConfinedAttr<I32Attr, [IntNonNegative, IntMaxValue<3>]>:$word);
  let results = (outs I64:$result);
  let assemblyFormat = "$seed `,` $stream `,` $counter `word` $word attr-dict";
}

class Loom_FloatOp<string mnemonic> : Loom_Op<mnemonic, [Pure, SameOperandsAndResultType]> {
  let arguments = (ins Loom_Float:$x);
  let results = (outs Loom_Float:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}
def Loom_ExponentOp : Loom_FloatOp<"exponent"> {
  let summary = "the exponent field less its bias, as a float: floor(log2(abs(x))) of a normal number";
}
def Loom_MantissaOp : Loom_FloatOp<"mantissa"> {
  let summary = "the fraction field below an exponent of zero: in [1, 2), without the sign";
}
def Loom_PowerOfTwoOp : Loom_FloatOp<"power_of_two"> {
  let summary = "2^x for an integer x whose power is a normal number; of other x any number";
}
def Loom_Scale2Op : Loom_Op<"scale2", [Pure, SameOperandsAndResultType]> {
  let summary = "x * 2^n, rounded once; n holds an integer, and is limited to twice the range of the format's exponents";
  let arguments = (ins Loom_Float:$x, Loom_Float:$n);
  let results = (outs Loom_Float:$result);
  let assemblyFormat = "$x `,` $n attr-dict `:` type($x)";
}

#endif
