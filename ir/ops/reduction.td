// Reductions: identity, combination and end of a fold.
#ifndef WEFT_IR_OPS_REDUCTION_TD
#define WEFT_IR_OPS_REDUCTION_TD

include "ir/ops/functions.td"

def Sum : Reduction<"sum"> {
  let summary = "sum over dims";
  let description = "`dtype` converts the elements first.";
  let example = "sum(arange(6).reshape({2, 3}), 1)";
  let gives = "[ 3, 12] i64[2]";
  let result = WideDType;
  let converts = 1;
  let identity = ["0"];
  let combine = ["a + b"];
  let grad = "dy";
}
def Mean : Reduction<"mean"> {
  let summary = "mean over dims; NaN of no elements";
  let description = "`dtype` converts the elements first, so that it can be had of integers.";
  let example = "mean(tensor({1.f, 2.f, 6.f}))";
  let gives = "3. f32[]";
  let converts = 1;
  let domain = FloatOnly;
  let identity = ["0"];
  let combine = ["a + b"];
  let finish = "a / n";
  let grad = "dy / n";
}
def Max : Reduction<"max"> {
  let summary = "greatest element over dims; NaN where one is NaN";
  let example = "max(tensor({1, 7, 3}))";
  let gives = "7 i64[]";
  let needsElements = 1;
  let identity = ["lowest"];
  let combine = ["max(a, b)"];
  let grad = "where(x == y, 1, 0) * (dy / sum(where(x == y, 1, 0)))"; // NaN where y is
}
def Min : Reduction<"min"> {
  let summary = "least element over dims; NaN where one is NaN";
  let example = "min(tensor({1, 7, 3}).reshape({1, 3}), 1, true)";
  let gives = "[[1]] i64[1, 1]";
  let needsElements = 1;
  let identity = ["highest"];
  let combine = ["min(a, b)"];
  let grad = "where(x == y, 1, 0) * (dy / sum(where(x == y, 1, 0)))"; // NaN where y is
}
def Argmax : Reduction<"argmax"> {
  let summary = "position of the first greatest element over dims; NaN is the greatest";
  let description = "Over several dims the position counts elements in row-major order.";
  let example = "argmax(tensor({1, 7, 3}))";
  let gives = "1 i64[]";
  let domain = Number;
  let result = IndexDType;
  let needsElements = 1;
  let identity = ["lowest", "highest"];
  let element = ["x", "i"];
  let combine = [
    "where((b > a) | (b != b) & (a == a) | ((b == a) | (b != b) & (a != a)) & (bi < ai), b, a)",
    "where((b > a) | (b != b) & (a == a) | ((b == a) | (b != b) & (a != a)) & (bi < ai), bi, ai)"];
  let finish = "ai";
}
def Argmin : Reduction<"argmin"> {
  let summary = "position of the first least element over dims; NaN is the least";
  let description = "Over several dims the position counts elements in row-major order.";
  let example = "argmin(tensor({7, 1, 3}))";
  let gives = "1 i64[]";
  let domain = Number;
  let result = IndexDType;
  let needsElements = 1;
  let identity = ["highest", "highest"];
  let element = ["x", "i"];
  let combine = [
    "where((b < a) | (b != b) & (a == a) | ((b == a) | (b != b) & (a != a)) & (bi < ai), b, a)",
    "where((b < a) | (b != b) & (a == a) | ((b == a) | (b != b) & (a != a)) & (bi < ai), bi, ai)"];
  let finish = "ai";
}
def Prod : Reduction<"prod"> {
  let summary = "product over dims; 1 of no elements";
  let description = "`dtype` converts the elements first.";
  let example = "prod(tensor({2, 3, 4}))";
  let gives = "24 i64[]";
  let result = WideDType;
  let converts = 1;
  let identity = ["1"];
  let combine = ["a * b"];
  // Zeros take part apart: the gradient of the only one is the product of the others.
  let grad = "zeros = sum(where(x == 0, 1, 0)); others = prod(where(x == 0, 1, x)); "
             "dy * where(x == 0, where(zeros == 1, others, 0), where(zeros == 0, others / x, 0))";
  let samples = [-2, 2];
}
def AnyOf : Reduction<"any"> {
  let summary = "whether an element is not 0";
  let description = "Of u8 it is u8, 0 or 1.";
  let example = "any(tensor({0, 2}))";
  let gives = "true bool[]";
  let domain = Boolean;
  let identity = ["0"];
  let combine = ["max(a, b)"];
}
def AllOf : Reduction<"all"> {
  let summary = "whether no element is 0";
  let description = "Of u8 it is u8, 0 or 1.";
  let example = "all(tensor({0, 2}))";
  let gives = "false bool[]";
  let domain = Boolean;
  let identity = ["1"];
  let combine = ["min(a, b)"];
}

#endif
