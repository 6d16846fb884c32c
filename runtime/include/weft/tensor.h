// Tensor: a handle to a strided view of a storage. Copies share; views alias.
#pragma once

#include "weft/dtype.h"
#include "weft/error.h"
#include "weft/shape.h"

#include <iosfwd>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weft {

struct TensorImpl;
class Arg;
class HookHandle;
class Index;
class Indexed;
struct ValuesAndIndices;

/// Reference counting of TensorImpl and an error, out of line so that this header stays small.
namespace detail {
void retain(TensorImpl* t);
void release(TensorImpl* t);
[[noreturn]] void refuse_rows(size_t first, size_t other, const Loc& loc);
} // namespace detail

/// A position along a dim, with the source line of the call; negative ones count from the end.
struct Position {
  template <class T>
  requires std::is_integral_v<T> Position(T v, Loc l = Loc::current())
      : value(static_cast<int64_t>(v)), loc(l) {}
  int64_t value;
  Loc loc;
};

class Tensor {
public:
  Tensor() {}
  Tensor(const Tensor& o) : impl_(o.impl_) {
    if (impl_) detail::retain(impl_);
  }
  Tensor(Tensor&& o) noexcept : impl_(std::exchange(o.impl_, nullptr)) {}
  Tensor& operator=(const Tensor& o) & {
    Tensor(o).swap(*this);
    return *this;
  }
  Tensor& operator=(Tensor&& o) & noexcept {
    Tensor(std::move(o)).swap(*this);
    return *this;
  }
  /// Writes into the memory of a temporary, which is a view of another tensor: x[0] = y.
  void operator=(const Arg& source) && { copy_(source); }
  ~Tensor() {
    if (impl_) detail::release(impl_);
  }
  void swap(Tensor& o) noexcept { std::swap(impl_, o.impl_); }
  /// Wraps an implementation whose reference the handle takes over.
  static Tensor adopt(TensorImpl* t) {
    Tensor r;
    r.impl_ = t;
    return r;
  }
  TensorImpl* impl() const { return impl_; }
  /// Gives up the reference without dropping it.
  TensorImpl* detach_handle() { return std::exchange(impl_, nullptr); }

  /// Says whether the handle refers to a tensor at all.
  bool defined() const { return impl_ != nullptr; }

  int rank() const;
  int dim() const { return rank(); }
  Shape shape() const;
  Shape strides() const; ///< In elements.
  /// Returns the size of a dim; negative dims count from the end.
  int64_t size(int64_t dim) const;
  int64_t numel() const;
  DType dtype() const;
  Device device() const;
  bool is_contiguous() const;
  /// Returns a view of one position of the first dim, which vanishes: x[1], x[-1][2].
  Tensor operator[](Position index) const;
  /// Returns what NumPy's indexing selects, to read or to assign to: x[{0, Slice(1, 5), mask}]. See
  /// weft/index.h.
  Indexed operator[](std::initializer_list<Index> entries) const;
  /// Returns what NumPy's indexing selects: a view, or a copy where an entry is a tensor.
  Tensor index(const std::vector<Index>& entries, Loc loc = Loc::current()) const;
  /// Says whether two handles refer to the same tensor object.
  bool is_same(const Tensor& o) const { return impl_ == o.impl_; }
  /// Says whether two tensors are views of one storage.
  bool shares_storage(const Tensor& o) const;
  /// How often the storage was written in place.
  uint32_t version() const;

  /// Returns the value of a tensor with one element, converted to T. Waits for pending work.
  template <class T> T item(Loc loc = Loc::current()) const;
  /// Returns all elements in row-major order, converted to T. Waits for pending work.
  template <class T> std::vector<T> to_vector(Loc loc = Loc::current()) const;
  /// Returns the first element's address. T must be the dtype's C++ type. Waits for pending work.
  /// Of a tensor on a device it is that of a copy, which the next call of data() makes anew.
  /// The pointer is valid until the storage is freed; an op of a compiled region that follows may
  /// be deferred past reads through it (see docs/how_it_works.md, raw pointers).
  template <class T> const T* data(Loc loc = Loc::current()) const;
  template <class T> T* mutable_data(Loc loc = Loc::current()) const;
  std::string str() const;

  // Autograd. A tensor that requires a gradient and was made by the user is a leaf.
  bool requires_grad() const;
  Tensor& requires_grad_(bool on = true, Loc loc = Loc::current());
  bool is_leaf() const;
  /// Returns the accumulated gradient, undefined where there is none: of a leaf, or of a result
  /// that retain_grad() was called on.
  Tensor grad() const;
  void set_grad(const Tensor& g) const;
  /// Adds gradients of this tensor to the leaves' grad. `seed` is needed unless the tensor has one
  /// element. `retain_graph` keeps what the tape saved; `create_graph` records the backward pass.
  void backward(const Tensor& seed = {}, bool retain_graph = false, bool create_graph = false,
                Loc loc = Loc::current()) const;
  /// Makes backward passes keep the gradient of this result, as they do of leaves.
  const Tensor& retain_grad(Loc loc = Loc::current()) const;
  bool retains_grad() const;
  /// Calls `hook(gradient)` in each backward pass, once this tensor's gradient is complete and
  /// before it goes on. A tensor that the hook returns takes the gradient's place, with its dtype
  /// and shape; an undefined one or void leaves it. Hooks run in the order of registration, until
  /// remove() of the handle. A hook that holds the tensor itself keeps it alive. Defined in
  /// weft/autograd.h.
  template <class Hook> HookHandle register_hook(Hook hook, Loc loc = Loc::current()) const;
  /// Calls `hook(leaf)` in each backward pass after the leaf's gradient has been accumulated.
  template <class Hook>
  HookHandle register_post_accumulate_grad_hook(Hook hook, Loc loc = Loc::current()) const;
  /// Returns a tensor with the same memory and no history.
  Tensor detach(Loc loc = Loc::current()) const;
  /// Makes this tensor a leaf without history.
  const Tensor& detach_(Loc loc = Loc::current()) const;

  Tensor to(DType dtype, Loc loc = Loc::current()) const;
  /// Returns the elements on a device, or the tensor itself where they are there. Gradients pass
  /// back; a copy to the CPU waits for pending work.
  Tensor to(Device device, Loc loc = Loc::current()) const;
  Tensor clone(Loc loc = Loc::current()) const;
  Tensor contiguous(Loc loc = Loc::current()) const;
  /// Writes the elements of `source`, broadcast and converted, into this tensor's memory.
  const Tensor& copy_(const Arg& source) const;
  const Tensor& fill_(Scalar value, Loc loc = Loc::current()) const;
  const Tensor& zero_(Loc loc = Loc::current()) const { return fill_(0, loc); }

#include "weft/gen/methods.inc" // every op as a method: x.exp(), x.sum({0}), x.add_(y)

private:
  TensorImpl* impl_ = nullptr;
};

/// An operand of an op: a tensor or a number, with the source line of the call. An rvalue tensor is
/// taken over, so that an op can let go of a temporary before the end of the full expression.
class Arg {
public:
  Arg(const Tensor& t, Loc loc = Loc::current()) : impl_(t.impl()), loc_(loc) {}
  Arg(Tensor&& t, Loc loc = Loc::current()) : impl_(t.detach_handle()), owned_(true), loc_(loc) {}
  template <class T>
  requires std::is_arithmetic_v<T> Arg(T v, Loc loc = Loc::current())
      : scalar_(v), loc_(loc), is_scalar_(true) {}
  Arg(Scalar v, Loc loc = Loc::current()) : scalar_(v), loc_(loc), is_scalar_(true) {}
  Arg(const Arg&) = delete;
  Arg& operator=(const Arg&) = delete;
  ~Arg() { consume(); }

  bool is_scalar() const { return is_scalar_; }
  bool defined() const { return is_scalar_ || impl_; }
  TensorImpl* impl() const { return impl_; }
  const Scalar& scalar() const { return scalar_; }
  const Loc& loc() const { return loc_; }
  /// Returns a handle to the tensor operand.
  Tensor tensor() const {
    if (impl_) detail::retain(impl_);
    return Tensor::adopt(impl_);
  }
  /// Lets go of a temporary; the operand must not be used any more.
  void consume() const {
    if (!owned_) return;
    owned_ = false;
    if (impl_) detail::release(impl_);
  }

private:
  TensorImpl* impl_ = nullptr;
  Scalar scalar_;
  mutable bool owned_ = false;
  Loc loc_;
  bool is_scalar_ = false;
};

/// Makes a tensor from host values, row-major. `shape` must have as many elements as `values`.
template <class T>
Tensor tensor(const std::vector<T>& values, const Shape& shape, Loc loc = Loc::current());
/// Makes a 1-d tensor: tensor({1.0f, 2.0f}).
template <class T> Tensor tensor(std::initializer_list<T> values, Loc loc = Loc::current()) {
  return tensor(std::vector<T>(values), Shape{static_cast<int64_t>(values.size())}, loc);
}
/// Makes a matrix of rows of equal lengths: tensor({{1.0f, 2.0f}, {3.0f, 4.0f}}).
template <class T>
Tensor tensor(std::initializer_list<std::initializer_list<T>> rows, Loc loc = Loc::current()) {
  std::vector<T> values;
  for (const std::initializer_list<T>& row : rows) {
    if (row.size() != rows.begin()->size())
      detail::refuse_rows(rows.begin()->size(), row.size(), loc);
    values.insert(values.end(), row);
  }
  auto count = static_cast<int64_t>(rows.size());
  return tensor(values, Shape{count, count ? static_cast<int64_t>(rows.begin()->size()) : 0}, loc);
}
/// Makes a 0-d tensor: tensor(2.5f).
template <class T>
requires std::is_arithmetic_v<T> Tensor tensor(T value, Loc loc = Loc::current()) {
  return tensor(std::vector<T>{value}, Shape{}, loc);
}
/// Makes a tensor from host memory, which is copied.
Tensor from_data(const void* data, const Shape& shape, DType dtype, Loc loc = Loc::current());
/// Makes a tensor with unspecified elements.
Tensor empty(const Shape& shape, DType dtype = f32, Device device = Device::cpu(),
             Loc loc = Loc::current());

/// Prints the elements as NumPy does, then dtype and shape.
std::ostream& operator<<(std::ostream& out, const Tensor& t);

/// While one lives, ops record no tape.
class NoGrad {
public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

private:
  bool previous_;
};
bool grad_enabled();

/// Seeds the random numbers of this thread's generator: the same seed gives the same stream,
/// eager or compiled, on every device (Philox4x32-10, Salmon et al., SC 2011).
void manual_seed(uint64_t seed);

} // namespace weft
