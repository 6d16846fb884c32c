// Connectionist temporal classification (Graves et al., "Connectionist temporal classification:
// labelling unsegmented sequence data with recurrent neural networks", ICML 2006): the forward
// recursion of section 4.1, in logarithms. All samples run side by side; a sample that has ended
// keeps its state.

#include "runtime/composite/composite.h"
#include "runtime/core/refusal.h"

namespace weft {

namespace {

using composite::refuse;

constexpr const char* kName = "ctc_loss";
// Stands for the logarithm of 0: its sums stay finite, so that no gradient meets inf - inf.
constexpr double kNever = -1e30;

// Operands of a batch: x [T, N, C], targets [N, S], lengths [N].
struct Batch {
  Tensor x, targets, input_lengths, target_lengths;
  int64_t steps, samples, classes, labels;
};

Tensor counts(int64_t n, const Tensor& beside) {
  return arange(0, n, 1, std::nullopt, beside.device());
}

void check_lengths(const char* name, const Tensor& lengths, int64_t samples, bool is_batch,
                   const Loc& loc) {
  composite::require_given(kName, name, lengths, loc);
  const Meta& m = lengths.impl()->meta;
  bool fits = m.shape() == Shape{samples} || (!is_batch && m.rank == 0);
  if (!fits || is_floating(m.dtype) || m.dtype == boolean)
    refuse(kName, fits ? ErrorKind::dtype : ErrorKind::shape,
           std::string(name) + " must have one integer a sample, got " + describe(m) + " for " +
               std::to_string(samples) + " samples",
           loc);
}

// Lengths, once they are known to be no more than there is.
Tensor checked_lengths(const Tensor& lengths, const Batch& batch, int64_t most) {
  const RefusalWords words("ctc_loss: lengths must be at least 0 and below {limit}, got one that "
                           "is not");
  return checked_index(reshape(lengths, {batch.samples}).to(i64), most + 1, 0);
}

// Targets that follow each other in one row, as a row a sample: sizes depend on values.
Tensor rows_of(const Tensor& flat, const Tensor& lengths, const Loc& loc) {
  if (lengths.numel() == 0) return flat.reshape({0, 0});
  int64_t most = max(lengths).item<int64_t>(), total = sum(lengths).item<int64_t>();
  if (total != flat.numel())
    refuse(kName, ErrorKind::shape,
           "targets in one row must be as many as target_lengths add up to, got " +
               describe(flat.impl()->meta) + " for " + std::to_string(total),
           loc);
  Tensor from = unsqueeze(cumsum(lengths, 0) - lengths, 1) + counts(most, flat);
  return take(flat, minimum(from, std::max<int64_t>(total - 1, 0)));
}

Batch batch_of(const Arg& log_probs, const Tensor& targets, const Tensor& input_lengths,
               const Tensor& target_lengths) {
  const Loc& loc = log_probs.loc();
  composite::require_floating(kName, log_probs);
  composite::require_given(kName, "targets", targets, loc);
  Batch b;
  b.x = composite::widened(log_probs);
  const bool is_batch = b.x.dim() == 3;
  if (!is_batch && b.x.dim() != 2)
    refuse(kName, ErrorKind::shape,
           "log_probs must be [T, N, C] or [T, C], got " + describe(b.x.impl()->meta), loc);
  if (is_floating(targets.dtype()) || targets.dtype() == boolean)
    refuse(kName, ErrorKind::dtype,
           "targets must be classes as integers, got " + describe(targets.impl()->meta), loc);
  if (!is_batch) b.x = unsqueeze(b.x, 1);
  b.steps = b.x.size(0), b.samples = b.x.size(1), b.classes = b.x.size(2);
  check_lengths("input_lengths", input_lengths, b.samples, is_batch, loc);
  check_lengths("target_lengths", target_lengths, b.samples, is_batch, loc);
  bool is_flat = targets.dim() == 1;
  if (!is_flat && (targets.dim() != 2 || targets.size(0) != b.samples))
    refuse(kName, ErrorKind::shape,
           "targets must be [N, S], or all in one row, got " + describe(targets.impl()->meta) +
               " for " + std::to_string(b.samples) + " samples",
           loc);
  b.targets = targets.to(i64);
  Tensor lengths = reshape(target_lengths, {b.samples}).to(i64);
  if (is_flat) b.targets = rows_of(b.targets, checked_lengths(lengths, b, targets.numel()), loc);
  b.labels = b.targets.size(1);
  b.target_lengths = checked_lengths(lengths, b, b.labels);
  b.input_lengths = checked_lengths(input_lengths, b, b.steps);
  return b;
}

// [N, 2 S + 1]: the targets with a blank before, between and behind them.
Tensor with_blanks(const Batch& b, int64_t blank) {
  const RefusalWords words("ctc_loss: targets must be classes below {limit}, got one that is not");
  Tensor is_label = counts(b.labels, b.x) < unsqueeze(b.target_lengths, 1);
  Tensor labels = checked_index(where(is_label, b.targets, blank), b.classes);
  Tensor pairs = stack({full_like(labels, blank), std::move(labels)}, 2);
  pairs = reshape(std::move(pairs), {b.samples, 2 * b.labels});
  return concatenate({std::move(pairs), full({b.samples, 1}, blank, i64, b.x.device())}, 1);
}

// States moved `by` places to the right, over which nothing comes in.
Tensor moved(const Tensor& states, int64_t by) {
  return slice(pad(states, {by, 0}, "constant", kNever), 1, 0, states.size(1));
}

Tensor log_add(const Tensor& a, const Tensor& b, const Tensor& c) {
  Tensor most = maximum(maximum(a, b), c).detach();
  return log(exp(a - most) + exp(b - most) + exp(c - most)) + most;
}

// The logarithm of the probability of each sample's targets, or less than kNever / 2 where there is
// no way to them.
Tensor log_likelihood(const Batch& b, const Tensor& path) {
  const int64_t states = path.size(1);
  Tensor emitted = maximum(gather(b.x, 2, path.expand({b.steps, b.samples, states})), kNever);
  Tensor place = counts(states, b.x);
  // Two places at once: over a blank between labels that differ.
  Tensor skips = logical_and(place % 2 == 1, path != roll(path, 2, 1));
  skips = logical_and(std::move(skips), place >= 2);
  Tensor state =
      where(place == 0, 0.0, full({b.samples, states}, kNever, b.x.dtype(), b.x.device()));
  for (int64_t t = 0; t < b.steps; t++) {
    Tensor next = t == 0 ? where(place < 2, 0.0, full_like(state, kNever))
                         : log_add(state, moved(state, 1), where(skips, moved(state, 2), kNever));
    next = maximum(std::move(next) + select(emitted, 0, t), kNever);
    state = where(unsqueeze(t < b.input_lengths, 1), std::move(next), std::move(state));
  }
  Tensor last = unsqueeze(2 * b.target_lengths, 1);
  Tensor on_blank = gather(state, 1, last);
  Tensor on_label = where(last > 0, gather(state, 1, maximum(last - 1, 0)), kNever);
  return squeeze(log_add(on_blank, on_label, full_like(on_blank, kNever)), 1);
}

} // namespace

Tensor ctc_loss(const Arg& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank, Reduce reduction, bool zero_infinity) {
  OpScope scope(log_probs.loc());
  require_tensor(log_probs, kName);
  auto device = composite::beside(log_probs);
  composite::require_common(kName, reduction, log_probs.loc());
  Batch b = batch_of(log_probs, targets, input_lengths, target_lengths);
  if (blank < 0 || blank >= b.classes)
    refuse(kName, ErrorKind::index,
           "blank must be a class below " + std::to_string(b.classes) + ", got " +
               std::to_string(blank),
           log_probs.loc());
  Tensor likelihood = log_likelihood(b, with_blanks(b, blank));
  // The gradient is for log_probs that a log_softmax made, with whose own it is one: exp(x) less
  // the share of the ways that pass each class. What is added is 0.
  Tensor probability = exp(b.x);
  Tensor runs = unsqueeze(unsqueeze(counts(b.steps, b.x), 1) < b.input_lengths, 2);
  Tensor nothing = sum(where(runs, probability - probability.detach(), 0.0), {0, 2});
  Tensor is_never = likelihood < kNever / 2;
  Tensor loss = where(is_never, zero_infinity ? 0.0 : std::numeric_limits<double>::infinity(),
                      nothing - likelihood);
  if (reduction == Reduce::mean) loss = std::move(loss) / maximum(b.target_lengths, 1);
  loss = composite::reduced(std::move(loss), reduction);
  if (log_probs.impl()->meta.rank == 2 && reduction == Reduce::none)
    loss = reshape(std::move(loss), {});
  return loss.to(log_probs.impl()->meta.dtype);
}

} // namespace weft
