// Functions of the language: written once over the primitives, so that eager kernels, compiled kernels, devices and references agree bit for bit.
// Errors are at most 1.05 ulp (1.4 for tanh, erf, pow and the logistic denominator, 2.6 for its quotients, 4 for gelu below 0), and at NaN, infinities, zeros and the ends of the range the results are IEEE 754's; the tests sweep both.
// The polynomials are minimax ones (Remez' exchange algorithm with 50 digits, weighted by the final relative error), coefficients from the highest power down.
#ifndef WEFT_IR_OPS_FUNCTIONS_TD
#define WEFT_IR_OPS_FUNCTIONS_TD

include "ir/ops/base.td"

// The text of a polynomial in Horner's form.
class Horner<string x, list<string> coefficients> {
  string text = !foldl(!head(coefficients), !tail(coefficients), p, c, "fma(" # p # ", " # x # ", " # c # ")");
}

def MaxFunction : Function<"max", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "the greater number, a where they are equal; NaN where either is NaN";
  let domain = Number;
  let value = "where((a < b) | (b != b), b, a)";
  let grad = ["where(a == b, 0.5 * dy, where(a < b, 0, dy))", "where(a == b, 0.5 * dy, where(a > b, 0, dy))"];
  let op = "maximum";
}
def MinFunction : Function<"min", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "the lesser number, a where they are equal; NaN where either is NaN";
  let domain = Number;
  let value = "where((a > b) | (b != b), b, a)";
  let grad = ["where(a == b, 0.5 * dy, where(a > b, 0, dy))", "where(a == b, 0.5 * dy, where(a < b, 0, dy))"];
  let op = "minimum";
}

//===--- exp ------------------------------------------------------------------------------------===//

// x = n ln 2 + r with |r| <= ln 2 / 2, subtracted in two parts; exp(x) = 2^n p(r). Adding `shifter`, 1.5 * 2^fraction, rounds to an integer. The limits lie
// where the result overflows and where it rounds to 0.
class ExpText<string low, string high, string shifter, string minus_ln2_high, string minus_ln2_low, string p> {
  string text = [{
    a = where(x < }] # low # ", " # low # [{, x);
    c = where(a > }] # high # ", " # high # [{, a);
    n = fma(c, 1.4426950408889634, }] # shifter # ") - " # shifter # [{;
    r = fma(n, }] # minus_ln2_low # ", fma(n, " # minus_ln2_high # [{, c));
    scale2(}] # p # ", n)";
}
def ExpFunction : Function<"exp", (ins Weft_Tensor:$x)> {
  let summary = "e to the power of x";
  let f32 = ExpText<"-104", "89", "12582912", "-0.693147182464599609375", "1.90465429995776787e-9",
    Horner<"r", ["1.3950603e-03", "8.368953e-03", "4.1666206e-02", "1.6666518e-01", "5e-01", "1", "1"]>.text>.text;
  let f64 = ExpText<"-746", "710", "6755399441055744", "-0.69314718055994528623", "-2.3190468138462995584e-17",
    Horner<"r", ["2.511620431977145e-08", "2.76278712554937e-07", "2.7557222253529842e-06", "2.4801500662539593e-05", "0.00019841269909655002",
    "0.0013888888935137073", "0.008333333333311455", "0.041666666666569215", "0.1666666666666669", "0.5000000000000004", "1", "1"]>.text>.text;
  let grad = ["dy * y"];
}

//===--- logistic ---------------------------------------------------------------------------------===//

// exp(-x) = 2^(n - 1) (2 + r p), twice a polynomial of exp at -r, so that the power is a normal number. Beyond the limits the results do not change.
class LogisticText<string low, string high, string shifter, string ln2_high, string ln2_low, string polynomial> {
  string lets = [{
    a = where(x < }] # low # ", " # low # [{, x);
    c = where(a > }] # high # ", " # high # [{, a);
    n = fma(c, -1.4426950408889634, }] # shifter # ") - " # shifter # [{;
    r = fma(n, }] # ln2_low # ", fma(n, " # ln2_high # [{, c));
    p = }] # polynomial # ";";
}
// The same to the base 2, where the reduction is exact: -x = n - r.
class Logistic2Text<string low, string high, string shifter, string polynomial> {
  string lets = [{
    a = where(x < }] # low # ", " # low # [{, x);
    c = where(a > }] # high # ", " # high # [{, a);
    n = (}] # shifter # " - c) - " # shifter # [{;
    r = c + n;
    p = }] # polynomial # ";";
}
class LogisticF32<string low> : LogisticText<low, "80", "12582912", "0.693147182464599609375", "-1.90465429995776787e-9",
    Horner<"r", ["0.0027901206", "-0.016737906", "0.083332412", "-0.33333036", "1", "-2"]>.text>;
class LogisticF64<string low> : LogisticText<low, "700", "6755399441055744", "0.69314718055994528623", "2.3190468138462995584e-17",
    Horner<"r", ["-5.02324086395429e-08", "5.52557425109874e-07", "-5.5114444507059685e-06", "4.9603001325079185e-05", "-0.00039682539819310003",
    "0.0027777777870274145", "-0.01666666666662291", "0.08333333333313843", "-0.3333333333333338", "1.0000000000000009", "-2.0"]>.text>;
class Logistic2F32<string low> : Logistic2Text<low, "120", "12582912",
    Horner<"r", ["0.00030476044", "-0.00267822784", "0.0192376822", "-0.111007184", "0.480452896", "-1.38629436"]>.text>;
class Logistic2F64<string low> : Logistic2Text<low, "1000", "6755399441055744",
    Horner<"r", ["-8.899676237240239e-10", "1.4147656397378931e-08", "-2.0356175160982548e-07", "2.643086998162075e-06", "-3.0505467607071438e-05",
    "0.0003080706091556072", "-0.002666711629276532", "0.019236258215186982", "-0.11100821732964451", "0.48045301391820266",
    "-1.3862943611198906"]>.text>;

// The denominator ends in infinity.
def LogisticFunction : Function<"logistic_denominator", (ins Weft_Tensor:$x)> {
  let summary = "1 + exp(-x)";
  let f32 = LogisticF32<"-89">.lets # "fma(fma(r, p, 2), power_of_two(n - 1), 1)";
  let f64 = LogisticF64<"-710">.lets # "fma(fma(r, p, 2), power_of_two(n - 1), 1)";
  let grad = ["dy * (1 - y)"];
}

// q / (1 + exp(-x)), the denominator being 2^n + 1, which is exact up to the format's precision, and 2^(n - 1) r p. Where x is far below 0, numerator and denominator are
// divided by 2^shift, so that a quotient close to the least number is right to its last place; the denominator is infinite where the quotient is 0.
class LogisticQuotient<string lets, string far, string shift, string unit> {
  string text = lets # [{
    is_far = c < }] # far # [{;
    w = power_of_two(n - where(is_far, }] # shift # " + 1, 1)); d = fma(r * p, w, fma(2, w, where(is_far, " # unit # [{, 1)));
    where(is_far, }] # unit # " * q, q) / d";
}
def LogisticQuotientFunction : Function<"logistic", (ins Weft_Tensor:$q, Weft_Tensor:$x)> {
  let summary = "q / (1 + exp(-x))";
  let f32 = LogisticQuotient<LogisticF32<"-111.1">.lets, "-64", "32", "2.3283064365386963e-10">.text;
  let f64 = LogisticQuotient<LogisticF64<"-754.34">.lets, "-512", "64", "5.421010862427522e-20">.text;
}
def Logistic2QuotientFunction : Function<"logistic2", (ins Weft_Tensor:$q, Weft_Tensor:$x)> {
  let summary = "q / (1 + 2^-x)";
  let f32 = LogisticQuotient<Logistic2F32<"-160.28">.lets, "-64", "32", "2.3283064365386963e-10">.text;
  let f64 = LogisticQuotient<Logistic2F64<"-1088.28">.lets, "-512", "64", "5.421010862427522e-20">.text;
}

//===--- log ------------------------------------------------------------------------------------===//

// x = 2^e m with m in [sqrt(1/2), sqrt(2)), subnormal x scaled up first.
class Reduced<string x, string least_normal, string up, string down> {
  string lets = "u = where(" # x # " < " # least_normal # ", " # x # " * " # up # ", " # x # [{);
    m1 = mantissa(u);
    is_high = m1 > 1.4142135623730951;
    e = exponent(u) + where(is_high, 1, 0) + where(}] # x # " < " # least_normal # ", " # down # [{, 0);
    f = where(is_high, 0.5 * m1, m1) - 1;
    }];
}
def ReducedF32 : Reduced<"x", "1.17549435e-38", "8388608", "-23">;
def ReducedF64 : Reduced<"x", "2.2250738585072014e-308", "4503599627370496", "-52">;

// log(1 + f) = f - f^2 / 2 + s (f^2 / 2 + z R(z)) with s = f / (2 + f), z = s^2 (fdlibm's e_log.c): the large terms are exact.
class LogText<string reduced, string ln2_high, string ln2_low, string r> {
  string with = reduced # [{
    s = f / (2 + f);
    z = s * s;
    h = 0.5 * f * f;
    l = e * }] # ln2_high # " - ((h - fma(s, h + z * " # r # ", e * " # ln2_low # [{)) - f)
  }];
}
def LogF32 : LogText<ReducedF32.lets, "0.693138122558593750", "9.0580006145e-6",
    Horner<"z", ["2.3579232e-01", "2.8537524e-01", "4.000033e-01", "6.666667e-01"]>.text>;
def LogF64 : LogText<ReducedF64.lets, "0.6931471803691238164902", "1.908214929270587700e-10",
    Horner<"z", ["0.14764325357780922", "0.15317494437795348", "0.1818341581251856", "0.22222201781146744", "0.28571428706389657", "0.3999999999960875",
    "0.6666666666666696"]>.text>;
def LogFunction : Function<"log", (ins Weft_Tensor:$x)> {
  let summary = "natural logarithm; NaN below 0";
  let f32 = LogF32.with # "; where(x > 0, where(x < inf, l, x), where(x == 0, -inf, nan))";
  let f64 = LogF64.with # "; where(x > 0, where(x < inf, l, x), where(x == 0, -inf, nan))";
  let grad = ["dy / x"];
}

//===--- tanh, erf --------------------------------------------------------------------------------===//

// a + a^3 p(a^2) near 0; else 1 - 2 / (1 + exp(2a)), which ends in 1.
class TanhText<string p> {
  string text = "a = abs(x); z = a * a; copysign(where(a < 0.625, fma(a * z, " # p # ", a), 1 - 2 / logistic_denominator(-2 * a)), x)";
}
def TanhFunction : Function<"tanh", (ins Weft_Tensor:$x)> {
  let summary = "hyperbolic tangent";
  let f32 = TanhText<Horner<"z", ["2.1442634e-03", "-8.17924e-03", "2.1701641e-02", "-5.3946976e-02", "1.3333207e-01", "-3.333333e-01"]>.text>.text;
  let f64 = TanhText<Horner<"z", ["-2.2695567756535417e-06", "1.1789697080825224e-05", "-3.662085315156317e-05", "9.574856112054101e-05", "-0.0002387699879720318",
    "0.0005899490509664176", "-0.0014558222701841433", "0.0035921267293030964", "-0.008863235434334224", "0.021869488531656177",
    "-0.053968253968128856", "0.13333333333333158", "-0.3333333333333333"]>.text>.text;
  let grad = ["dy * (1 - y * y)"];
}

// a + a p(a^2) near 0; else 1 - erfc(a), where erf has become 1 at the limit. In f32 erfc is the square of a polynomial, in f64 the exponential of one.
class ErfText<string limit, string p, string lets, string split, string tail> {
  string text = "a = abs(x); z = a * a; t = where(a > " # limit # ", " # limit # ", a); " # lets #
                " copysign(where(a < " # split # ", fma(a, " # p # ", a), " # tail # "), x)";
}
def ErfCentreF32 : Horner<"z", ["7.8532248e-05", "-8.01002e-04", "5.188312e-03", "-2.6853807e-02", "1.12835854e-01", "-3.7612626e-01", "1.2837917e-01"]>;
def ErfCentreF64 : Horner<"z", ["6.337396865079598e-11", "-1.157663998093165e-09", "1.470755927885755e-08", "-1.6356747395871508e-07", "1.6461549732593008e-06",
    "-1.4925626210501742e-05", "0.00012055332273420111", "-0.0008548327009508824", "0.005223977625265913", "-0.02686617064511798",
    "0.11283791670955073", "-0.37612638903183754", "0.1283791670955126"]>;
def ErfFunction : Function<"erf", (ins Weft_Tensor:$x)> {
  let summary = "error function";
  let f32 = ErfText<"3.92", ErfCentreF32.text, "s = t - 1.5; r = " #
    Horner<"s", ["-1.2419452e-05", "3.54366e-05", "3.6639892e-04", "-2.0415347e-03", "1.535452e-03", "1.2642649e-02", "-3.0705702e-02", "-2.3918219e-02",
    "2.0115973e-01", "-3.2299453e-01", "1.8410557e-01"]>.text # ";", "1", "fma(-r, r, 1)">.text;
  let f64 = ErfText<"5.93", ErfCentreF64.text, "", "0.921875", "1 - exp(-" #
    Horner<"t", ["-2.0532974658384084e-14", "1.1546874558892502e-12", "-3.068207722490095e-11", "5.12510000122112e-10", "-6.037385033686843e-09",
    "5.329707538797048e-08", "-3.652901666144559e-07", "1.9829121205036636e-06", "-8.585939368871216e-06", "2.9400077991536426e-05",
    "-7.660047115582207e-05", "0.00013310441252693033", "-5.625875489556684e-05", "-0.0005098121748661465", "0.001632586801590489",
    "-0.00016897958285848577", "-0.019148252805352067", "0.10277992409295103", "0.6366178629380889", "1.128379480247356", "-2.4273365892692727e-08"]>.text # ")">.text;
  let grad = ["dy * 1.1283791670955126 * exp(-x * x)"];
}

//===--- gelu -------------------------------------------------------------------------------------===//

// (1 + 2 x) exp(x^2) erfc(x) beyond 1/2, over q = (x - 4) / (x + 4) (Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x", 1981).
def ErfcTailF32 : Horner<"q", ["0.0052669807", "-0.016583571", "0.036991592", "-0.066258505", "0.09376877", "-0.10104478", "0.06809443", "0.01537983",
    "-0.13962106", "1.2329952"]>;
def ErfcTailF64 : Horner<"q", ["1.7772796201204539e-09", "-9.720944553355762e-09", "-1.781468876183261e-08", "1.0345051692315409e-07", "7.462674464923252e-08",
    "-8.19742290895052e-07", "2.937093464593538e-07", "5.7066521362533255e-06", "-1.1221934972654333e-05", "-2.439812215421583e-05",
    "0.00015062163456139972", "-0.00019925694873083804", "-0.0007577732784166882", "0.005031970015840005", "-0.016197734059297735",
    "0.037167515534059385", "-0.06633036581208902", "0.09373283499852024", "-0.10103906603631005", "0.06809705425468879", "0.015379652102619842",
    "-0.1396211168405625", "1.2329951186255526"]>;

// x Phi(-x) for x of 1 and more, Phi being the normal distribution function. x^2 = h + h1. In f32, exp(x^2 / 2) x Phi(-x) is a polynomial in 1 / (x + 1), and
// exp(-x^2 / 2) = 2^n (1 + m).
def NormalTailFunction : Function<"normal_tail", (ins Weft_Tensor:$x)> {
  let summary = "x times the probability that a normally distributed number lies above x, for x of 1 and more";
  let f32 = [{
    a = where(x > 15, 15, x);
    h = a * a;                 h1 = fma(a, a, -h);
    c = -0.5 * h;
    n = fma(c, 1.4426950408889634, 12582912) - 12582912;
    r = fma(n, 1.90465429995776787e-9, fma(n, -0.693147182464599609375, c)) - 0.5 * h1;
    m = r * }] # Horner<"r", ["1.3950603e-03", "8.368953e-03", "4.1666206e-02", "1.6666518e-01", "5e-01", "1"]>.text # [{;
    s = 1 / (a + 1) - 0.25;
    g = }] # Horner<"s", ["4.7817864", "-9.377119", "5.0856276", "0.43642133", "-1.9637746", "0.8708045", "0.3945184", "-0.60245395", "-0.29300192", "0.36454186"]>.text # [{;
    scale2(fma(g, m, g), n)}];
  let f64 = [{
    a = where(x > 39, 39, x);
    h = a * a;                 h1 = fma(a, a, -h);
    e = exp(-0.5 * h);
    z = 0.7071067811865476 * a;
    q = (z - 4) / (z + 4);
    (e - 0.5 * e * h1) * (0.5 * a * }] # !strconcat(ErfcTailF64.text, " / fma(2, z, 1))");
}
// x Phi(x): near 0 by a polynomial, elsewhere x or 0 less the tail, where nothing cancels.
class GeluText<string lets, string half> {
  string text = "a = abs(x); " # lets # " where(a < 1, x * " # half # ", fma(where(x < 0, 0, 1), x, -normal_tail(where(a < 1, 1, a))))";
}
def GeluFunction : Function<"gelu", (ins Weft_Tensor:$x)> {
  let summary = "x times the probability that a normally distributed number lies below x";
  let f32 = GeluText<"z = x * x;", "fma(x, " # Horner<"z", ["-7.654208e-06", "0.00011348639", "-0.00118633", "0.009973323", "-0.06649036", "0.3989423"]>.text # ", 0.5)">.text;
  let f64 = GeluText<"t = 0.7071067811865476 * x; z = t * t;", "fma(0.5, fma(t, " # !strconcat(ErfCentreF64.text, ", t), 0.5)")>.text;
}

//===--- pow --------------------------------------------------------------------------------------===//

// exp(b log |a|) with the logarithm to about 1.4 times the format's precision, as unevaluated sums high + low (Dekker, 1971; fma gives the error of a product):
//   f / (2 + f) = s + s1,  z + z1 its square,  log(1 + f) = s (2 + z (2/3 + z t(z))),  log |a| = h + h1,  b log |a| = v + v1.
class PowText<string reduced, string ln2_high, string ln2_low, string two_thirds_low, string t, string low, string high, string exp_high, string exp_low,
              string q> {
  string with = "x = abs(a);" # reduced # [{
    g = 2 + f;                g1 = f - (g - 2);
    s = f / g;                s1 = fma(-s, g1, fma(-s, g, f)) / g;
    z = s * s;                z1 = fma(s, s, -z) + 2 * s * s1;
    w = z * }] # t # [{;
    c = 0.6666666666666666 + w;  c1 = (0.6666666666666666 - c) + w + }] # two_thirds_low # [{;
    p = z * c;                p1 = fma(z, c, -p) + fma(z, c1, z1 * c);
    d = 2 + p;                d1 = (2 - d) + p + p1;
    l = s * d;                l1 = fma(s, d, -l) + fma(s, d1, s1 * d);
    k = e * }] # ln2_high # [{;
    h = k + l;                h1 = (k - h) + l + fma(e, }] # ln2_low # [{, l1);
    v = b * h;                v1 = fma(b, h, -v) + b * h1;
    is_out = (v > }] # high # ") | (v < " # low # [{);
    i = where(v > }] # high # ", " # high # ", where(v < " # low # ", " # low # [{, v));
    n = rint(i * 1.4426950408889634);
    r = fma(-n, }] # exp_low # ", fma(-n, " # exp_high # [{, i)) + where(is_out, 0, v1);
    y = scale2(1 + fma(r * r, }] # q # [{, r), n)
  }];
}

// What IEEE 754 says of the edges: signs by the parity of b, 1 for a = 1 and for b = 0 even with NaN.
def PowEdges {
  string lets = [{;
    is_integer = floor(b) == b;
    is_odd = is_integer & (floor(0.5 * b) != 0.5 * b);
    edge = where(x == 1, 1, where(x == 0, where(b < 0, inf, 0), where(x == inf, where(b < 0, 0, inf), y)));
    signed = where(is_odd & (copysign(1, a) < 0), -edge, edge);
  }];
  string value = "where((b == 0) | (a == 1), 1, where((a != a) | (b != b), a + b, where((a < 0) & !is_integer & (x < inf), nan, signed)))";
}
def PowF32 : PowText<ReducedF32.lets, "0.693145751953125", "1.428606765330187045e-6", "-1.98682151e-8",
    Horner<"z", ["1.9470523e-01", "2.218486e-01", "2.8571877e-01", "3.9999998e-01"]>.text,
    "-105", "90", "0.693145751953125", "1.428606765330187045e-6",
    Horner<"r", ["1.991677e-04", "1.394363e-03", "8.333268e-03", "4.1666314e-02", "1.6666667e-01", "5e-01"]>.text>;
def PowF64 : PowText<ReducedF64.lets, "0.6931471803691238164902", "1.908214929270587700e-10", "3.700743415417188e-17",
    Horner<"z", ["0.11973908100694942", "0.116768610585075", "0.13336202905378775", "0.15384560303246306", "0.18181818811316414", "0.22222222218113027",
    "0.2857142857144218", "0.39999999999999986"]>.text,
    "-750", "712", "0.6931471803691238164902", "1.908214929270587700e-10",
    Horner<"r", ["2.0925925772008068e-09", "2.5111575352937507e-08", "2.7557237559017514e-07", "2.755723649386115e-06", "2.480158736711351e-05",
    "0.00019841269894311343", "0.001388888888886338", "0.008333333333318142", "0.041666666666666706", "0.16666666666666682", "0.5"]>.text>;

// Binary exponentiation over the 63 bits of b, wrapping; exponents above 15 are rare. Negative exponents follow 1 / a^-b rounded towards 0: only 1 and -1 have results other than 0.
def PowBits {
  string text = !foldl("b0 = where(b < 0, 0, b); r0 = 1 + 0 * b; s0 = a", !range(63), t, k,
      t # "; b" # !add(k, 1) # " = floordiv(b" # k # ", 2); r" # !add(k, 1) # " = where(b" # k # " - 2 * b" # !add(k, 1) # " == 1, r" # k # " * s" # k # ", r" # k
        # "); s" # !add(k, 1) # " = s" # k # " * s" # k);
}
def PowFunction : Function<"pow", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "a to the power of b";
  let domain = Number;
  let f32 = !strconcat(PowF32.with, PowEdges.lets, PowEdges.value);
  let f64 = !strconcat(PowF64.with, PowEdges.lets, PowEdges.value);
  let i64 = PowBits.text # "; where(b >= 0, rarely(b > 15, r63, r4), where(a == 1, 1, where(a == -1, where(b - 2 * floordiv(b, 2) == 0, 1, -1), 0)))";
  let grad = ["where(b == 0, 0, dy * b * pow(a, b - 1))", "where((a == 0) & (b >= 0), 0, dy * y * log(a))"];
}

//===--- Random numbers -----------------------------------------------------------------------------===//

// The normal distribution's quantile at the middle of the cell that starts at u in [0, 1), u a multiple of the cell. sqrt(2) erfinv(2u - 1) is odd about 1/2, and
// over u - 1/2 a smooth function of w = -log(4 u (1 - u)) (Giles, "Approximating the erfinv function", 2010).
class QuantileText<string half_cell, string limit, string centre, string tail_centre, string p, string q> {
  string text = "side = where(u < 0.5, u, 1 - u - 2 * " # half_cell # ") + " # half_cell # "; w = -log(4 * side * (1 - side));"
                " t = w - " # centre # "; v = sqrt(w) - " # tail_centre # "; x = (0.5 - side) * where(w < " # limit # ", " # p # ", " # q # ");"
                " where(u < 0.5, -x, x)";
}
def QuantileFunction : Function<"normal_quantile", (ins Weft_Tensor:$u)> {
  let summary = "the normal distribution's quantile";
  let f32 = QuantileText<"2.98023223876953125e-8", "5", "2.5", "3",
    Horner<"t", ["6.7695076e-08", "9.698081e-07", "-9.818842e-06", "-1.2409746e-05", "6.176686e-04", "-3.5461022e-03", "-1.1815556e-02", "6.976054e-01",
    "4.246627e+00"]>.text,
    Horner<"v", ["-3.787926e-04", "1.5293882e-04", "3.571012e-03", "-1.0253916e-02", "1.634003e-02", "-2.1597913e-02", "2.6681637e-02", "2.8331647e+00",
    "8.012869e+00"]>.text>.text;
  let f64 = QuantileText<"5.5511151231257827e-17", "6.25", "3.125", "4",
    Horner<"t", ["-2.0957644204392265e-16", "9.216117005271672e-16", "1.5305924019664635e-14", "-1.2753166357887322e-13", "-1.9019031936007385e-13",
    "7.563986106387865e-12", "-3.698531221097645e-11", "-1.538154369214589e-10", "2.9745366498048657e-09", "-1.1630050076635834e-08",
    "-8.222680607517367e-08", "1.19777423628883e-06", "-3.862124894294527e-06", "-3.926570040263146e-05", "0.0005281640950124752",
    "-0.002095023141712256", "-0.01706579835329124", "0.6792699174026932", "4.677241420053124"]>.text,
    Horner<"v", ["8.833100005020534e-09", "-4.2881816505690773e-08", "-7.430643272045455e-08", "8.366878305645181e-07", "-1.5817486124735363e-06",
    "-1.1065899548851351e-06", "1.014655616220948e-05", "-2.5765155494889586e-05", "5.102752420517953e-05", "-9.115551260185261e-05",
    "0.00015855571386232025", "-0.00033390663374506096", "0.0009074656817587514", "-0.0024577516977232535", "0.003563426631146108",
    "2.855278091252167", "10.860548644914353"]>.text>.text;
}

#endif
