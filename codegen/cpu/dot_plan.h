// Chooses how a matrix product C[b,m,n] = sum_k A[b,m,k] * B[b,k,n] is cut into register tiles,
// packed panels and chunks of parallel work. Knows shapes and the target, holds no LLVM, so the
// schedule and the memory plan can ask it before any code exists.
#pragma once

#include <cstdint>

namespace weft::cpu {

/// Marks an extent or a stride that is known only when the kernel runs.
inline constexpr int64_t kDynamic = INT64_MIN;

inline constexpr int64_t kCacheLine = 64;
/// Multiply-adds of one vector that a tile should have: two a cycle, of four cycles, and some more,
/// since few start the moment they could. Measured on Zen 3, where 8 reach three quarters of what
/// 12 do.
inline constexpr double kLatency = 10;
/// Multiply-adds in the time that a line of a panel takes from the second-level cache, measured on
/// Zen 5.
inline constexpr double kPanelLineRead = 4;

/// How many pieces of b make a, and what they are together; 0 where a is not positive.
constexpr int64_t ceilDiv(int64_t a, int64_t b) { return a <= 0 ? 0 : (a - 1) / b + 1; }
constexpr int64_t roundUp(int64_t a, int64_t b) { return ceilDiv(a, b) * b; }

/// Element types of operands. bf16 and f16 operands accumulate in f32, i8 in i32, all others in
/// their own type. i8 needs `i8_quads` or `i16_pairs`, and sums that fit in 32 bits.
enum class DotElement { f32, f64, bf16, f16, i64, i8 };
constexpr bool isHalf(DotElement e) { return e == DotElement::bf16 || e == DotElement::f16; }

/// The vector unit and the caches that tiles are sized for. The defaults describe AVX-512.
struct DotTarget {
  int vector_bytes = 64;
  int vector_registers = 32;
  int64_t l1_bytes = 32 * 1024;
  int64_t l2_bytes = 1024 * 1024;
  bool fma = true;
  bool f16c = false;
  bool bf16_pairs = false; // an instruction of 64 bytes adds two products of bf16 to a sum of f32
  bool i8_quads = false;   // one adds four products of u8 and i8 to a sum of i32
  bool i16_pairs = false;  // one multiplies i16 and adds two products, of 32 or 64 bytes
};

/// Strides of one operand inside a batch entry, in elements; 0 broadcasts.
struct DotLayout {
  int64_t row_stride = kDynamic;
  int64_t column_stride = kDynamic;
};

/// Extents of the product. Any extent may be 0 or kDynamic. A is [m, k], B is [k, n].
struct DotShape {
  DotElement element = DotElement::f32;
  int64_t batch = 1, m = kDynamic, n = kDynamic, k = kDynamic;
  DotLayout a, b;
  bool keeps_b = false;    // panels of B outlive a call, unless they are changed
  bool computes_b = false; // B is no memory: a panel's numbers, f32, are made where it is packed
  /// Of a dynamic n or k: the most that it can be, 0 where nobody knows, and a divisor.
  int64_t n_most = 0, k_most = 0, n_step = 1, k_step = 1;
};

/// What `planDot` decided. Everything here is a constant, also for dynamic shapes.
struct DotPlan {
  DotShape shape;
  DotTarget target;
  int lanes = 0;        // accumulators per vector
  int tile_rows = 0;    // rows of the register tile
  int tile_vectors = 0; // vectors per row of the register tile
  // Steps of k that stand side by side in one lane of a panel, 4 bytes, and are multiplied by one
  // instruction: four of i8, two of bf16, or of i8 as i16.
  int group = 1;
  // The columns are fewer than lanes, which hold steps of k instead: a tile has a vector for each
  // row and column, and panels of B are [step / lanes][n][lanes].
  bool lanes_along_k = false;
  int unroll = 1;       // groups of k per iteration of the inner loop
  int64_t k_block = 0;  // steps of k per pass over the rows of a chunk, whole groups
  bool packs_a = false; // A tiles are copied to scratch before use
  bool packs_b = false; // B panels are copied to scratch before use
  int64_t batches_per_chunk = 1;
  // The panels of all columns of a chunk are packed first, and each tile of rows goes past all of
  // them: its results lie side by side in memory.
  bool keeps_panels = false;
  int64_t rows_per_chunk = 0;    // a multiple of tile_rows
  int64_t columns_per_chunk = 0; // a multiple of tileColumns()
  /// Columns of chunks side by side that are computed together, so that rows of B are read in long
  /// runs; 0: each chunk by itself.
  int64_t joined_columns = 0;

  int64_t tileColumns() const { return int64_t(lanes) * tile_vectors; }
  /// Vectors of the last column of tiles where these are fewer, else 0. The tile's panel and its
  /// sums have rows of full length.
  int edgeVectors() const;
  int64_t sumBytes() const; // size of one accumulator, and of a lane of a panel
  int64_t panelSteps() const { return k_block / group; } // lanes of a panel for each row or column
  int64_t columnPanelBytes() const; // size of the panels of B that are packed at a time
  /// Panels of A that are packed together, since their rows lie side by side in memory.
  int64_t panelsPackedTogether() const;
  /// Whether panels of B are packed 128 higher, as u8. The sums of each row start from what takes
  /// that from them again.
  bool shiftsColumns() const { return shape.element == DotElement::i8 && group == 4; }
  /// Whether steps of i8 are i16 in panels.
  bool widensSteps() const { return shape.element == DotElement::i8 && group == 2; }
  int64_t tileBytes() const; // size of one register tile in memory
  /// Whether n is a whole number of vectors.
  bool hasWholeVectors() const;
  /// Whether k is cut into several blocks, so that sums wait in memory between them.
  bool severalBlocks() const;

  /// Scratch memory a thread needs while it runs chunks, 64-byte aligned: sums of one tile or of
  /// all tiles of a chunk, then a panel of B or those of a chunk, then panels of A, then numbers of
  /// B that are computed, [tileColumns()][k_block].
  int64_t scratchBytes() const;
  int64_t bPanelOffset() const;
  int64_t aPanelsOffset() const;
  int64_t numbersOffset() const;
  int64_t shiftsOffset() const;

  bool joinsChunks() const { return joined_columns > 0; }

  /// Counts the chunks of parallel work for actual extents (those of `shape` where constant):
  /// ceil(batch / batches_per_chunk) * ceil(m / rows_per_chunk) * ceil(n / columns_per_chunk).
  int64_t chunks(int64_t batch, int64_t m, int64_t n) const;
};

/// Chooses tiles, packing and chunks. The result depends on shape and target only, never on the
/// number of threads, and neither do the bits of the product: every element is one chain of fused
/// multiply-adds in ascending k, within a group as the instruction orders them; with lanes along k
/// one such chain a lane, whose halves are added until one number is left, for each block of k.
DotPlan planDot(const DotShape& shape, const DotTarget& target);

} // namespace weft::cpu
