#include "weft/data.h"

#include "runtime/core/fail_at.h"
#include "runtime/core/tensor_impl.h"
#include "runtime/device/context.h"

#include <fmt/format.h>

#include <numeric>
#include <utility>

namespace weft::data {

namespace {

/// SplitMix64 (Steele et al., OOPSLA 2014): the same order on every platform.
struct SplitMix {
  uint64_t state;
  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  /// Returns a number below n, each as likely (Lemire's method, exact).
  uint64_t below(uint64_t n) {
    for (;;) {
      unsigned __int128 product = static_cast<unsigned __int128>(next()) * n;
      if (static_cast<uint64_t>(product) >= -n % n) return static_cast<uint64_t>(product >> 64);
    }
  }
};

Tensor gather_rows(const Tensor& from, const std::vector<int64_t>& rows, const Loc& loc) {
  Shape shape = from.shape();
  shape[0] = static_cast<int64_t>(rows.size());
  Tensor to = empty(shape, from.dtype(), from.device(), loc);
  materialize(from.impl(), "gather", loc);
  const char* source = from.impl()->data();
  char* target = to.impl()->data();
  size_t row_bytes =
      from.numel() ? from.impl()->meta.nbytes() / static_cast<size_t>(from.size(0)) : 0;
  const bool on_cpu = from.device() == Device::cpu();
  for (int64_t row : rows) {
    const char* begin = source + static_cast<size_t>(row) * row_bytes;
    if (on_cpu)
      std::memcpy(target, begin, row_bytes);
    else
      device::Context::of(from.device(), loc).copy_within(target, begin, row_bytes);
    target += row_bytes;
  }
  return to;
}

} // namespace

TensorDataset::TensorDataset(const Tensor& x, const Tensor& y, Loc loc) {
  if (!x.defined() || !y.defined() || x.rank() == 0 || y.rank() == 0 || x.size(0) != y.size(0))
    fail_at(ErrorKind::shape,
            fmt::format("TensorDataset: inputs and targets must have as many rows, got {} and {}",
                        x.defined() ? x.shape().str() : "none",
                        y.defined() ? y.shape().str() : "none"),
            loc);
  LocScope scope(loc);
  NoGrad no_grad;
  x_ = x.detach().contiguous();
  y_ = y.detach().contiguous();
  size_ = x.size(0);
}

Batch TensorDataset::gather(const std::vector<int64_t>& rows, Loc loc) const {
  for (int64_t row : rows)
    if (row < 0 || row >= size_)
      fail_at(ErrorKind::index,
              fmt::format("gather: rows must be in [0, {}], got {}", size_ - 1, row), loc);
  return {gather_rows(x_, rows, loc), gather_rows(y_, rows, loc)};
}

DataLoader::DataLoader(TensorDataset dataset, LoaderOptions options, Loc loc)
    : dataset_(std::move(dataset)), options_(options), loc_(loc) {
  if (options.batch_size < 1)
    fail_at(ErrorKind::value,
            fmt::format("DataLoader: batch_size must be positive, got {}", options.batch_size),
            loc);
}

int64_t DataLoader::size() const {
  int64_t b = options_.batch_size, full_batches = dataset_.size() / b;
  return full_batches + (!options_.drop_last && dataset_.size() % b != 0);
}

void DataLoader::resume(uint64_t pass, int64_t batch, Loc loc) {
  if (batch < 0 || batch > size())
    fail_at(ErrorKind::index,
            fmt::format("resume: the batch must be in [0, {}], got {}", size(), batch), loc);
  passes_ = pass;
  first_batch_ = batch;
}

DataLoader::Iterator DataLoader::begin() {
  Iterator it;
  it.loader_ = this;
  it.position_ = std::exchange(first_batch_, 0) * options_.batch_size;
  it.end_ = std::min(dataset_.size(), size() * options_.batch_size);
  it.order_.resize(static_cast<size_t>(dataset_.size()));
  std::iota(it.order_.begin(), it.order_.end(), int64_t{0});
  if (options_.shuffle) { // Fisher and Yates
    SplitMix random{SplitMix{options_.seed}.next() + passes_};
    for (size_t k = it.order_.size(); k > 1; k--)
      std::swap(it.order_[k - 1], it.order_[random.below(k)]);
  }
  passes_++;
  return it;
}

Batch DataLoader::Iterator::operator*() const {
  int64_t last = std::min(position_ + loader_->options_.batch_size, end_);
  std::vector<int64_t> rows(order_.begin() + position_, order_.begin() + last);
  return loader_->dataset_.gather(rows, loader_->loc_);
}

} // namespace weft::data
