// Session: one call of a region in one thread. It records ops that are new, follows ops that are
// known, and at each flush launches what was followed as one program.
#pragma once

#include "frontend/region.h"
#include "frontend/size_facts.h"
#include "frontend/trace.h"

#include <bit>
#include <functional>
#include <unordered_map>

namespace weft {

namespace detail {
struct PureValues;
}
class PureProgram;
class EarlyRun;
struct BoundSegment;

/// A number as programs take it.
inline uint64_t bits_of(const Scalar& s) {
  return s.kind == Scalar::Kind::floating ? std::bit_cast<uint64_t>(s.f)
                                          : static_cast<uint64_t>(s.i);
}

class Session final : public RegionSession {
public:
  explicit Session(Region& owner);
  ~Session() override;

  void begin();
  /// Runs what is pending and forgets the call. `end` may throw, `abandon` does not: a value whose
  /// program failed is poisoned instead.
  void end();
  void abandon() noexcept;

  /// The call is one of a pure function with these arguments, and checks a program of it where
  /// `promised` is not null.
  void begin_pure(const detail::PureValues& given, PureProgram* promised);
  void end_pure(const detail::PureValues& results);

  TensorImpl* op(const OpCall& call) override;
  void flush(const char* reason, const Loc& loc) override;
  void died(TensorImpl* t) noexcept override;
  void on_failure(std::function<void()> undo) override { undo_.push_back(std::move(undo)); }

private:
  enum class Mode : uint8_t { follow, record, bypass };

  // follow.cpp
  TensorImpl* follow(const OpCall& call);
  bool match(ColdNode& node, const OpCall& call);
  bool match_operands(ColdNode& node, const OpCall& call);
  bool match_structure(const ColdNode& node, const OpCall& call);
  void unbind(const ColdNode& node, size_t operand_count);
  TensorImpl* accept(ColdNode& node, const OpCall& call);
  TensorImpl* make_result(ColdNode& node, const OpCall& call);
  TensorImpl* prepare_result(const ColdNode& node);
  TensorImpl* make_generic_result(ColdNode& node, const OpCall& call);
  void link_view(TensorImpl* view, const OpCall& call, int64_t offset);
  void store_arguments(ColdNode& node, const OpCall& call);
  void note_successor(const ColdNode& start);
  void note_sizes(const ColdNode& node, const OpCall& call);

  // record.cpp
  TensorImpl* record(const OpCall& call);
  ColdNode* extend(const OpCall& call);
  ColdNode* add_node(const OpCall& call, const Meta& result, int64_t offset_delta);
  bool add_operands(ColdNode& node, const OpCall& call);
  static void make_boundary(ColdNode& node);
  void diverge(const OpCall& call);
  const ColdNode* nearest(const OpCall& call) const;
  BoundSegment bound() const;
  void start_recording();
  void end_recording(const char* reason, const Loc& loc);
  void drop_recorded();
  Flush* make_flush(const char* reason, const Loc& loc);

  // pure_session.cpp
  [[noreturn]] void refuse_pure(const std::string& must, const Loc& loc) const;
  void check_pure_writes(const Flush& flush) const;
  std::unique_ptr<PureProgram> describe_pure(const detail::PureValues& results, const char*& why);
  void check_promise(std::unique_ptr<PureProgram> made);

  // session.cpp
  void end_segment(const char* reason, const Loc& loc);
  void end_timing();
  Flush* find_end() const;
  Flush* find_or_make_end(const char* reason, const Loc& loc);
  void launch_timed(Flush& flush);
  void ensure_slots();
  void go_to_root(Flush* done);

  // choose_program.cpp
  bool wants_generic(Flush& flush, const std::vector<int64_t>& sizes) const;
  SizesOf sizes_taken(const Flush& flush, const SizeList& sizes, bool generic) const;
  SegmentProgram* find_program(Flush& flush, const std::vector<uint8_t>& live);
  void begin_trial(const Flush& flush, SegmentProgram& program) const;

  // launch.cpp
  void launch(Flush& flush);
  void find_live(const Flush& flush, std::vector<uint8_t>& live);
  bool run_program(Flush& flush, SegmentProgram& program);
  bool take_leaves(const Flush& flush, std::vector<Tensor>& brought);
  bool take_outputs(const Flush& flush, const SegmentProgram& program);
  RunArguments run_arguments(Flush& flush, const SegmentProgram& program);
  void check_leaves(uint32_t mark) const;
  void count_run(SegmentProgram& program);
  std::function<void(int32_t)> refusals(Flush& flush, const SegmentProgram* program);
  template <class F> void replay(const ColdNode& node, F f);
  void run_eagerly(ColdNode* last);
  void settle_tape(const Flush& flush) noexcept;
  void release_values(ColdNode* last);
  void give_up(ColdNode* last, const char* why) noexcept;

  // left_out.cpp
  void weigh_saved(const Flush& flush, std::vector<uint8_t>& live) const;
  void leave_out(const Flush& flush, const LeftOut& left_out);

  // early.cpp
  void mark_early(Flush& flush, const SegmentProgram& program);
  void start_early(const ColdNode& node);
  bool finish_early(Flush& flush, SegmentProgram& program);
  void drop_early() noexcept;

  // verify.cpp
  bool is_verified(const Flush& flush, const SegmentProgram& program) const;
  void verify(Flush& flush, SegmentProgram& program);

  Region& region_;
  Mode mode_ = Mode::follow;
  bool generic_ = false; // a size differed in this call: shape rules run at each op
  bool mixed_ = false;   // while recording: a size differs from those of the path so far
  bool is_full_ = false; // the segment has as many ops as it may: the next one begins another
  bool flushing_ = false;
  const ColdNode* computed_ = nullptr; // the last op that run_eagerly has completed
  bool call_differs_ = false;          // the op being matched has other sizes than its node
  Meta pending_meta_;                  // what the shape rule said of that op
  int64_t pending_offset_ = 0;
  std::vector<TensorImpl*> value_table_;
  std::vector<GradNode*> tape_table_;   // by slot: nodes at rest, or lent to the call
  std::vector<int32_t> bound_leaves_;   // slots that hold a reference to a leaf
  std::vector<uint32_t> leaf_versions_; // of those that were bound while following, at that time
  std::vector<Scalar> scalars_;         // of the segment, in order
  std::vector<int64_t> sizes_;          // size attributes of the segment, in order
  std::unordered_map<const TensorImpl*, int32_t> recorded_leaves_;
  std::vector<std::function<void()>> undo_; // of what the host did beside the pending ops
  Flush* last_flush_ = nullptr;
  uint64_t turn_ = 0, timed_since_ = 0; // 0: this call is not timed
  double run_seconds_ = 0;              // of the launches of a timed call
  SegmentProgram* ran_ = nullptr;       // by the last launch; null where the ops ran one by one
  const detail::PureValues* given_ = nullptr; // arguments of a pure function
  std::vector<Meta> given_metas_;             // as the call began
  PureProgram* promised_ = nullptr;
  std::mutex died_mutex_; // a recorded tensor may end in another thread

  std::unique_ptr<EarlyRun> early_;

  // What a launch needs, kept so that it allocates nothing.
  std::vector<uint8_t> live_scratch_;
  SizeList size_list_;
  std::vector<void*> leaf_data_, output_data_;
  std::vector<const Meta*> leaf_metas_;
  std::vector<TensorImpl*> leaf_tensors_;
  std::vector<Storage*> leaf_storages_;
  std::vector<uint64_t> scalar_bits_;
  std::vector<Recipe::Missing> missing_;
  std::vector<TensorImpl*> kept_;

public:
  RegionStats stats;           // of this call; added to the region's at the end
  uint64_t profiled_since = 0; // when the call began; 0 where no profiler ran
};

} // namespace weft
