// Data sets in memory and the loader that walks over them in batches.
#pragma once

#include "weft/tensor.h"

#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

namespace weft::data {

/// A batch: inputs [B, ...] and targets [B, ...].
struct Batch {
  Tensor x, y;
};

/// Rows of inputs with their targets. Both tensors have as many rows; they are shared, not copied.
class TensorDataset {
public:
  /// Takes inputs [N, ...] and targets [N, ...]. Throws Error (shape) where they have not as many
  /// rows.
  TensorDataset(const Tensor& x, const Tensor& y, Loc loc = Loc::current());
  /// Returns the number of rows.
  int64_t size() const { return size_; }
  /// Copies the rows `rows[0], rows[1], ...` into a batch. Throws Error (index) for a row that is
  /// not there.
  Batch gather(const std::vector<int64_t>& rows, Loc loc = Loc::current()) const;
  /// Returns the inputs, [N, ...].
  const Tensor& x() const { return x_; }
  /// Returns the targets, [N, ...].
  const Tensor& y() const { return y_; }

private:
  Tensor x_, y_;
  int64_t size_;
};

/// How a loader deals out the rows of a data set.
struct LoaderOptions {
  int64_t batch_size = 1; // rows
  bool shuffle = false;   // walk over the rows in a random order
  bool drop_last = false; // leave out a last batch that is not full
  uint64_t seed = 0;      // of the shuffled order; each pass over the loader has another one
};

/// Walks over a data set in batches: `for (auto [x, y] : DataLoader(train, {.batch_size = 64}))`.
/// Each begin() starts a new pass; the order depends on the seed and the number of the pass alone.
class DataLoader {
public:
  /// Shares the data set. Throws Error (value) where batch_size is not positive.
  explicit DataLoader(TensorDataset dataset, LoaderOptions options = {}, Loc loc = Loc::current());
  /// Returns the number of batches in a pass.
  int64_t size() const;
  /// Returns how many passes have begun.
  uint64_t passes() const { return passes_; }
  /// Makes the next begin() start pass number `pass`, counted from 0, at its batch number `batch`:
  /// so training goes on where it was interrupted. Throws Error (index) where a pass has not so
  /// many batches.
  void resume(uint64_t pass, int64_t batch = 0, Loc loc = Loc::current());

  /// A place in a pass; reading it copies the rows of the batch.
  class Iterator {
  public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    Batch operator*() const;
    Iterator& operator++() {
      position_ += loader_->options_.batch_size;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return position_ >= end_; }

  private:
    friend class DataLoader;
    const DataLoader* loader_ = nullptr;
    std::vector<int64_t> order_;
    int64_t position_ = 0, end_ = 0;
  };
  /// Begins the next pass.
  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

private:
  TensorDataset dataset_;
  LoaderOptions options_;
  Loc loc_;
  uint64_t passes_ = 0;
  int64_t first_batch_ = 0; // of the next pass
};

} // namespace weft::data
