// The trie of segments that a region has seen: hot nodes for following, cold nodes with everything
// else, and at the end of each segment a Flush with its compiled programs.
#pragma once

#include "frontend/trial.h"
#include "runtime/autograd/recipe.h"
#include "runtime/core/op_info.h"
#include "runtime/core/region_hook.h"
#include "runtime/program/compile_service.h"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace weft {

inline constexpr uint32_t kFlushKey = 0xFFFFFFFF;

/// What happened at a place of the trace, for explain(): an operand read, a branch, an op's line.
struct TracePlace {
  std::string file, function;
  uint32_t line = 0;
  static TracePlace of(const Loc& loc) {
    return {loc.file_name(), loc.function_name(), loc.line()};
  }
  std::string str() const { return file + ":" + std::to_string(line); }
};

struct ColdNode;

/// How a program takes the sizes of tensors: as constants, or as arguments that fit the facts.
struct SizesOf {
  bool generic = false;
  std::vector<SizeFact> facts;
};

/// What the outside has of a storage at the end of a segment.
enum Liveness : uint8_t {
  kDead,
  kSaved, // saved values of the tape alone: a program may leave them out
  kHeld
};

/// What a program leaves out, and how a backward pass makes it of what is there (left_out.cpp).
struct LeftOut {
  std::shared_ptr<const RecipePlan> plan;
  std::vector<int32_t> kept; // slots of the plan's kept tensors
  struct Value {
    int32_t slot, step, base; // steps of the plan: its own, that of the memory it looks into
  };
  std::vector<Value> values; // views included
};

/// One compiled form of a segment: which storages it materialises, and for which sizes.
struct SegmentProgram {
  // By position in Flush::owners a Liveness. Where one is kSaved there follows for each leaf
  // whether nothing may be made of it later.
  std::vector<uint8_t> live;
  SizesOf taken;
  std::vector<int64_t> sizes;  // that it was made for
  bool is_as_recorded = false; // these are the sizes of the recording: a call that matched it fits
  std::shared_ptr<LoadedProgram> program; // null: compilation failed, run eagerly
  CompileReport report;
  std::unique_ptr<LeftOut> left_out; // null: nothing is
  std::atomic<bool> is_ready{true};  // false: another thread compiles it, which writes those above
  std::atomic<int64_t> runs{0};
  Trial trial;
};

/// Keeps what the trial of a program found, once it is over.
void end_trial(SegmentProgram& program);

/// The end of a segment: what following one needs to launch it.
struct Flush {
  std::vector<ColdNode*> path; // root excluded, in order
  struct Leaf {
    int32_t slot;
    Meta meta;
    bool written = false;
    int32_t same_as =
        -1; // earlier leaf that was the same view of one storage, where one is written
  };
  std::vector<Leaf> leaves;
  struct Value {
    int32_t slot;
    int32_t owner; // slot of the leaf or result whose storage it looks into
    ColdNode* node;
    bool is_view;
  };
  std::vector<Value> values;          // results in order, views included
  std::vector<int32_t> owners;        // slots of results that own a storage, in order
  std::vector<int32_t> owner_index;   // by position in `values`: of its owner in `owners`, or -1
  std::vector<uint32_t> owner_uses;   // by position in `owners`: values that look into it
  std::vector<uint8_t> owner_written; // likewise: whether an op in place writes into it
  bool has_written_leaf = false;
  bool overlapping = false; // leaves overlap in a way that is not compiled
  Device device;            // on which all of it lies, tensors of the CPU without dims apart
  bool mixed = false;       // or not: that is not compiled either
  int scalar_count = 0, size_count = 0;
  std::vector<Loc> op_locations; // by position in `path`

  std::mutex mutex; // guards what follows
  std::vector<std::unique_ptr<SegmentProgram>> programs;
  std::map<std::vector<int64_t>, int> calls_of_sizes; // by the program for any sizes
  std::atomic<SegmentProgram*> last{nullptr};
  std::atomic<TraceNode*> successor{nullptr}; // first node of the segment that followed last time
  std::atomic<int64_t> hits{0}, eager_runs{0};
  std::atomic<bool> starts_early{false}; // nodes of the path say so
  std::atomic<int> early_misses{0};      // how often the segment then ended otherwise
  std::atomic<int64_t> timed_launches{0}, timed_nanoseconds{0}; // without compiling
  std::string reason;                                           // what the host did
  std::string name;                                             // of its events in a profile
  TracePlace place;
  int number = 0;
};

struct ColdNode {
  TraceNode* hot = nullptr;
  ColdNode* parent = nullptr;
  Op op{};
  bool in_place = false, is_view = false;
  bool mixed = false; // recorded by a call of other sizes than the path up to here: `meta` and the
                      // path's do not fit together, so following runs the shape rule
  std::atomic<bool> cut{false};       // a hot branch point: following flushes behind it
  std::atomic<Flush*> early{nullptr}; // of a long segment: its only known end, whose program may
                                      // run from here on as far as it can
  std::atomic<bool> forks{false};     // there are several ends
  std::atomic<bool> resized{false};   // a call's first other size was here, and explain() knows it
  int32_t depth = 0;                  // ops from the segment's start
  float nanoseconds = 0;              // that the op took where it was recorded; 0: not known
  std::vector<int32_t> operands;      // slot, or -1 for a number
  int32_t highest_operand = -1;
  std::vector<uint8_t> new_leaf; // per operand: its first use in this segment
  std::vector<Meta> leaf_metas;  // per operand; meaningful where new_leaf
  std::vector<int64_t> structure, sizes;
  std::vector<Scalar::Kind> scalar_kinds;
  int scalar_position = 0, size_position = 0; // among those of the segment
  Meta meta;                                  // of the result
  int64_t offset_delta = 0;                   // views: offset relative to operand 0
  const char* refusal = nullptr;              // RefusalWords of the call that was recorded
  const char* name = nullptr;                 // its OpScope
  Loc loc{};
  TracePlace place;
  std::unique_ptr<Flush> flush; // not null: the node is the end of a segment

  bool is_flush() const { return flush != nullptr; }
};

inline ColdNode& cold(TraceNode* n) { return *static_cast<ColdNode*>(n->cold); }

/// Owns the nodes of one region. Children are an append-only list, published when complete, so that
/// followers read it without a lock; insertion happens under the region's lock.
class Trace {
public:
  Trace();
  ~Trace();
  TraceNode* root() const { return root_; }
  TraceNode* make_node();
  int32_t make_slot() { return slot_count_++; }
  int32_t slot_count() const { return slot_count_.load(std::memory_order_acquire); }
  size_t node_count() const { return node_count_; }
  static void append(TraceNode* parent, TraceNode* child);
  std::deque<Flush*>& flushes() { return flushes_; }
  const std::deque<Flush*>& flushes() const { return flushes_; }

private:
  static constexpr size_t kChunk = 1024;
  std::vector<std::unique_ptr<TraceNode[]>> chunks_;
  std::deque<ColdNode> cold_;
  std::deque<Flush*> flushes_;
  std::atomic<int32_t> slot_count_{0};
  size_t node_count_ = 0;
  TraceNode* root_;
};

} // namespace weft
