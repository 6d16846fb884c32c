#include "runtime/custom/formula.h"

#include "runtime/core/call.h"
#include "runtime/core/call_list.h"
#include "runtime/core/refusal.h"
#include "weft/device.h"
#include "weft/ops.h"

#include <array>
#include <cmath>
#include <map>
#include <utility>

namespace weft::custom {

namespace {

struct Row {
  std::string_view name; // in the language
  Op op;
  std::string_view signature;
};
constexpr Row kRows[] = {
#include "weft/gen/custom_ops.inc"
};

using Callables = std::map<std::string, expr::Callable, std::less<>>;

// Which dtypes an op takes is its own to say, at the call.
Callables make_callables() {
  Callables all;
  for (const Row& r : kRows)
    all.emplace(r.name, expr::Callable{static_cast<int>(r.op),
                                       std::string(r.name),
                                       std::string(r.signature),
                                       expr::Domain::number,
                                       nullptr,
                                       {}});
  return all;
}

const expr::Callable* resolve(std::string_view name) {
  static const Callables all = make_callables();
  auto found = all.find(name);
  return found == all.end() ? nullptr : &found->second;
}

Op op_of(const expr::Builder& dag, int node) {
  const expr::Node& n = dag[node];
  if (n.is_call()) return static_cast<Op>(n.op - expr::kCall);
  const std::string_view name = expr::info(n.primitive()).name;
  const expr::Callable* c = resolve(name);
  if (!c)
    throw expr::Error(dag.place(node),
                      "'" + std::string(name) +
                          "' is for the records of the library's own ops, a custom "
                          "op calls those that docs/ops.md lists");
  return static_cast<Op>(c->index);
}

// A whole literal counts as an integer where dtypes are promoted, as it does in C++.
Scalar literal(double v) {
  constexpr double kExact = 9007199254740992.0; // 2^53
  const bool whole = std::abs(v) <= kExact && v == std::floor(v) && !(v == 0 && std::signbit(v));
  return whole ? Scalar(static_cast<int64_t>(v)) : Scalar(v);
}

// What an op says of an element that it refuses, under the name of the user's op.
const char* words_of_refusal(const OpInfo& i, const std::string& op) {
  const bool has_range = i.scalar_names && i.scalar_names[0];
  return keep_text((op + ": " + i.name +
                    (has_range ? ": every element must be in range, got one that is not"
                               : ": integers must not be divided by 0, got one that is"))
                       .c_str());
}

// Which nodes a root is computed from, itself among them.
std::vector<bool> nodes_below(const expr::Builder& dag, int root) {
  std::vector<bool> below(static_cast<size_t>(root) + 1);
  below.back() = true;
  for (int k = root; k >= 0; k--)
    for (int a = 0; below[static_cast<size_t>(k)] && a < dag[k].operand_count(); a++)
      below[static_cast<size_t>(dag[k].args[static_cast<size_t>(a)])] = true;
  return below;
}

// The host's own arithmetic: eager, outside of any region, in double or 64-bit integers.
class OnHost {
public:
  OnHost() : session_(std::exchange(current_session, nullptr)) {}
  ~OnHost() { current_session = session_; }
  OnHost(const OnHost&) = delete;
  OnHost& operator=(const OnHost&) = delete;

  Scalar compute(Op op, std::span<const Scalar> operands, std::span<const Scalar> attributes) {
    bool whole = info(op).domain != OpDomain::floating;
    for (size_t k = 0; k < operands.size(); k++)
      if (!(info(op).bool_operands >> k & 1)) whole &= operands[k].kind != Scalar::Kind::floating;
    std::array<Tensor, expr::kMaxOperands> tensors;
    std::array<std::optional<Arg>, expr::kMaxOperands> own;
    std::array<const Arg*, expr::kMaxOperands> list{};
    for (size_t k = 0; k < operands.size(); k++) {
      const bool mask = operands[k].kind == Scalar::Kind::boolean;
      tensors[k] = full({}, operands[k], mask ? boolean : whole ? i64 : f64);
      list[k] = &own[k].emplace(std::as_const(tensors[k]));
    }
    const Tensor y = pointwise_call(op, {list.data(), operands.size()}, attributes);
    if (y.dtype() == boolean) return y.item<bool>();
    return is_integer(y.dtype()) ? Scalar(y.item<int64_t>()) : Scalar(y.item<double>());
  }

private:
  RegionSession* session_;
  NoGrad no_grad_;
  DeviceScope cpu_{Device::cpu()};
};

} // namespace

expr::Builder make_builder(std::span<const Input> inputs) {
  expr::Builder b(expr::Domain::floating, resolve);
  for (const Input& i : inputs)
    b.input(i.name, i.type);
  return b;
}

Formula::Formula(const expr::Builder& dag, int root, std::span<const Input> inputs,
                 const std::string& op)
    : reads_(inputs.size()), is_mask_(dag[root].type == expr::Type::boolean) {
  const std::vector<bool> below = nodes_below(dag, root);
  std::vector<bool> is_number(below.size());
  std::vector<Ref> refs(below.size());
  auto constant = [&](Scalar value) {
    constants_.push_back(value);
    return Ref{Ref::constant, false, static_cast<int>(constants_.size()) - 1};
  };
  for (int k = 0; k <= root; k++) {
    const auto at = static_cast<size_t>(k);
    if (!below[at]) continue;
    const expr::Node& n = dag[k];
    if (n.op == expr::kInput) {
      refs[at] = {Ref::input, false, n.args[0]};
      is_number[at] = inputs[static_cast<size_t>(n.args[0])].is_number;
      reads_[static_cast<size_t>(n.args[0])] = true;
      continue;
    }
    if (n.op == expr::kLiteral) {
      refs[at] = constant(literal(n.number));
      is_number[at] = true;
      continue;
    }
    Step s;
    s.op = op_of(dag, k);
    const OpInfo& i = info(s.op);
    s.operands = i.operand_count;
    if (i.may_refuse) s.words = words_of_refusal(i, op);
    bool all_constant = true;
    is_number[at] = true;
    for (int a = 0; a < n.operand_count(); a++) {
      const auto operand = static_cast<size_t>(n.args[static_cast<size_t>(a)]);
      if (a >= s.operands && !is_number[operand])
        throw expr::Error(dag.place(k), std::string("'") + i.name + "' takes a number as its " +
                                            i.scalar_names[a - s.operands] +
                                            ", got what depends on an operand");
      s.refs[s.count++] = refs[operand];
      all_constant &= refs[operand].kind == Ref::constant;
      is_number[at] = is_number[at] && is_number[operand];
    }
    if (all_constant) {
      std::vector<Datum> none;
      refs[at] = constant(run(s, {}, none).number);
    } else {
      refs[at] = {Ref::step, false, static_cast<int>(steps_.size())};
      steps_.push_back(s);
    }
  }
  root_ = refs.back();
  mark_last_uses();
}

void Formula::mark_last_uses() {
  std::vector<bool> used_step(steps_.size()), used_input(reads_.size());
  if (root_.kind == Ref::step) used_step[static_cast<size_t>(root_.index)] = true;
  if (root_.kind == Ref::input) used_input[static_cast<size_t>(root_.index)] = true;
  for (size_t k = steps_.size(); k-- > 0;)
    for (int a = steps_[k].count; a-- > 0;) {
      Ref& r = steps_[k].refs[a];
      if (r.kind == Ref::constant) continue;
      auto&& used = (r.kind == Ref::step ? used_step : used_input)[static_cast<size_t>(r.index)];
      r.last = !used;
      used = true;
    }
}

bool Formula::is_one_op(Op& op) const {
  if (steps_.size() != 1 || root_.kind != Ref::step) return false;
  const Step& s = steps_[0];
  op = s.op;
  if (s.count != 2 || s.operands != 2) return false;
  return s.refs[0].kind == Ref::input && s.refs[1].kind == Ref::input &&
         s.refs[0].index + s.refs[1].index == 1;
}

Datum Formula::run(const Step& s, std::span<const Arg* const> inputs,
                   std::vector<Datum>& values) const {
  std::array<std::optional<Arg>, expr::kMaxOperands> own;
  std::array<const Arg*, expr::kMaxOperands> list{};
  std::array<Scalar, expr::kMaxOperands> numbers;
  bool all_numbers = true;
  for (size_t k = 0; k < s.count; k++) {
    const Ref r = s.refs[k];
    const auto index = static_cast<size_t>(r.index);
    if (r.kind == Ref::input) {
      const Arg& a = *inputs[index];
      if (a.is_scalar()) {
        list[k] = &own[k].emplace(numbers[k] = a.scalar(), a.loc());
      } else {
        const Tensor held = r.last ? Tensor() : a.tensor();
        list[k] = r.last ? &a : &own[k].emplace(held, a.loc());
        all_numbers = false;
      }
    } else if (r.kind == Ref::constant || values[index].is_number()) {
      numbers[k] = r.kind == Ref::constant ? constants_[index] : values[index].number;
      list[k] = &own[k].emplace(numbers[k]);
    } else {
      Tensor& t = values[index].tensor;
      list[k] = r.last ? &own[k].emplace(std::move(t)) : &own[k].emplace(std::as_const(t));
      all_numbers = false;
    }
  }
  const std::span<const Scalar> all(numbers.data(), s.count);
  if (all_numbers)
    return {{}, OnHost().compute(s.op, all.first(s.operands), all.subspan(s.operands))};
  // The shortest way along a known path, as the functions of the API take it.
  if (s.count == 1) {
    if (TensorImpl* r = follow_known<1>(s.op, list[0]->impl()))
      return {finish_followed(s.op, r, {list[0]}), {}};
  } else if (s.count == 2 && s.operands == 2) {
    if (TensorImpl* r = follow_known<2>(s.op, list[0]->impl(), list[1]->impl()))
      return {finish_followed(s.op, r, {list[0], list[1]}), {}};
  }
  std::optional<RefusalWords> words;
  if (s.words) words.emplace(s.words);
  return {pointwise_call(s.op, {list.data(), s.operands}, all.subspan(s.operands)), {}};
}

Datum Formula::operator()(std::span<const Arg* const> inputs) const {
  if (root_.kind == Ref::constant) return {{}, constants_[static_cast<size_t>(root_.index)]};
  if (root_.kind == Ref::input) {
    const Arg& a = *inputs[static_cast<size_t>(root_.index)];
    return a.is_scalar() ? Datum{{}, a.scalar()} : Datum{a.tensor(), {}};
  }
  std::vector<Datum> values(steps_.size());
  for (size_t k = 0; k < steps_.size(); k++)
    values[k] = run(steps_[k], inputs, values);
  return std::move(values[static_cast<size_t>(root_.index)]);
}

Scalar Formula::operator()(std::span<const Scalar> inputs) const {
  std::vector<std::optional<Arg>> own(inputs.size());
  std::vector<const Arg*> list;
  for (size_t k = 0; k < inputs.size(); k++)
    list.push_back(&own[k].emplace(inputs[k]));
  return (*this)(list).number;
}

} // namespace weft::custom
