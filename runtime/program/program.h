// Program: what the compiler gives back for a segment and what a warm start maps from disk. Flat,
// versioned, free of pointers: buffers, launches with their code, size expressions, errors.
#pragma once

#include "runtime/program/segment.h"
#include "weft/error.h"

#include <array>
#include <optional>

namespace weft {

inline constexpr uint32_t kProgramVersion = 14;

/// A size expression: a tree in post-order inside Program::exprs; `a`, `b` are positions there.
struct ProgramExpr {
  enum class Kind : uint8_t { constant, symbol, add, mul, floor_div, ceil_div, mod, max };
  Kind kind = Kind::constant;
  int32_t a = -1, b = -1; // symbol: a is its number
  int64_t value = 0;      // constant
};

/// Where a run-time size comes from: a leaf's size or stride, or a size attribute of the segment.
struct ProgramSymbol {
  enum class Kind : uint8_t { leaf_size, leaf_stride, attribute };
  Kind kind = Kind::leaf_size;
  int32_t index = 0; // leaf position, or size attribute counted over the whole segment
  int32_t dim = 0;
};

struct ProgramBuffer {
  enum class Kind : uint8_t { leaf, output, temporary };
  Kind kind = Kind::leaf;
  int32_t index = 0;   // leaf: position in Segment::leaves; output: position in Program::outputs
  int32_t offset = -1; // temporary: expression, bytes from its host's start, a multiple of 64
  int32_t bytes = -1;  // expression: of the tensor in it
  int32_t host = -1;   // temporary: the output that it lies in until that is written; -1: the arena
};

/// An output: the segment's value and the buffer that holds its final contents. Outputs that are
/// written leaves use the leaf's own buffer.
struct ProgramOutput {
  int32_t value = -1;
  DType dtype = DType::f32;
  int32_t bytes = -1; // expression
};

struct ProgramArgument {
  enum class Kind : uint8_t { scalar, size, tile, narrow };
  Kind kind = Kind::scalar;
  // scalar: position in Segment::scalars (8 bytes: f64, i64 or 0/1); size: expression; tile: dim of
  // ProgramTiles along which the tile starts, then the first granule of its columns, then their
  // number, or the number of its block; narrow: a scalar that a device's kernel takes as f32
  int32_t index = 0;
};

/// A stretch of a launch's chunks: it starts when all of the phase before it is done. On a device a
/// phase is a launch of its own, and a chunk a block of threads.
struct ProgramPhase {
  int32_t chunks = -1; // expression: pieces of work, any of which may run on any thread
  int32_t bytes = -1;  // expression: memory traffic of the phase, for the grain
  int32_t flops = -1;  // expression
  bool joined = false; // chunks side by side are computed together: a thread had better have them
};

struct ProgramLaunch {
  int32_t kernel = -1;
  std::vector<int32_t> buffers; // in kernel argument order
  std::vector<ProgramArgument> arguments;
  std::vector<ProgramPhase> phases; // their chunks are numbered one after another
  int32_t scratch_bytes = -1;       // expression: private memory of each thread, or block
  std::vector<int32_t> ops = {};    // that it computes: positions in the segment, ascending
  int32_t threads = 0;              // of a block; 0 on the CPU
  int32_t most_blocks = 0;          // that a device launches, each doing several chunks; 0: all
  bool writes_leaf = false;         // so that it must not run before all of the segment is known
};

/// How a routine sees a buffer: all but the dtype are expressions, in elements.
struct ProgramView {
  DType dtype = DType::f32;
  int32_t offset = -1;
  std::vector<int32_t> sizes, strides;
};

/// A call of a structured op's own kernel instead of compiled code.
struct ProgramRoutine {
  std::string op;
  std::vector<ProgramView> views; // of the launch's buffers: the operands, then the result
  std::vector<int64_t> structure;
  std::vector<int32_t> sizes;        // expressions
  std::vector<Scalar::Kind> scalars; // of the launch's arguments
  int32_t error = 0;                 // code where it refuses an element; 0: it never does
};

/// Columns of a tile come in granules.
inline constexpr int64_t kTileGranule = 64;
/// Results of the functions of a tile, 8 bytes each: the columns that it sees, then its guard.
inline constexpr int32_t kTileColumns = 2, kTileResults = 3;
/// Tensors of the state of a tile that computes its columns in blocks. Those that a function takes
/// are numbered behind those that it returns.
inline constexpr int32_t kTileState = 3;

/// Launches that run one after another for one tile.
struct ProgramTileBody {
  // leaf: position in the buffers of the outer launch; temporary: place in the memory of the tile;
  // output: number of a result
  std::vector<ProgramBuffer> buffers;
  std::vector<ProgramLaunch> launches; // of compiled kernels; their buffers are those above
  int32_t arena_bytes = -1;            // expression
};

/// Columns of a tile that are computed in blocks, one after another.
struct ProgramTileBlocks {
  int64_t length = 0;   // columns of a block
  ProgramTileBody none; // returns the state of a tile that has seen no column
  // Take a state and the block's number, and return the state with its columns: whole blocks, and
  // what they leave over.
  ProgramTileBody block;
  std::optional<ProgramTileBody> rest;
  std::array<int32_t, kTileState> state_bytes{-1, -1, -1}; // expressions
};

/// What runs for each tile of a result. Tiles run at once. A last tile that would pass the extent
/// ends with it; those that would start there are none.
struct ProgramTiles {
  std::vector<int32_t> counts;  // expressions: tiles along each dim, or more
  std::vector<int32_t> steps;   // expressions: from one tile to the next
  std::vector<int32_t> extents; // expressions
  ProgramTileBody body;         // without outputs; with blocks it takes their last state
  // Has two outputs, i64: the first of the columns that the tile sees, and one more than the last.
  std::optional<ProgramTileBody> visible;
  bool visible_by_rows = false; // they are equal for tiles in the same place along the last dim
  // Has the output behind those, i64: 0 where all columns count, whatever `visible` finds. Tiles
  // have it in common that differ in their place along the last dim alone.
  std::optional<ProgramTileBody> guards;
  std::optional<ProgramTileBlocks> blocks;
  int64_t columns = 0; // that there are, where some are visible or in blocks

  template <class F> void each_body(F f) const {
    if (guards) f(*guards);
    if (visible) f(*visible);
    if (blocks) {
      f(blocks->none);
      f(blocks->block);
      if (blocks->rest) f(*blocks->rest);
    }
    f(body);
  }
};

/// Panels of a constant operand, which a function of its own packs for as many calls as find the
/// operand unchanged: a leaf that no launch writes.
struct ProgramPanels {
  std::string symbol;           // of the function, whose chunks are the panels
  int32_t buffer = -1;          // of the launch
  int64_t count = 0, bytes = 0; // panels, and the memory of all of them
  std::string layout;           // equal for equal panels of one leaf
};

struct ProgramKernel {
  std::string symbol;  // in the shared object or in device C, where it is compiled code
  std::string summary; // ops it computes, as explain() prints them
  std::optional<ProgramRoutine> routine = {};
  std::optional<ProgramTiles> tiles = {};
  std::vector<ProgramPanels> panels = {}; // by number
  bool is_compiled() const { return !routine && !tiles; }
};

struct ProgramError {  // raised by a kernel through its context
  std::string message; // begins with the op: "gather: index must be ..."
  int32_t location = -1;
  ErrorKind kind = ErrorKind::value;
};

/// A stage of a kernel as text, kept only where weft-inspect collects it.
struct ProgramStage {
  int32_t kernel = -1; // -1: the whole segment
  std::string stage;   // weft, fused, loom, llvm, asm, device, source
  std::string text;
  // Of lines, counted from 1, the ops of the segment that they stand for: line, position, line, ...
  std::vector<int32_t> line_ops = {};
};

/// Why two ops, or launches, are kernels apart or became one, or what is computed again for a later
/// reader, or by a backward pass outside of the program, instead of kept.
struct ProgramRemark {
  enum class Kind : uint8_t { apart, joined, recomputed, left_out };
  Kind kind = Kind::apart;
  std::string op, other;                      // names, or the ops of launches
  int32_t position = -1, other_position = -1; // of the (first) op in the segment
  std::string reason;                         // a code: "two-products"
  std::string text;                           // the reason in words
  int64_t bytes = 0;                          // that are not kept for that long
};

/// Returns what stands between the two ops of a remark: "does not join".
const char* words_of(ProgramRemark::Kind kind);

/// What a step of the compilation took.
struct CompileStep {
  std::string name;            // "fuse", "optimize"
  int32_t kernel = -1;         // in Program::kernels; -1: of all of them
  double start_ms = 0, ms = 0; // since the compilation began
};

struct Program {
  uint32_t version = kProgramVersion;
  std::string target; // CPU and features the code needs; checked before it is mapped
  DeviceType device = DeviceType::cpu; // which kind of device runs it
  double slower_by = 0; // how many times as long as its ops one by one it took where it was
                        // measured and lost: then it is not to be run; 0 else
  std::vector<ProgramExpr> exprs;
  std::vector<ProgramSymbol> symbols;
  std::vector<ProgramBuffer> buffers;
  std::vector<ProgramOutput> outputs;
  std::vector<ProgramLaunch> launches;
  std::vector<ProgramKernel> kernels;
  std::vector<ProgramError> errors;
  std::vector<SourceLine> locations;
  std::vector<ProgramStage> stages;
  std::vector<ProgramRemark> remarks;
  std::vector<CompileStep> steps; // of the compiler; empty in a cache
  int32_t arena_bytes = -1;       // expression
  std::string code;               // a shared object, or device C

  std::string serialize() const;
  /// Throws weft::Error (io) where a number points nowhere or a size expression has no value.
  void validate() const;
  /// Throws weft::Error (io) for truncated, overlong or inconsistent bytes.
  static Program deserialize(std::span<const uint8_t> bytes);
};

class ByteWriter;
class ByteReader;
void put_steps(ByteWriter& w, const std::vector<CompileStep>& steps);
std::vector<CompileStep> get_steps(ByteReader& r);

} // namespace weft
