// A reduction of a user's own: map, then a reduction of the library or a tree over neighbours, then
// finish. All of it is calls of ops, so gradients and fusion are theirs.
#include "runtime/composite/composite.h"
#include "runtime/custom/expression.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace weft::custom {

namespace detail {

struct ReductionOp {
  std::string name;
  size_t numbers = 0;
  std::vector<Formula> formulas; // map, combine, finish
  std::optional<Op> built_in;    // the reduction that combine is
  std::optional<double> identity;
};

} // namespace detail

namespace {

using detail::ReductionOp;

struct BuiltIn {
  Op combine, reduction;
};
constexpr BuiltIn kBuiltIn[] = {
    {Op::add, Op::sum},     {Op::mul, Op::prod},        {Op::maximum, Op::max},
    {Op::minimum, Op::min}, {Op::logical_and, Op::all}, {Op::logical_or, Op::any},
};

// The dims of one call.
struct Dimensions {
  Shape kept;        // sizes
  Shape result;      // with keepdim
  Dims order;        // kept dims, then those that vanish
  int64_t count = 1; // elements that one result is made of

  Dimensions(const ReductionOp& op, const Meta& m, const Dims& dims, bool keepdim, const Loc& loc) {
    std::array<bool, kMaxRank> chosen{};
    for (int64_t d : dims) {
      bool& is_chosen = chosen[static_cast<size_t>(normalize_dim(d, m.rank, op.name.c_str(), loc))];
      if (is_chosen) refuse(op.name, ErrorKind::index, "dims must differ, got " + dims.str(), loc);
      is_chosen = true;
    }
    Dims vanishing;
    for (int k = 0; k < m.rank; k++) {
      if (dims.empty() || chosen[static_cast<size_t>(k)]) {
        count *= m.sizes[k];
        vanishing.push_back(k);
        if (keepdim) result.push_back(1);
      } else {
        kept.push_back(m.sizes[k]);
        order.push_back(k);
        result.push_back(m.sizes[k]);
      }
    }
    for (int64_t d : vanishing)
      order.push_back(d);
  }
};

Tensor combine(const ReductionOp& op, Tensor a, Tensor b) {
  const Arg left(std::move(a)), right(std::move(b));
  const Arg* list[] = {&left, &right};
  return op.formulas[1](list).tensor;
}

// Integers as what combine makes of them: one element is of the dtype that several are of.
Tensor as_combined(const ReductionOp& op, const Tensor& x) {
  if (is_floating(x.dtype())) return x;
  const Tensor none = full({0}, 0, x.dtype(), x.device());
  return x.to(combine(op, none, none).dtype());
}

// Neighbours are combined, so the order of elements is kept. An odd last element waits on the
// right.
Tensor combine_tree(const ReductionOp& op, const Tensor& x, const Dimensions& d) {
  Shape rows = d.kept;
  rows.push_back(d.count);
  const int last = d.kept.size();
  Tensor t = reshape(x.rank() > 1 ? permute(x, d.order) : x, rows), tail;
  for (int64_t n = d.count; n > 1; n /= 2) {
    if (n % 2) {
      Tensor odd = slice(t, last, n - 1, n);
      tail = tail.defined() ? combine(op, std::move(odd), std::move(tail)) : std::move(odd);
    }
    Tensor left = slice(t, last, 0, n - n % 2, 2), right = slice(t, last, 1, n - n % 2, 2);
    t = combine(op, std::move(left), std::move(right));
  }
  if (tail.defined()) t = combine(op, std::move(t), std::move(tail));
  t = reshape(t, d.result);
  return d.count == 1 ? t.clone() : t; // which may be a view of x
}

Tensor of_nothing(const ReductionOp& op, const Tensor& x, const Dimensions& d, const Loc& loc) {
  if (!op.identity)
    refuse(op.name, ErrorKind::shape,
           "there must be elements where the op has no identity, got " + describe(x.impl()->meta),
           loc);
  const double v = *op.identity;
  if (is_floating(x.dtype())) return full(d.result, v, x.dtype(), x.device());
  if (v != std::floor(v) || std::abs(v) > 9007199254740992.0)
    refuse(op.name, ErrorKind::dtype,
           "the identity must be a number of the elements' dtype, got " + std::to_string(v) +
               " for " + describe(x.impl()->meta),
           loc);
  return full(d.result, static_cast<int64_t>(v), x.dtype(), x.device());
}

Tensor reduce(const ReductionOp& op, const Arg& x, const Dims& dims, bool keepdim,
              const std::vector<Scalar>& numbers) {
  const Loc& loc = x.loc();
  const Meta m = x.impl()->meta;
  const Dimensions d(op, m, dims, keepdim, loc);
  std::vector<std::optional<Arg>> own(numbers.size());
  std::vector<const Arg*> rest;
  for (size_t k = 0; k < numbers.size(); k++)
    rest.push_back(&own[k].emplace(numbers[k], loc));

  const Arg wide(composite::widened(x), loc);
  std::vector<const Arg*> inputs{&wide};
  inputs.insert(inputs.end(), rest.begin(), rest.end());
  Tensor mapped = op.formulas[0](inputs).tensor;
  Tensor a;
  if (op.built_in && (d.count > 0 || !info(*op.built_in).needs_elements)) {
    a = weft::reduction(*op.built_in, Arg(std::move(mapped), loc), dims, keepdim);
  } else {
    mapped = as_combined(op, mapped);
    a = d.count > 0 ? combine_tree(op, mapped, d) : of_nothing(op, mapped, d, loc);
  }

  const Arg combined(std::move(a), loc), count(d.count, loc);
  inputs = {&combined, &count};
  inputs.insert(inputs.end(), rest.begin(), rest.end());
  Tensor y = op.formulas[2](inputs).tensor;
  return is_half(m.dtype) && is_floating(y.dtype()) ? y.to(m.dtype, loc) : y;
}

bool close(const Scalar& a, const Scalar& b) {
  const double x = a.to_double(), y = b.to_double();
  return x == y || !(std::abs(x - y) > 1e-6 * std::max(std::abs(x), std::abs(y)));
}

std::string text_of(const Scalar& s) {
  std::string t = std::to_string(s.to_double());
  while (t.find('.') != std::string::npos && (t.back() == '0' || t.back() == '.')) {
    const bool point = t.back() == '.';
    t.pop_back();
    if (point) break;
  }
  return t;
}

using Samples = std::vector<Scalar>;

// Mistakes that show with sample numbers: a - b is not associative, 0 is no identity of a * b.
void check_meaning(const ReductionOp& op, const Samples& samples, const Loc& loc) {
  auto of = [&](Scalar a, Scalar b) {
    const Scalar list[] = {a, b};
    return op.formulas[1](list);
  };
  for (const Scalar& a : samples)
    for (const Scalar& b : samples)
      for (const Scalar& c : samples) {
        const Scalar left = of(of(a, b), c), right = of(a, of(b, c));
        if (!close(left, right))
          refuse(op.name, ErrorKind::value,
                 "combine: must be associative, got " + text_of(left) + " for (" + text_of(a) +
                     ", " + text_of(b) + "), " + text_of(c) + " and " + text_of(right) + " for " +
                     text_of(a) + ", (" + text_of(b) + ", " + text_of(c) + ")",
                 loc);
      }
  if (!op.identity) return;
  const double e = *op.identity;
  const bool whole =
      samples[0].kind == Scalar::Kind::integer && std::abs(e) < 1e15 && e == std::floor(e);
  const Scalar identity = op.formulas[1].is_mask() ? Scalar(e != 0)
                          : whole                  ? Scalar(static_cast<int64_t>(e))
                                                   : Scalar(e);
  for (const Scalar& a : samples)
    for (const Scalar& got : {of(identity, a), of(a, identity)})
      if (!close(got, a))
        refuse(op.name, ErrorKind::value,
               "identity: must leave every number as it is, got " + text_of(identity) +
                   ", which makes " + text_of(got) + " of " + text_of(a),
               loc);
}

// What combines bits takes integers alone.
void check_meaning(const ReductionOp& op, const Loc& loc) {
  if (op.formulas[1].is_mask()) return check_meaning(op, Samples{false, true}, loc);
  try {
    check_meaning(op, Samples{0.25, 0.5, 0.75}, loc);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::dtype) throw;
    under_name(op.name, loc, [&] { check_meaning(op, Samples{1, 2, 3}, loc); });
  }
}

void require_read(const ReductionOp& op, size_t formula, int input, const char* what,
                  const Loc& loc) {
  if (!op.formulas[formula].reads(input))
    refuse(op.name, ErrorKind::value, std::string(what) + ", got one that does not", loc);
}

} // namespace

Tensor Reduction::operator()(const Arg& x, const Dims& dims, bool keepdim,
                             const std::vector<Scalar>& numbers) const {
  const LocScope scope(x.loc());
  require_tensor(x, op_->name.c_str());
  if (numbers.size() != op_->numbers)
    refuse(op_->name, ErrorKind::value,
           "the op must be called with " + std::to_string(op_->numbers) +
               (op_->numbers == 1 ? " number" : " numbers") + ", got " +
               std::to_string(numbers.size()),
           x.loc());
  return under_name(op_->name, x.loc(), [&] { return reduce(*op_, x, dims, keepdim, numbers); });
}

const std::string& Reduction::name() const { return op_->name; }

Reduction reduction(std::string name, const ReductionOptions& options, Loc loc) {
  const LocScope scope(loc);
  auto op = std::make_shared<ReductionOp>();
  op->name = name.empty() ? "custom" : std::move(name);
  op->numbers = options.numbers.size();
  op->identity = options.identity;
  std::vector<Input> map{{"x"}}, combine{{"a"}, {"b"}},
      finish{{"a"}, {"n", expr::Type::number, true}};
  for (const std::string& n : options.numbers) {
    map.push_back({n, expr::Type::number, true});
    finish.push_back({n, expr::Type::number, true});
  }
  check_names(map, op->name, loc);
  check_names(finish, op->name, loc);
  op->formulas.push_back(parse(options.map, map, op->name, "map", loc));
  require_read(*op, 0, 0, "map: must depend on x", loc);
  const bool mask = op->formulas[0].is_mask();
  if (mask) combine[0].type = combine[1].type = finish[0].type = expr::Type::boolean;
  op->formulas.push_back(parse(options.combine, combine, op->name, "combine", loc));
  if (op->formulas[1].is_mask() != mask)
    refuse(op->name, ErrorKind::value,
           std::string("combine: must be a ") +
               (mask ? "bool, as map is, got a number" : "number, as map is, got a bool"),
           loc);
  if (!op->formulas[1].reads(0)) require_read(*op, 1, 1, "combine: must depend on a or b", loc);
  op->formulas.push_back(parse(options.finish, finish, op->name, "finish", loc));
  require_read(*op, 2, 0, "finish: must depend on a", loc);
  Op one{};
  if (op->formulas[1].is_one_op(one))
    for (const BuiltIn& b : kBuiltIn)
      if (b.combine == one) op->built_in = b.reduction;
  check_meaning(*op, loc);
  return Reduction(std::move(op));
}

} // namespace weft::custom
