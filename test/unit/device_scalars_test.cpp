// Every scalar op of loom as device C. Linked with a runner of device C.
#include "test/unit/loom_checks.h"

using namespace weft::test;

TEST_CASE("every scalar op of the table", "[device]") {
  const char* text =
      R"(loom.kernel @scalars(%x: !loom.buffer<f32>, %n: !loom.buffer<i64>, %m: !loom.buffer<i1>, %f: !loom.buffer<f32>, %d: !loom.buffer<f64>, %k: !loom.buffer<i64>, %p: !loom.buffer<i1>) {
    loom.part [#loom.axis<"i", 97>, #loom.axis<"j", 89>] {
    ^bb0(%i: index, %j: index):
      %a = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      %b = loom.load %x[affine_map<(j) -> (j)>](%j) : !loom.buffer<f32>
      %u = loom.load %n[affine_map<(i) -> (i)>](%i) : !loom.buffer<i64>
      %v = loom.load %n[affine_map<(j) -> (j)>](%j) : !loom.buffer<i64>
      %s = loom.load %m[affine_map<(i) -> (i)>](%i) : !loom.buffer<i1>
      %t = loom.load %m[affine_map<(j) -> (j)>](%j) : !loom.buffer<i1>
      %f0 = arith.maximumf %a, %b : f32
      %f1 = arith.minimumf %a, %b : f32
      %f2 = arith.maxnumf %a, %b : f32
      %f3 = arith.minnumf %a, %b : f32
      %f4 = math.copysign %a, %b : f32
      %f5 = math.ceil %a : f32
      %f6 = math.trunc %a : f32
      %f7 = arith.sitofp %s : i1 to f32
      %f8 = arith.uitofp %v : i64 to f32
      %f9 = arith.uitofp %s : i1 to f32
      %g0 = arith.select %s, %f0, %f1 : f32
      %g1 = arith.select %t, %f2, %f3 : f32
      %g2 = arith.select %s, %f4, %f5 : f32
      %g3 = arith.select %t, %f6, %f7 : f32
      %g4 = arith.select %s, %f8, %f9 : f32
      %h0 = arith.select %t, %g0, %g1 : f32
      %c0 = arith.cmpi ult, %u, %v : i64
      %h1 = arith.select %c0, %g2, %g3 : f32
      %c1 = arith.cmpi sge, %s, %t : i1
      %h2 = arith.select %c1, %h0, %h1 : f32
      %c2 = arith.cmpi uge, %s, %t : i1
      %h3 = arith.select %c2, %h2, %g4 : f32
      %w = arith.extf %a : f32 to f64
      %w2 = arith.uitofp %u : i64 to f64
      %w3 = arith.mulf %w, %w2 : f64
      %x0 = arith.maxsi %u, %v : i64
      %x1 = arith.minui %u, %v : i64
      %x2 = arith.ceildivsi %u, %v : i64
      %x3 = arith.divsi %u, %v : i64
      %x4 = math.absi %u : i64
      %x5 = arith.extsi %s : i1 to i64
      %x6 = arith.extui %t : i1 to i64
      %three = arith.constant 3 : i64
      %x7 = arith.shli %u, %three : i64
      %x8 = arith.shrui %v, %three : i64
      %x9 = arith.shrsi %v, %three : i64
      %y0 = arith.xori %x0, %x1 : i64
      %y1 = arith.muli %x2, %x3 : i64
      %y2 = arith.subi %x4, %x5 : i64
      %y3 = arith.ori %x6, %x7 : i64
      %y4 = arith.andi %x8, %x9 : i64
      %big = arith.constant -9223372036854775808 : i64
      %y5 = arith.addi %big, %y4 : i64
      %z0 = arith.addi %y0, %y1 : i64
      %z1 = arith.xori %y2, %y3 : i64
      %z2 = arith.addi %z0, %z1 : i64
      %z3 = arith.xori %z2, %y5 : i64
      %p0 = arith.cmpf ueq, %a, %b : f32
      %p1 = arith.cmpf one, %a, %b : f32
      %p2 = arith.cmpf ord, %a, %b : f32
      %p3 = arith.cmpf ult, %a, %b : f32
      %p4 = arith.cmpf uge, %a, %b : f32
      %p5 = arith.cmpf uno, %a, %b : f32
      %p6 = arith.trunci %u : i64 to i1
      %q0 = arith.select %s, %p0, %p1 : i1
      %q1 = arith.select %t, %p2, %p3 : i1
      %q2 = arith.select %c0, %p4, %p5 : i1
      %q3 = arith.xori %q0, %q1 : i1
      %q4 = arith.addi %q2, %p6 : i1
      %q5 = arith.maxsi %s, %t : i1
      %q6 = arith.minui %q4, %q5 : i1
      %q7 = arith.xori %q3, %q6 : i1
      loom.store %h3, %f[affine_map<(i, j) -> (i * 89 + j)>](%i, %j) : !loom.buffer<f32>
      loom.store %w3, %d[affine_map<(i, j) -> (i * 89 + j)>](%i, %j) : !loom.buffer<f64>
      loom.store %z3, %k[affine_map<(i, j) -> (i * 89 + j)>](%i, %j) : !loom.buffer<i64>
      loom.store %q7, %p[affine_map<(i, j) -> (i * 89 + j)>](%i, %j) : !loom.buffer<i1>
    }
  })";
  checkEqual({text,
              {{"f32", 97},
               {"i64", 97, 7},
               {"i1", 97},
               {"f32", 8633},
               {"f64", 8633},
               {"i64", 8633},
               {"i1", 8633}},
              {}});
  checkEqual({text,
              {{"f32", 97},
               {"i64", 97},
               {"i1", 97},
               {"f32", 8633},
               {"f64", 8633},
               {"i64", 8633},
               {"i1", 8633}},
              {}});
}
