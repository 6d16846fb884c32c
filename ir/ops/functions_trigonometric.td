// sin, cos, tan and their inverses; the hyperbolic ones lie in functions_hyperbolic.td. Errors are at most 1.5 ulp, 2 for asin, over all finite numbers.
#ifndef WEFT_IR_OPS_FUNCTIONS_TRIGONOMETRIC_TD
#define WEFT_IR_OPS_FUNCTIONS_TRIGONOMETRIC_TD

include "ir/ops/functions.td"

//===--- Reduction by pi / 2 ---------------------------------------------------------------------===//

// |x| as k quarter turns and a rest of at most half a one, and hardly more, in two numbers: `high` and `low` radians. Names end in `tag`.

// Up to `limit` by multiples of pi / 2 in three parts, each as long as a mantissa (Cody and Waite, "Software Manual for the Elementary Functions", 1980; with fused
// products Boldo, Daumas and Li, "Formally verified argument reduction with a fused multiply-add", 2009). With d digits after the point:
//   turn is exact: |x| and k half_pi are multiples of 2^-(d + 1), their difference is one below 1, so it has no more digits than the format;
//   k half_pi_middle = p + p1 exactly; turn is a multiple of p's last place, so `high` and what its rounding leaves have the exact sum turn - p (Fast2Sum);
//   what is left out is below k 2^-76 in f32, k 2^-163 in f64, and no number up to the limit lies closer than 2^-28, 2^-61, to a multiple of pi / 2.
// The limit keeps k so small that its rounding leaves the rest within 0.51 quarter turns: the polynomials have as much to spare.
class ShortReduction<string two_over_pi, string half_pi, string half_pi_middle, string half_pi_low> {
  string lets = "k = rint(x0 * " # two_over_pi # "); turn = fma(-k, " # half_pi # ", x0); p = k * " # half_pi_middle # "; p1 = fma(k, " # half_pi_middle
      # ", -p); high = turn - p; low = ((turn - high) - p) - fma(k, " # half_pi_low # ", p1); ";
}

// Any size (Payne and Hanek, "Radian reduction for trigonometric functions", 1983).
// 2 / pi is cut into words as long as a mantissa. Of those, x times the words in front gives multiples of 4 quarter turns, and five words from there on
// hold all that the rest needs: their products with x are exact as pairs. The words are 2^scale times, x is 2^-scale times as large, so that neither leaves
// the format's range.

// Moves the names from0, from1 ... down by `shift` where the exponent says that as many words may be passed over.
class PassWords<string from, string to, int shift, int count, string exponent, string least> {
  string text = "is_" # to # " = " # exponent # " >= " # least # "; "
      # !foldl("", !range(count), t, k,
               t # to # k # " = where(is_" # to # ", " # from # !add(k, shift) # ", " # from # k # "); ");
}
class Words<list<string> words> {
  string text = !foldl("", !range(!size(words)), t, k, t # "w" # k # " = " # words[k] # "; ");
}

// Adds numbers below 4 without an error: each is split at a fixed place, the upper parts have a sum that is exact, and so have those of the lower parts.
class SplitTerms<list<string> terms, string shifter, string upper, string lower> {
  string text = !foldl("", !range(!size(terms)), t, k,
      t # upper # k # " = (" # terms[k] # " + " # shifter # ") - " # shifter # "; " # lower # k # " = " # terms[k] # " - " # upper # k # "; ");
  string sum = !foldl(upper # "0", !range(1, !size(terms)), t, k, t # " + " # upper # k);
  list<string> rest = !foreach(k, !range(!size(terms)), lower # k);
}

// `words` binds v0 .. v4, the five words.
class LongReduction<string words, string down, string second_shifter, string half_pi, string half_pi_low> {
  string products = !foldl("", !range(5), t, k,
      t # "h" # k # " = s * v" # k # "; l" # k # " = fma(s, v" # k # ", -h" # k # "); ");
  SplitTerms first = SplitTerms<["m0", "m1", "m2", "l1", "h2"], "12", "upper", "lower">;
  SplitTerms second = SplitTerms<!listconcat(first.rest, ["l2", "h3"]), second_shifter, "middle", "least">;
  string lets = "s = x0 * " # down # "; " # words # products # [{
      m0 = h0 - 4 * rint(0.25 * h0);
      m1 = l0 - 4 * rint(0.25 * l0);
      m2 = h1 - 4 * rint(0.25 * h1); }] # first.text # "t = " # first.sum # "; k_far = rint(t); u = t - k_far; " # second.text # "v = " # second.sum # [{;
      q = u + v;                 bb = q - u;
      q1 = (u - (q - bb)) + (v - bb) + (}] # !foldl("l3 + h4", second.rest, t, d, t # " + " # d) # [{);
      y = q + q1;                y1 = (q - y) + q1;
      high_far = y * }] # half_pi # "; low_far = fma(y, " # half_pi # ", -high_far) + fma(y, " # half_pi_low # ", y1 * " # half_pi # "); ";
}
def ShortF32 : ShortReduction<"0.63661977", "1.5707963705062866", "-4.371138828673793e-08", "-1.7151245100058819e-15">;
def ShortF64 : ShortReduction<"0.6366197723675814", "1.5707963267948966", "6.123233995736766e-17", "-1.4973849048591698e-33">;
def LongF32 : LongReduction<
    Words<["8.070114040024192e+29", "3.2556503691862806e+22", "372321051213824", "41254160", "15.325406074523926", "7.184481773947482e-07",
           "3.321755576764923e-14", "8.941953688152858e-22", "2.0062146211608267e-28"]>.text
    # "e0 = exponent(x0); " # PassWords<"w", "four", 4, 5, "e0", "121">.text # [{
      f0 = where(is_four, four0, w0); f1 = where(is_four, four1, w1); f2 = where(is_four, four2, w2); f3 = where(is_four, four3, w3); f4 = where(is_four, four4, w4);
      f5 = w5; f6 = w6; f7 = w7; e1 = where(is_four, e0 - 96, e0); }]
    # PassWords<"f", "two", 2, 6, "e1", "73">.text # "e2 = where(is_two, e1 - 48, e1); " # PassWords<"two", "v", 1, 5, "e2", "49">.text,
    "7.888609052210118e-31", "2.86102294921875e-06", "1.5707963705062866", "-4.371138828673793e-08">;
def LongF64 : LongReduction<
    Words<["2.6416636568967522e+180", "2.973748220839333e+164", "4.22489748930512e+148", "3.5075815447473265e+132", "1.446592407759871e+116",
           "1.9920701192579333e+100", "4.7700657019866515e+82", "4.883323217918467e+68", "1.5584351101403046e+52", "6.888783873662554e+36",
           "8.882326746031724e+20", "102870.22466011204", "4.1940391885270785e-12", "5.077860613334272e-28", "9.066295846605709e-44",
           "7.064193689775152e-60", "1.0951456336959488e-75", "2.231920853623373e-91", "1.935567947935429e-107", "2.939670482329695e-123",
           "2.167051268884857e-139", "1.4311638366190685e-155", "3.300351615529354e-171"]>.text
    # "w23 = 0; w24 = 0; w25 = 0; w26 = 0; w27 = 0; w28 = 0; w29 = 0; w30 = 0; w31 = 0; w32 = 0; w33 = 0; w34 = 0; w35 = 0; e0 = exponent(x0); "
    # PassWords<"w", "sixteen", 16, 20, "e0", "902">.text # "e1 = where(is_sixteen, e0 - 848, e0); "
    # PassWords<"sixteen", "eight", 8, 12, "e1", "478">.text # "e2 = where(is_eight, e1 - 424, e1); "
    # PassWords<"eight", "four", 4, 8, "e2", "266">.text # "e3 = where(is_four, e2 - 212, e2); "
    # PassWords<"four", "two", 2, 6, "e3", "160">.text # "e4 = where(is_two, e3 - 106, e3); " # PassWords<"two", "v", 1, 5, "e4", "107">.text,
    "2.409919865102884e-181", "5.329070518200751e-15", "1.5707963267948966", "6.123233995736766e-17">;

//===--- sin, cos, tan -----------------------------------------------------------------------------===//

// sine and cosine of high + low as sums: sin = high + s1, cos = c + c1 (fdlibm's k_sin.c and k_cos.c).
class SineText<string tag, list<string> p, list<string> q> {
  string lets = !subst("#", tag, [{
      half# = 0.5 * k#;          turns# = floor(half#);
      is_odd# = half# != turns#; is_opposite# = 0.5 * turns# != floor(0.5 * turns#);
      z# = high# * high#;
      hz# = 0.5 * z#; c# = 1 - hz#;
      s1# = fma(high# * z#, }] # Horner<"z#", p>.text # [{, low# * c#);
      c1# = ((1 - c#) - hz#) + (z# * z# * }] # Horner<"z#", q>.text # [{ - high# * low#);
    }]);
  string sin = !subst("#", tag, "where(is_opposite#, -1, 1) * where(is_odd#, c# + c1#, high# + s1#)");
  string cos = !subst("#", tag, "where(is_opposite#, -1, 1) * where(is_odd#, -(high# + s1#), c# + c1#)");
  string tan_lets = !subst("#", tag, [{
      a# = high# + s1#; a1# = (high# - a#) + s1#;
      d# = c# + c1#;    d1# = (c# - d#) + c1#;
      n# = where(is_odd#, -d#, a#); n1# = where(is_odd#, -d1#, a1#);
      e# = where(is_odd#, a#, d#);  g# = where(is_odd#, a1#, d1#);
      o# = n# / e#;
    }]);
  string tan = !subst("#", tag, "o# + (fma(-o#, e#, n#) + (n1# - o# * g#)) / e#");
}
// The long reduction and what follows it, for what lies beyond the limit.
class Trigonometric<ShortReduction near, LongReduction far, string limit, list<string> p, list<string> q> {
  SineText by_near = SineText<"", p, q>;
  SineText by_far = SineText<"_far", p, q>;
  string lets = "x0 = abs(x); is_far = x0 > " # limit # "; " # near.lets # by_near.lets # far.lets # by_far.lets;
  string sin = lets # "copysign(1, x) * rarely(is_far, " # by_far.sin # ", " # by_near.sin # ")";
  string cos = lets # "rarely(is_far, " # by_far.cos # ", " # by_near.cos # ")";
  string tan = lets # by_near.tan_lets # by_far.tan_lets # "copysign(1, x) * rarely(is_far, " # by_far.tan # ", " # by_near.tan # ")";
}
def TrigonometricF32 : Trigonometric<ShortF32, LongF32, "131072", ["-0.0001951717", "0.008332177", "-0.16666655"],
    ["2.4438323e-05", "-0.0013887367", "0.041666646"]>;
def TrigonometricF64 : Trigonometric<ShortF64, LongF64, "1073741824",
    ["1.589676337837811e-10", "-2.5050757576824132e-08", "2.7557313688603966e-06", "-0.00019841269829798643", "0.008333333333322403", "-0.16666666666666632"],
    ["-1.1359625697907256e-11", "2.087572286151723e-09", "-2.7557314349422757e-07", "2.4801587289472552e-05", "-0.001388888888887411", "0.0416666666666666"]>;
def SinFunction : Function<"sin", (ins Weft_Tensor:$x)> {
  let summary = "sine of x radians; NaN for infinities";
  let f32 = TrigonometricF32.sin;
  let f64 = TrigonometricF64.sin;
}
def CosFunction : Function<"cos", (ins Weft_Tensor:$x)> {
  let summary = "cosine of x radians; NaN for infinities";
  let f32 = TrigonometricF32.cos;
  let f64 = TrigonometricF64.cos;
}
def TanFunction : Function<"tan", (ins Weft_Tensor:$x)> {
  let summary = "tangent of x radians; NaN for infinities";
  let f32 = TrigonometricF32.tan;
  let f64 = TrigonometricF64.tan;
  let grad = ["dy * (1 + y * y)"];
}

//===--- atan, atan2 ---------------------------------------------------------------------------------===//

// atan(n / d) for 0 <= n <= d, the part above tan(pi / 8) turned by pi / 4: atan(q) = pi / 4 + atan((n - d) / (n + d)); t + t1 is the quotient.
class AtanText<string quarter_pi, string quarter_pi_low, string p> {
  string lets = [{
      is_turned = n > 0.41421356237309503 * d;
      num = where(is_turned, n - d, n); den = where(is_turned, n + d, d);
      t = num / den;
      t1 = where(t == 0, 0, (fma(-t, den, num) + where(is_turned, (n - (num + d)) - t * (n - (den - d)), 0)) / den);
      z = t * t;
      a = where(is_turned, }] # quarter_pi # [{, 0); a1 = where(is_turned, }] # quarter_pi_low # [{, 0);
      b = fma(t * z, }] # p # [{, a1 + t1);
      first = a + (t + b);
    }];
}
// The angle of a point whose larger coordinate is d > 0: a half or quarter turn less the first angle, added in two parts.
class TurnedAtan<AtanText text, string half_pi, string half_pi_low, string pi, string pi_low> {
  string atan = [{
      o = abs(x); is_steep = o > 1;
      n = where(is_steep, where(o < inf, 1, 0), o); d = where(is_steep, where(o < inf, o, 1), 1);
    }] # text.lets # "w = where(is_steep, " # half_pi # " - (first - " # half_pi_low # [{), first);
      where(x != x, x, copysign(w, x))}];
  string atan2 = [{
      o = abs(x); s = abs(y0); is_steep = s > o; is_corner = (s == inf) & (o == inf);
      scale = where((s > 1e30) | (o > 1e30), 0.25, 1);
      n = where(is_corner, 1, scale * where(is_steep, o, s)); large = where(is_corner, 1, scale * where(is_steep, s, o)); d = where(large == 0, 1, large);
      is_flat = d == inf;
    }] # !subst("t = num / den", "t = where(is_flat, 0, num / den)", text.lets) # "v = where(is_steep, " # half_pi # " - (first - " # half_pi_low # [{), first);
      w = where(copysign(1, x) < 0, }] # pi # " - (v - " # pi_low # [{), v);
      where((x != x) | (y0 != y0), x + y0, copysign(w, y0))}];
}
def AtanF32 : AtanText<"0.7853981852531433", "-2.1855694143368964e-08",
    Horner<"z", ["-0.060811516", "0.105951376", "-0.14243738", "0.19998483", "-0.33333316"]>.text>;
def AtanF64 : AtanText<"0.7853981633974483", "3.061616997868383e-17",
    Horner<"z", ["0.015195469190765348", "-0.03347479185939091", "0.045035648476170725", "-0.05218408439000578", "0.05877022468298277", "-0.06666226830217413",
    "0.07692282763917359", "-0.09090908144777249", "0.11111111088185231", "-0.1428571428538814", "0.1999999999999767", "-0.33333333333333326"]>.text>;
def TurnedAtanF32 : TurnedAtan<AtanF32, "1.5707963705062866", "-4.371138828673793e-08", "3.1415927410125732", "-8.742277657347586e-08">;
def TurnedAtanF64 : TurnedAtan<AtanF64, "1.5707963267948966", "6.123233995736766e-17", "3.141592653589793", "1.2246467991473532e-16">;
def AtanFunction : Function<"atan", (ins Weft_Tensor:$x)> {
  let summary = "the angle in -pi / 2 .. pi / 2 whose tangent is x";
  let f32 = TurnedAtanF32.atan;
  let f64 = TurnedAtanF64.atan;
  let grad = ["dy / (1 + x * x)"];
}
def Atan2Function : Function<"atan2", (ins Weft_Tensor:$y0, Weft_Tensor:$x)> {
  let summary = "the angle of the point (x, y0), in -pi .. pi";
  let f32 = TurnedAtanF32.atan2;
  let f64 = TurnedAtanF64.atan2;
  let grad = ["dy * (x / (x * x + y0 * y0))", "dy * (-y0 / (x * x + y0 * y0))"];
}

//===--- asin, acos ----------------------------------------------------------------------------------===//

// Up to 1/2 a polynomial in x; beyond it asin(x) = pi / 2 - 2 asin(sqrt((1 - x) / 2)), the root as a sum s + s1 (fdlibm's e_asin.c).
class AsinText<string half_pi, string half_pi_low, string pi, string pi_low, string p> {
  string lets = [{
      o = abs(x); is_high = o > 0.5;
      z = where(is_high, 0.5 - 0.5 * o, o * o);
      s = sqrt(z);
      s1 = where(s > 0, 0.5 * fma(-s, s, z) / s, 0);
      r = z * }] # p # [{;
      b = s + fma(s, r, s1);
    }];
  string asin = lets # "copysign(where(is_high, " # half_pi # " - (2 * b - " # half_pi_low # "), fma(o, r, o)), x)";
  string acos = lets # "where(is_high, where(x < 0, " # pi # " - (2 * b - " # pi_low # "), 2 * b), " # half_pi # " - (x - (" # half_pi_low # " - x * r)))";
}
def AsinF32 : AsinText<"1.5707963705062866", "-4.371138828673793e-08", "3.1415927410125732", "-8.742277657347586e-08",
    Horner<"z", ["0.037591293", "0.014384866", "0.031822067", "0.04451522", "0.07500514", "0.1666666"]>.text>;
def AsinF64 : AsinText<"1.5707963267948966", "6.123233995736766e-17", "3.141592653589793", "1.2246467991473532e-16",
    Horner<"z", ["0.03374919099639413", "-0.0263304399093434", "0.024965054740767507", "0.0006196007527350139", "0.010028231370294335",
    "0.00948018819158427", "0.011586233600817562", "0.013961847163482467", "0.01735294718607587", "0.022372151511826078", "0.03038194464740304",
    "0.04464285713963982", "0.07500000000002575", "0.1666666666666666"]>.text>;
def AsinFunction : Function<"asin", (ins Weft_Tensor:$x)> {
  let summary = "the angle whose sine is x; NaN beyond -1 .. 1";
  let f32 = AsinF32.asin;
  let f64 = AsinF64.asin;
  let grad = ["dy / sqrt(1 - x * x)"];
}
def AcosFunction : Function<"acos", (ins Weft_Tensor:$x)> {
  let summary = "the angle whose cosine is x; NaN beyond -1 .. 1";
  let f32 = AsinF32.acos;
  let f64 = AsinF64.acos;
  let grad = ["-dy / sqrt(1 - x * x)"];
}

#endif
