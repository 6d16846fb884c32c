// RecordReader: one TableGen record after another as an OpRecord, with its expressions parsed.
#pragma once

#include "ir/tblgen/records.h"

#include <functional>

namespace weft::tblgen {

class RecordReader {
public:
  explicit RecordReader(Records& records) : records_(records) {}
  void read(const llvm::Record* def, Kind kind);

private:
  // Runs one parse of a field's text; a mistake is reported where the text stands in the file.
  void field(const char* name, llvm::StringRef text, const std::function<void()>& parse);
  void fail(const char* name, const std::string& message);
  void documentation(OpRecord& op);
  void operands(OpRecord& op, const llvm::DagInit* ins);
  void attributes(OpRecord& op);
  void function(OpRecord& op);
  void pointwise(OpRecord& op);
  void reduction(OpRecord& op);
  void composite(OpRecord& op);
  void value(OpRecord& op, Expression& to, const char* name, expr::Domain domain, bool with);
  void gradients(OpRecord& op, bool with);
  void add_callable(OpRecord& op);
  Expression expressions(OpRecord& op, const char* name, std::vector<llvm::StringRef> texts,
                         const std::vector<std::pair<std::string, expr::Type>>& inputs,
                         const std::vector<expr::Type>& types, expr::Domain domain);

  std::string text(const char* name) { return def_->getValueAsString(name).str(); }
  std::shared_ptr<expr::Builder> builder(expr::Domain domain);
  const expr::Callable* resolve(std::string_view name) const;
  static expr::Domain expression_domain(const OpRecord& op) {
    if (op.domain == "integer" || op.domain == "integral" || op.domain == "boolean")
      return expr::Domain::integer;
    return op.domain == "number" || op.domain == "any" || op.domain == "widened"
               ? expr::Domain::number
               : expr::Domain::floating;
  }

  Records& records_;
  const llvm::Record* def_ = nullptr;
  std::map<std::string, expr::Callable, std::less<>> callables_;
};

} // namespace weft::tblgen
