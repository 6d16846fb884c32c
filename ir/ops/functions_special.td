// Special functions: erfc, erfinv, ndtri, the gamma function's logarithm and its derivatives, Bessel functions of imaginary arguments, and hypot.
// Errors are given with each; relative ones are small where a result is not close to a zero of the function.
#ifndef WEFT_IR_OPS_FUNCTIONS_SPECIAL_TD
#define WEFT_IR_OPS_FUNCTIONS_SPECIAL_TD

include "ir/ops/functions_trigonometric.td"

//===--- hypot -------------------------------------------------------------------------------------------===//

// Both are scaled by the power of two of the larger one, so that squares neither overflow nor vanish. 1 ulp.
def HypotFunction : Function<"hypot", (ins Weft_Tensor:$a, Weft_Tensor:$b)> {
  let summary = "sqrt(a^2 + b^2)";
  let value = [{
    x = abs(a); y = abs(b); n = exponent(where(x > y, x, y)); u = scale2(x, -n); v = scale2(y, -n);
    where((x == inf) | (y == inf), inf, scale2(sqrt(fma(u, u, v * v)), n))}];
}

//===--- erfc -------------------------------------------------------------------------------------------===//

// Near 0 by erf's polynomial; x^2 = h + h1. 4 ulp.
class ErfcText<string limit, string centre, string p> {
  string text = "o = abs(x); a = where(o > " # limit # ", " # limit # ", o); q = (a - 4) / (a + 4); h = a * a; h1 = fma(a, a, -h); e = exp(-h); z = x * x;"
                " r = (e - e * h1) * (" # p # " / fma(2, a, 1)); where(o < 0.5, 1 - fma(x, " # centre # ", x), where(o != o, x, where(x < 0, 2 - r, r)))";
}
def ErfcFunction : Function<"erfc", (ins Weft_Tensor:$x)> {
  let summary = "1 - erf(x)";
  let f32 = ErfcText<"10.2", ErfCentreF32.text, ErfcTailF32.text>.text;
  let f64 = ErfcText<"27.5", ErfCentreF64.text, ErfcTailF64.text>.text;
}

//===--- erfinv, ndtri ------------------------------------------------------------------------------------===//

// x times a smooth function of w = -log(1 - x^2), or of sqrt(w) where w is large (Giles, "Approximating the erfinv function", 2010). 3 ulp.
class ErfinvText<string tail_centre, string p, string q> {
  string text = "w = -log((1 - x) * (1 + x)); t = w - 3.125; v = sqrt(w) - " # tail_centre # "; a = abs(x);"
                " where(a < 1, x * rarely(w >= 6.25, " # q # ", " # p # "), where(a == 1, x * inf, nan))";
}
def ErfinvCentreF32 : Horner<"t", ["1.7784413e-11", "6.721649e-10", "-5.0781765e-09", "-2.5014195e-08", "4.301669e-07", "-1.3854253e-06", "-1.3905738e-05",
    "0.0001867784", "-0.00074066734", "-0.0060337065", "0.24015817", "1.6536546"]>;
def ErfinvCentreF64 : Horner<"t", ["-2.7793989730445755e-23", "-3.399445161035952e-22", "4.888630854812585e-21", "1.8859100091814808e-20", "-3.9279946229326696e-19",
    "6.365188537554602e-19", "1.6215849241386373e-17", "-1.2258304035189035e-16", "-4.6397370478333315e-17", "6.5253129602303046e-15",
    "-3.9973678107409925e-14", "-8.07437770789427e-14", "2.630318909290571e-12", "-1.2978704589426036e-11", "-5.4142406307280556e-11",
    "1.0512231043105994e-09", "-4.112661669752455e-09", "-2.9070390807646382e-08", "4.2347881832013497e-07", "-1.3654691763524757e-06",
    "-1.3882523394975874e-05", "0.00018673420802005987", "-0.0007407025341543223", "-0.006033670871426902", "0.2401581824255883",
    "1.6536545626831027"]>;
def ErfinvFunction : Function<"erfinv", (ins Weft_Tensor:$x)> {
  let summary = "the number whose erf is x";
  let f32 = ErfinvText<"3.2", ErfinvCentreF32.text,
    Horner<"v", ["-2.294114e-05", "-0.00023637923", "0.0010522769", "-0.002045519", "0.0029628284", "-0.0042853653", "0.00597183", "1.0046921",
        "3.0336366"]>.text>.text;
  let f64 = ErfinvText<"4.3", ErfinvCentreF64.text,
    Horner<"v", ["2.918357903129816e-14", "-1.1120606780292533e-13", "-3.702196889753954e-13", "2.310281858084116e-12", "-2.1743693303053835e-12",
        "-6.910883721342102e-12", "3.3495803496818565e-11", "-1.306387205794223e-10", "3.046265939845672e-10", "9.678795112673205e-11",
        "-3.0803978656904184e-09", "1.1059287376681686e-08", "-2.0979793355035193e-08", "7.703995018469498e-09", "1.0379575552644772e-07",
        "-4.554520418782591e-07", "1.2229254179312462e-06", "-2.5342833658194202e-06", "4.519569689794204e-06", "-8.142425907283502e-06",
        "1.8785622004875558e-05", "-5.8322857747556543e-05", "0.00019685383433476437", "-0.0005670163610972", "0.000624669990735476", "1.010045097068678",
        "4.142724044720679"]>.text>.text;
}

// Of the distance s to the nearer end: erfinv(1 - 2 s), whose w is -log(4 s (1 - s)); below 4.8e-4, with v = sqrt(-2 log s), -v + log(v) / v + p(1 / v) / v.
// Relative errors are 4e-7 and, in the far tail, 2e-13.
class NdtriText<string centre, string p, string near> {
  string text = "s = where(x < 0.5, x, 1 - x); v = sqrt(-2 * log(where(s < 0.001, s, 0.001))); g = 1 / v; z = g - " # centre # "; c = v - log(v) * g - g * " # p # ";"
                " t = -log(where(s < 0.00048, 0.5, 4 * s * (1 - s))) - 3.125; a = rarely(s < 0.00048, c, 1.4142135623730951 * (1 - 2 * s) * " # near # ");"
                " where((x > 0) & (x < 1), where(x < 0.5, -a, a), where(x == 0, -inf, where(x == 1, inf, nan)))";
}
def NdtriFunction : Function<"ndtri", (ins Weft_Tensor:$x)> {
  let summary = "the number below which a normally distributed one lies with probability x";
  let f32 = NdtriText<"0.165", Horner<"z", ["924.645", "-260.685", "45.747368", "-11.076989", "2.8735578", "-0.60463226", "0.018853063", "0.40140453", "0.97493845"]>.text, ErfinvCentreF32.text>.text;
  let f64 = NdtriText<"0.144", Horner<"z", ["34021841413223.207", "-7826420895341.666", "-1114611362518.087", "338092353248.1389", "16405250589.239374", "-7235428764.442772",
        "-1792535.625512005", "72211050.85088512", "271657.3195451913", "-766074.7857643185", "56257.470069512594", "-6526.33513236865",
        "1697.5597458122206", "-377.56517876380695", "83.54751799401926", "-19.43180289052953", "4.475372429419446", "-0.9068219107403953",
        "0.06569819145958172", "0.39969547922392357", "0.9665234978021678"]>.text, ErfinvCentreF64.text>.text;
}

//===--- lgamma, digamma, trigamma ---------------------------------------------------------------------------===//

// From 8 on Stirling's series; down to 3 by the recurrence; around the zeros at 1 and 2 the distance to them times a polynomial, so that those are exact; below -1/2 by
// reflection. 4 ulp above 0, and 4 ulp of the largest term below it.
class LgammaText<string p, string q> {
  string text = [{
      a = abs(x);
      is_reflected = x < -0.5;
      y = where(is_reflected, a, x);
      steps = where((y < 3) | !(y < 8), 0, floor(y) - 2);
      base = y - steps;
      product = where(steps > 0, base, 1) * where(steps > 1, base + 1, 1) * where(steps > 2, base + 2, 1) * where(steps > 3, base + 3, 1) * where(steps > 4, base + 4, 1);
      is_low = y < 0.5;
      s = where(is_low, y, y - 1);
      u = base - 2;
      near = where(y < 1.5, s * }] # p # ", u * " # q # [{);
      l = log(where(is_low, a, where(y < 8, product, y)));
      g = 1 / y; h = g * g;
      series = g * fma(fma(fma(fma(fma(fma(fma(-0.029550653594771242, h, 0.00641025641025641), h, -0.0019175269175269176), h, 0.0008417508417508417), h, -0.0005952380952380953), h, 0.0007936507936507937), h, -0.002777777777777778), h, 0.08333333333333333);
      stirling = (y - 0.5) * (l - 1) + (series + 0.4189385332046727);
      positive = where(is_low, near - l, where(y < 8, near + l, where(y < inf, stirling, y)));
      f = a - floor(a); nearest = where(f > 0.5, 1 - f, f);
      reflected = log(3.141592653589793 / (a * sin(3.141592653589793 * nearest))) - positive;
      where((x <= 0) & (floor(x) == x) | (a == inf), inf, rarely(is_reflected, reflected, positive))}];
}
def LgammaFunction : Function<"lgamma", (ins Weft_Tensor:$x)> {
  let summary = "log(|gamma(x)|)";
  let f32 = LgammaText<
    Horner<"s", ["0.15698035", "-0.17790094", "0.052904636", "-0.050394095", "0.10468104", "-0.11878833", "0.12523752", "-0.14336899", "0.1695574",
        "-0.20741467", "0.27058125", "-0.40068516", "0.822467", "-0.5772157"]>.text,
    Horner<"u", ["4.9598042e-05", "-0.0002208954", "0.00054131635", "-0.0012045173", "0.0028842508", "-0.007382758", "0.02058132", "-0.06735249",
        "0.32246703", "0.42278433"]>.text>.text;
  let f64 = LgammaText<
    Horner<"s", ["-0.22890931675820267", "0.24938189244526673", "0.18782816771278374", "-0.21874877000671708", "-0.16545707462411668",
        "0.192375129372922", "0.006135702912606417", "-0.01677061688139161", "-0.05460523555239553", "0.060556876859364596", "-0.04575976424920976",
        "0.04723929244030452", "-0.052847945186269354", "0.05591873818060083", "-0.058806842149944624", "0.0624665582011014", "-0.06666957078415718",
        "0.07143527241346853", "-0.07693249424100852", "0.08335373081658366", "-0.09095401701550071", "0.10009946098561909", "-0.11133426589724285",
        "0.12550966945550718", "-0.14404989676805693", "0.16955717699819098", "-0.20738555102868322", "0.27058080842778043", "-0.4006856343865314",
        "0.8224670334241132", "-0.5772156649015329"]>.text,
    Horner<"u", ["1.8752969214567083e-09", "-1.3669761636199716e-08", "4.7003128486653345e-08", "-1.0941148524125513e-07", "2.1988659541799075e-07",
        "-4.482732726061912e-07", "9.506938328806645e-07", "-2.0379493452023627e-06", "4.375950359116305e-06", "-9.440074672955503e-06",
        "2.0507089930282624e-05", "-4.4926119335524714e-05", "9.945751646007121e-05", "-0.0002231547712531459", "0.0005096695252306254",
        "-0.0011927539109289724", "0.0028905103306963807", "-0.007385551028697865", "0.02058080842778573", "-0.0673523010531978", "0.3224670334241132",
        "0.42278433509846713"]>.text>.text;
}

// The recurrence up to 10, then the asymptotic series; below 0 by reflection.
class PolygammaText<string step, string tail> {
  string text = "y0 = where(x < 0, 1 - x, x); r0 = 0 * x; "
      # !foldl("", !range(10), t, k,
          t # "r" # !add(k, 1) # " = where(y" # k # " < 10, r" # k # " + " # !subst("Y", "y" # k, step) # ", r" # k # "); y" # !add(k, 1) # " = where(y" # k # " < 10, y" # k
            # " + 1, y" # k # "); ")
      # "y = y10; z = 1 / (y * y); s = where(y < inf, r10, 0) + " # tail # "; whole = floor(x) == x; f = x - rint(x); ";
}
def DigammaFunction : Function<"digamma", (ins Weft_Tensor:$x)> {
  let summary = "derivative of lgamma";
  let value = PolygammaText<"(-1 / Y)", "(log(y) - 0.5 / y - z * " # Horner<"z", ["0.08333333333333333", "-0.021092796092796094", "0.007575757575757576",
      "-0.004166666666666667", "0.003968253968253968", "-0.008333333333333333", "0.08333333333333333"]>.text # ")">.text
    # "where(x == 0, -inf * copysign(1, x), rarely(x < 0, where(whole, nan, s - 3.141592653589793 / tan(3.141592653589793 * f)), s))";
}
def TrigammaFunction : Function<"trigamma", (ins Weft_Tensor:$x)> {
  let summary = "second derivative of lgamma";
  let value = PolygammaText<"1 / (Y * Y)", "(1 + 0.5 / y + z * " # Horner<"z", ["-0.2531135531135531", "0.07575757575757576", "-0.03333333333333333", "0.023809523809523808", "-0.03333333333333333",
      "0.16666666666666666"]>.text # ") / y">.text
    # "w = sin(3.141592653589793 * f); p = 3.141592653589793 / w; rarely(x <= 0, where(whole, inf, p * p - s), s)";
}

// (-1)^(m + 1) m! times the sum of (x + k)^-(m + 1) over k, the terms from the tenth on by Euler and Maclaurin's formula.
defvar kPowerOf = !subst("Y", "(x + K)", "where(is_odd & (Y < 0), -exp(-s * log(abs(Y))), exp(-s * log(abs(Y))))");
def PolygammaFunction : Function<"polygamma", (ins Weft_Tensor:$x, Weft_Tensor:$n)> {
  let summary = "derivative of digamma of the order n, rounded to a whole number above 0";
  let with = "m = rint(n); s = m + 1; is_odd = floor(0.5 * s) != 0.5 * s; y = x + 10; z = 1 / (y * y)";
  let value = "where(is_odd, -1, 1) * exp(lgamma(s)) * (" # !foldl("0", !range(10), t, k, t # " + " # !subst("K", "" # k, kPowerOf)) # " + "
      # !subst("K", "10", kPowerOf) # " * (y / m + 0.5 + s / (12 * y) * (1 - (s + 1) * (s + 2) * z / 60 * (1 - (s + 3) * (s + 4) * z / 42 * (1 - (s + 5) * (s + 6) * z / 40 * (1 - (s + 7) * (s + 8) * z / 39.6))))))";
  let op = "polygamma_of_order";
}

//===--- Bessel functions -------------------------------------------------------------------------------------===//

// Without their factor exp(|x|): up to `end` a polynomial in |x| scaled to -1 .. 1, exact at 0, beyond it 1 / sqrt(|x|) times one in 1 / |x|. 3 ulp in f32, 10 in f64; 2 more with the factor.
class BesselText<string end, string to_one, string from_one, string factor, string p, string q, string open = "", string close = ""> {
  string text = "o = abs(x); t = " # to_one # " * o - 1; v = " # from_one # " / o - 1; " # open # "where(o < " # end # ", " # factor # " * " # p # ", " # q # " / sqrt(o))" # close;
}
def I0eFunction : Function<"i0e", (ins Weft_Tensor:$x)> {
  let summary = "modified Bessel function of the first kind and order 0 times exp(-|x|)";
  let f32 = BesselText<"4", "0.5", "8", "1",
    Horner<"t", ["0.000148748921", "-0.000524828967", "0.00114400103", "-0.00296395854", "0.00769470539", "-0.0172290709", "0.0341591127",
        "-0.0604043454", "0.0941589549", "-0.128898844", "0.157687098", "-0.186477974", "0.308508337"]>.text,
    Horner<"v", ["-1.6791176e-06", "5.0816143e-06", "9.9088857e-06", "-1.8205887e-05", "-3.5431356e-05", "8.7672988e-06", "7.860006e-05",
        "0.00018574012", "0.00073532166", "0.0073494008", "0.40568635"]>.text>.text;
  let f64 = BesselText<"8", "0.25", "16", "1",
    Horner<"t", ["-6.911448912383804e-11", "3.018212852351862e-10", "-6.487015817321201e-10", "2.206564626024845e-09", "-9.604227273493873e-09",
        "3.3907236118238126e-08", "-1.0990379711486382e-07", "3.5225119720635136e-07", "-1.0938182700168013e-06", "3.2496879544172253e-06",
        "-9.246338717887821e-06", "2.5183521968152128e-05", "-6.551236088441505e-05", "0.00016241782994850317", "-0.00038290018446466645",
        "0.0008563093779267004", "-0.0018118875017693675", "0.00361712845957096", "-0.006792399684952608", "0.011960077422881998", "-0.01968265472561408",
        "0.030177912102878353", "-0.042985949450407276", "0.056777032011313434", "-0.06954119561754121", "0.07927522590772122", "-0.08496338091614741",
        "0.08734341617550419", "-0.08904344136075995", "0.09451562853995128", "-0.11300432688620549", "0.2070019212239867"]>.text,
    Horner<"v", ["-5.7782871473103027e-11", "-2.2545548315083223e-11", "4.41129225103545e-10", "1.6566991774594952e-10", "-1.577619620570678e-09",
        "-6.030910692403633e-10", "3.5790207407833693e-09", "1.5639416431196388e-09", "-5.900683888214508e-09", "-3.5442267972311176e-09",
        "7.399380808502532e-09", "7.574293399047546e-09", "-5.392709984724808e-09", "-1.34169715195777e-08", "-6.7506987088317986e-09",
        "7.55660487764387e-09", "2.1548855716553583e-08", "3.93255667160966e-08", "8.872215409767495e-08", "2.973598809907565e-07",
        "1.4838475677891293e-06", "1.1143033790118527e-05", "0.00013621607439189736", "0.0033605519836678705", "0.4021765094450081"]>.text>.text;
}
def I1eFunction : Function<"i1e", (ins Weft_Tensor:$x)> {
  let summary = "modified Bessel function of the first kind and order 1 times exp(-|x|)";
  let f32 = BesselText<"4", "0.5", "8", "o",
    Horner<"t", ["2.44400107e-05", "-9.841266e-05", "0.000254344661", "-0.000730432279", "0.00208211038", "-0.00529287802", "0.0121178776",
        "-0.0250156261", "0.0460283943", "-0.0744885355", "0.10420204", "-0.122030258", "0.107634649"]>.text,
    Horner<"v", ["1.6678954e-06", "-5.6950071e-06", "-9.9165263e-06", "2.1094411e-05", "3.7531827e-05", "-1.3593895e-05", "-9.3804192e-05",
        "-0.00023567434", "-0.0011257665", "-0.020486435", "0.37941226"]>.text, "copysign(", ", x)">.text;
  let f64 = BesselText<"8", "0.25", "16", "o",
    Horner<"t", ["-4.71372261858961e-12", "2.306284733752859e-11", "-5.836125091962627e-11", "1.998138330346392e-10", "-8.5682068204575e-10",
        "3.18740059108892e-09", "-1.0953315730703881e-08", "3.685740571995583e-08", "-1.203184341517473e-07", "3.7749309525088817e-07",
        "-1.137786145293763e-06", "3.292460452108221e-06", "-9.132036567078042e-06", "2.4234702703769514e-05", "-6.142642365656848e-05",
        "0.0001484207919516963", "-0.0003411747741101587", "0.0007445124984665405", "-0.0015388749564213236", "0.003005762382693844",
        "-0.005534567761718469", "0.009583962156853714", "-0.015571309256451789", "0.023686016957070073", "-0.033671355519948015", "0.04467457262129744",
        "-0.05528003922705034", "0.06376740371340575", "-0.0684826062058255", "0.06805759990951162", "-0.06112433802966629", "0.044687709875608835"]>.text,
    Horner<"v", ["5.996175337788134e-11", "2.0859063316671168e-11", "-4.58134586055162e-10", "-1.5330727153820638e-10", "1.6406306539097731e-09",
        "5.617844141808946e-10", "-3.731598625093422e-09", "-1.4835043345759116e-09", "6.186137398982742e-09", "3.465224499566836e-09",
        "-7.855073060820865e-09", "-7.664474486122282e-09", "5.961517196468207e-09", "1.4042412109208055e-08", "6.737725315738773e-09",
        "-8.42970276194438e-09", "-2.337444133031562e-08", "-4.312889798850735e-08", "-1.0001283633274978e-07", "-3.483855983852458e-07",
        "-1.8349101348203903e-06", "-1.5038547199751106e-05", "-0.0002192357638338531", "-0.009749577193235746", "0.38939845902587233"]>.text, "copysign(", ", x)">.text;
}
// exp(|x|) overflows before they do. Of an infinity they are NaN, as in PyTorch: 0 * inf.
def I0Function : Function<"i0", (ins Weft_Tensor:$x)> {
  let summary = "modified Bessel function of the first kind and order 0";
  let value = "e = exp(0.5 * abs(x)); i0e(x) * e * e";
}
def I1Function : Function<"i1", (ins Weft_Tensor:$x)> {
  let summary = "modified Bessel function of the first kind and order 1";
  let value = "e = exp(0.5 * abs(x)); i1e(x) * e * e";
}

#endif
