#include "frontend/region.h"

#include "frontend/background.h"
#include "frontend/left_out.h"
#include "frontend/region_stats.h"
#include "frontend/session.h"
#include "runtime/core/profile.h"
#include "runtime/program/collection.h"

namespace weft {

Region::Region(CompileOptions options, const TracePlace& place)
    : options_(std::move(options)), place_(place) {
  if (options_.name.empty()) options_.name = place_.str();
}

Region::~Region() {
  forget_region(number_);
  if (is_backward_ || stats_.calls == 0) return;
  if (const std::string folder = collection_folder(); !folder.empty()) {
    try {
      collect_calls(folder, detail::explain_calls(*this));
    } catch (const std::exception&) {
      // No memory: what is collected lacks these calls.
    }
  }
}

std::shared_ptr<Region> Region::make(CompileOptions options, const TracePlace& place) {
  std::shared_ptr<Region> region(new Region(std::move(options), place));
  region->number_ = register_region(region);
  return region;
}

namespace {

class BackwardStay final : public RegionStay {
public:
  explicit BackwardStay(std::shared_ptr<Region> region)
      : region_(std::move(region)), call_(*region_) {}
  void finish() override { call_.finish(); }
  void abandon() noexcept override { call_.abandon(); }

private:
  std::shared_ptr<Region> region_;
  detail::RegionCall call_;
};

} // namespace

std::unique_ptr<RegionStay> Region::enter_backward() {
  std::shared_ptr<Region> region;
  {
    std::lock_guard lock(mutex_);
    if (!backward_) {
      CompileOptions options = options_;
      options.name += ", backward";
      options.pure = false; // it has no arguments
      backward_ = make(std::move(options), place_);
      backward_->is_backward_ = true;
    }
    region = backward_;
  }
  return std::make_unique<BackwardStay>(std::move(region));
}

std::shared_ptr<Region> Region::backward() const {
  std::lock_guard lock(mutex_);
  return backward_;
}

Session* Region::acquire() {
  std::unique_ptr<Session> s;
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      s = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!s) s = std::make_unique<Session>(*this);
  return s.release();
}

void Region::give_back(Session* session) {
  std::unique_ptr<Session> owned(session);
  std::lock_guard lock(mutex_);
  RegionStats& a = stats_;
  const RegionStats& b = session->stats;
  for (const RegionCount& c : kRegionCounts)
    a.*c.count += b.*c.count;
  a.compile_seconds += b.compile_seconds;
  a.timed_seconds += b.timed_seconds;
  a.timed_run_seconds += b.timed_run_seconds;
  session->stats = {};
  idle_.push_back(std::move(owned));
}

bool Region::may_choose() const {
  return !options_.deterministic && options_.verify == 0 && options_.memory_budget == 0;
}

bool Region::has_budget() const {
  return trace_.flushes().size() < static_cast<size_t>(options_.max_segments) &&
         trace_.node_count() < kMostNodes;
}

void Region::note_divergence(Divergence d) {
  std::lock_guard lock(mutex_);
  for (Divergence& known : divergences_)
    if (known.kind == d.kind && known.got_at.line == d.got_at.line &&
        known.got_at.file == d.got_at.file && known.expected == d.expected && known.got == d.got &&
        known.difference == d.difference) {
      known.count++;
      return;
    }
  if (divergences_.size() < kMostDivergences) divergences_.push_back(std::move(d));
}

CompileSettings Region::settings(DeviceType device) const {
  CompileSettings settings;
  settings.device = device;
  settings.memory_budget = options_.memory_budget;
  return settings;
}

// Whatever keeps a program from being made is a reason to run its ops one by one.
void Region::compile_now(Flush& flush, SegmentProgram& program, const Segment& segment) const {
  try {
    program.program = compile_segment(segment, settings(flush.device.type), program.report);
    describe_left_out(flush, program);
  } catch (const std::exception& e) {
    program.program = nullptr;
    program.report.failure = e.what();
  }
}

void Region::compile_in_background(Flush& flush, SegmentProgram& program, Segment segment) {
  program.is_ready = false;
  // The region keeps what the job writes alive.
  run_in_background([self = shared_from_this(), &flush, &program, segment = std::move(segment)] {
    self->compile_now(flush, program, segment);
    {
      std::lock_guard lock(self->mutex_);
      self->stats_.compile_seconds += program.report.total_ms * 1e-3;
    }
    program.is_ready.store(true, std::memory_order_release);
  });
}

RegionStats Region::stats() const {
  std::lock_guard lock(mutex_);
  RegionStats r = stats_;
  r.pure_calls = pure_.calls();
  r.calls += r.pure_calls;
  r.kernels += pure_.kernels();
  r.segments = static_cast<int64_t>(trace_.flushes().size());
  if (backward_) {
    const RegionStats b = backward_->stats();
    r.backward_calls = b.calls;
    r.backward_kernels = b.kernels;
  }
  return r;
}

namespace detail {

bool inside_region() { return current_session != nullptr; }
bool runs_eagerly() { return anomaly_mode; }

void refuse_moved_from() {
  throw Error(ErrorKind::value,
              "compile: a compiled object must not be used after it was moved from");
}

namespace {

struct IntegerOption {
  const char* name;
  int64_t value, least;
};

void check_integers(const CompileOptions& o, const Loc& loc) {
  for (const auto& [name, value, least] :
       {IntegerOption{"max_segment_ops", o.max_segment_ops, 1},
        IntegerOption{"max_segments", o.max_segments, 1},
        IntegerOption{"hot_branch_segments", o.hot_branch_segments, 0},
        IntegerOption{"max_specialised", o.max_specialised, 0},
        IntegerOption{"memory_budget", o.memory_budget, 0}, IntegerOption{"verify", o.verify, 0},
        IntegerOption{"pure_check", o.pure_check, 0}})
    if (value < least)
      throw Error(ErrorKind::value,
                  std::string("compile: ") + name + " must be at least " + std::to_string(least) +
                      ", got " + std::to_string(value),
                  loc);
}

} // namespace

std::shared_ptr<Region> make_region(CompileOptions options, const Loc& loc) {
  check_integers(options, loc);
  if (options.deterministic && options.background)
    throw Error(ErrorKind::value,
                "compile: deterministic functions must not compile in the background, since calls "
                "then depend on time",
                loc);
  return Region::make(std::move(options), TracePlace::of(loc));
}

RegionStats stats(const Region& region) { return region.stats(); }

namespace {

Session* start_session(Region& region) {
  Session* s = region.acquire();
  s->profiled_since = profile::is_on() ? profile::now() : 0;
  return s;
}

} // namespace

RegionCall::RegionCall(Region& region) : region_(region) {
  Session* s = start_session(region);
  session_ = s;
  s->begin();
  current_session = s;
}

RegionCall::RegionCall(Region& region, const PureValues& given, PureProgram* promised)
    : region_(region) {
  for (size_t k = 0; k < given.tensors.size(); k++)
    if (TensorImpl* t = given.tensors[k]) {
      t->retain();
      arguments_.push_back(Tensor::adopt(t));
    }
  Session* s = start_session(region);
  session_ = s;
  s->begin_pure(given, promised);
  current_session = s;
}

namespace {

[[gnu::cold]] void record_call(const Region& region, const Session& s) {
  const TracePlace& at = region.place();
  profile::Arg args[] = {{"ops followed", s.stats.ops_followed},
                         {"ops recorded", s.stats.ops_recorded},
                         {"flushes", s.stats.flushes},
                         {"kernel launches", s.stats.kernels},
                         {"divergences", s.stats.divergences}};
  profile::add({profile::Kind::region, region.options().name.c_str(),
                profile::Place(at.file.c_str(), at.line), s.profiled_since, profile::now()},
               args);
  profile::sample_memory();
}

} // namespace

RegionCall::~RegionCall() {
  current_session = nullptr;
  auto* session = static_cast<Session*>(session_);
  if (session->profiled_since) [[unlikely]]
    record_call(region_, *session);
  region_.give_back(session);
}

void RegionCall::finish(const PureValues& results) {
  static_cast<Session*>(session_)->end_pure(results);
}
void RegionCall::finish() { static_cast<Session*>(session_)->end(); }
void RegionCall::abandon() noexcept { static_cast<Session*>(session_)->abandon(); }

} // namespace detail

void sync(Loc loc) {
  if (current_session) current_session->flush("sync", loc);
}

} // namespace weft
