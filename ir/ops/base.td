// The record classes, as a ladder: what every op has, then what each kind adds. The expression fields are in the language of ir/expr.
#ifndef WEFT_IR_OPS_BASE_TD
#define WEFT_IR_OPS_BASE_TD

include "ir/weft/base.td"

//===--- Vocabulary ---------------------------------------------------------------------------===//

// The dtypes that the number operands may have once they are promoted to a common one. An expression may use the primitives that exist in all of
// them. bf16 and f16 compute in f32, narrow integers and bool in i64, rounded, wrapped and compared with 0 at the end.
class Domain<string domain, string text> {
  string name = domain;  // of weft::OpDomain
  string dtypes = text;  // for the reference pages
}
def Number : Domain<"number", "all but bool">;
def Widened : Domain<"widened", "all but bool, which is converted to i64">;
def Any : Domain<"any", "all">;
def Float : Domain<"floating", "f32 f64 bf16 f16; integers and bool are converted to f32">;
def FloatOnly : Domain<"floating_only", "f32 f64 bf16 f16">;
def Integral : Domain<"integral", "i64 i32 i16 i8 u8 bool">;
def Integer : Domain<"integer", "i64; narrower integers and bool are converted">;
def Boolean : Domain<"boolean", "bool; numbers are converted">;

// The result's dtype.
class Result<string rule, string text> {
  string name = rule;    // of weft::OpResult
  string dtype = text;   // for the reference pages
}
def SameDType : Result<"same", "that of the operands">;
def BoolDType : Result<"boolean", "bool">;
def WideDType : Result<"wide", "that of the operand; i64 for integers and bool">;
def IndexDType : Result<"index", "i64">;
def GivenDType : Result<"given", "the attribute `dtype`">;

// A tensor operand that is a mask: bool whatever the other operands are.
def Weft_Mask : TensorOf<[I1]>;

// A number that is an argument at run time. In the language it is an operand that broadcasts, in the dialect a 0-d tensor.
class Scalar<string scalar, string value = "", string text = ""> {
  string name = scalar;
  string default = value;  // C++ text; empty: must be given
  string doc = text;
}

// A parameter of a composite's C++ function.
class Param<string cpp, string param, string value = ""> {
  string type = cpp;
  string name = param;
  string default = value;
}

// What every record has. `summary` and `description` come from MLIR's Op, or are declared by the class.
class Documented {
  string shapes = "";          // the shape rule, for the reference page
  string formula = "";         // where the expression itself would not read well
  string example = "";         // C++ statements, the last one an expression without its semicolon
  string gives = "";           // what it prints, on one line; a test runs both
  list<int> samples = [-4, 4]; // tests draw operands from this interval
  list<string> pytorch = [];   // its names in PyTorch where they are others; of torch.name also the method
  bit isOurs = 0;              // PyTorch has no function like it
}

//===--- Functions: of the language, no ops of the dialect --------------------------------------===//

// Written once, so that each has the same bits on every target. `value` serves every dtype; else one text a compute dtype.
class Function<string mnemonic, dag tensors> : Documented {
  string opName = mnemonic;
  dag arguments = tensors;
  string summary = "";
  Domain domain = Float;
  bit isMask = 0;          // the value is a mask
  string with = "";
  string value = "";
  string f32 = "";
  string f64 = "";
  string i64 = "";
  list<string> grad = [];  // one an operand
  string op = mnemonic;    // the op that stands for it where gradients are printed over tensors
}

//===--- Ops ------------------------------------------------------------------------------------===//

class WeftRecord<string mnemonic, dag tensors, list<Scalar> scalars, list<Trait> traits = []>
    : Weft_Op<mnemonic, !con(tensors, !dag(ins, !foreach(s, scalars, Weft_Tensor), !foreach(s, scalars, s.name))), traits>, Documented {
  dag operands = tensors;
  list<Scalar> attributes = scalars;
  list<string> structure = [];  // names of the integers that are part of a trace
  list<string> sizes = [];      // names of the integers that are arguments of a trace
  Domain domain = Any;
  Result result = SameDType;
  bit api = 1;                  // print the public function; off where a Composite is the user's form
  bit method = 1;               // print a method of Tensor too
  bit isRandom = 0;
}

// The value of each element is one expression of the operands' elements; operands broadcast.
class Pointwise<string mnemonic, dag tensors, list<Scalar> scalars = []> : WeftRecord<mnemonic, tensors, scalars> {
  let domain = Float;
  let shapes = "operands broadcast to the result's shape";
  string with = "";             // names shared by value and gradients: "s = ...; t = ..."
  string value = ?;
  list<string> grad = [];       // one an operand ("": no gradient), over operands, attributes, names, y and dy; empty: derived from the value
  bit differentiable = 1;
  bit inPlace = 1;              // print x.op_() too
  string symbol = "";           // the C++ operator that calls it
  bit oneDType = 0;             // tensors with dims that are no masks must have one dtype
  bit givenMasks = 0;           // masks must be bool or u8: no other number is compared with 0
  string check = "";            // a C++ function of the operands, called first, that throws for what else is refused
}
class Compare<string mnemonic, string expression, string cpp = ""> : Pointwise<mnemonic, (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let domain = Any;
  let result = BoolDType;
  let differentiable = 0;
  let value = expression;
  let symbol = cpp;
  let samples = [-2, 2];
}

// A fold over the elements along some dims, in any order. The accumulators are numbers, a second one is a position among the elements reduced.
class Reduction<string mnemonic> : WeftRecord<mnemonic, (ins Weft_Tensor:$x), []> {
  let structure = ["keepdim", "dims"];
  let shapes = "the dims in `dims` (all where it is empty) become 1, or vanish unless `keepdim`";
  list<string> identity = ?;    // one an accumulator
  list<string> element = ["x"]; // how an element x at position i enters
  list<string> combine = ?;     // accumulators a and b (a, ai and b, bi where there are two) into one
  bit needsElements = 0;        // no elements are an error, not the identity
  string finish = "a";          // the result from the accumulators and the number n of elements
  bit converts = 0;             // print a parameter `dtype`, to which the elements are converted first
  string grad = "";             // over x, y and dy with the reduced dims kept as 1, n, and sum() and prod() over the reduced dims
}

// Metadata only: element i of the result is an element of the operand.
class View<string mnemonic> : WeftRecord<mnemonic, (ins Weft_Tensor:$x), [], [DeclareOpInterfaceMethods<Weft_ViewInterface>]> {
  let api = 0;
  bit differentiable = 1;
  list<string> reads = [];
  string index = ?;             // the operand's index from the result's, for the reference page
}

// Has a rule, a kernel (its routine) and a gradient of its own. Without a lowering to loom compiled programs call the routine.
class Structured<string mnemonic, dag tensors, list<Scalar> scalars = []> : WeftRecord<mnemonic, tensors, scalars> {
  bit differentiable = 1;
  bit lowers = 0;               // has a lowering to loom
  bit refuses = 0;              // there are elements of its operands that it does not take
  bit indexes = 0;              // what it refuses are elements of its second operand that are no positions of the first's dim `dim`
  bit overwrites = 0;           // its routine may write the result over its first operand
  list<string> reads = [];      // one an operand: the operands whose values its gradient reads, and y for the result
}

// Makes a tensor from nothing; each element is an expression of the attributes and of the element's `position`: its number i, or a random number u in [0, 1)
// of the Philox stream. Random sources have the attributes seed and counter first, which are integers and not part of the expression.
class Source<string mnemonic, list<Scalar> scalars> : WeftRecord<mnemonic, (ins), scalars> {
  let structure = ["dtype"];
  let result = GivenDType;
  let api = 0;
  string position = "i";
  string value = ?;
}

//===--- Composites: one C++ function over other ops ---------------------------------------------===//

class Composite<string mnemonic, list<Param> parameters> : Documented {
  string opName = mnemonic;
  list<Param> params = parameters;
  string summary = ?;
  string description = "";
  bit api = 1;                  // print the public function; off where there is the form in place alone
  bit method = 0;               // also a method of Tensor, for which the first parameter is the tensor
  bit inPlace = 0;              // print x.op_() too, which writes the result into x
  bit writes = 0;               // x.op_() calls a function op_into of the same parameters, which writes into x
  bit rebinds = 0;              // print x.op_() too, which makes the handle x one of the result, a view
  string dtypes = "";
  string gradient = "that of the ops it is made of";
  string returns = "Tensor";
}

// How a parameter appears in the dialect. Without a default it must be given; a tensor whose default is none may be absent.
class ParamForm<Param param> {
  string given = param.default;
  bit isTensor = !or(!eq(param.type, "const Arg&"), !eq(param.type, "const Tensor&"));
  bit isOptional = !and(isTensor, !not(!empty(given)));
  Constraint constraint = !cond(
    isOptional: Optional<Weft_Tensor>,
    isTensor: Weft_Tensor,
    !eq(param.type, "const Shape&"): DenseI64ArrayAttr,
    !and(!eq(param.type, "int64_t"), !empty(given)): I64Attr,
    !eq(param.type, "int64_t"): DefaultValuedAttr<I64Attr, given>,
    !and(!eq(param.type, "double"), !empty(given)): F64Attr,
    !eq(param.type, "double"): DefaultValuedAttr<F64Attr, given>,
    !eq(param.type, "Reduce"): DefaultValuedStrAttr<StrAttr, !subst("Reduce::", "", given)>);
}

// A composite that is an op of the dialect as well: importers and .mlir files write it, and the decompose pass calls its function.
class CompositeOp<string mnemonic, list<Param> parameters, list<Trait> traits = []> : Composite<mnemonic, parameters>, Op<Weft_Dialect, mnemonic,
    !listconcat([Pure, DeclareOpInterfaceMethods<Weft_CompositeInterface>], traits,
                !if(!gt(!size(!filter(p, parameters, ParamForm<p>.isOptional)), 1), [AttrSizedOperandSegments], []))> {
  let arguments = !dag(ins, !foreach(p, parameters, ParamForm<p>.constraint), !foreach(p, parameters, p.name));
  let results = (outs Weft_Tensor:$y);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

#endif
