// exp2, expm1, log1p, log2, log10, and the hyperbolic functions and their inverses, which stand on them. Errors are at most 2 ulp.
#ifndef WEFT_IR_OPS_FUNCTIONS_EXPONENTIAL_TD
#define WEFT_IR_OPS_FUNCTIONS_EXPONENTIAL_TD

include "ir/ops/functions.td"

//===--- exp2, expm1 -----------------------------------------------------------------------------------===//

// x = n + r, which is exact; 2^x = 2^n (1 + r p(r)).
class Exp2Text<string low, string high, string p> {
  string text = "a = where(x < " # low # ", " # low # ", x); c = where(a > " # high # ", " # high # ", a); n = rint(c); r = c - n; scale2(fma(r, " # p # ", 1), n)";
}
def Exp2Function : Function<"exp2", (ins Weft_Tensor:$x)> {
  let summary = "2 to the power of x";
  let f32 = Exp2Text<"-151", "129",
    Horner<"r", ["1.5315067e-05", "0.00015467238", "0.001333343", "0.009618036", "0.05550411", "0.2402265", "0.6931472"]>.text>.text;
  let f64 = Exp2Text<"-1076", "1025",
    Horner<"r", ["2.5741942467543795e-11", "4.456692912515714e-10", "7.0548881509363445e-09", "1.0178051088874674e-07", "1.3215486833336974e-06",
    "1.5252733856508482e-05", "0.00015403530393340737", "0.0013333558146390173", "0.009618129107628496", "0.0555041086648217", "0.24022650695910072",
    "0.6931471805599453"]>.text>.text;
  let grad = ["dy * y * 0.6931471805599453"];
}

// x = n ln 2 + r; with s = 2^(n - 1), half the result is s (r + r^2 p(r)) + (s - 1/2). Beyond the limits the result is -1 or infinite.
class Expm1Text<string low, string high, string minus_ln2_high, string minus_ln2_low, string p> {
  string text = [{
    a = where(x < }] # low # ", " # low # [{, x);
    c = where(a > }] # high # ", " # high # [{, a);
    n = rint(c * 1.4426950408889634);
    r = fma(n, }] # minus_ln2_low # ", fma(n, " # minus_ln2_high # [{, c));
    s = power_of_two(n - 1);
    q = fma(r * r, }] # p # [{, r);
    where(n == 0, where(x == 0, x, q), where(x > }] # high # [{, inf, 2 * fma(s, q, s - 0.5)))}];
}
def Expm1Function : Function<"expm1", (ins Weft_Tensor:$x)> {
  let summary = "exp(x) - 1, accurate near 0";
  let f32 = Expm1Text<"-30", "88.9", "-0.693147182464599609375", "1.90465429995776787e-9",
    Horner<"r", ["0.00019914363", "0.0013941103", "0.008333272", "0.041666355", "0.16666667", "0.5"]>.text>.text;
  let f64 = Expm1Text<"-50", "709.9", "-0.69314718055994528623", "-2.3190468138462995584e-17",
    Horner<"r", ["2.092452360490908e-09", "2.510914773958525e-08", "2.755724250322522e-07", "2.755724391056761e-06", "2.4801587360850517e-05",
    "0.00019841269886402307", "0.0013888888888866694", "0.00833333333332153", "0.0416666666666667", "0.16666666666666677", "0.5"]>.text>.text;
  let grad = ["dy * (y + 1)"];
}

//===--- log1p, log2, log10 ------------------------------------------------------------------------------===//

// log(1 + x + x1) for a small x1: as log of the rounded sum, what rounding lost being added with the small terms (fdlibm's s_log1p.c).
class Log1pText<string reduced, string ln2_high, string ln2_low, string p> {
  string text = "v = 1 + x; lost = where(v < inf, where(x < 1, x - (v - 1), 1 - (v - x)) + x1, 0) / v; " # reduced # [{
    s = f / (2 + f);
    z = s * s;
    h = 0.5 * f * f;
    l = e * }] # ln2_high # " - ((h - (fma(s, h + z * " # p # ", e * " # ln2_low # [{) + lost)) - f);
    where(v > 0, where(v < inf, where(x == 0, x, l), v), where(v == 0, -inf, nan))}];
}
def Log1pSumFunction : Function<"log1p_sum", (ins Weft_Tensor:$x, Weft_Tensor:$x1)> {
  let summary = "log(1 + x + x1), x1 being below x's last place";
  let f32 = Log1pText<Reduced<"v", "1.17549435e-38", "8388608", "-23">.lets, "0.693138122558593750", "9.0580006145e-6",
    Horner<"z", ["2.3579232e-01", "2.8537524e-01", "4.000033e-01", "6.666667e-01"]>.text>.text;
  let f64 = Log1pText<Reduced<"v", "2.2250738585072014e-308", "4503599627370496", "-52">.lets, "0.6931471803691238164902", "1.908214929270587700e-10",
    Horner<"z", ["0.14764325357780922", "0.15317494437795348", "0.1818341581251856", "0.22222201781146744", "0.28571428706389657", "0.3999999999960875",
    "0.6666666666666696"]>.text>.text;
}
def Log1pFunction : Function<"log1p", (ins Weft_Tensor:$x)> {
  let summary = "log(1 + x), accurate near 0; NaN below -1";
  let value = "log1p_sum(x, 0)";
  let grad = ["dy / (1 + x)"];
}

// log(1 + f) = l + l1 times the constant c + c1, and e times the base's power of two, all as sums.
class LogOfBaseText<string reduced, string r, string c, string c1, string two_high, string two_low> {
  string text = reduced # [{
    s = f / (2 + f);
    z = s * s;
    h = 0.5 * f * f;
    t = h - s * (h + z * }] # r # [{);
    l = f - t;                 l1 = (f - l) - t;
    p = l * }] # c # [{;       p1 = fma(l, }] # c # ", -p) + fma(l, " # c1 # ", l1 * " # c # [{);
    k = e * }] # two_high # [{;
    y = k + p;                 y1 = where(e == 0, 0, (k - y) + p) + fma(e, }] # two_low # [{, p1);
    where(x > 0, where(x < inf, y + y1, x), where(x == 0, -inf, nan))}];
}
class LogOfBaseF32<string c, string c1, string two_high, string two_low>
    : LogOfBaseText<ReducedF32.lets, Horner<"z", ["2.3579232e-01", "2.8537524e-01", "4.000033e-01", "6.666667e-01"]>.text, c, c1, two_high, two_low>;
class LogOfBaseF64<string c, string c1, string two_high, string two_low>
    : LogOfBaseText<ReducedF64.lets,
      Horner<"z", ["0.14764325357780922", "0.15317494437795348", "0.1818341581251856", "0.22222201781146744", "0.28571428706389657", "0.3999999999960875",
      "0.6666666666666696"]>.text, c, c1, two_high, two_low>;
def Log2Function : Function<"log2", (ins Weft_Tensor:$x)> {
  let summary = "logarithm to the base 2; NaN below 0";
  let f32 = LogOfBaseF32<"1.4426950216293335", "1.925963033500011e-08", "1", "0">.text;
  let f64 = LogOfBaseF64<"1.4426950408889634", "2.0355273740931033e-17", "1", "0">.text;
  let grad = ["dy / (x * 0.6931471805599453)"];
}
def Log10Function : Function<"log10", (ins Weft_Tensor:$x)> {
  let summary = "logarithm to the base 10; NaN below 0";
  let f32 = LogOfBaseF32<"0.4342944920063019", "-1.0103049952192578e-08", "0.301025390625", "4.605039066518657e-06">.text;
  let f64 = LogOfBaseF64<"0.4342944819032518", "1.098319650216765e-17", "0.301029995663157", "8.241712586023572e-13">.text;
  let grad = ["dy / (x * 2.302585092994046)"];
}

//===--- Hyperbolic functions ------------------------------------------------------------------------------===//

// exp(x) / 2, which ends later than exp.
def HalfExpFunction : Function<"half_exp", (ins Weft_Tensor:$x)> {
  let summary = "exp(x) / 2";
  let f32 = !subst(", n)", ", n - 1)", ExpText<"-103", "90", "12582912", "-0.693147182464599609375", "1.90465429995776787e-9",
    Horner<"r", ["1.3950603e-03", "8.368953e-03", "4.1666206e-02", "1.6666518e-01", "5e-01", "1", "1"]>.text>.text);
  let f64 = !subst(", n)", ", n - 1)", ExpText<"-745", "711", "6755399441055744", "-0.69314718055994528623", "-2.3190468138462995584e-17",
    Horner<"r", ["2.511620431977145e-08", "2.76278712554937e-07", "2.7557222253529842e-06", "2.4801500662539593e-05", "0.00019841269909655002",
    "0.0013888888935137073", "0.008333333333311455", "0.041666666666569215", "0.1666666666666669", "0.5000000000000004", "1", "1"]>.text>.text);
}
class SinhText<string p> {
  string text = "o = abs(x); z = o * o; h = half_exp(o); copysign(where(o < 1, fma(o * z, " # p # ", o), h - 0.25 / h), x)";
}
def SinhFunction : Function<"sinh", (ins Weft_Tensor:$x)> {
  let summary = "hyperbolic sine";
  let f32 = SinhText<Horner<"z", ["2.8174395e-06", "0.00019836066", "0.0083333505", "0.16666667"]>.text>.text;
  let f64 = SinhText<Horner<"z", ["2.8483983089605927e-15", "7.646476360596768e-13", "1.6059050705873696e-10", "2.5052108345641475e-08",
    "2.755731922412024e-06", "0.0001984126984126959", "0.008333333333333333", "0.16666666666666666"]>.text>.text;
}
def CoshFunction : Function<"cosh", (ins Weft_Tensor:$x)> {
  let summary = "hyperbolic cosine";
  let value = "h = half_exp(abs(x)); h + 0.25 / h";
}

// log1p of sums; a square that would overflow leaves log(2 x).
class InverseHyperbolicText<string large> {
  string asinh = [{
      o = abs(x); w = where(o > }] # large # [{, 1, o);
      s = sqrt(1 + w * w);       t = w * w / (1 + s);
      v = w + t;                 v1 = (w - v) + t;
      copysign(where(o > }] # large # [{, log(o) + 0.6931471805599453, log1p_sum(v, v1)), x)}];
  // t (t + 2) = q + q1 under the root, r + r1 its root.
  string acosh = [{
      w = where(x > }] # large # [{, 2, x);
      t = w - 1;
      b = 2 + t;                 b1 = t - (b - 2);
      q = t * b;                 q1 = fma(t, b, -q) + t * b1;
      r = sqrt(q);               r1 = where(r > 0, 0.5 * (fma(-r, r, q) + q1) / r, 0);
      v = t + r;                 g = v - t;
      v1 = (t - (v - g)) + (r - g) + r1;
      where(x < 1, nan, where(x > }] # large # [{, log(x) + 0.6931471805599453, log1p_sum(v, v1)))}];
  string atanh = [{
      o = abs(x);
      d = 1 - o;                 d1 = (1 - d) - o;
      q = 2 * o / d;             q1 = where(q < inf, (fma(-q, d, 2 * o) - q * d1) / d, 0);
      copysign(where(o < 1e-10, o, 0.5 * log1p_sum(q, q1)), x)}];
}
def InverseHyperbolicF32 : InverseHyperbolicText<"1e10">;
def InverseHyperbolicF64 : InverseHyperbolicText<"1e100">;
def AsinhFunction : Function<"asinh", (ins Weft_Tensor:$x)> {
  let summary = "inverse of the hyperbolic sine";
  let f32 = InverseHyperbolicF32.asinh;
  let f64 = InverseHyperbolicF64.asinh;
  let grad = ["dy / sqrt(x * x + 1)"];
}
def AcoshFunction : Function<"acosh", (ins Weft_Tensor:$x)> {
  let summary = "inverse of the hyperbolic cosine; NaN below 1";
  let f32 = InverseHyperbolicF32.acosh;
  let f64 = InverseHyperbolicF64.acosh;
  let grad = ["dy / sqrt(x * x - 1)"];
}
def AtanhFunction : Function<"atanh", (ins Weft_Tensor:$x)> {
  let summary = "inverse of the hyperbolic tangent; NaN beyond -1 .. 1";
  let f32 = InverseHyperbolicF32.atanh;
  let f64 = InverseHyperbolicF64.atanh;
  let grad = ["dy / (1 - x * x)"];
}

#endif
