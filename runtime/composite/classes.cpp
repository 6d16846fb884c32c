// Classes by number: one_hot and the loss that picks the target's log-probability.

#include "runtime/composite/index_operands.h"
#include "runtime/core/refusal.h"

namespace weft {

using composite::refuse;

namespace {
constexpr int64_t kMostClass = int64_t{1} << 62;
}

Tensor one_hot(const Arg& x, int64_t num_classes) {
  OpScope scope(x.loc());
  const Loc& loc = x.loc();
  require_tensor(x, "one_hot");
  Tensor classes = composite::as_index("one_hot", x.tensor(), loc);
  int64_t count = num_classes;
  if (count == -1) {
    if (classes.numel() == 0)
      refuse("one_hot", ErrorKind::value,
             "num_classes must be given where there are no classes, got -1", loc);
    const int64_t most = max(Arg(classes, loc)).item<int64_t>(loc);
    if (most < 0 || most > kMostClass)
      refuse("one_hot", ErrorKind::value,
             "classes must be in 0 .. 2^62 where num_classes is not given, got " +
                 std::to_string(most),
             loc);
    count = most + 1;
  }
  if (count < 1)
    refuse("one_hot", ErrorKind::value,
           "num_classes must be at least 1, or -1, got " + std::to_string(num_classes), loc);
  const RefusalWords words("one_hot: classes must be below {limit}, got one that is not");
  classes = checked_index(Arg(classes, loc), count, 0);
  return (unsqueeze(classes, -1) == composite::positions(count, classes.device(), loc))
      .to(i64, loc);
}

namespace {

// The target of each position, and where it counts.
struct Targets {
  Tensor at, counts;
};

Targets targets_of(const Arg& x, const Tensor& target, int64_t dim, int64_t ignore_index) {
  const Meta& m = x.impl()->meta;
  Tensor classes = composite::as_index("nll_loss", target, x.loc());
  Shape wanted;
  for (int k = 0; k < m.rank; k++)
    if (k != dim) wanted.push_back(m.sizes[k]);
  if (classes.shape() != wanted)
    refuse("nll_loss", ErrorKind::shape,
           "targets must have the shape " + wanted.str() + ", got " +
               describe(target.impl()->meta) + " for " + describe(m),
           x.loc());
  const RefusalWords words("nll_loss: targets must be classes below {limit} or ignore_index "
                           "{ignore}, got one that is neither");
  classes = checked_index(Arg(classes, x.loc()), m.sizes[dim], ignore_index);
  Tensor counts = classes != ignore_index;
  return {where(counts, std::move(classes), 0), counts};
}

} // namespace

Tensor nll_loss(const Arg& x, const Tensor& target, const Tensor& weight, int64_t ignore_index,
                Reduce reduction) {
  OpScope scope(x.loc());
  composite::require_floating("nll_loss", x);
  const Meta m = x.impl()->meta;
  if (m.rank == 0)
    refuse("nll_loss", ErrorKind::shape, "x must have a dim of classes, got " + describe(m),
           x.loc());
  const int dim = m.rank == 1 ? 0 : 1;
  if (weight.defined() && weight.shape() != Shape{m.sizes[dim]})
    refuse("nll_loss", ErrorKind::shape,
           "weight must have one element a class, got " + describe(weight.impl()->meta) + " for " +
               describe(m),
           x.loc());
  auto [at, counts] = targets_of(x, target, dim, ignore_index);
  Tensor wide = composite::widened(x);
  Tensor loss = -squeeze(composite::gather_along(wide, dim, unsqueeze(at, dim), x.loc()), dim);
  Tensor share = counts.to(wide.dtype());
  if (weight.defined()) {
    Tensor of_target = index_select(weight.to(wide.dtype()), 0, reshape(at, {at.numel()}));
    share = where(counts, reshape(of_target, at.shape()), 0.0);
  }
  loss = where(counts, std::move(loss) * share, 0.0);
  if (reduction == Reduce::none) return loss.to(m.dtype);
  loss = sum(std::move(loss));
  return (reduction == Reduce::sum ? loss : std::move(loss) / sum(share)).to(m.dtype);
}

} // namespace weft
