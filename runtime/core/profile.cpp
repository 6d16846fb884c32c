// Each thread keeps its events in a buffer of its own, behind a mutex that only the end of a
// profiler contends for. Buffers are emptied when no profiler is left.

#include "runtime/core/profile_events.h"

#include "runtime/core/op_info.h"
#include "runtime/core/parallel.h"
#include "weft/memory.h"

#include <algorithm>
#include <chrono>
#include <pthread.h>
#include <set>
#include <unistd.h>

namespace weft::profile {

constinit std::atomic<int> running{0};
constinit thread_local const Label* Label::current_ = nullptr;

struct Buffer {
  std::mutex mutex;
  ThreadEvents held;
};

namespace {

// What a text and an empty buffer take beside what is in them, about.
constexpr size_t kTextBytes = 64, kBufferBytes = 4096;

constexpr uint32_t kFirstTrack = uint32_t{1} << 22; // no thread's number: Linux has fewer

/// Lives as long as the process: threads may run ops while it ends.
struct Recorder {
  std::mutex mutex;
  std::vector<std::shared_ptr<Buffer>> buffers;
  uint32_t tracks = 0;
  std::vector<void (*)()> before_end;
  std::multiset<size_t> limits; // of the profilers that run
  std::atomic<size_t> bytes{0}, limit{0};
  std::atomic<uint64_t> dropped{0}, last_live{0};
};

Recorder& recorder() {
  static Recorder& r = *new Recorder;
  return r;
}

std::string thread_name(uint32_t tid) {
  if (thread_index() > 0) return "weft worker " + std::to_string(thread_index());
  if (tid == static_cast<uint32_t>(getpid())) return "main thread";
  char name[32] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  return std::string(name) + " " + std::to_string(tid);
}

constinit thread_local Buffer* buffer = nullptr;
constinit thread_local bool thread_ended = false;

std::shared_ptr<Texts> no_texts() { return std::make_shared<Texts>(); }

std::shared_ptr<Buffer> new_buffer(uint32_t number, std::string name) {
  auto made = std::make_shared<Buffer>();
  made->held.tid = number;
  made->held.name = std::move(name);
  made->held.texts = no_texts();
  recorder().bytes.fetch_add(kBufferBytes, std::memory_order_relaxed);
  return made;
}

Buffer* make_buffer() {
  struct Owner {
    std::shared_ptr<Buffer> buffer;
    Owner() {
      const auto tid = static_cast<uint32_t>(gettid());
      buffer = new_buffer(tid, thread_name(tid));
    }
    ~Owner() {
      weft::profile::buffer = nullptr;
      thread_ended = true;
    }
  };
  if (thread_ended) return nullptr;
  thread_local Owner owner;
  std::lock_guard lock(recorder().mutex);
  recorder().buffers.push_back(owner.buffer);
  return buffer = owner.buffer.get();
}

/// Counts bytes against the limit; false where they do not fit.
bool take(size_t bytes) {
  Recorder& r = recorder();
  if (r.bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes <=
      r.limit.load(std::memory_order_relaxed))
    return true;
  r.bytes.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

const char* keep(ThreadEvents& held, const char* text) {
  std::string_view view = text;
  auto known = held.texts->find(view);
  if (known != held.texts->end()) return known->c_str();
  recorder().bytes.fetch_add(view.size() + kTextBytes, std::memory_order_relaxed);
  return held.texts->emplace(view).first->c_str();
}

void keep(Buffer& b, const Happened& what, std::span<const Arg> args,
          std::span<const int64_t> shapes) {
  std::lock_guard lock(b.mutex);
  if (!is_on()) return;
  if (!take(sizeof(Event) + args.size_bytes() + shapes.size_bytes())) {
    recorder().dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  ThreadEvents& held = b.held;
  Event e{what.start,
          what.end,
          keep(held, what.name),
          keep(held, what.place.file),
          what.place.line,
          static_cast<uint8_t>(args.size()),
          static_cast<uint32_t>(shapes.size()),
          held.args.size(),
          held.shapes.size(),
          what.kind};
  for (Arg a : args) {
    if (a.text) a.text = keep(held, a.text);
    held.args.push_back(a);
  }
  held.shapes.insert(held.shapes.end(), shapes.begin(), shapes.end());
  held.events.push_back(e);
}

void add_event(const Happened& what, std::span<const Arg> args,
               std::span<const int64_t> shapes) noexcept {
  try {
    if (Buffer* b = buffer ? buffer : make_buffer()) return keep(*b, what, args, shapes);
  } catch (const std::bad_alloc&) { // counted as what comes while the thread ends
  }
  recorder().dropped.fetch_add(1, std::memory_order_relaxed);
}

} // namespace

uint64_t now() {
  auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::nanoseconds(since).count());
}

void add(const Happened& what, std::span<const Arg> args) noexcept { add_event(what, args, {}); }

Track::Track(const std::string& name) {
  Recorder& r = recorder();
  std::lock_guard lock(r.mutex);
  buffer_ = new_buffer(kFirstTrack + r.tracks++, name);
  r.buffers.push_back(buffer_);
}

void Track::add(const Happened& what, std::span<const Arg> args) noexcept {
  try {
    keep(*buffer_, what, args, {});
  } catch (const std::bad_alloc&) {
    recorder().dropped.fetch_add(1, std::memory_order_relaxed);
  }
}

void before_end(void (*f)()) {
  std::lock_guard lock(recorder().mutex);
  recorder().before_end.push_back(f);
}

void sample_memory() noexcept {
  memory::Stats s = memory::stats();
  Recorder& r = recorder();
  if (r.last_live.exchange(s.live, std::memory_order_relaxed) == s.live) return;
  try {
    Buffer* b = buffer ? buffer : make_buffer();
    if (!b) return;
    std::lock_guard lock(b->mutex);
    if (is_on() && take(sizeof(MemorySample))) b->held.memory.push_back({now(), s.live, s.peak});
  } catch (const std::bad_alloc&) {
    // The next sample says as much.
  }
}

void Span::finish() noexcept {
  what_.end = now();
  add(what_, {args_, count_});
  sample_memory();
}

OpSpan::OpSpan(const OpCall& call)
    : call_(call), label_(info(call.op).name, Place(call.location())), start_(now()) {}

OpSpan::~OpSpan() {
  uint64_t end = now();
  constexpr size_t kMostOperands = 8;
  int64_t shapes[kMostOperands * (kMaxRank + 1)];
  size_t n = 0;
  for (TensorImpl* t : call_.operands.first(std::min(call_.operands.size(), kMostOperands))) {
    if (!t) continue;
    const Meta& m = t->meta;
    shapes[n++] = shape_head(static_cast<int>(m.dtype), m.rank);
    n = static_cast<size_t>(std::copy_n(m.sizes, m.rank, shapes + n) - shapes);
  }
  std::string in_place;
  if (call_.in_place) in_place = std::string(label_.name) + "_";
  const char* name = call_.in_place ? in_place.c_str() : label_.name;
  add_event({Kind::op, name, label_.place, start_, end}, {}, {shapes, n});
  sample_memory();
}

uint64_t start_recording(size_t most_bytes, uint64_t& dropped) {
  Recorder& r = recorder();
  std::lock_guard lock(r.mutex);
  r.limits.insert(most_bytes);
  r.limit = *r.limits.rbegin();
  dropped = r.dropped;
  r.last_live = ~uint64_t{0};
  uint64_t begin = now();
  running.fetch_add(1);
  return begin;
}

namespace {

/// Copies what lies between two times.
ThreadEvents between(const ThreadEvents& all, uint64_t begin, uint64_t end) {
  ThreadEvents r;
  r.tid = all.tid;
  r.name = all.name;
  r.texts = all.texts;
  for (Event e : all.events) {
    if (e.start < begin || e.end > end) continue;
    auto copy = [](auto& to, const auto& from, uint64_t& first, size_t count) {
      auto at = from.begin() + static_cast<std::ptrdiff_t>(first);
      first = to.size();
      to.insert(to.end(), at, at + static_cast<std::ptrdiff_t>(count));
    };
    copy(r.args, all.args, e.first_arg, e.arg_count);
    copy(r.shapes, all.shapes, e.first_shape, e.shape_count);
    r.events.push_back(e);
  }
  for (const MemorySample& m : all.memory)
    if (m.time >= begin && m.time <= end) r.memory.push_back(m);
  return r;
}

} // namespace

Recording stop_recording(uint64_t begin, uint64_t dropped, size_t most_bytes) {
  Recorder& r = recorder();
  std::unique_lock lock(r.mutex);
  std::vector<void (*)()> last_words = r.before_end;
  lock.unlock();
  for (void (*f)() : last_words)
    f();
  lock.lock();
  bool is_last = running.fetch_sub(1) == 1;
  Recording taken{begin, now(), r.dropped - dropped, {}};
  for (const auto& b : r.buffers) {
    std::lock_guard owner(b->mutex);
    ThreadEvents& held = b->held;
    // Where nobody else needs them the events are handed over as they are.
    bool all = is_last && std::all_of(held.events.begin(), held.events.end(),
                                      [&](const Event& e) { return e.start >= begin; });
    if (all) {
      taken.threads.push_back(std::move(held));
      held = ThreadEvents();
      held.tid = taken.threads.back().tid;
      held.name = taken.threads.back().name;
    } else {
      taken.threads.push_back(between(held, begin, taken.end));
    }
    if (!is_last) continue;
    held.events.clear();
    held.args.clear();
    held.shapes.clear();
    held.memory.clear();
    held.texts = no_texts();
  }
  if (is_last) {
    r.bytes = 0;
    std::erase_if(r.buffers, [](const auto& b) { return b.use_count() == 1; });
  }
  r.limits.erase(r.limits.find(most_bytes));
  r.limit = r.limits.empty() ? 0 : *r.limits.rbegin();
  std::erase_if(taken.threads,
                [](const ThreadEvents& t) { return t.events.empty() && t.memory.empty(); });
  return taken;
}

} // namespace weft::profile
