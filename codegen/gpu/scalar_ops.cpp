// Scalar ops as rows of text. In a row $0, $1, $2 are operands, $T is the result's C type, $F the
// suffix (f32, f64) of the first operand, $W the word of a loom.random.
#include "codegen/gpu/scalar_ops.h"

#include "ir/loom/loom.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

#include <bit>
#include <charconv>
#include <cmath>

using namespace mlir;

namespace weft::gpu {
namespace {

struct Row {
  const char *key, *text;
};

// Keys, most special first: "op->result type", "op:first operand's type", "op", all followed by
// ".predicate" for comparisons, ".narrow" for conversions of numbers that an int holds.
constexpr Row kRows[] = {
    {"arith.addf", "$0 + $1"},
    {"arith.subf", "$0 - $1"},
    {"arith.mulf", "$0 * $1"},
    {"arith.divf", "$0 / $1"},
    {"arith.negf", "-$0"},
    {"arith.maximumf", "weft_maximum_$F($0, $1)"},
    {"arith.minimumf", "weft_minimum_$F($0, $1)"},
    {"arith.maxnumf", "weft_maxnum_$F($0, $1)"},
    {"arith.minnumf", "weft_minnum_$F($0, $1)"},
    {"math.fma", "fma($0, $1, $2)"},
    {"math.floor", "floor($0)"},
    {"math.ceil", "ceil($0)"},
    {"math.trunc", "trunc($0)"},
    {"math.roundeven", "rint($0)"},
    {"math.sqrt", "sqrt($0)"},
    {"math.absf", "fabs($0)"},
    {"math.copysign", "copysign($0, $1)"},
    {"loom.scale2", "weft_scale2_$F($0, $1)"},
    {"loom.power_of_two", "weft_power_of_two_$F($0)"},
    {"loom.exponent", "weft_exponent_$F($0)"},
    {"loom.mantissa", "weft_mantissa_$F($0)"},
    {"loom.random", "weft_philox($0, $1, $2, $W)"},

    {"arith.cmpf.false", "false"},
    {"arith.cmpf.oeq", "$0 == $1"},
    {"arith.cmpf.ogt", "$0 > $1"},
    {"arith.cmpf.oge", "$0 >= $1"},
    {"arith.cmpf.olt", "$0 < $1"},
    {"arith.cmpf.ole", "$0 <= $1"},
    {"arith.cmpf.one", "$0 < $1 || $0 > $1"},
    {"arith.cmpf.ord", "$0 == $0 && $1 == $1"},
    {"arith.cmpf.ueq", "!($0 < $1 || $0 > $1)"},
    {"arith.cmpf.ugt", "!($0 <= $1)"},
    {"arith.cmpf.uge", "!($0 < $1)"},
    {"arith.cmpf.ult", "!($0 >= $1)"},
    {"arith.cmpf.ule", "!($0 > $1)"},
    {"arith.cmpf.une", "$0 != $1"},
    {"arith.cmpf.uno", "$0 != $0 || $1 != $1"},
    {"arith.cmpf.true", "true"},

    {"arith.cmpi.eq", "$0 == $1"},
    {"arith.cmpi.ne", "$0 != $1"},
    {"arith.cmpi.slt", "$0 < $1"},
    {"arith.cmpi.sle", "$0 <= $1"},
    {"arith.cmpi.sgt", "$0 > $1"},
    {"arith.cmpi.sge", "$0 >= $1"},
    {"arith.cmpi.ult", "(weft_u64)$0 < (weft_u64)$1"},
    {"arith.cmpi.ule", "(weft_u64)$0 <= (weft_u64)$1"},
    {"arith.cmpi.ugt", "(weft_u64)$0 > (weft_u64)$1"},
    {"arith.cmpi.uge", "(weft_u64)$0 >= (weft_u64)$1"},
    // As a signed number a true i1 is -1.
    {"arith.cmpi:i1.slt", "$0 > $1"},
    {"arith.cmpi:i1.sle", "$0 >= $1"},
    {"arith.cmpi:i1.sgt", "$0 < $1"},
    {"arith.cmpi:i1.sge", "$0 <= $1"},
    {"arith.cmpi:i1.ult", "$0 < $1"},
    {"arith.cmpi:i1.ule", "$0 <= $1"},
    {"arith.cmpi:i1.ugt", "$0 > $1"},
    {"arith.cmpi:i1.uge", "$0 >= $1"},

    // Integers wrap; a signed overflow is undefined in C.
    {"arith.addi", "weft_add($0, $1)"},
    {"arith.subi", "weft_sub($0, $1)"},
    {"arith.muli", "weft_mul($0, $1)"},
    {"arith.addi:i1", "$0 != $1"},
    {"arith.subi:i1", "$0 != $1"},
    {"arith.muli:i1", "$0 && $1"},
    {"arith.andi", "$0 & $1"},
    {"arith.ori", "$0 | $1"},
    {"arith.xori", "$0 ^ $1"},
    {"arith.andi:i1", "$0 && $1"},
    {"arith.ori:i1", "$0 || $1"},
    {"arith.xori:i1", "$0 != $1"},
    {"arith.shli:i64", "($T)((weft_u64)$0 << $1)"},
    {"arith.shrsi:i64", "$0 >> $1"},
    {"arith.shrui:i64", "($T)((weft_u64)$0 >> $1)"},
    {"arith.maxsi", "$0 > $1 ? $0 : $1"},
    {"arith.minsi", "$0 < $1 ? $0 : $1"},
    {"arith.maxui", "(weft_u64)$0 > (weft_u64)$1 ? $0 : $1"},
    {"arith.minui", "(weft_u64)$0 < (weft_u64)$1 ? $0 : $1"},
    {"arith.maxsi:i1", "$0 && $1"},
    {"arith.minsi:i1", "$0 || $1"},
    {"arith.maxui:i1", "$0 || $1"},
    {"arith.minui:i1", "$0 && $1"},
    {"arith.divsi", "weft_div_trunc($0, $1)"},
    {"arith.floordivsi", "weft_div_floor($0, $1)"},
    {"arith.ceildivsi", "weft_div_ceil($0, $1)"},
    {"arith.remsi", "weft_rem($0, $1)"},
    {"math.absi", "weft_abs($0)"},

    {"arith.select", "$0 ? $1 : $2"},
    {"loom.rarely", "$0 ? $1 : $2"},
    {"arith.index_cast", "$0"},
    {"arith.index_castui", "$0"},
    {"arith.extui", "($T)$0"},
    {"arith.extsi", "-($T)$0"},
    {"arith.trunci", "($0 & 1) != 0"},
    {"arith.sitofp", "($T)$0"},
    {"arith.sitofp.narrow", "($T)(int)$0"},
    {"arith.sitofp:i1", "($T)(-(weft_i64)$0)"},
    {"arith.uitofp", "($T)(weft_u64)$0"},
    {"arith.fptosi->i64", "weft_i64_of_$F($0)"},
    {"arith.fptoui->i64", "weft_u64_of_$F($0)"},
    {"arith.remf", "fmod($0, $1)"},
    {"arith.extf", "($T)$0"},
    {"arith.extf:bf16", "($T)weft_f32_of_bf16($0)"},
    {"arith.extf:f16", "($T)weft_f32_of_f16($0)"},
    {"arith.truncf", "($T)$0"},
    {"arith.truncf->bf16", "weft_bf16_of_f32((float)$0)"},
    {"arith.truncf->f16", "weft_f16_of_f32((float)$0)"},
};

const llvm::StringMap<StringRef>& table() {
  static const llvm::StringMap<StringRef> rows = [] {
    llvm::StringMap<StringRef> map;
    for (const Row& row : kRows)
      map[row.key] = row.text;
    return map;
  }();
  return rows;
}

bool isHalf(Type type) { return type.isBF16() || type.isF16(); }

StringRef nameOf(Type type) {
  return type.isF32()                           ? "f32"
         : type.isF64()                         ? "f64"
         : type.isBF16()                        ? "bf16"
         : type.isF16()                         ? "f16"
         : type.isInteger(1)                    ? "i1"
         : type.isInteger(64) || type.isIndex() ? "i64"
                                                : "";
}

StringRef find(Operation* op) {
  if (op->getNumResults() != 1 || op->getNumOperands() == 0) return {};
  std::string predicate;
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    predicate = "." + arith::stringifyCmpFPredicate(compare.getPredicate()).str();
  else if (auto compare = dyn_cast<arith::CmpIOp>(op))
    predicate = "." + arith::stringifyCmpIPredicate(compare.getPredicate()).str();
  else if (op->hasAttr(loom::LoomDialect::kNarrowName))
    predicate = ".narrow";
  std::string name = op->getName().getStringRef().str();
  std::string to = "->" + nameOf(op->getResult(0).getType()).str();
  std::string from = ":" + nameOf(op->getOperand(0).getType()).str();
  for (const std::string& key : {name + to, name + from, name}) {
    auto row = table().find(key + predicate);
    if (row != table().end()) return row->second;
  }
  return {};
}

// The shortest decimal that reads back as the same number, also where a compiler goes through
// double.
template <class T> std::string printFloat(T value) {
  char text[64];
  auto end = std::to_chars(text, text + sizeof text, value).ptr;
  std::string digits(text, end);
  if (T(std::strtod(digits.c_str(), nullptr)) != value) {
    std::snprintf(text, sizeof text, "%.*g", sizeof(T) == 4 ? 9 : 17, double(value));
    digits = text;
  }
  if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
  if (sizeof(T) == 4) digits += "f";
  return std::signbit(value) ? "(" + digits + ")" : digits;
}

// OpenCL C reserves the suffixes of 64-bit literals, which need none.
std::string hex(uint64_t bits, unsigned digits) {
  return "0x" + llvm::utohexstr(bits, true, digits) + (digits > 8 ? "" : "u");
}

} // namespace

bool isScalarOp(Operation* op) {
  auto known = [](Type type) { return !nameOf(type).empty(); };
  return !find(op).empty() && llvm::all_of(op->getOperandTypes(), known) &&
         llvm::all_of(op->getResultTypes(), known) &&
         // bf16 and f16 are only ever rounded to, widened and chosen.
         (isa<arith::ExtFOp, arith::TruncFOp, arith::SelectOp>(op) ||
          llvm::none_of(op->getOperandTypes(), isHalf));
}

std::string printScalarOp(Operation* op, ArrayRef<std::string> operands) {
  std::string text;
  StringRef row = find(op);
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i] != '$') {
      text += row[i];
      continue;
    }
    char what = row[++i];
    if (what == 'T')
      text += valueType(op->getResult(0).getType());
    else if (what == 'F')
      text += nameOf(op->getOperand(0).getType());
    else if (what == 'W')
      text += std::to_string(cast<loom::RandomOp>(op).getWord());
    else
      text += operands[size_t(what - '0')];
  }
  return text;
}

std::string printInteger(int64_t value) {
  if (value == std::numeric_limits<int64_t>::min()) return "(-9223372036854775807 - 1)";
  return value < 0 ? "(" + std::to_string(value) + ")" : std::to_string(value);
}

std::string printConstant(Attribute value) {
  if (auto number = dyn_cast<FloatAttr>(value)) {
    llvm::APFloat x = number.getValue();
    uint64_t bits = x.bitcastToAPInt().getZExtValue();
    if (isHalf(number.getType())) return hex(bits, 4);
    bool is64 = number.getType().isF64();
    if (!x.isFinite())
      return is64 ? "weft_f64_of_bits(" + hex(bits, 16) + ")"
                  : "weft_f32_of_bits(" + hex(bits, 8) + ")";
    return is64 ? printFloat(x.convertToDouble()) : printFloat(x.convertToFloat());
  }
  auto integer = cast<IntegerAttr>(value);
  if (integer.getType().isInteger(1)) return integer.getValue().isZero() ? "false" : "true";
  return printInteger(integer.getValue().getSExtValue());
}

StringRef valueType(Type type) {
  return type.isF32()        ? "float"
         : type.isF64()      ? "double"
         : isHalf(type)      ? "weft_u16"
         : type.isInteger(1) ? "bool"
                             : "weft_i64";
}

StringRef memoryType(Type element) {
  if (!isa<IntegerType>(element)) return valueType(element);
  if (element.isUnsignedInteger()) return "weft_u8";
  switch (element.getIntOrFloatBitWidth()) {
  case 1:
    return "weft_u8";
  case 8:
    return "weft_i8";
  case 16:
    return "weft_i16";
  case 32:
    return "weft_i32";
  default:
    return "weft_i64";
  }
}

} // namespace weft::gpu
