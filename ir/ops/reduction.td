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
  let grad = "where(x == y, dy / sum(where(x == y, 1, 0)), 0)";
}
def Min : Reduction<"min"> {
  let summary = "least element over dims; NaN where one is NaN";
  let example = "min(tensor({1, 7, 3}).reshape({1, 3}), 1, true)";
  let gives = "[[1]] i64[1, 1]";
  let needsElements = 1;
  let identity = ["highest"];
  let combine = ["min(a, b)"];
  let grad = "where(x == y, dy / sum(where(x == y, 1, 0)), 0)";
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

#endif
