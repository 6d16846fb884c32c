// Text of a tensor, laid out as NumPy does: aligned columns, large tensors abbreviated to the first
// and last three of each dim.

#include "runtime/core/execute.h"
#include "runtime/device/copies.h"
#include "weft/device.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

namespace weft {

namespace {

constexpr int64_t kThreshold = 1000; // elements printed in full
constexpr int64_t kEdge = 3;         // shown at each end of an abbreviated dim

std::string formatted(const char* format, double v) {
  char text[64];
  snprintf(text, sizeof text, format, v);
  return text;
}

// One way to write all numbers of a tensor.
class NumberFormat {
public:
  explicit NumberFormat(const std::vector<double>& values) {
    double least = HUGE_VAL, most = 0;
    for (double v : values) {
      if (!std::isfinite(v)) continue;
      whole_ &= v == std::floor(v);
      if (v != 0) least = std::min(least, std::abs(v));
      most = std::max(most, std::abs(v));
    }
    bool scientific = most >= 1e8 || (most > 0 && (least < 1e-4 || most / least > 1e3) && !whole_ &&
                                      (least < 1e-4 || most >= 1e5));
    format_ = scientific ? "%.4e" : whole_ ? "%.0f." : "%.4f";
  }
  std::string operator()(double v) const {
    if (std::isnan(v)) return "nan";
    if (std::isinf(v)) return v > 0 ? "inf" : "-inf";
    return formatted(format_, v);
  }

private:
  bool whole_ = true;
  const char* format_;
};

class Printer {
public:
  explicit Printer(const Tensor& t) : shape_(t.shape()), strides_(t.strides()), t_(t) {
    abbreviated_ = t.numel() > kThreshold;
    collect(0, 0);
    make_texts();
  }
  std::string text() {
    if (t_.numel() == 0) return "[]";
    next_ = 0;
    return nested(0);
  }

private:
  // Calls f(index or -1 for the gap) for what is shown of a dim.
  template <class F> void shown(int dim, F f) const {
    int64_t n = shape_[dim];
    bool gap = abbreviated_ && n > 2 * kEdge;
    for (int64_t k = 0; k < n; k++) {
      if (gap && k == kEdge) {
        f(int64_t{-1});
        k = n - kEdge;
      }
      f(k);
    }
  }
  void collect(int dim, int64_t offset) {
    if (dim == shape_.size()) return offsets_.push_back(offset);
    shown(dim, [&](int64_t k) {
      if (k >= 0) collect(dim + 1, offset + k * strides_[dim]);
    });
  }
  void make_texts() {
    const TensorImpl& impl = *t_.impl();
    bool floating = is_floating(impl.meta.dtype);
    std::vector<double> values;
    for (int64_t offset : offsets_) {
      Meta one = make_meta({}, impl.meta.dtype), wide = make_meta({}, floating ? f64 : i64);
      char* from = impl.data() + offset * static_cast<int64_t>(size_of(impl.meta.dtype));
      union {
        double f;
        int64_t i;
      } value;
      copy_elements({from, &one}, {&value, &wide});
      if (floating)
        values.push_back(value.f);
      else if (impl.meta.dtype == boolean)
        texts_.push_back(value.i ? "true" : "false");
      else
        texts_.push_back(std::to_string(value.i));
    }
    NumberFormat format(values);
    for (double v : values)
      texts_.push_back(format(v));
    for (const std::string& s : texts_)
      width_ = std::max(width_, s.size());
  }
  std::string nested(int dim) {
    if (dim == shape_.size()) {
      const std::string& s = texts_[next_++];
      return std::string(width_ - s.size(), ' ') + s;
    }
    bool last = dim + 1 == shape_.size();
    std::string separator = ",";
    separator += last ? " "
                      : std::string(static_cast<size_t>(shape_.size() - dim - 1), '\n') +
                            std::string(static_cast<size_t>(dim + 1), ' ');
    std::string r = "[";
    bool first = true;
    shown(dim, [&](int64_t k) {
      if (!first) r += separator;
      first = false;
      r += k < 0 ? "..." : nested(dim + 1);
    });
    return r + "]";
  }

  Shape shape_, strides_;
  Tensor t_;
  bool abbreviated_;
  std::vector<int64_t> offsets_;
  std::vector<std::string> texts_;
  size_t width_ = 0, next_ = 0;
};

} // namespace

std::string Tensor::str() const {
  if (!impl_) return "undefined";
  materialize(impl_, "print", Loc());
  std::string text = Printer(device::on_cpu(impl_, Loc())).text() + " " + describe(impl_->meta);
  return impl_->meta.device == Device::cpu() ? text : text + " " + name_of(impl_->meta.device);
}

std::ostream& operator<<(std::ostream& out, const Tensor& t) { return out << t.str(); }
std::ostream& operator<<(std::ostream& out, const Ints& v) { return out << v.str(); }
std::ostream& operator<<(std::ostream& out, DType t) { return out << name_of(t); }

} // namespace weft
