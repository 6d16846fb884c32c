// Which integer ops mean the same in lanes as narrow as their elements: what i64 gives, wrapped to
// the dtype, must be what the narrow lanes give, for operands of i32, i16, i8 and u8.
#include "ir/tblgen/records.h"

#include <cmath>

namespace weft::tblgen {

namespace {

using expr::Primitive;

// What a narrow lane holds of the value that i64 has: the value; its low bits, which are what is
// stored in the end; or neither.
enum class Held : uint8_t { nothing, low_bits, value };
using Helds = std::vector<Held>;

Held of_literal(double v) {
  if (v != std::rint(v)) return Held::nothing; // NaN too
  return v >= 0 && v <= 127 ? Held::value : std::abs(v) < 0x1p62 ? Held::low_bits : Held::nothing;
}

Held of_primitive(Primitive p, const Helds& operands) {
  Held least = Held::value;
  for (Held h : operands)
    least = std::min(least, h);
  if (least == Held::nothing) return Held::nothing;
  switch (p) {
  case Primitive::add:
  case Primitive::sub:
  case Primitive::mul:
  case Primitive::neg:
    return Held::low_bits;
  case Primitive::bit_and:
  case Primitive::bit_or:
  case Primitive::bit_xor:
  case Primitive::where:
  case Primitive::rarely:
  case Primitive::logical_or:
  case Primitive::logical_and:
  case Primitive::logical_xor:
  case Primitive::logical_not:
    return least;
  case Primitive::eq:
  case Primitive::ne:
  case Primitive::lt:
  case Primitive::le:
  case Primitive::gt:
  case Primitive::ge:
    return least == Held::value ? least : Held::nothing;
  case Primitive::abs: // of the least number the low bits alone
    return least == Held::value ? Held::low_bits : Held::nothing;
  default:
    return Held::nothing;
  }
}

Held held(const Records& records, const Expression& e, const Helds& inputs) {
  if (!e.dag) return Held::nothing;
  Helds all;
  for (const expr::Node& n : e.dag->nodes()) {
    Helds operands;
    for (int k = 0; k < n.operand_count(); k++)
      operands.push_back(all[static_cast<size_t>(n.args[static_cast<size_t>(k)])]);
    if (n.op == expr::kInput)
      all.push_back(inputs[static_cast<size_t>(n.args[0])]);
    else if (n.op == expr::kLiteral)
      all.push_back(of_literal(n.number));
    else if (n.is_call())
      all.push_back(
          held(records, records.callable(n.op - expr::kCall)->for_dtype("i64"), operands));
    else
      all.push_back(of_primitive(n.primitive(), operands));
  }
  return all[static_cast<size_t>(e.roots[0])];
}

} // namespace

bool fits_narrow(const Records& records, const OpRecord& op) {
  if (op.kind != Kind::pointwise || op.domain == "integer") return false;
  const Expression& e = op.for_dtype("i64");
  if (!e.dag) return false;
  return held(records, e, Helds(static_cast<size_t>(e.dag->input_count()), Held::value)) !=
         Held::nothing;
}

} // namespace weft::tblgen
