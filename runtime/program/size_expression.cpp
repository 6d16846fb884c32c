#include "runtime/program/size_expression.h"

namespace weft {

namespace {

[[noreturn]] void refuse(const char* why) {
  throw Error(ErrorKind::io, std::string("program: its sizes must have values, ") + why);
}

int64_t binary(ProgramExpr::Kind kind, int64_t a, int64_t b) {
  using Kind = ProgramExpr::Kind;
  int64_t r = 0;
  switch (kind) {
  case Kind::add:
    if (__builtin_add_overflow(a, b, &r)) refuse("a sum overflows");
    return r;
  case Kind::mul:
    if (__builtin_mul_overflow(a, b, &r)) refuse("a product overflows");
    return r;
  case Kind::max:
    return std::max(a, b);
  default:
    break;
  }
  if (b < 1) refuse("a divisor is less than one");
  int64_t quotient = a / b, rest = a % b;
  if (rest < 0) { // round towards minus infinity
    quotient--;
    rest += b;
  }
  if (kind == Kind::mod) return rest;
  return quotient + (kind == Kind::ceil_div && rest != 0);
}

} // namespace

void evaluate_expressions(std::span<const ProgramExpr> exprs, std::span<const int64_t> symbols,
                          int64_t* values) {
  for (size_t k = 0; k < exprs.size(); k++) {
    const ProgramExpr& e = exprs[k];
    switch (e.kind) {
    case ProgramExpr::Kind::constant:
      values[k] = e.value;
      break;
    case ProgramExpr::Kind::symbol:
      values[k] = symbols[e.a];
      break;
    default:
      values[k] = binary(e.kind, values[e.a], values[e.b]);
    }
  }
}

void check_geometry(const Program& p, const int64_t* values) {
  auto natural = [&](int32_t e) {
    if (e >= 0 && values[e] < 0) refuse("a size is negative");
  };
  natural(p.arena_bytes);
  for (const ProgramOutput& o : p.outputs)
    natural(o.bytes);
  auto launches = [&](const std::vector<ProgramLaunch>& list) {
    for (const ProgramLaunch& l : list) {
      natural(l.scratch_bytes);
      for (const ProgramPhase& phase : l.phases)
        for (int32_t e : {phase.chunks, phase.bytes, phase.flops})
          natural(e);
    }
  };
  auto inside = [&](const std::vector<ProgramBuffer>& buffers, int64_t arena) {
    for (const ProgramBuffer& b : buffers) {
      if (b.kind != ProgramBuffer::Kind::temporary) continue;
      const int32_t of_host = b.host < 0 ? -1 : p.outputs[static_cast<size_t>(b.host)].bytes;
      const int64_t room = b.host < 0 ? arena : of_host < 0 ? 0 : values[of_host];
      const int64_t bytes = b.host < 0 || b.bytes < 0 ? 0 : values[b.bytes];
      if (values[b.offset] < 0 || values[b.offset] % 64 || values[b.offset] > room - bytes)
        refuse(b.host < 0 ? "a temporary lies outside the arena"
                          : "a temporary lies outside its output");
    }
  };
  auto tile_body = [&](const ProgramTileBody& body) {
    natural(body.arena_bytes);
    inside(body.buffers, body.arena_bytes < 0 ? 0 : values[body.arena_bytes]);
    launches(body.launches);
  };
  inside(p.buffers, p.arena_bytes < 0 ? 0 : values[p.arena_bytes]);
  launches(p.launches);
  for (const ProgramKernel& k : p.kernels) {
    if (!k.tiles) continue;
    for (const std::vector<int32_t>* list : {&k.tiles->counts, &k.tiles->steps, &k.tiles->extents})
      for (int32_t e : *list)
        natural(e);
    k.tiles->each_body(tile_body);
    if (k.tiles->blocks)
      for (int32_t e : k.tiles->blocks->state_bytes)
        natural(e);
  }
}

} // namespace weft
