#include "runtime/autograd/vjp_context.h"

#include "runtime/autograd/recipe.h"
#include "runtime/core/region_hook.h"

#include <fmt/format.h>

namespace weft {

Tensor reduce_to(const Tensor& g, const Shape& shape) {
  Shape from = g.shape();
  if (from == shape) return g;
  int leading = from.size() - shape.size();
  Dims dims;
  for (int k = 0; k < leading; k++)
    dims.push_back(k);
  for (int k = 0; k < shape.size(); k++)
    if (shape[k] == 1 && from[leading + k] != 1) dims.push_back(leading + k);
  if (dims.empty()) return reshape(g, shape);
  if (dims.size() == leading) return sum(g, dims, false);
  Tensor summed = sum(g, dims, true);
  return leading ? reshape(summed, shape) : summed;
}

namespace {

uint32_t version_of(const TensorImpl* t) {
  return t->storage->version.load(std::memory_order_relaxed);
}

bool is_changed(const TensorImpl* t, uint32_t saved) { return version_of(t) != saved; }

} // namespace

VjpContext::VjpContext(GradNode& node, Tensor dy) : node_(node), dy_(std::move(dy)) {
  if (node.operand_count > std::size(inline_slots_)) {
    more_slots_ = std::make_unique<Slot[]>(node.operand_count);
    slots_ = more_slots_.get();
  }
}

Scalar VjpContext::scalar(int i) const {
  int operands = 0;
  for (int k = 0; k < operand_count(); k++)
    operands += is_scalar(k);
  return node_.scalars()[operands + i];
}

void VjpContext::widen() {
  wide_ = is_half(node_.dtype);
  widened(dy_);
}

const Tensor& VjpContext::widened(Tensor& t) const {
  if (wide_ && is_half(t.impl()->meta.dtype)) t = t.to(DType::f32);
  return t;
}

Arg VjpContext::operand(int k) {
  if (!is_scalar(k)) {
    tensor(k);
    return Arg(widened(slots_[k].value), node_.loc);
  }
  int before = 0;
  for (int j = 0; j < k; j++)
    before += is_scalar(j);
  const Scalar& number = node_.scalars()[before];
  if (node_.dtype != DType::f64) return Arg(number, node_.loc);
  // An op of numbers alone computes in f32: a tensor keeps what follows in f64.
  Tensor& value = slots_[k].value;
  if (!value.defined()) value = full({}, number, DType::f64);
  return Arg(value, node_.loc);
}

void VjpContext::refuse_changed(const TensorImpl* t, uint32_t saved,
                                const std::string& what) const {
  throw Error(ErrorKind::autograd,
              fmt::format("{}: {}, {}, must not be changed in place before backward, which reads "
                          "it; it was saved at version {} and is at version {}",
                          info(node_.op).name, what, describe(t->meta), saved, version_of(t)),
              node_.loc);
}

void VjpContext::attach(TensorImpl* t, GradNode* source) {
  if (!grad_mode || !source || t->autograd) return;
  source->retain();
  t->autograd = source;
  t->is_leaf = false;
  t->meta.requires_grad = 1;
}

const Tensor& VjpContext::tensor(int k) {
  Tensor& value = slots_[k].value;
  if (value.defined()) return value;
  const GradOperand& saved = node_.operands()[k];
  if (!saved.value)
    throw Error(ErrorKind::internal,
                fmt::format("{}: operand {} was not saved", info(node_.op).name, k + 1), node_.loc);
  if (is_changed(saved.value, saved.version))
    refuse_changed(saved.value, saved.version, fmt::format("operand {}", k + 1));
  value = unpack_saved(saved.value);
  attach(value.impl(), saved.edge.node());
  return value;
}

const Tensor& VjpContext::result() {
  if (result_.defined()) return widened(result_);
  const GradOperand* saved = node_.result();
  if (!saved || !saved->value)
    throw Error(ErrorKind::internal,
                fmt::format("{}: its result was not saved", info(node_.op).name), node_.loc);
  if (is_changed(saved->value, saved->version))
    refuse_changed(saved->value, saved->version, "its result");
  result_ = unpack_saved(saved->value);
  attach(result_.impl(), &node_);
  return widened(result_);
}

const Meta& VjpContext::operand_meta(int k) {
  int32_t meta = node_.operands()[k].meta;
  if (meta >= 0) return node_.metas()[meta];
  return meta_.emplace(make_meta(node_.result_shape(), node_.dtype, dy_.device()));
}

void VjpContext::set(int k, Tensor gradient) {
  if (!needs(k)) return;
  const GradOperand& operand = node_.operands()[k];
  const Meta* target = operand.meta >= 0 ? node_.metas() + operand.meta : nullptr;
  std::span<const int64_t> sizes(target ? target->sizes : node_.result_sizes(),
                                 target ? target->rank : node_.rank);
  const Meta& given = gradient.impl()->meta;
  bool same = given.rank == sizes.size();
  for (size_t d = 0; same && d < sizes.size(); d++)
    same = given.sizes[d] == sizes[d];
  if (!same) gradient = reduce_to(gradient, Shape(sizes));
  DType dtype = target ? target->dtype : node_.dtype;
  if (gradient.impl()->meta.dtype != dtype) gradient = gradient.to(dtype);
  // Of an operand that lay on another device: one that was moved, or of the CPU and without dims.
  if (target && gradient.impl()->meta.device != target->device)
    gradient = gradient.to(target->device);
  slots_[k].gradient = std::move(gradient);
}

Tensor VjpContext::scaled(const Tensor& t, const Scalar& factor) {
  const bool is_same = !current_session && factor.to_double() == 1;
  return is_same ? t : mul(t, factor);
}

bool VjpContext::is_fresh(int k) const {
  const TensorImpl* g = slots_[k].gradient.impl();
  if (!g->meta.contiguous || g->storage == dy_.impl()->storage) return false;
  if (result_.defined() && g->storage == result_.impl()->storage) return false;
  for (int j = 0; j < operand_count(); j++) {
    const Slot& other = slots_[j];
    if (other.value.defined() && other.value.impl()->storage == g->storage) return false;
    if (j != k && other.gradient.defined() && other.gradient.impl()->storage == g->storage)
      return false;
  }
  return true;
}

} // namespace weft
