// The op records as the back ends see them: read once, with every expression parsed and typed.
#pragma once

#include "ir/expr/expr.h"

#include "llvm/TableGen/Record.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::tblgen {

enum class Kind { function, pointwise, reduction, view, structured, source, composite };

struct Operand {
  std::string name;
  expr::Type type = expr::Type::number;
  bool variadic = false;
};

struct ScalarAttribute {
  std::string name, fallback, doc; // fallback: C++ text, empty where it must be given
};

struct Parameter {
  std::string type, name, fallback;
};

/// An expression with its DAG; the inputs are the op's operands, then its scalar attributes, or
/// what the field's description in base.td says.
struct Expression {
  std::shared_ptr<expr::Builder> dag;
  std::vector<int> roots;
};

/// Callable indices of sum() and prod() in the gradient of a reduction.
inline constexpr int kReducedSum = 10000, kReducedProduct = 10001;

struct OpRecord {
  const llvm::Record* record = nullptr;
  Kind kind = Kind::function;
  std::string name;   // of the op: add
  std::string symbol; // of its C++ class: Add
  std::string summary, description, shapes, formula, example, gives;
  std::string domain, dtypes, result, result_dtype; // names and texts of base.td
  std::vector<Operand> operands;
  std::vector<ScalarAttribute> scalars;
  std::vector<std::string> structure, sizes;
  std::vector<std::string>
      gradient_operands;             // of a structured op: what each operand's gradient reads
  std::vector<Parameter> parameters; // of a composite
  std::string returns = "Tensor";
  std::pair<int, int> samples{-4, 4};
  std::vector<std::string> pytorch; // other names in PyTorch
  bool is_ours = false;             // PyTorch has nothing like it
  bool api = true, method = true, in_place = false, is_random = false, needs_elements = false;
  bool lowers = false, refuses = false, indexes = false,
       overwrites = false; // of a structured op
  bool writes = false;     // of a composite: has a function for its form in place
  bool rebinds = false;    // of a composite: the form in place makes the handle one of the result
  bool converts = false;   // of a reduction: has a parameter `dtype`
  bool is_mask = false;    // the value is a mask
  bool differentiable = false;
  bool one_dtype = false, given_masks = false; // of a pointwise op: what its operands must be
  std::string check;       // likewise: a function that throws for what is refused
  std::string symbol_text; // the C++ operator that calls it
  std::string tensor_op;   // of a function: the op that stands for it over tensors

  // Of what can be called in an expression.
  int callable = -1;
  std::string signature;

  // Values by compute dtype; one for all where only `value` is set.
  Expression value, f32, f64, i64;
  Expression gradient; // a root an operand, -1: none; inputs: operands, scalars, y, dy
  Expression identity, element, combine, finish;    // of a reduction
  std::string value_text, with_text, gradient_note; // the latter of a composite
  std::vector<std::string> gradient_texts;

  bool is_op() const { return kind != Kind::function && kind != Kind::composite; }
  /// Says whether users call it: false for primitives whose public form is a composite.
  bool has_function() const { return kind != Kind::function && api; }
  bool has_method() const {
    return has_function() && method &&
           (kind == Kind::composite || (!operands.empty() && !operands[0].variadic));
  }
  bool has_inplace() const {
    return in_place && (kind == Kind::composite || (kind == Kind::pointwise && api));
  }
  /// Returns the name under which users find it.
  std::string public_name() const {
    return kind == Kind::composite && !has_function() ? name + "_" : name;
  }
  const Expression& for_dtype(const std::string& dtype) const {
    const Expression& own = dtype == "f32" ? f32 : dtype == "f64" ? f64 : i64;
    return own.dag ? own : value;
  }
};

/// What the gradient of each operand reads: bit k for operand k, bit 7 for the result. Empty where
/// no gradient reads any.
std::vector<unsigned> gradient_reads(const OpRecord& op);

class Records;
/// Says whether an op has operands with elements that it does not take: an integer division does.
bool may_refuse(const Records& records, const OpRecord& op);
/// Says whether a pointwise op of integers gives in lanes as narrow as i8 what it gives in i64,
/// wrapped: no step of it reads bits that narrow lanes have not.
bool fits_narrow(const Records& records, const OpRecord& op);

class Records {
public:
  /// Reads all records in the order of the files. Mistakes are reported at their place in the .td
  /// file; `ok` is false then.
  explicit Records(const llvm::RecordKeeper& keeper);

  bool ok = true;
  std::vector<OpRecord> all;
  std::vector<const OpRecord*> callables() const;
  std::vector<const OpRecord*> ops() const; // primitive ops, in the order of enum Op
  const OpRecord* callable(int index) const;
  const OpRecord* op(const std::string& name) const;

private:
  friend class RecordReader;
};

} // namespace weft::tblgen
