// Walks a pointwise op over arrays of any strides. Where every array steps by 0 or 1 element along
// a long inner dim, the kernel gets a run of it at a time. Otherwise the space is cut into tiles of
// two dims: what does not lie in memory as the tile does is gathered into buffers that stay in L1,
// from adjacent elements wherever one of the two dims has them. Where all operands lie alike and
// the result does not, the tile lies as they do, and the result is what is copied.

#include "runtime/core/parallel.h"
#include "runtime/core/pointwise_body.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace weft {

namespace {

constexpr int kMostArrays = StridedLoop::kMostArrays;
constexpr int kMostOperands = PointwiseBody::kMostOperands;
constexpr int64_t kGrain = 1 << 15;      // elements worth handing to another thread
constexpr int64_t kShortRun = 64;        // inner dims below it are not worth a call of the kernel
constexpr int64_t kSmallTile = 256;      // elements below which a tile costs more than its work
constexpr int64_t kTileBytes = 32 << 10; // of an array
constexpr int64_t kLineBytes = 256;      // that are worth a step to another line of an array

// Along the inner dim, one run at a time.
void walk_runs(const StridedLoop& loop, const PointwiseBody& body, int64_t begin, int64_t end,
               uint32_t* error) {
  const void* in[kMostOperands];
  uint8_t form[kMostOperands];
  for (int a = 1; a < loop.arrays; a++) {
    in[a - 1] = body.inputs[a - 1];
    form[a - 1] = loop.inner_stride(a) == 0 ? kernels::kElement : kernels::kArray;
    if (!loop.base[a]) form[a - 1] = body.forms[a - 1];
  }
  StridedCursor cursor(loop, begin);
  while (begin < end) {
    int64_t n = std::min(end - begin, cursor.run());
    for (int a = 1; a < loop.arrays; a++)
      if (loop.base[a]) in[a - 1] = cursor.at(a);
    body.run(in, form, cursor.at(0), n, error);
    cursor.advance(n);
    begin += n;
  }
}

bool is_walked_in_runs(const StridedLoop& loop) {
  if (loop.inner() < kShortRun && loop.rank > 1) return false;
  for (int a = 0; a < loop.arrays; a++) {
    const int64_t step = loop.inner_stride(a);
    if (loop.base[a] && step != loop.item[a] && (a == 0 || step != 0) && loop.inner() > 1)
      return false;
  }
  return true;
}

class TileWalk {
public:
  TileWalk(const StridedLoop& loop, const PointwiseBody& body) : loop_(loop), body_(body) {
    choose_dims();
    choose_sizes();
    for (int a = 0; a < loop.arrays; a++) {
      access_[a] = access_of(a);
      if (a == 0) continue;
      form_[a - 1] = access_[a] == Access::constant ? kernels::kElement : kernels::kArray;
      if (access_[a] == Access::number) form_[a - 1] = body.forms[a - 1];
    }
  }
  int64_t tiles() const { return outer_ * row_tiles_ * column_tiles_; }
  int64_t tile_numel() const { return rows_ * columns_; }

  void run(int64_t begin, int64_t end, uint32_t* error) const {
    alignas(64) char buffers[kMostArrays][kTileBytes];
    Held held[kMostArrays];
    for (int64_t k = begin; k < end; k++)
      run_tile(tile(k), buffers, held, error);
  }

private:
  enum class Access : uint8_t { number, constant, direct, gathered };
  struct Tile {
    const char* at[kMostArrays];
    int64_t rows, columns;
  };
  // What an array's buffer holds: a tile that stands still is gathered once.
  struct Held {
    const char* at = nullptr;
    int64_t rows = 0, columns = 0;
  };
  using Buffers = char[kMostArrays][kTileBytes];

  // Columns are the inner dim. Rows are the dim along which an array has adjacent elements that has
  // none along the columns, else the next one out; of tiny dims the longest. The other way round
  // where the result alone is adjacent along the inner dim.
  void choose_dims() {
    if (loop_.rank < 2) return;
    column_ = loop_.rank - 1;
    down_ = loop_.rank - 2;
    for (int a = loop_.arrays - 1; a >= 0; a--) {
      const int64_t step = loop_.inner_stride(a);
      if (!loop_.base[a] || step == 0 || step == loop_.item[a]) continue;
      for (int d = 0; d < loop_.rank - 1; d++)
        if (loop_.strides[a][d] == loop_.item[a]) {
          down_ = d;
          row_item_ = loop_.item[a];
        }
    }
    if (loop_.sizes[down_] * loop_.inner() >= kSmallTile) {
      is_turned_ = row_item_ && loop_.sizes[down_] >= kShortRun && lie_alike();
      if (is_turned_) std::swap(down_, column_);
      return;
    }
    const int longest =
        static_cast<int>(std::max_element(loop_.sizes, loop_.sizes + loop_.rank - 1) - loop_.sizes);
    if (loop_.sizes[longest] == loop_.sizes[down_]) return;
    down_ = longest;
    row_item_ = 0;
  }

  // Says whether two operands or more have adjacent elements along the rows, and none has them
  // along the columns but those that are one row.
  bool lie_alike() const {
    int adjacent = 0;
    for (int a = 1; a < loop_.arrays; a++) {
      if (!loop_.base[a]) continue;
      const int64_t down = loop_.strides[a][down_];
      if (down != loop_.item[a] && down != 0) return false;
      adjacent += down != 0;
    }
    return adjacent > 1;
  }

  void choose_sizes() {
    int64_t widest = 1;
    for (int a = 0; a < loop_.arrays; a++)
      widest = std::max(widest, loop_.item[a]);
    const int64_t most = kTileBytes / widest, height = down_ < 0 ? 1 : loop_.sizes[down_];
    const int64_t wanted = row_item_ ? kLineBytes / row_item_ : 1;
    columns_ = std::min(width(), most / std::min(wanted, height));
    rows_ = std::min(height, most / columns_);
    row_tiles_ = (height + rows_ - 1) / rows_;
    column_tiles_ = (width() + columns_ - 1) / columns_;
    outer_ = loop_.numel / (height * width());
    is_block_ = !is_turned_ && (width() < kShortRun || across(0) != loop_.item[0]);
  }

  int64_t down(int a) const { return down_ < 0 ? 0 : loop_.strides[a][down_]; }
  int64_t across(int a) const {
    return column_ < 0 ? loop_.inner_stride(a) : loop_.strides[a][column_];
  }
  int64_t width() const { return column_ < 0 ? loop_.inner() : loop_.sizes[column_]; }

  // How the kernel sees an array: a block is one array of all its rows, otherwise each row is one.
  Access access_of(int a) const {
    if (!loop_.base[a]) return Access::number;
    const bool is_unit = across(a) == loop_.item[a] || columns_ == 1;
    if (!is_block_) {
      if (a > 0 && across(a) == 0) return Access::constant;
      return is_unit ? Access::direct : Access::gathered;
    }
    if (a > 0 && across(a) == 0 && down(a) == 0) return Access::constant;
    const bool is_dense =
        rows_ == 1 || (columns_ == width() && down(a) == columns_ * loop_.item[a]);
    return is_unit && is_dense ? Access::direct : Access::gathered;
  }

  Tile tile(int64_t k) const {
    Tile t;
    const int64_t column = k % column_tiles_ * columns_;
    k /= column_tiles_;
    const int64_t row = k % row_tiles_ * rows_;
    k /= row_tiles_;
    const int64_t height = down_ < 0 ? 1 : loop_.sizes[down_];
    t.rows = std::min(rows_, height - row);
    t.columns = std::min(columns_, width() - column);
    int64_t offsets[kMostArrays];
    for (int a = 0; a < loop_.arrays; a++)
      offsets[a] = row * down(a) + column * across(a);
    for (int d = loop_.rank - 1; d >= 0; d--) {
      if (d == down_ || d == column_ || column_ < 0) continue;
      const int64_t i = k % loop_.sizes[d];
      k /= loop_.sizes[d];
      for (int a = 0; a < loop_.arrays; a++)
        offsets[a] += i * loop_.strides[a][d];
    }
    for (int a = 0; a < loop_.arrays; a++)
      t.at[a] = loop_.base[a] ? loop_.base[a] + offsets[a] : nullptr;
    return t;
  }

  void gather(const Tile& t, int a, char* buffer, Held& held) const {
    if (held.at == t.at[a] && held.rows == t.rows && held.columns == t.columns) return;
    held = {t.at[a], t.rows, t.columns};
    const int64_t item = loop_.item[a];
    copy_tile(t.at[a], {down(a), across(a)}, buffer, {t.columns * item, item}, t.rows, t.columns,
              item);
  }

  void run_tile(const Tile& t, Buffers& buffers, Held* held, uint32_t* error) const {
    const void* in[kMostOperands];
    int64_t row_steps[kMostOperands];
    for (int a = 1; a < loop_.arrays; a++) {
      const bool is_gathered = access_[a] == Access::gathered;
      if (is_gathered) gather(t, a, buffers[a], held[a]);
      in[a - 1] = is_gathered                    ? buffers[a]
                  : access_[a] == Access::number ? body_.inputs[a - 1]
                                                 : t.at[a];
      row_steps[a - 1] = is_gathered ? t.columns * loop_.item[a] : down(a);
    }
    char* const target = const_cast<char*>(t.at[0]);
    const bool is_direct = access_[0] == Access::direct;
    const int64_t item = loop_.item[0], row_step = is_direct ? down(0) : t.columns * item;
    char* const to = is_direct ? target : buffers[0];
    if (is_block_)
      body_.run(in, form_, to, t.rows * t.columns, error);
    else
      for (int64_t r = 0; r < t.rows; r++) {
        body_.run(in, form_, to + r * row_step, t.columns, error);
        for (int k = 0; k < loop_.arrays - 1; k++)
          in[k] = static_cast<const char*>(in[k]) + row_steps[k];
      }
    if (!is_direct)
      copy_tile(to, {t.columns * item, item}, target, {down(0), across(0)}, t.rows, t.columns,
                item);
  }

  const StridedLoop& loop_;
  const PointwiseBody& body_;
  int down_ = -1;   // the dim of the rows, -1 where there is none
  int column_ = -1; // the dim of the columns, -1 where there is at most one
  bool is_turned_ = false;
  int64_t row_item_ = 0; // of the array whose lines are rows, 0 where there is none
  bool is_block_ = false;
  int64_t rows_ = 1, columns_ = 1; // of a whole tile
  int64_t outer_ = 1, row_tiles_ = 1, column_tiles_ = 1;
  Access access_[kMostArrays];
  uint8_t form_[kMostOperands];
};

} // namespace

bool walk_pointwise(std::span<const View> views, const PointwiseBody& body) {
  const StridedLoop loop(views, StridedLoop::Order::memory);
  if (loop.numel == 0) return true;
  std::atomic<uint32_t> error{0};
  auto share_out = [&](int64_t n, int64_t grain, auto run) {
    parallel_for(n, grain, [&](int64_t begin, int64_t end) {
      uint32_t own = 0;
      run(begin, end, &own);
      if (own) error.store(own, std::memory_order_relaxed);
    });
  };
  if (is_walked_in_runs(loop)) {
    share_out(loop.numel, kGrain, [&](int64_t begin, int64_t end, uint32_t* own) {
      walk_runs(loop, body, begin, end, own);
    });
  } else {
    const TileWalk tiles(loop, body);
    share_out(tiles.tiles(), std::max<int64_t>(1, kGrain / tiles.tile_numel()),
              [&](int64_t begin, int64_t end, uint32_t* own) { tiles.run(begin, end, own); });
  }
  return error.load() == 0;
}

} // namespace weft
