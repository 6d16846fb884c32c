// Convolution and its gradients: operands without gaps in the dtype that is computed in, cut into
// pieces of pixels and rows, each one call of a kernel. How they are cut follows from sizes alone,
// and no sum is cut, so that no bit depends on the number of threads.

#include "kernels/convolution.h"
#include "kernels/kernel_table.h"
#include "runtime/core/parallel.h"
#include "runtime/core/routine.h"
#include "runtime/core/scratch.h"
#include "runtime/core/windows.h"

namespace weft {

namespace {

using kernels::ConvolutionKernel;
using kernels::WeightPlaces;
using kernels::WindowDim;
using kernels::Windows;

constexpr int kDims = kMostSpatialDims;
constexpr int64_t kPieceWork = int64_t{1} << 19; // multiplications worth handing to another thread
constexpr int64_t kEnoughPieces = 8;
// With few rows a packed pixel would be used too seldom.
constexpr int64_t kFewRows = 4, kFewChannels = 8;
constexpr int64_t kMostRows = 112; // of one piece of a weight's gradient

int64_t product_of(const int64_t* sizes, int count) {
  int64_t n = 1;
  for (int k = 0; k < count; k++)
    n *= sizes[k];
  return n;
}

// The sizes of a convolution: x [samples, groups * channels, ...], weight [groups * rows, channels,
// ...].
struct Shapes {
  DType computed;
  WindowList windows;
  int64_t samples, groups, channels, rows, taps, x_size = 1, y_size = 1;
  const int64_t *x, *y; // spatial sizes

  Shapes(const RoutineCall& call, const Meta& mx, const Meta& mw, const Meta& my)
      : computed(compute_dtype(mx.dtype)), windows(WindowList::read(call.structure, 1)),
        samples(mx.sizes[0]), groups(call.structure[0]), channels(mw.sizes[1]),
        rows(mw.sizes[0] / groups), x(mx.sizes + 2), y(my.sizes + 2) {
    for (int k = 0; k < windows.count; k++)
      windows.dims[k].kernel = mw.sizes[k + 2];
    taps = product_of(mw.sizes + 2, windows.count);
    x_size = product_of(x, windows.count);
    y_size = product_of(y, windows.count);
  }
  int64_t item() const { return static_cast<int64_t>(size_of(computed)); }
  const ConvolutionKernel& kernel() const { return kernels::convolution_kernel(computed); }
};

// The windows of all spatial dims, with what their offsets are kept in.
struct WindowSet {
  Windows windows;
  std::vector<int64_t> offsets[3], places;

  WindowSet() = default;
  // Those of a convolution itself.
  explicit WindowSet(const Shapes& s) {
    windows.channels = s.channels;
    int64_t step = 1;
    for (int k = kDims; k-- > 0;) {
      int own = k - kDims + s.windows.count;
      Window w = own < 0 ? Window() : s.windows.dims[own];
      std::vector<int64_t> taps;
      for (int64_t t = 0; t < w.kernel; t++)
        taps.push_back(t * w.dilation - w.begin);
      int64_t pixels = own < 0 ? 1 : s.y[own];
      set(k, pixels, own < 0 ? 1 : s.x[own], w.stride, step, taps);
      step *= pixels;
    }
    for (int64_t t = 0; t < s.taps; t++)
      places.push_back(t);
  }

  // Taps of a dim: `place` is the tap's number in the weight.
  void set(int dim, int64_t pixels, int64_t size, int64_t stride, int64_t result_stride,
           const std::vector<int64_t>& taps) {
    WindowDim& d = windows.dims[dim];
    offsets[dim] = taps;
    d = {pixels,       size, stride, static_cast<int64_t>(taps.size()), offsets[dim].data(),
         result_stride};
  }
};

// What one product is made of, for all samples and groups.
struct Job {
  const ConvolutionKernel& kernel;
  const Windows& windows;
  WeightPlaces places;
  int64_t samples, groups, rows, item;
  const char *weights, *source;
  char* result;
  int64_t weight_group, source_size, result_size,
      row_stride; // elements from one group or row to the next

  const char* weights_of(int64_t g) const { return weights + g * weight_group * item; }
  const char* source_of(int64_t n) const { return source + n * source_size * item; }
  char* result_of(int64_t n) const { return result + n * result_size * item; }
};

void run_direct(const Job& j) {
  const WindowDim* d = j.windows.dims;
  int64_t lines = d[0].pixels * d[1].pixels;
  int64_t work = d[2].pixels * j.rows * j.windows.channels * j.windows.taps();
  int64_t piece = std::clamp<int64_t>(kPieceWork / std::max<int64_t>(work, 1), 1, lines);
  int64_t pieces = (lines + piece - 1) / piece;
  parallel_for(j.samples * j.groups * pieces, std::max<int64_t>(1, kPieceWork / (work * piece + 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t k = begin; k < end; k++) {
                   int64_t n = k / pieces, first = k % pieces * piece;
                   j.kernel.direct(j.windows, j.places, j.weights_of(n % j.groups), j.rows,
                                   j.source_of(n), first, std::min(piece, lines - first),
                                   j.result_of(n), j.row_stride);
                 }
               });
}

void run_product(const Job& j, const Loc& loc) {
  int64_t panels = kernels::panels_of(j.kernel, j.rows), pixels = j.windows.pixels();
  int64_t terms = j.windows.channels * j.windows.taps(), group = j.rows * terms;
  int64_t block = std::min(j.kernel.block_pixels(j.windows), pixels);
  int64_t blocks = (pixels + block - 1) / block, all = j.samples * j.groups * blocks;
  bool packs_first = j.samples * blocks > 1; // else every weight is read once
  const Scratch packed(packs_first ? j.groups * group * j.item : 1, loc);
  auto packed_of = [&](int64_t g) {
    return static_cast<char*>(packed.data()) + g * group * j.item;
  };
  if (packs_first)
    parallel_for(j.groups * panels, std::max<int64_t>(1, kPieceWork / (8 * terms)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t k = begin; k < end; k++)
                     j.kernel.pack_panel(j.windows, j.places, j.weights_of(k / panels), j.rows,
                                         k % panels, packed_of(k / panels));
                 });
  // Few blocks are cut into rows too; each piece then packs the pixels for itself.
  int64_t chunks =
      std::clamp<int64_t>(kEnoughPieces / std::max<int64_t>(all, 1), 1, (panels + 3) / 4);
  int64_t work = block * group / chunks;
  parallel_for(all * chunks, std::max<int64_t>(1, kPieceWork / std::max<int64_t>(work, 1)),
               [&](int64_t begin, int64_t end) {
                 const Scratch scratch(j.kernel.scratch_bytes(j.windows, j.rows), loc);
                 for (int64_t k = begin; k < end; k++) {
                   int64_t chunk = k % chunks, first = k / chunks % blocks * block;
                   int64_t n = k / chunks / blocks, g = n % j.groups;
                   const kernels::ProductWeights weights{
                       j.rows, packs_first ? packed_of(g) : nullptr, j.weights_of(g), j.places};
                   j.kernel.product(j.windows, weights, j.source_of(n), first,
                                    std::min(block, pixels - first), panels * chunk / chunks,
                                    panels * (chunk + 1) / chunks, j.result_of(n), j.row_stride,
                                    scratch.data());
                 }
               });
}

template <class T> bool has_special(const void* numbers, int64_t count) {
  const T* x = static_cast<const T*>(numbers);
  T sum = 0;
  for (int64_t k = 0; k < count; k++)
    sum += x[k] * 0;
  return sum != 0;
}

void run(const Job& j, const Loc& loc) {
  const bool is_small = j.rows < kFewRows && j.windows.channels < kFewChannels;
  // Direct sums skip padding, which as zeros makes NaN of a weight that is infinite.
  if (is_small && !(j.item == 4 ? has_special<float>
                                : has_special<double>)(j.weights, j.groups * j.weight_group))
    run_direct(j);
  else
    run_product(j, loc);
}

// The numbers of taps t0, t1, t2 in the weight.
std::vector<int64_t> places_of(const std::vector<int64_t> (&taps)[3], const int64_t (&sizes)[3]) {
  std::vector<int64_t> places;
  for (int64_t a : taps[0])
    for (int64_t b : taps[1])
      for (int64_t c : taps[2])
        places.push_back((a * sizes[1] + b) * sizes[2] + c);
  return places;
}

// One phase of a convolution's gradient: the elements of the input that a window with its stride s
// reaches as s * i + phase, along each dim, and the taps that reach them.
struct Phase {
  WindowSet set;
  int64_t first = 0; // element of the input
  bool is_empty = false;

  Phase(const Shapes& s, const int64_t (&phase)[3]) {
    std::vector<int64_t> taps[3];
    int64_t sizes[3] = {1, 1, 1}, step = 1;
    for (int k = kDims; k-- > 0;) {
      int own = k - kDims + s.windows.count;
      Window w = own < 0 ? Window() : s.windows.dims[own];
      int64_t size = own < 0 ? 1 : s.x[own], places = own < 0 ? 1 : s.y[own];
      std::vector<int64_t> offsets;
      for (int64_t t = 0; t < w.kernel; t++) {
        int64_t at = phase[k] + w.begin - t * w.dilation;
        if (at % w.stride) continue;
        taps[k].push_back(t);
        offsets.push_back(at / w.stride);
      }
      sizes[k] = w.kernel;
      int64_t pixels = phase[k] < size ? (size - phase[k] - 1) / w.stride + 1 : 0;
      is_empty |= pixels == 0 || offsets.empty();
      first += phase[k] * step;
      set.set(k, pixels, places, 1, w.stride * step, offsets);
      step *= size;
    }
    set.windows.channels = s.rows;
    set.places = places_of(taps, sizes);
  }
};

} // namespace

bool routine_convolution(const RoutineCall& call) {
  const View &x = call.operands[0], &weight = call.operands[1];
  Shapes s(call, *x.meta, *weight.meta, *call.result.meta);
  WideResult target(call.result, s.computed, *call.loc);
  if (call.result.meta->numel() == 0) return true;
  if (s.channels == 0) {
    target.clear();
    target.finish();
    return true;
  }
  CompactOperand source(x, s.computed, *call.loc), weights(weight, s.computed, *call.loc);
  WindowSet set(s);
  int64_t terms = s.channels * s.taps;
  run({.kernel = s.kernel(),
       .windows = set.windows,
       .places = {terms, s.taps, set.places.data()},
       .samples = s.samples,
       .groups = s.groups,
       .rows = s.rows,
       .item = s.item(),
       .weights = weights.data,
       .source = source.data,
       .result = target.data(),
       .weight_group = s.rows * terms,
       .source_size = s.channels * s.x_size,
       .result_size = s.rows * s.y_size,
       .row_stride = s.y_size},
      *call.loc);
  target.finish();
  return true;
}

bool routine_convolution_input(const RoutineCall& call) {
  const View &dy = call.operands[0], &weight = call.operands[1];
  Shapes s(call, *call.result.meta, *weight.meta, *dy.meta);
  WideResult target(call.result, s.computed, *call.loc);
  if (call.result.meta->numel() == 0) return true;
  int64_t phases[3] = {1, 1, 1};
  bool may_miss = s.rows == 0 || s.y_size == 0; // some elements that no window reaches
  for (int k = 0; k < s.windows.count; k++) {
    phases[k + kDims - s.windows.count] = std::min(s.windows.dims[k].stride, s.x[k]);
    may_miss |= s.windows.dims[k].stride > 1;
  }
  if (may_miss) target.clear();
  if (s.rows > 0 && s.y_size > 0) {
    CompactOperand source(dy, s.computed, *call.loc), weights(weight, s.computed, *call.loc);
    for (int64_t number = 0; number < product_of(phases, kDims); number++) {
      Phase phase(
          s, {number / phases[2] / phases[1], number / phases[2] % phases[1], number % phases[2]});
      if (phase.is_empty) continue;
      run({.kernel = s.kernel(),
           .windows = phase.set.windows,
           .places = {s.taps, s.channels * s.taps, phase.set.places.data()},
           .samples = s.samples,
           .groups = s.groups,
           .rows = s.channels,
           .item = s.item(),
           .weights = weights.data,
           .source = source.data,
           .result = target.data() + phase.first * s.item(),
           .weight_group = s.rows * s.channels * s.taps,
           .source_size = s.rows * s.y_size,
           .result_size = s.channels * s.x_size,
           .row_stride = s.x_size},
          *call.loc);
    }
  }
  target.finish();
  return true;
}

bool routine_convolution_weight(const RoutineCall& call) {
  const View &dy = call.operands[0], &x = call.operands[1];
  Shapes s(call, *x.meta, *call.result.meta, *dy.meta);
  WideResult target(call.result, s.computed, *call.loc);
  if (call.result.meta->numel() == 0) return true;
  if (s.samples == 0 || s.y_size == 0) {
    target.clear();
    target.finish();
    return true;
  }
  CompactOperand gradient(dy, s.computed, *call.loc), source(x, s.computed, *call.loc);
  const ConvolutionKernel& kernel = s.kernel();
  WindowSet set(s);
  auto gradient_of = [&](int64_t n, int64_t row) {
    return gradient.data + (n * s.groups * s.rows + row) * s.y_size * s.item();
  };
  auto source_of = [&](int64_t n, int64_t group) {
    return source.data + (n * s.groups + group) * s.channels * s.x_size * s.item();
  };
  int64_t columns = s.channels * s.taps;
  if (s.rows < kFewRows && s.channels < kFewChannels) {
    parallel_for(s.groups, 1, [&](int64_t begin, int64_t end) {
      for (int64_t g = begin; g < end; g++)
        for (int64_t n = 0; n < s.samples; n++)
          kernel.direct_weights(set.windows, gradient_of(n, g * s.rows), s.rows, source_of(n, g),
                                n == 0, target.data() + g * s.rows * columns * s.item());
    });
    target.finish();
    return true;
  }
  int64_t blocks = (columns - 1) / kernel.weight_columns + 1, chunks = (s.rows - 1) / kMostRows + 1;
  parallel_for(s.groups * blocks * chunks, 1, [&](int64_t begin, int64_t end) {
    const Scratch scratch(kernel.weight_scratch_bytes(set.windows, (s.rows - 1) / chunks + 1),
                          *call.loc);
    for (int64_t k = begin; k < end; k++) {
      int64_t group = k / blocks / chunks, first = k / chunks % blocks * kernel.weight_columns;
      int64_t top = s.rows * (k % chunks) / chunks;
      int64_t rows = s.rows * (k % chunks + 1) / chunks - top, row = group * s.rows + top;
      for (int64_t n = 0; n < s.samples; n++)
        kernel.weight_product(set.windows, gradient_of(n, row), rows, source_of(n, group), first,
                              std::min(kernel.weight_columns, columns - first), n == 0,
                              target.data() + row * columns * s.item(), scratch.data());
    }
  });
  target.finish();
  return true;
}

} // namespace weft
