// Losses over several classes at once, which compare each class with the targets.

#include "runtime/composite/index_operands.h"
#include "runtime/core/refusal.h"

namespace weft {

namespace {

using composite::reduced;
using composite::refuse;

// What these losses start with; returns the number of classes.
int64_t classes_of(const char* op, const Arg& x, const Tensor& target, Reduce reduction) {
  composite::require_floating(op, x);
  composite::require_given(op, "target", target, x.loc());
  composite::require_common(op, reduction, x.loc());
  const Meta& m = x.impl()->meta;
  if (m.rank < 1 || m.rank > 2 || m.sizes[m.rank - 1] == 0)
    refuse(op, ErrorKind::shape, "x must be [N, C] or [C], got " + describe(m), x.loc());
  return m.sizes[m.rank - 1];
}

Tensor numbers_of_classes(int64_t classes, const Arg& x) {
  return composite::positions(classes, x.impl()->meta.device, x.loc());
}

} // namespace

Tensor multi_margin_loss(const Arg& x, const Tensor& target, int64_t p, double margin,
                         const Tensor& weight, Reduce reduction) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "multi_margin_loss").meta;
  const int64_t classes = classes_of("multi_margin_loss", x, target, reduction);
  Shape wanted = m.rank == 2 ? Shape{m.sizes[0]} : Shape{};
  Tensor list = composite::as_index("multi_margin_loss", target, x.loc());
  if (list.shape() != wanted && !(m.rank == 1 && list.shape() == Shape{1}))
    refuse("multi_margin_loss", ErrorKind::shape,
           "target must have the shape " + wanted.str() + ", got " + describe(target.impl()->meta) +
               " for " + describe(m),
           x.loc());
  if (p != 1 && p != 2)
    refuse("multi_margin_loss", ErrorKind::value, "p must be 1 or 2, got " + std::to_string(p),
           x.loc());
  composite::require_shape("multi_margin_loss", "weight", weight, {classes}, x.loc());
  const RefusalWords words("multi_margin_loss: targets must be classes below {limit}, got one "
                           "that is not");
  Tensor at = unsqueeze(checked_index(reshape(list, wanted), classes, 0), -1); // [N, 1]
  Tensor wide = composite::widened(x), own = gather(wide, -1, at);
  Tensor short_of = wide - own + margin;
  short_of = where(short_of > 0, short_of, 0); // NaN falls short of nothing, as in PyTorch
  if (p == 2) short_of = short_of * short_of;
  if (weight.defined()) {
    Tensor factors = index_select(weight.to(wide.dtype()), 0, reshape(at, {-1}));
    short_of = std::move(short_of) * reshape(factors, at.shape());
  }
  Tensor others = at != numbers_of_classes(classes, x);
  Tensor loss = sum(where(others, std::move(short_of), 0), -1) / static_cast<double>(classes);
  return reduced(std::move(loss), reduction).to(m.dtype);
}

// [N, targets, classes] of differences, of which those count whose target is one and whose class is
// none.
Tensor multilabel_margin_loss(const Arg& x, const Tensor& target, Reduce reduction) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "multilabel_margin_loss").meta;
  const int64_t classes = classes_of("multilabel_margin_loss", x, target, reduction);
  Tensor list = composite::as_index("multilabel_margin_loss", target, x.loc());
  if (list.shape() != m.shape())
    refuse("multilabel_margin_loss", ErrorKind::shape,
           "target must have the shape of x, got " + describe(target.impl()->meta) + " for " +
               describe(m),
           x.loc());
  const RefusalWords words("multilabel_margin_loss: targets must be classes below {limit}, got "
                           "one that is not");
  Tensor counts = cumprod((list >= 0).to(i64), -1) != 0; // up to the first negative one
  list = checked_index(where(counts, list, -1), classes, -1);
  Tensor hits = unsqueeze(list, -1) == numbers_of_classes(classes, x);
  Tensor wide = composite::widened(x);
  Tensor of_targets = gather(wide, -1, clamp_min(list, 0));
  Tensor short_of = relu(1 - (unsqueeze(of_targets, -1) - unsqueeze(wide, -2)));
  Tensor matters = logical_and(unsqueeze(counts, -1), logical_not(any(hits, -2, true)));
  Tensor loss = sum(where(std::move(matters), std::move(short_of), 0), {-2, -1});
  return reduced(std::move(loss) / static_cast<double>(classes), reduction).to(m.dtype);
}

Tensor multilabel_soft_margin_loss(const Arg& x, const Tensor& target, const Tensor& weight,
                                   Reduce reduction) {
  OpScope scope(x.loc());
  composite::require_floating("multilabel_soft_margin_loss", x);
  composite::require_given("multilabel_soft_margin_loss", "target", target, x.loc());
  composite::require_common("multilabel_soft_margin_loss", reduction, x.loc());
  const Meta m = x.impl()->meta;
  if (m.rank == 0)
    refuse("multilabel_soft_margin_loss", ErrorKind::shape,
           "x must have a dim of classes, got " + describe(m), x.loc());
  Tensor wide = composite::widened(x);
  Tensor loss = -(target * logsigmoid(wide) + (1 - target) * logsigmoid(-wide));
  if (weight.defined()) loss = std::move(loss) * weight;
  return reduced(mean(std::move(loss), -1), reduction).to(m.dtype);
}

} // namespace weft
