// A pointwise op of a user's own: its formula runs under its name. With gradients of its own it is
// one node of the tape, else what its formula calls is.
#include "runtime/custom/expression.h"
#include "weft/autograd_function.h"
#include "weft/ops.h"

#include <algorithm>
#include <optional>

namespace weft::custom {

namespace detail {

struct PointwiseOp {
  std::string name;
  std::vector<Input> inputs; // operands, then numbers
  size_t operands = 0;
  std::vector<Formula> value; // one
  // Of each operand; none: that of the value. Inputs as above, then y and dy.
  std::vector<std::optional<Formula>> gradients;
};

} // namespace detail

namespace {

using detail::PointwiseOp;

// One call of an op that has gradients of its own.
struct GivenGradients final : autograd::detail::FunctionObject {
  std::shared_ptr<const PointwiseOp> op;
  std::vector<Scalar> numbers;   // by input, where it is one
  std::vector<size_t> tensor_of; // inputs by tensor argument

  // What the gradients read is saved: tensors of the inputs, then the result.
  bool reads(size_t input) const {
    return std::any_of(op->gradients.begin(), op->gradients.end(),
                       [&](const auto& g) { return g && g->reads(static_cast<int>(input)); });
  }

  std::vector<Tensor> backward(autograd::Context& ctx, const std::vector<Tensor>& dy) override {
    const std::vector<Tensor> saved = ctx.saved();
    const size_t count = op->inputs.size();
    std::vector<std::optional<Arg>> own(count + 2);
    for (size_t k = 0; k < count; k++)
      own[k].emplace(numbers[k]);
    for (size_t t = 0; t < tensor_of.size(); t++)
      if (saved[t].defined()) own[tensor_of[t]].emplace(saved[t]);
    if (saved.back().defined()) own[count].emplace(saved.back());
    own[count + 1].emplace(dy[0]);
    std::vector<const Arg*> list;
    for (const std::optional<Arg>& a : own)
      list.push_back(a ? &*a : nullptr);
    return under_name(op->name, Loc::current(), [&] {
      std::vector<Tensor> gradients(tensor_of.size());
      for (size_t t = 0; t < tensor_of.size(); t++)
        if (const auto& g = op->gradients[tensor_of[t]]; g && ctx.needs(t))
          gradients[t] = (*g)(list).tensor;
      return gradients;
    });
  }
  std::string name() const override { return op->name; }
};

Tensor value_of(const PointwiseOp& op, std::span<const Arg* const> arguments) {
  Tensor y = op.value[0](arguments).tensor;
  return op.value[0].is_input() ? y.clone() : y;
}

Tensor call_with_gradients(const std::shared_ptr<const PointwiseOp>& op,
                           std::span<const Arg* const> arguments) {
  auto call = std::make_shared<GivenGradients>();
  call->op = op;
  std::vector<Tensor> tensors;
  for (size_t k = 0; k < arguments.size(); k++) {
    const Arg& a = *arguments[k];
    call->numbers.push_back(a.is_scalar() ? a.scalar() : Scalar());
    if (a.is_scalar()) continue;
    call->tensor_of.push_back(k);
    tensors.push_back(a.tensor());
  }
  auto forward = [&](autograd::Context& ctx) -> std::vector<Tensor> {
    std::vector<std::optional<Arg>> own(arguments.size());
    std::vector<const Arg*> list(arguments.begin(), arguments.end());
    for (size_t t = 0; t < tensors.size(); t++)
      list[call->tensor_of[t]] = &own[t].emplace(std::as_const(tensors[t]));
    Tensor y = value_of(*op, list);
    std::vector<Tensor> saved;
    for (size_t t = 0; t < tensors.size(); t++)
      saved.push_back(call->reads(call->tensor_of[t]) ? tensors[t] : Tensor());
    saved.push_back(call->reads(op->inputs.size()) ? y : Tensor());
    ctx.save(std::move(saved));
    return {y};
  };
  return autograd::detail::call_function(call, tensors, forward, arguments[0]->loc())[0];
}

void check_arguments(const PointwiseOp& op, std::span<const Arg* const> arguments) {
  const Loc& loc = arguments[0]->loc();
  if (arguments.size() != op.inputs.size())
    refuse(op.name, ErrorKind::value,
           "the op must be called with " + std::to_string(op.inputs.size()) +
               (op.inputs.size() == 1 ? " argument" : " arguments") + ", got " +
               std::to_string(arguments.size()),
           loc);
  bool any_tensor = false;
  for (size_t k = 0; k < arguments.size(); k++) {
    const Arg& a = *arguments[k];
    if (!a.defined())
      refuse(op.name, ErrorKind::value, op.inputs[k].name + " must be defined, got none", loc);
    if (op.inputs[k].is_number && !a.is_scalar())
      refuse(op.name, ErrorKind::value,
             op.inputs[k].name + " must be a number, got " + describe(a.impl()->meta), loc);
    any_tensor |= !a.is_scalar();
  }
  if (!any_tensor)
    refuse(op.name, ErrorKind::value, "an operand must be a tensor, got numbers alone", loc);
}

bool records(std::span<const Arg* const> arguments) {
  return grad_enabled() && std::any_of(arguments.begin(), arguments.end(), [](const Arg* a) {
           return a->impl() && a->impl()->meta.requires_grad;
         });
}

// The inputs that options and expression declare together.
std::vector<Input> inputs_of(const std::string& name, const Expression& value,
                             const PointwiseOptions& options, const Loc& loc) {
  std::vector<Input> inputs;
  const size_t numbers = options.numbers.size(), parameters = value.inputs().size();
  for (const std::string& o : options.operands)
    inputs.push_back({o});
  if (value.root() && inputs.empty())
    for (size_t k = 0; k + numbers < parameters; k++)
      inputs.push_back({"operand_" + std::to_string(k + 1)});
  if (inputs.empty()) refuse(name, ErrorKind::value, "operands must be named, got none", loc);
  for (const std::string& m : options.masks) {
    auto found = std::find_if(inputs.begin(), inputs.end(), [&](auto& i) { return i.name == m; });
    if (found == inputs.end())
      refuse(name, ErrorKind::value, "masks must be operands, got '" + m + "'", loc);
    found->type = expr::Type::boolean;
  }
  for (size_t k = 0; k < inputs.size() && k < parameters; k++)
    if (value.masks()[k]) inputs[k].type = expr::Type::boolean;
  for (const std::string& n : options.numbers)
    inputs.push_back({n, expr::Type::number, true});
  constexpr size_t kMost = 6; // what a call takes
  if (inputs.size() > kMost)
    refuse(name, ErrorKind::value,
           "an op must have at most " + std::to_string(kMost) + " operands and numbers, got " +
               std::to_string(inputs.size()),
           loc);
  check_names(inputs, name, loc);
  return inputs;
}

void parse_gradients(PointwiseOp& op, const std::vector<Expression>& texts, const Loc& loc) {
  if (texts.empty()) return;
  if (texts.size() != op.operands)
    refuse(op.name, ErrorKind::value,
           "gradients must be one for each of the " + std::to_string(op.operands) +
               " operands, got " + std::to_string(texts.size()),
           loc);
  std::vector<Input> inputs = op.inputs;
  inputs.push_back({"y", op.value[0].is_mask() ? expr::Type::boolean : expr::Type::number});
  inputs.push_back({"dy"});
  check_names(inputs, op.name, loc);
  for (size_t k = 0; k < texts.size(); k++) {
    op.gradients.emplace_back();
    if (!texts[k].defined()) continue;
    const std::string part = "gradient of " + op.inputs[k].name;
    Formula g = parse(texts[k], inputs, op.name, part.c_str(), loc);
    if (g.is_mask())
      refuse(op.name, ErrorKind::value, part + ": must be a number, got a bool", loc);
    if (!g.reads(static_cast<int>(inputs.size()) - 1))
      refuse(op.name, ErrorKind::value, part + ": must depend on dy, got one that does not", loc);
    op.gradients[k] = std::move(g);
  }
}

} // namespace

Tensor Pointwise::call(std::initializer_list<const Arg*> list) const {
  const std::span<const Arg* const> arguments(list.begin(), list.size());
  const LocScope scope(arguments[0]->loc());
  check_arguments(*op_, arguments);
  return under_name(op_->name, arguments[0]->loc(), [&] {
    if (!op_->gradients.empty() && records(arguments)) return call_with_gradients(op_, arguments);
    return value_of(*op_, arguments);
  });
}

const std::string& Pointwise::name() const { return op_->name; }

Pointwise pointwise(std::string name, const Expression& value, PointwiseOptions options, Loc loc) {
  const LocScope scope(loc);
  auto op = std::make_shared<PointwiseOp>();
  op->name = name.empty() ? "custom" : std::move(name);
  op->inputs = inputs_of(op->name, value, options, loc);
  op->operands = op->inputs.size() - options.numbers.size();
  op->value.push_back(parse(value, op->inputs, op->name, "", loc));
  for (size_t k = 0; k < op->inputs.size(); k++)
    if (!op->value[0].reads(static_cast<int>(k)))
      refuse(op->name, ErrorKind::value, "'" + op->inputs[k].name + "' must be used, got no use",
             loc);
  parse_gradients(*op, options.gradients, loc);
  return Pointwise(std::move(op));
}

} // namespace weft::custom
