// The eager API: free functions, methods of Tensor, operators.
#include "ir/tblgen/backends.h"
#include "ir/tblgen/print.h"

#include <map>

namespace weft::tblgen {

namespace {

// A public function: the op's own form, or a composite's.
struct Function {
  const OpRecord* op = nullptr;
  std::string returns = "Tensor";
  std::vector<Parameter> parameters;
  bool has_operand = false; // an Arg carries the source line, else a Loc does
};

Function function_of(const OpRecord& op) {
  Function f{&op, op.returns, {}, false};
  if (op.kind == Kind::composite) {
    f.parameters = op.parameters;
  } else {
    for (const Operand& o : op.operands)
      f.parameters.push_back({"const Arg&", o.name, ""});
    for (const ScalarAttribute& s : op.scalars)
      f.parameters.push_back({"Scalar", s.name, s.fallback});
    if (op.kind == Kind::reduction) {
      f.parameters.push_back({"const Dims&", "dims", "{}"});
      f.parameters.push_back({"bool", "keepdim", "false"});
      if (op.converts) f.parameters.push_back({"std::optional<DType>", "dtype", "std::nullopt"});
    }
    if (op.result == "given") f.parameters.push_back({"DType", "dtype", ""});
  }
  for (const Parameter& p : f.parameters)
    f.has_operand |= p.type == "const Arg&";
  if (!f.has_operand) f.parameters.push_back({"Loc", "loc", "Loc::current()"});
  return f;
}

std::string parameter_list(const std::vector<Parameter>& parameters, bool defaults) {
  Texts texts;
  for (const Parameter& p : parameters)
    texts.push_back(p.type + " " + cpp_name(p.name) +
                    (defaults && !p.fallback.empty() ? " = " + p.fallback : ""));
  return join(texts, ", ");
}

// A method's parameters: the first operand is the tensor itself; a Loc where no other Arg has one.
std::vector<Parameter> method_parameters(const OpRecord& op) {
  Function f = function_of(op);
  std::vector<Parameter> rest(f.parameters.begin() + 1, f.parameters.end());
  bool has_arg = false;
  for (const Parameter& p : rest)
    has_arg |= p.type == "const Arg&";
  if (!has_arg) rest.push_back({"Loc", "loc", "Loc::current()"});
  return rest;
}

std::string location(const std::vector<Parameter>& parameters) {
  for (const Parameter& p : parameters)
    if (p.type == "const Arg&") return cpp_name(p.name) + ".loc()";
  return "loc";
}

void comment(llvm::raw_ostream& os, const OpRecord& op, const char* indent) {
  os << indent << "/// Returns " << op.summary << ".";
  if (!op.description.empty()) os << " " << op.description;
  os << "\n";
  if (!op.formula.empty()) os << indent << "/// Formula: " << op.formula << ".\n";
  if (!op.shapes.empty() && op.kind != Kind::pointwise)
    os << indent << "/// Shapes: " << op.shapes << ".\n";
  if (!op.dtypes.empty()) os << indent << "/// Dtypes: " << op.dtypes << ".\n";
}

Texts operand_names(const OpRecord& op, size_t first) {
  Texts r;
  for (size_t k = first; k < op.operands.size(); k++)
    r.push_back(cpp_name(op.operands[k].name));
  return r;
}

Texts addresses(const OpRecord& op, size_t first) {
  Texts r = operand_names(op, first);
  for (std::string& name : r)
    name.insert(0, "&");
  return r;
}

Texts scalar_names(const OpRecord& op) {
  Texts r;
  for (const ScalarAttribute& s : op.scalars)
    r.push_back(cpp_name(s.name));
  return r;
}

void define_function(llvm::raw_ostream& os, const OpRecord& op) {
  Function f = function_of(op);
  os << f.returns << " " << op.name << "(" << parameter_list(f.parameters, false) << ") {\n";
  std::string id = "Op::" + cpp_name(op.name), list = "{" + join(addresses(op, 0), ", ") + "}";
  if (op.kind == Kind::reduction) {
    os << "  return reduction(" << id << ", " << op.operands[0].name << ", dims, keepdim"
       << (op.converts ? ", dtype" : "") << ");\n}\n";
    return;
  }
  if (op.kind != Kind::pointwise || op.result == "given") {
    bool dtype = op.result == "given";
    if (dtype) os << "  const int64_t structure[] = {static_cast<int64_t>(dtype)};\n";
    os << "  return primitive(" << id << ", " << list << ", {}, " << (dtype ? "structure" : "{}")
       << ", {}, " << location(f.parameters) << ");\n}\n";
    return;
  }
  if (!op.check.empty()) os << "  " << call_text(op.check, operand_names(op, 0)) << ";\n";
  if (op.scalars.empty() && op.operands.size() <= 2) {
    os << "  if (TensorImpl* r = follow_known<" << op.operands.size() << ">(" << id;
    for (const Operand& o : op.operands)
      os << ", " << cpp_name(o.name) << ".impl()";
    os << "))\n    return finish_followed(" << id << ", r, " << list << ");\n";
  }
  os << "  return pointwise(" << id << ", " << list;
  if (!op.scalars.empty()) os << ", {" << join(scalar_names(op), ", ") << "}";
  os << ");\n}\n";
}

// A function called with the tensor itself, or with `self` in its place, as its first operand.
std::string method_call(const std::string& function, const std::vector<Parameter>& parameters,
                        const std::string& self = "*this") {
  Texts arguments = {"Arg(" + self + ", " + location(parameters) + ")"};
  for (const Parameter& p : parameters)
    if (p.type != "Loc") arguments.push_back(cpp_name(p.name));
  return "weft::" + call_text(function, arguments);
}

void define_method(llvm::raw_ostream& os, const OpRecord& op) {
  auto parameters = method_parameters(op);
  os << op.returns << " Tensor::" << op.name << "(" << parameter_list(parameters, false)
     << ") const {\n  return " << method_call(op.name, parameters) << ";\n}\n";
}

// The tensor as a function reads it whose result is written into it.
std::string unwritten(const std::vector<Parameter>& parameters) {
  Texts arguments = {"*this", location(parameters)};
  for (const Parameter& p : parameters)
    if (p.type.find("Arg") != p.type.npos || p.type.find("Tensor") != p.type.npos)
      arguments.push_back(cpp_name(p.name));
  return call_text("unwritten", arguments);
}

const char* in_place_type(const OpRecord& op) { return op.rebinds ? "Tensor&" : "const Tensor&"; }

void define_inplace(llvm::raw_ostream& os, const OpRecord& op) {
  auto parameters = method_parameters(op);
  if (op.writes)
    os << "void " << op.name << "_into(" << parameter_list(function_of(op).parameters, false)
       << ");\n";
  os << in_place_type(op) << " Tensor::" << op.name << "_(" << parameter_list(parameters, false)
     << ")" << (op.rebinds ? "" : " const") << " {\n";
  if (op.rebinds) {
    os << "  return rebind(*this, " << method_call(op.name, parameters) << ", \"" << op.name
       << "\", " << location(parameters) << ");\n}\n";
    return;
  }
  if (op.writes) {
    os << "  " << method_call(op.name + "_into", parameters) << ";\n  return *this;\n}\n";
    return;
  }
  if (op.kind == Kind::composite || op.is_mask) { // a mask becomes 0 and 1 of the tensor's dtype
    const std::string self = op.is_mask ? "*this" : unwritten(parameters);
    os << "  return copy_(Arg(" << method_call(op.name, parameters, self) << ", "
       << location(parameters) << "));\n}\n";
    return;
  }
  if (!op.check.empty()) {
    Texts operands = operand_names(op, 1);
    operands.insert(operands.begin(), "Arg(*this, " + location(parameters) + ")");
    os << "  " << call_text(op.check, operands) << ";\n";
  }
  os << "  return pointwise_inplace(Op::" << cpp_name(op.name) << ", *this, {"
     << join(addresses(op, 1), ", ") << "}, {" << join(scalar_names(op), ", ") << "}, "
     << location(parameters) << ");\n}\n";
}

void declare_operator(llvm::raw_ostream& os, const OpRecord& op) {
  std::string symbol = op.symbol_text;
  if (symbol.empty()) return;
  if (op.operands.size() == 1) {
    os << "inline Tensor operator" << symbol << "(const Arg& x) { return " << op.name << "(x); }\n";
    return;
  }
  os << "inline Tensor operator" << symbol << "(const Arg& a, const Arg& b) { return " << op.name
     << "(a, b); }\n";
  if (op.has_inplace() && !op.is_mask) // `<` and `=` are another operator
    os << "inline const Tensor& operator" << symbol
       << "=(const Tensor& a, const Arg& b) { return a." << op.name << "_(b); }\n";
}

// The names in `torch` itself under which a function is there too, "torch.multiply", not
// "torch.special.psi" or "torch.max(x, dim)": one of its forms has them, and all forms go by them.
std::map<std::string, Texts> second_names(const Records& records) {
  std::map<std::string, Texts> all;
  for (const OpRecord& op : records.all) {
    if (!op.has_function()) continue;
    for (const std::string& full : op.pytorch) {
      llvm::StringRef name = full;
      if (name.consume_front("torch.") && name.find_first_of(".(") == llvm::StringRef::npos)
        all[op.name].push_back(name.str());
    }
  }
  return all;
}

Texts names_of(const std::vector<Parameter>& parameters) {
  Texts names;
  for (const Parameter& p : parameters)
    names.push_back(cpp_name(p.name));
  return names;
}

void forward_function(llvm::raw_ostream& os, const OpRecord& op, const std::string& name) {
  Function f = function_of(op);
  os << "inline " << f.returns << " " << name << "(" << parameter_list(f.parameters, true)
     << ") { return " << call_text(op.name, names_of(f.parameters)) << "; }\n";
}

void forward_methods(llvm::raw_ostream& os, const OpRecord& op, const std::string& name) {
  auto parameters = method_parameters(op);
  auto forward = [&](const std::string& type, const std::string& suffix) {
    os << type << " " << name << suffix << "(" << parameter_list(parameters, true)
       << ") const { return " << call_text(op.name + suffix, names_of(parameters)) << "; }\n";
  };
  if (op.has_method()) forward(op.returns, "");
  if (op.has_inplace()) forward("const Tensor&", "_");
}

// A type without "const &".
std::string plain_type(const std::string& type) {
  std::string t = type;
  if (t.rfind("const ", 0) == 0) t = t.substr(6);
  if (!t.empty() && t.back() == '&') t.pop_back();
  return t;
}

// How a call by name fetches its arguments: by position or by keyword, else the default.
Texts fetched(const std::vector<Parameter>& parameters) {
  Texts texts;
  for (size_t k = 0; k < parameters.size(); k++) {
    const Parameter& p = parameters[k];
    if (p.type == "Loc") continue;
    std::string type = plain_type(p.type), where = std::to_string(k) + ", \"" + p.name + "\"";
    if (type == "Arg")
      texts.push_back("c.operand(" + where + ")");
    else if (p.fallback.empty())
      texts.push_back("c.get<" + type + ">(" + where + ")");
    else if (p.fallback == "{}")
      texts.push_back("c.get<" + type + ">(" + where + ", " + type + "{})");
    else
      texts.push_back("c.get<" + type + ">(" + where + ", " + type + "(" + p.fallback + "))");
  }
  return texts;
}

// The function of a row. Arguments are fetched from the first to the last, whatever the compiler.
std::string row_body(const Texts& fetches, llvm::function_ref<std::string(Texts)> call) {
  std::string text = "[](const Call& c) { ";
  Texts names;
  for (size_t k = 0; k < fetches.size(); k++) {
    const std::string name = "a" + std::to_string(k);
    text += "auto " + name + " = " + fetches[k] + "; ";
    names.push_back("std::move(" + name + ")");
  }
  return text + "return outputs(" + call(names) + "); }";
}

} // namespace

void gen_api_decls(const Records& records, llvm::raw_ostream& os) {
  banner(os, "Declarations of the ops.");
  for (const OpRecord& op : records.all) {
    if (!op.has_function()) continue;
    Function f = function_of(op);
    comment(os, op, "");
    os << f.returns << " " << op.name << "(" << parameter_list(f.parameters, true) << ");\n\n";
  }
  os << "// Second names.\n";
  auto names = second_names(records);
  for (const OpRecord& op : records.all)
    for (const std::string& name : op.has_function() ? names[op.name] : Texts())
      forward_function(os, op, name);
  for (const OpRecord& op : records.all)
    if (op.kind == Kind::pointwise) declare_operator(os, op);
}

void gen_api_methods(const Records& records, llvm::raw_ostream& os) {
  banner(os, "The ops as methods of Tensor; ops.h describes each.");
  for (const OpRecord& op : records.all)
    if (op.has_method())
      os << op.returns << " " << op.name << "(" << parameter_list(method_parameters(op), true)
         << ") const;\n";
  os << "\n// In place: the result is written into this tensor's memory.\n";
  for (const OpRecord& op : records.all)
    if (op.has_inplace())
      os << in_place_type(op) << " " << op.name << "_("
         << parameter_list(method_parameters(op), true) << ")" << (op.rebinds ? "" : " const")
         << ";\n";
  os << "\n// Second names.\n";
  auto names = second_names(records);
  for (const OpRecord& op : records.all)
    for (const std::string& name : names[op.name])
      forward_methods(os, op, name);
}

void gen_api_defs(const Records& records, llvm::raw_ostream& os) {
  banner(os, "Definitions of the ops. Composites are written by hand in runtime/composite.");
  for (const OpRecord& op : records.all) {
    if (op.is_op() && op.api) define_function(os, op);
    if (op.has_method()) define_method(os, op);
    if (op.has_inplace()) define_inplace(os, op);
  }
}

void gen_api_by_name(const Records& records, llvm::raw_ostream& os) {
  banner(os, "Every op as a row {name, returns, shapes, dtypes, call}: tools call them by name.");
  for (const OpRecord& op : records.all) {
    if (!(op.has_function() || op.has_inplace()) || op.returns == "void") continue;
    std::vector<Parameter> parameters = function_of(op).parameters;
    Texts fetches = fetched(parameters);
    const std::string texts = "\", \"" + op.shapes + "\", \"" + op.dtypes + "\", ";
    if (op.has_function())
      os << "{\"" << op.name << "\", \"" << op.returns << texts
         << row_body(fetches, [&](Texts names) { return "weft::" + call_text(op.name, names); })
         << "},\n";
    if (!op.has_inplace()) continue;
    fetches[0] = "c.get<Tensor>(0, \"" + parameters[0].name + "\")";
    os << "{\"" << op.name << "_\", \"Tensor" << texts << row_body(fetches, [&](Texts names) {
      names.erase(names.begin());
      return "a0." + call_text(op.name + "_", names);
    }) << "},\n";
  }
}

} // namespace weft::tblgen
