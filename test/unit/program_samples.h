// Segments and programs written by hand. The programs' code is program_kernels.cpp.
#pragma once

#include "runtime/program/host_target.h"
#include "runtime/program/program.h"

#include <fstream>
#include <iterator>

namespace weft::samples {

inline std::string kernels() {
  std::ifstream file(WEFT_TEST_KERNELS, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::span<const uint8_t> bytes_of(const std::string& s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

/// (x + y) * factor over n elements, with one line for each op.
inline Segment segment(int64_t n, const std::string& op = "add", uint32_t line = 10,
                       bool generic = false) {
  Segment s;
  s.generic = generic;
  for (int k = 0; k < 4; k++)
    s.values.push_back({make_meta({n}, f32), k, k < 2});
  s.leaves = {0, 1};
  s.scalars = {Scalar::Kind::floating};
  s.locations = {{"user.cpp", "step", line}, {"user.cpp", "step", line + 1}};
  SegmentOp first, second;
  first.op = op;
  first.operands = {0, 1};
  first.result = 2;
  first.location = 0;
  second.op = "mul";
  second.operands = {2, -1};
  second.result = 3;
  second.location = 1;
  s.ops = {first, second};
  s.outputs = {3};
  return s;
}

/// The segment's program: a sum into the arena, then the product. `generic` reads n from leaf 0.
inline Program program(int64_t n, bool generic = false) {
  using Expr = ProgramExpr;
  Program p;
  p.target = host_target();
  if (generic) p.symbols = {{ProgramSymbol::Kind::leaf_size, 0, 0}};
  p.exprs = {
      generic ? Expr{Expr::Kind::symbol, 0, -1, 0} : Expr{Expr::Kind::constant, -1, -1, n},
      {Expr::Kind::constant, -1, -1, 1024},
      {Expr::Kind::ceil_div, 0, 1, 0},   // 2: chunks
      {Expr::Kind::constant, -1, -1, 4}, // 3
      {Expr::Kind::mul, 0, 3, 0},        // 4: bytes of one tensor
      {Expr::Kind::mul, 3, 1, 0},        // 5: scratch of a chunk
      {Expr::Kind::mul, 4, 3, 0},        // 6: traffic
      {Expr::Kind::constant, -1, -1, 0}, // 7
  };
  p.buffers = {{ProgramBuffer::Kind::leaf, 0, -1},
               {ProgramBuffer::Kind::leaf, 1, -1},
               {ProgramBuffer::Kind::temporary, 0, 7},
               {ProgramBuffer::Kind::output, 0, -1}};
  p.outputs = {{3, f32, 4}};
  p.kernels = {{"add_f32", "add"}, {"scale_f32", "mul"}};
  ProgramArgument size{ProgramArgument::Kind::size, 0}, factor{ProgramArgument::Kind::scalar, 0};
  p.launches = {{0, {0, 1, 2}, {size}, {{2, 6, 0}}, -1, {0}},
                {1, {2, 3}, {size, factor}, {{2, 6, 0}}, 5, {1}}};
  p.arena_bytes = 4;
  p.stages = {{0, "source", "user.cpp:10", {1, 0}}};
  p.remarks = {{ProgramRemark::Kind::apart, "mul", "add", 1, 0, "other-space",
                "it has another number of elements"},
               {ProgramRemark::Kind::recomputed, "mul", "add", 1, 0, "recomputed", "why", 4096}};
  p.steps = {{"fuse", -1, 0.5, 0.25}, {"emit", 0, 0.75, 1}};
  p.code = kernels();
  return p;
}

/// Concatenates leaf 0 and the transpose of leaf 1, [m, 3] each, without code of its own. m is leaf
/// 0's size.
inline Program routine_program() {
  using Expr = ProgramExpr;
  auto constant = [](int64_t v) { return Expr{Expr::Kind::constant, -1, -1, v}; };
  Program p;
  p.target = host_target();
  p.symbols = {{ProgramSymbol::Kind::leaf_size, 0, 0}};
  p.exprs = {Expr{Expr::Kind::symbol, 0, -1, 0}, // 0: m
             constant(3),                        // 1
             constant(1),                        // 2
             constant(0),                        // 3
             constant(2),                        // 4
             Expr{Expr::Kind::mul, 0, 4, 0},     // 5: 2 m
             constant(4),                        // 6
             Expr{Expr::Kind::mul, 5, 1, 0},     // 7: elements of the result
             Expr{Expr::Kind::mul, 7, 6, 0}};    // 8: bytes of it
  p.buffers = {{ProgramBuffer::Kind::leaf, 0, -1},
               {ProgramBuffer::Kind::leaf, 1, -1},
               {ProgramBuffer::Kind::output, 0, -1}};
  p.outputs = {{2, f32, 8}};
  ProgramRoutine routine;
  routine.op = "concatenate";
  routine.views = {{f32, 3, {0, 1}, {1, 2}}, {f32, 3, {0, 1}, {2, 0}}, {f32, 3, {5, 1}, {1, 2}}};
  routine.structure = {0};
  p.kernels = {{"k0_concatenate", "concatenate", routine}};
  p.launches = {{0, {0, 1, 2}, {}, {{2, 3, 3}}, -1, {0}}};
  return p;
}

} // namespace weft::samples
