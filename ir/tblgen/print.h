// Prints DAGs as C++: one local variable for each node used twice, the rest nested.
#pragma once

#include "ir/tblgen/records.h"

#include "llvm/Support/raw_ostream.h"

#include <functional>

namespace weft::tblgen {

using Texts = std::vector<std::string>;

/// How a target spells a literal, a primitive, a call and a local variable.
struct Language {
  std::function<std::string(double number, expr::Type)> literal;
  std::function<std::string(const expr::Builder&, const expr::Node&, const Texts& operands)> apply;
  std::function<std::string(int callable, const Texts& operands)> call;
  std::string local = "const auto ";
  /// Where there are branches: whether a condition holds in any element at hand, and what is
  /// computed in any case, though rare sides alone read it.
  std::function<std::string(const std::string& condition)> any;
  std::function<bool(const expr::Builder&, const expr::Node&)> stays;
};

/// Prints local variables to `os` and returns an expression a root ("" for -1). `inputs` are the
/// texts of the DAG's inputs.
Texts print(const Expression& e, const std::vector<int>& roots, const Texts& inputs,
            const Language& to, llvm::raw_ostream& os, const std::string& indent);

/// Returns the shortest text that reads back as the number: "0.5", "3", "1e-05".
std::string number_text(double v);
/// Returns "f(a, b)".
std::string call_text(const std::string& function, const Texts& arguments);
std::string join(const Texts& parts, const std::string& separator);
/// Returns the texts as Markdown prints code, with commas between them.
std::string join_code(const Texts& texts);
/// Returns a name that C++ accepts: a trailing underscore where it is a keyword.
std::string cpp_name(const std::string& name);
/// Returns the enumerator of a primitive in expr::Primitive.
std::string enumerator(expr::Primitive p);
/// Prints the note at a generated file's head.
void banner(llvm::raw_ostream& os, const char* what);

} // namespace weft::tblgen
