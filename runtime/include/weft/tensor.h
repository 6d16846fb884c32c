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

/// A handle to a view of a storage: sizes, strides and an offset into memory that other tensors may
/// share. Copies of a handle are the same tensor; ops return new ones. Methods of an undefined
/// tensor throw Error, but for defined(), requires_grad(), is_same(), shares_storage() and str().
class Tensor {
public:
  /// Makes a handle that refers to no tensor.
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
  /// Returns the implementation, for the library's own use; null where undefined.
  TensorImpl* impl() const { return impl_; }
  /// Gives up the reference without dropping it.
  TensorImpl* detach_handle() { return std::exchange(impl_, nullptr); }

  /// Says whether the handle refers to a tensor at all.
  bool defined() const { return impl_ != nullptr; }

  /// Returns the number of dims, 0 for a tensor of one number.
  int rank(Loc loc = Loc::current()) const;
  /// Returns the same, under PyTorch's name.
  int dim(Loc loc = Loc::current()) const { return rank(loc); }
  /// Returns the sizes of all dims.
  Shape shape(Loc loc = Loc::current()) const;
  /// Returns how many elements lie between neighbours along each dim.
  Shape strides(Loc loc = Loc::current()) const;
  /// Returns the size of a dim; negative dims count from the end. Throws Error (index) where there
  /// is no such dim.
  int64_t size(int64_t dim, Loc loc = Loc::current()) const;
  /// Returns the number of elements, 1 for a tensor without dims.
  int64_t numel(Loc loc = Loc::current()) const;
  /// Returns the type of the elements.
  DType dtype(Loc loc = Loc::current()) const;
  /// Returns where the memory lies.
  Device device(Loc loc = Loc::current()) const;
  /// Says whether the elements lie in row-major order without gaps.
  bool is_contiguous(Loc loc = Loc::current()) const;
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
  /// Returns how often the storage was written in place.
  uint32_t version(Loc loc = Loc::current()) const;

  /// Returns the value of a tensor with one element, converted to T. Waits for pending work. Throws
  /// Error (shape) where there are more or none, and Error (value) where T is int and no int holds
  /// the value.
  template <class T> T item(Loc loc = Loc::current()) const;
  /// Returns all elements in row-major order, converted to T. Waits for pending work.
  template <class T> std::vector<T> to_vector(Loc loc = Loc::current()) const;
  /// Returns the first element's address. T must be the dtype's C++ type. Waits for pending work.
  /// Of a tensor on a device it is that of a copy, which the next call of data() makes anew.
  /// The pointer is valid until the storage is freed; an op of a compiled region that follows may
  /// be deferred past reads through it (see docs/how_it_works.md, raw pointers).
  template <class T> const T* data(Loc loc = Loc::current()) const;
  /// Returns that address to write to, and counts as a write in place: what autograd saved of the
  /// storage is refused in a backward pass. Throws Error (unsupported) for a tensor on a device.
  template <class T> T* mutable_data(Loc loc = Loc::current()) const;
  /// Returns the elements as NumPy prints them, then dtype and shape. Waits for pending work.
  std::string str() const;

  // Autograd. A tensor that requires a gradient and was made by the user is a leaf.

  /// Says whether ops on this tensor are recorded; false where it is undefined.
  bool requires_grad() const;
  /// Makes a leaf require a gradient, or not any more. Throws Error (autograd) for a dtype that is
  /// not floating, and where a result is to stop requiring one.
  Tensor& requires_grad_(bool on = true, Loc loc = Loc::current());
  /// Says whether no recorded op made the tensor.
  bool is_leaf(Loc loc = Loc::current()) const;
  /// Returns the accumulated gradient, undefined where there is none: of a leaf, or of a result
  /// that retain_grad() was called on.
  Tensor grad(Loc loc = Loc::current()) const;
  /// Replaces the accumulated gradient, or drops it where `g` is undefined. Throws Error (autograd)
  /// where `g` has another dtype or shape, or where the tensor keeps no gradient.
  void set_grad(const Tensor& g, Loc loc = Loc::current()) const;
  /// Adds gradients of this tensor to the leaves' grad(). `seed` is needed unless the tensor has
  /// one element. `retain_graph` keeps what the tape saved; `create_graph` records the backward
  /// pass.
  void backward(const Tensor& seed = {}, bool retain_graph = false, bool create_graph = false,
                Loc loc = Loc::current()) const;
  /// Makes backward passes keep the gradient of this result, as they do of leaves.
  const Tensor& retain_grad(Loc loc = Loc::current()) const;
  /// Says whether retain_grad() was called on this result.
  bool retains_grad(Loc loc = Loc::current()) const;
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

  /// Returns the elements converted, or the tensor itself where they have the dtype. Floats are
  /// rounded to the nearest even; to integers they are cut towards 0.
  Tensor to(DType dtype, Loc loc = Loc::current()) const;
  /// Returns the elements on a device, or the tensor itself where they are there. Gradients pass
  /// back; a copy to the CPU waits for pending work.
  Tensor to(Device device, Loc loc = Loc::current()) const;
  /// Returns a copy in memory of its own. Gradients pass through it.
  Tensor clone(Loc loc = Loc::current()) const;
  /// Returns the tensor itself where it is contiguous, else a copy that is.
  Tensor contiguous(Loc loc = Loc::current()) const;
  /// Writes the elements of `source`, broadcast and converted, into this tensor's memory.
  const Tensor& copy_(const Arg& source) const;
  /// Writes a number, converted to the dtype, into each element.
  const Tensor& fill_(Scalar value, Loc loc = Loc::current()) const;
  /// Writes 0 into each element.
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

  /// Says whether the operand is a number.
  bool is_scalar() const { return is_scalar_; }
  /// Says whether it is a number or a defined tensor.
  bool defined() const { return is_scalar_ || impl_; }
  /// Returns the tensor's implementation, null for a number.
  TensorImpl* impl() const { return impl_; }
  /// Returns the number, where is_scalar().
  const Scalar& scalar() const { return scalar_; }
  /// Returns the line of the call.
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

/// Makes a tensor from host values, row-major, with the dtype of T (i64 for int). `shape` must have
/// as many elements as `values`, else it throws Error (shape).
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
/// Makes a tensor from host memory, which is copied: row-major elements of that dtype.
Tensor from_data(const void* data, const Shape& shape, DType dtype, Loc loc = Loc::current());
/// Makes a tensor with unspecified elements. Throws Error (shape) where a size is negative or the
/// elements take 2^62 bytes or more, and Error (out_of_memory) where there is no memory for them.
Tensor empty(const Shape& shape, DType dtype = f32, Device device = Device::cpu(),
             Loc loc = Loc::current());

/// Prints the elements as NumPy does, then dtype and shape.
std::ostream& operator<<(std::ostream& out, const Tensor& t);

/// While one lives, ops record no tape.
class NoGrad {
public:
  /// Begins the scope, for this thread.
  NoGrad();
  /// Restores what was before.
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

private:
  bool previous_;
};
/// Says whether ops of this thread record a tape now.
bool grad_enabled();

/// Seeds the random numbers of this thread's generator: the same seed gives the same stream,
/// eager or compiled, on every device (Philox4x32-10, Salmon et al., SC 2011).
void manual_seed(uint64_t seed);

} // namespace weft
