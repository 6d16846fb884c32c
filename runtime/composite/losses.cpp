// Losses. cross_entropy compares the targets with the numbers of the classes instead of gathering:
// so it is made of pointwise ops and reductions alone, which fuse, and its gradient needs no
// scatter.

#include "runtime/composite/composite.h"
#include "runtime/composite/rows.h"
#include "runtime/core/fail_at.h"
#include "runtime/core/refusal.h"

namespace weft {

namespace {

void check_target(const Arg& x, const Tensor& target, int64_t class_dim) {
  const Meta& m = x.impl()->meta;
  Arg t(target, x.loc());
  const Meta& tm = require_tensor(t, "cross_entropy").meta;
  if (tm.dtype != i64)
    fail_at(ErrorKind::dtype, "cross_entropy: targets must be classes as i64, got " + describe(tm),
            x.loc());
  Shape wanted;
  for (int k = 0; k < m.rank; k++)
    if (k != class_dim) wanted.push_back(m.sizes[k]);
  if (tm.shape() != wanted)
    fail_at(ErrorKind::shape,
            "cross_entropy: targets must have the shape " + wanted.str() + ", got " + describe(tm) +
                " for " + describe(m),
            x.loc());
}

// The targets, once they are known to be classes.
Tensor checked_target(const Tensor& target, int64_t classes, int64_t ignore_index) {
  const RefusalWords words("cross_entropy: targets must be classes below {limit} or ignore_index "
                           "{ignore}, got one that is neither");
  return checked_index(target, classes, ignore_index);
}

// Targets that are probabilities: every class counts, by its share.
Tensor soft_cross_entropy(const Arg& x, const Tensor& target, const Tensor& weight,
                          const Shape& along_classes, int64_t dim, Reduce reduction,
                          double label_smoothing) {
  const Meta m = x.impl()->meta;
  if (target.shape() != m.shape())
    fail_at(ErrorKind::shape,
            "cross_entropy: targets that are probabilities must have the shape of x, got " +
                describe(target.impl()->meta) + " for " + describe(m),
            x.loc());
  Tensor shares = target;
  if (label_smoothing > 0)
    shares = target * (1 - label_smoothing) +
             label_smoothing / static_cast<double>(m.sizes[static_cast<size_t>(dim)]);
  Tensor loss = -log_softmax(composite::widened(x), dim) * std::move(shares);
  if (weight.defined()) loss = std::move(loss) * reshape(weight, along_classes);
  loss = sum(std::move(loss), dim);
  double positions = static_cast<double>(loss.numel());
  if (reduction == Reduce::none) return loss.to(m.dtype);
  loss = sum(std::move(loss));
  return (reduction == Reduce::sum ? loss : loss / positions).to(m.dtype);
}

// The loss of each row of x where no other class has a part in it and nobody sees what lies
// between: no logarithm but the target's is made. No tensor where the ops have to do it.
Tensor losses_of_rows(const Arg& x, const Tensor& index, const Tensor& valid, int64_t dim) {
  if (dim + 1 != x.impl()->meta.rank) return {};
  const composite::RowSums sums = composite::softmax_sums("cross_entropy", x.tensor());
  if (!sums.totals.defined()) return {};
  Tensor at = gather(x, dim, unsqueeze(where(valid, index, 0), dim));
  Tensor loss = log(sums.totals) - (composite::widened(at) - sums.highest);
  return where(valid, squeeze(loss, dim), 0.0);
}

} // namespace

Tensor cross_entropy(const Arg& x, const Tensor& target, const Tensor& weight, int64_t ignore_index,
                     Reduce reduction, double label_smoothing) {
  OpScope scope(x.loc());
  composite::require_floating("cross_entropy", x);
  composite::require_common("cross_entropy", reduction, x.loc());
  const Meta m = x.impl()->meta;
  if (m.rank == 0)
    fail_at(ErrorKind::shape, "cross_entropy: x must have a dim of classes, got " + describe(m),
            x.loc());
  int64_t dim = m.rank == 1 ? 0 : 1, classes = m.sizes[dim];
  if (!target.defined() || !is_floating(target.dtype())) check_target(x, target, dim);
  if (weight.defined() && weight.shape() != Shape{classes})
    fail_at(ErrorKind::shape,
            "cross_entropy: weight must have one element a class, got " +
                describe(weight.impl()->meta) + " for " + describe(m),
            x.loc());
  if (!(label_smoothing >= 0 && label_smoothing <= 1))
    fail_at(ErrorKind::value,
            "cross_entropy: label_smoothing must be in 0 .. 1, got " +
                std::to_string(label_smoothing),
            x.loc());

  Shape along_classes = Ints::filled(m.rank, 1);
  along_classes[static_cast<int>(dim)] = classes;
  if (is_floating(target.dtype()))
    return soft_cross_entropy(x, target, weight, along_classes, dim, reduction, label_smoothing);
  Tensor index = checked_target(target, classes, ignore_index);
  // An ignored target hits no class, unless it is the number of one.
  bool ignores_class = ignore_index >= 0 && ignore_index < classes;
  Tensor valid = index != ignore_index, hit, loss;
  if (!weight.defined() && label_smoothing == 0) loss = losses_of_rows(x, index, valid, dim);
  if (!loss.defined()) {
    hit = unsqueeze(index, dim) ==
          reshape(arange(0, classes, 1, std::nullopt, target.device()), along_classes);
    loss = -log_softmax(composite::widened(x), dim);
    if (weight.defined()) loss = std::move(loss) * reshape(weight, along_classes);
    if (ignores_class) hit = logical_and(std::move(hit), unsqueeze(valid, dim));
    if (label_smoothing > 0) {
      Tensor spread = where(valid, sum(loss, dim), 0.0);
      loss = sum(where(hit, std::move(loss), 0.0), dim) * (1 - label_smoothing) +
             std::move(spread) * (label_smoothing / static_cast<double>(classes));
    } else {
      loss = sum(where(hit, std::move(loss), 0.0), dim);
    }
  }
  if (reduction == Reduce::none) return loss.to(m.dtype);
  loss = sum(std::move(loss));
  if (reduction == Reduce::sum) return loss.to(m.dtype);
  Tensor total = weight.defined() ? sum(where(hit, reshape(weight, along_classes), 0.0))
                                  : sum(valid.to(loss.dtype()));
  return (std::move(loss) / std::move(total)).to(m.dtype);
}

Tensor mse_loss(const Arg& x, const Tensor& target, Reduce reduction, const Tensor& weight) {
  OpScope scope(x.loc());
  const Shape shape = require_tensor(x, "mse_loss").meta.shape();
  composite::require_common("mse_loss", reduction, x.loc());
  composite::require_shape("mse_loss", "weight", weight, shape, x.loc());
  Tensor difference = sub(x, target);
  return composite::reduced(difference * difference, weight, reduction);
}

} // namespace weft
