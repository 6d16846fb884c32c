// Highway bodies (kernels/lanes-inl.h has the primitives). One file with sections: functions
// always, WEFT_SHARD picks a part of the pointwise ops and sources, WEFT_REDUCTIONS the reductions.
#include "ir/tblgen/backends.h"
#include "ir/tblgen/print.h"

#include <cmath>

namespace weft::tblgen {

namespace {

constexpr size_t kShards = 4; // as in kernels/CMakeLists.txt

bool is_index(const expr::Builder& dag, const expr::Node& n) {
  bool compares = n.type == expr::Type::boolean && n.operand_count() > 0;
  return (compares ? dag[n.args[0]].type : n.type) == expr::Type::index;
}

std::string literal(double v, expr::Type type) {
  std::string index = type == expr::Type::index ? "_index" : "";
  std::string text = std::isnan(v) ? "std::numeric_limits<double>::quiet_NaN()"
                     : std::isinf(v)
                         ? std::string(v < 0 ? "-" : "") + "std::numeric_limits<double>::infinity()"
                         : number_text(v);
  return "prim::literal" + index + "(tag, " + text + ")";
}

// floordiv by a literal power of two is a shift, and cannot fail.
std::string floordiv(const expr::Builder& dag, const expr::Node& n, const Texts& operands) {
  const expr::Node& divisor = dag[n.args[1]];
  int exponent = 0;
  if (divisor.op == expr::kLiteral && divisor.number >= 1 &&
      std::frexp(divisor.number, &exponent) == 0.5)
    return "prim::floordiv_shift<" + std::to_string(exponent - 1) + ">(tag, " + operands[0] + ")";
  return "prim::floordiv(tag, flags, " + join(operands, ", ") + ")";
}

Language lanes_language(const Records& records) {
  Language l;
  l.literal = literal;
  l.apply = [](const expr::Builder& dag, const expr::Node& n, const Texts& operands) {
    expr::Primitive p = n.primitive();
    if (p == expr::Primitive::floordiv) return floordiv(dag, n, operands);
    Texts arguments = {"tag"};
    if (p == expr::Primitive::require) arguments.push_back("flags");
    arguments.insert(arguments.end(), operands.begin(), operands.end());
    return call_text("prim::" + enumerator(p) + (is_index(dag, n) ? "_index" : ""), arguments);
  };
  l.call = [&records](int callable, const Texts& operands) {
    const OpRecord* c = records.callable(callable);
    Texts arguments = {"tag", "flags"};
    arguments.insert(arguments.end(), operands.begin(), operands.end());
    return call_text(c->kind == Kind::function ? "fn::" + c->name : "op::" + c->symbol + "::value",
                     arguments);
  };
  l.any = [](const std::string& condition) { return "prim::any(tag, " + condition + ")"; };
  l.stays = [&records](const expr::Builder& dag, const expr::Node& n) {
    if (n.is_call()) return may_refuse(records, *records.callable(n.op - expr::kCall));
    if (!n.is_primitive()) return false;
    if (n.primitive() == expr::Primitive::require) return true;
    if (n.primitive() != expr::Primitive::floordiv) return false;
    const expr::Node& divisor = dag[n.args[1]];
    return divisor.op != expr::kLiteral || divisor.number == 0;
  };
  return l;
}

std::string parameters(const OpRecord& op, Texts& inputs) {
  std::string text = "[[maybe_unused]] D tag, [[maybe_unused]] Flags& flags";
  auto add = [&](const std::string& type, const std::string& name) {
    inputs.push_back(cpp_name(name));
    text += ", [[maybe_unused]] " + type + " " + inputs.back();
  };
  for (const Operand& o : op.operands)
    add(o.type == expr::Type::boolean ? "Mask<D>" : "Vec<D>", o.name);
  for (const ScalarAttribute& s : op.scalars)
    add("Vec<D>", s.name);
  return text;
}

void body(llvm::raw_ostream& os, const Records& records, const Expression& e, const Texts& inputs,
          const std::string& indent) {
  Language language = lanes_language(records);
  Texts r = print(e, e.roots, inputs, language, os, indent);
  os << indent << "return " << r[0] << ";\n";
}

void function(llvm::raw_ostream& os, const Records& records, const OpRecord& op) {
  Texts inputs;
  std::string list = parameters(op, inputs);
  os << "template <class D>\nHWY_INLINE " << (op.is_mask ? "Mask<D>" : "Vec<D>") << " " << op.name
     << "(" << list << ") {\n";
  if (op.value.dag) {
    body(os, records, op.value, inputs, "  ");
  } else {
    const char* lead = "  if constexpr ";
    for (auto [dtype, is_computed] : {std::pair("f32", "std::is_same_v<TFromD<D>, float>"),
                                      {"f64", "std::is_same_v<TFromD<D>, double>"},
                                      {"i64", "std::is_integral_v<TFromD<D>>"}}) { // and bools
      const Expression& e = op.for_dtype(dtype);
      if (!e.dag) continue;
      os << lead << "(" << is_computed << ") {\n";
      body(os, records, e, inputs, "    ");
      lead = "  } else if constexpr ";
    }
    os << "  } else {\n    static_assert(!sizeof(D), \"" << op.name
       << " has no text for this dtype\");\n  }\n";
  }
  os << "}\n";
}

const char* flag(bool b) { return b ? "true" : "false"; }

void dtype_flags(llvm::raw_ostream& os, const OpRecord& op, bool narrow = false) {
  bool only_bools = op.domain == "boolean", only_integers = op.domain == "integer",
       integral = op.domain == "integral", any = op.domain == "any";
  os << "  static constexpr bool floats = " << flag(!only_integers && !integral && !only_bools)
     << ", integers = "
     << flag(any || integral || only_integers || op.domain == "number" || op.domain == "widened")
     << ", narrow_integers = " << flag(narrow)
     << ", bools = " << flag(any || integral || only_bools) << ";\n";
}

void pointwise(llvm::raw_ostream& os, const Records& records, const OpRecord& op) {
  Texts inputs;
  std::string list = parameters(op, inputs);
  if (op.kind == Kind::source) {
    inputs.push_back("position");
    list += ", [[maybe_unused]] Vec<D> position";
  }
  unsigned masks = 0;
  for (size_t k = 0; k < op.operands.size(); k++)
    masks |= unsigned{op.operands[k].type == expr::Type::boolean} << k;
  os << "struct " << op.symbol << " {\n  static constexpr int operands = " << op.operands.size()
     << ", attributes = " << op.scalars.size() << ";\n  static constexpr unsigned masks = " << masks
     << ";\n  static constexpr bool is_mask = " << flag(op.is_mask) << ";\n";
  dtype_flags(os, op, fits_narrow(records, op));
  os << "  template <class D>\n  static HWY_INLINE " << (op.is_mask ? "Mask<D>" : "Vec<D>")
     << " value(" << list << ") {\n";
  body(os, records, op.value, inputs, "    ");
  os << "  }\n};\n";
}

// A state has the member v, and i where positions are followed.
void reduction_function(llvm::raw_ostream& os, const Records& records, const Expression& e,
                        const std::string& name, const std::string& list, const Texts& inputs) {
  os << "  template <class D> static HWY_INLINE State<D> " << name
     << "([[maybe_unused]] D tag, [[maybe_unused]] Flags& flags" << list << ") {\n";
  Language language = lanes_language(records);
  Texts r = print(e, e.roots, inputs, language, os, "    ");
  os << "    return {" << join(r, ", ") << "};\n  }\n";
}

void reduction(llvm::raw_ostream& os, const Records& records, const OpRecord& op) {
  bool indexed = op.identity.roots.size() == 2;
  os << "struct " << op.symbol << " {\n  static constexpr bool indexed = " << flag(indexed)
     << ", result_is_index = " << flag(op.result == "index")
     << ", result_is_wide = " << flag(op.result == "wide") << ";\n";
  dtype_flags(os, op);
  os << "  template <class D> using State = " << (indexed ? "IndexedState<D>" : "PlainState<D>")
     << ";\n";
  reduction_function(os, records, op.identity, "identity", "", {});
  reduction_function(os, records, op.element, "element",
                     std::string(", [[maybe_unused]] Vec<D> x") +
                         (indexed ? ", [[maybe_unused]] IndexVec<D> i" : ""),
                     {"x", "i"});
  Texts inputs = indexed ? Texts{"a.v", "a.i", "b.v", "b.i"} : Texts{"a.v", "b.v"};
  reduction_function(os, records, op.combine, "combine", ", State<D> a, State<D> b", inputs);
  Texts finish = indexed ? Texts{"a.v", "a.i", "n"} : Texts{"a.v", "n"};
  os << "  template <class D>\n  static HWY_INLINE "
     << (op.result == "index" ? "IndexVec<D>" : "Vec<D>")
     << " finish([[maybe_unused]] D tag, [[maybe_unused]] Flags& flags, State<D> a, "
        "[[maybe_unused]] Vec<D> n) {\n";
  body(os, records, op.finish, finish, "    ");
  os << "  }\n};\n";
}

void list_macro(llvm::raw_ostream& os, const char* name, const std::vector<const OpRecord*>& ops) {
  os << "#define " << name << "(X)";
  for (const OpRecord* op : ops)
    os << " \\\n  X(" << cpp_name(op->name) << ", " << op->symbol << ")";
  os << "\n";
}

} // namespace

void gen_lanes(const Records& records, llvm::raw_ostream& os) {
  banner(os, "Bodies of the eager kernels.");
  os << "namespace fn {\n";
  for (const OpRecord& op : records.all)
    if (op.kind == Kind::function) function(os, records, op);
  os << "} // namespace fn\n";

  // Ops that other ops call stand in front of all shards.
  std::vector<bool> called(records.all.size());
  for (const OpRecord& op : records.all)
    for (const Expression* e :
         {&op.value, &op.f32, &op.f64, &op.i64, &op.element, &op.combine, &op.finish})
      if (e->dag)
        for (const expr::Node& n : e->dag->nodes())
          if (n.is_call())
            called[static_cast<size_t>(records.callable(n.op - expr::kCall) - records.all.data())] =
                true;
  std::vector<const OpRecord*> shards[kShards];
  os << "namespace op {\n";
  size_t next = 0;
  for (const OpRecord& op : records.all) {
    if (op.kind != Kind::pointwise && op.kind != Kind::source) continue;
    if (op.result == "given" && op.kind == Kind::pointwise) continue; // cast
    shards[next++ % kShards].push_back(&op);
    if (called[static_cast<size_t>(&op - records.all.data())]) pointwise(os, records, op);
  }
  for (size_t s = 0; s < kShards; s++) {
    os << "\n#if WEFT_SHARD == " << s << "\n";
    std::vector<const OpRecord*> sources, ops;
    for (const OpRecord* op : shards[s]) {
      (op->kind == Kind::source ? sources : ops).push_back(op);
      if (!called[static_cast<size_t>(op - records.all.data())]) pointwise(os, records, *op);
    }
    list_macro(os, "WEFT_SHARD_POINTWISE", ops);
    list_macro(os, "WEFT_SHARD_SOURCES", sources);
    os << "#endif\n";
  }
  os << "\n#ifdef WEFT_REDUCTIONS\n";
  std::vector<const OpRecord*> reductions;
  for (const OpRecord& op : records.all)
    if (op.kind == Kind::reduction) {
      reductions.push_back(&op);
      reduction(os, records, op);
    }
  list_macro(os, "WEFT_REDUCTION_OPS", reductions);
  os << "#endif\n} // namespace op\n";
}

} // namespace weft::tblgen
