#include "runtime/device/context.h"

#include "runtime/core/fail_at.h"
#include "runtime/core/refusal.h"
#include "runtime/core/region_hook.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace weft::device {

namespace {

constexpr size_t kMostQueued = 512, kMostWatched = 4096;
constexpr size_t kMostQueuedBytes = size_t{1} << 26;
constexpr int kMostDevices = 16; // of a type

struct Open {
  std::mutex mutex;
  std::array<std::array<std::atomic<Context*>, kMostDevices>, 3> contexts{};
};

Open& open() {
  static Open& o = *new Open; // tensors outlive static objects
  return o;
}

std::unique_ptr<Backend> open_backend(Device device) {
  return device.type == DeviceType::cuda ? open_cuda(device.index) : open_opencl(device.index);
}

} // namespace

Context& Context::of(Device device, const Loc& loc) {
  auto type = static_cast<size_t>(device.type);
  if (device.type == DeviceType::cpu || device.index >= kMostDevices ||
      type >= open().contexts.size())
    fail_at(ErrorKind::unsupported,
            "device: it must be a device with a queue, got " + name_of(device), loc);
  std::atomic<Context*>& place = open().contexts[type][device.index];
  if (Context* known = place.load(std::memory_order_acquire)) return *known;
  std::lock_guard lock(open().mutex);
  if (Context* known = place.load(std::memory_order_acquire)) return *known;
  try {
    // Never closed: at the process's end the driver may be gone before us.
    auto* made = new Context(device, open_backend(device));
    if (!opened) {
      profile::before_end(collect_all_times);
      std::atexit(collect_all_times); // while the drivers are there
    }
    opened = true;
    place.store(made, std::memory_order_release);
    return *made;
  } catch (const Error& e) {
    fail_at(e.kind(), e.what(), loc);
  }
}

Context::Context(Device device, std::unique_ptr<Backend> backend)
    : device_(device), backend_(std::move(backend)),
      memory_(device, *backend_, mutex_, [this] { hand_over(); }), code_(*backend_) {
  const uint32_t none[2] = {};
  error_words_ = backend_->allocate(sizeof none);
  if (!error_words_)
    throw Error(ErrorKind::out_of_memory, name_of(device) + ": it must have memory, got none");
  backend_->copy_in(error_words_, none, sizeof none);
}

void Context::copy_in(Address to, const void* from, size_t nbytes) {
  if (!nbytes) return;
  std::lock_guard lock(mutex_);
  copies_in_++;
  if (!queue_.empty() && queued_bytes_ + nbytes <= kMostQueuedBytes) {
    auto bytes = static_cast<const char*>(from);
    queue_.push_back(QueuedCopy{to, {bytes, bytes + nbytes}});
    queued_bytes_ += nbytes;
    return;
  }
  hand_over();
  backend_->copy_in(to, from, nbytes);
}

void Context::copy_within(Address to, const char* from, size_t nbytes) {
  if (!nbytes) return;
  std::lock_guard lock(mutex_);
  if (queue_.empty()) return backend_->copy_within(to, from, nbytes);
  queue_.push_back(QueuedCopy{to, {}, from, nbytes});
}

void Context::copy_out(void* to, Address from, size_t nbytes) {
  std::unique_lock lock(mutex_);
  hand_over();
  copies_out_ += nbytes != 0;
  wait(nbytes ? backend_->copy_out(to, from, nbytes) : backend_->record(), lock);
}

void Context::synchronize() { copy_out(nullptr, nullptr, 0); }

void Context::drain() noexcept {
  try {
    std::unique_lock lock(mutex_);
    hand_over();
    std::unique_ptr<Event> done = backend_->record();
    lock.unlock();
    done->wait();
  } catch (const Error&) { // what did not run is known by its launches' numbers
  }
}

// Lets other threads enqueue meanwhile.
void Context::wait(std::unique_ptr<Event> done, std::unique_lock<std::mutex>& lock) {
  uint32_t words[2] = {};
  const uint64_t last = numbers_.load(std::memory_order_relaxed);
  std::unique_ptr<Event> told;
  if (!watched_.empty()) told = backend_->copy_out(words, error_words_, sizeof words);
  std::vector<CodeStore::Unsaved> unsaved;
  if (code_.has_unsaved()) unsaved = code_.take_unsaved();
  lock.unlock();
  done->wait();
  if (told) told->wait();
  CodeStore::save(unsaved);
  settle(words, last);
}

// Forgets what went well up to launch `last`, or throws the error of what did not.
void Context::settle(const uint32_t* words, uint64_t last) {
  std::unique_lock lock(mutex_);
  if (times_) times_->collect();
  if (words[0] == 0) return forget_up_to(last);
  auto raised = [&](const Watched& w) {
    return static_cast<uint32_t>(words[0] - static_cast<uint32_t>(w.first)) <=
           static_cast<uint32_t>(w.last - w.first);
  };
  auto found = std::find_if(watched_.begin(), watched_.end(), raised);
  if (found == watched_.end()) return; // another thread has thrown it
  Watched failed = std::move(*found);
  hand_over();
  const uint32_t none[2] = {};
  backend_->copy_in(error_words_, none, sizeof none);
  watched_.clear(); // what was enqueued behind it did nothing
  fail(failed.first, "an op before it failed");
  lock.unlock();
  try {
    failed.refuse(words[1]);
  } catch (const Error& e) {
    lock.lock();
    if (Failure* f = failure_of(failed.first)) f->why = keep_text(e.what());
    throw;
  }
}

// From a launch on until now nothing was stored. Failures stand in order and apart.
void Context::fail(uint64_t first, const char* why) {
  while (!failures_.empty() && failures_.back().first >= first)
    failures_.pop_back();
  failures_.push_back({first, numbers_.load(std::memory_order_relaxed), why});
  has_failures_ = true;
}

Context::Failure* Context::failure_of(uint64_t number) {
  auto behind = std::upper_bound(failures_.begin(), failures_.end(), number,
                                 [](uint64_t n, const Failure& f) { return n < f.first; });
  if (behind == failures_.begin()) return nullptr;
  Failure& f = *std::prev(behind);
  return number <= f.last ? &f : nullptr;
}

const char* Context::lost_since(uint64_t born) {
  if (!has_failures_.load(std::memory_order_relaxed)) return nullptr;
  std::lock_guard lock(mutex_);
  const Failure* f = failure_of(born);
  return f ? f->why : nullptr;
}

void Context::enqueue(const Launch& l, uint64_t number) {
  std::vector<Argument> arguments = l.arguments;
  arguments.push_back(Argument::pointer(error_words_));
  arguments.push_back(Argument::half_word(static_cast<uint32_t>(number)));
  arguments.push_back(Argument::pointer(l.scratch));
  Kernel& kernel = *l.code->kernels[l.kernel];
  if (!profile::is_on()) return backend_->launch(kernel, l.blocks, l.threads, arguments);
  if (!times_) times_.emplace(name_of(device_));
  const uint64_t now = profile::now();
  std::unique_ptr<LaunchClock> clock =
      backend_->launch_timed(kernel, l.blocks, l.threads, arguments);
  times_->watch(std::move(clock), l.code, l.kernel, profile::Place(l.loc), now);
}

// Runs and waits for what a profiler is to see.
void Context::collect_times() noexcept {
  {
    std::lock_guard lock(mutex_);
    if (queue_.empty() && (!times_ || times_->is_empty())) return;
  }
  drain();
  std::lock_guard lock(mutex_);
  if (times_) times_->collect();
}

void Context::collect_all_times() {
  if (!profile::is_on()) return;
  for (auto& of_type : open().contexts)
    for (std::atomic<Context*>& place : of_type)
      if (Context* known = place.load(std::memory_order_acquire)) known->collect_times();
}

void Context::hand_over(const Queued& next) {
  if (auto* copy = std::get_if<QueuedCopy>(&next)) {
    if (copy->from)
      backend_->copy_within(copy->to, copy->from, copy->nbytes);
    else
      backend_->copy_in(copy->to, copy->bytes.data(), copy->bytes.size());
    return;
  }
  const auto& [launch, number] = std::get<QueuedLaunch>(next);
  try {
    enqueue(launch, number);
  } catch (const Error& e) {
    fail_launch(e, launch, number);
  }
}

// Gives the driver what waits on the host, with the code that it waits for. The first in the queue
// is a launch.
void Context::hand_over() {
  if (queue_.empty()) return;
  std::vector<Queued> queue = std::exchange(queue_, {});
  queued_bytes_ = 0;
  std::vector<std::shared_ptr<DriverCode>> wanted;
  for (const Queued& q : queue) {
    auto* l = std::get_if<QueuedLaunch>(&q);
    if (l && !l->launch.code->is_ready() &&
        std::find(wanted.begin(), wanted.end(), l->launch.code) == wanted.end())
      wanted.push_back(l->launch.code);
  }
  size_t done = 0;
  try {
    make_ready(wanted, std::get<QueuedLaunch>(queue.front()));
    for (; done < queue.size(); done++)
      hand_over(queue[done]);
  } catch (const Error&) {
    // Copies are no launches, whose numbers say that they are lost: they go on.
    for (; done < queue.size(); done++)
      if (std::holds_alternative<QueuedCopy>(queue[done])) hand_over(queue[done]);
    throw;
  }
}

void Context::make_ready(const std::vector<std::shared_ptr<DriverCode>>& wanted,
                         const QueuedLaunch& first) {
  try {
    code_.make_ready(wanted);
  } catch (const Error& e) {
    fail_launch(e, first.launch, first.number);
  }
}

// What the driver did not take: nothing from there on has run.
void Context::fail_launch(const Error& driver, const Launch& launch, uint64_t number) {
  std::string message = launch.code->ops[launch.kernel] + ": " + driver.what();
  fail(number, keep_text(message.c_str()));
  throw LaunchFailed(driver.kind(), message, launch.loc);
}

uint64_t Context::launch(std::vector<Launch> launches, Refuse refuse) {
  std::unique_lock lock(mutex_);
  uint64_t number = numbers_.load(std::memory_order_relaxed);
  if (launches.empty()) return number;
  // Numbers of one program follow one another; as a word of the device 0 means that nothing failed.
  const uint64_t first = number + 1, last = number + launches.size();
  if (static_cast<uint32_t>(last) < launches.size()) {
    numbers_ += launches.size();
    lock.unlock();
    return launch(std::move(launches), std::move(refuse));
  }
  numbers_.store(last, std::memory_order_relaxed);
  launches_ += static_cast<int64_t>(launches.size());
  if (refuse) watched_.push_back({first, last, std::move(refuse)});
  for (Launch& l : launches) {
    number++;
    if (!queue_.empty() || !l.code->is_ready()) {
      queue_.push_back(QueuedLaunch{std::move(l), number});
      continue;
    }
    try {
      enqueue(l, number);
    } catch (const Error& e) {
      fail_launch(e, l, number);
    }
  }
  if (queue_.size() >= kMostQueued) hand_over();
  if (watched_.size() >= kMostWatched) forget_done(lock);
  return last;
}

// Waits, but says nothing: that is for where the host asks for a value.
void Context::forget_done(std::unique_lock<std::mutex>& lock) {
  hand_over();
  uint32_t words[2] = {};
  const uint64_t last = numbers_.load(std::memory_order_relaxed);
  std::unique_ptr<Event> done = backend_->copy_out(words, error_words_, sizeof words);
  lock.unlock();
  done->wait();
  lock.lock();
  if (words[0] == 0) forget_up_to(last);
}

void Context::forget_up_to(uint64_t last) {
  while (!watched_.empty() && watched_.front().last <= last)
    watched_.pop_front();
}

void Context::count_cpu_op(const std::string& what) {
  std::lock_guard lock(mutex_);
  cpu_ops_[what]++;
}

DeviceStats Context::stats() {
  std::lock_guard lock(mutex_);
  DeviceStats s;
  s.launches = launches_;
  s.programs = programs_;
  s.driver_builds = code_.builds;
  s.driver_loads = code_.loads;
  s.copies_in = copies_in_;
  s.copies_out = copies_out_;
  for (const auto& [what, count] : cpu_ops_) {
    s.cpu_ops += count;
    s.cpu_ops_by_name.emplace_back(what, count);
  }
  return s;
}

} // namespace weft::device

namespace weft {

constinit thread_local Device DeviceScope::current_{};

namespace {

constexpr const char* kDeviceNames[] = {"cpu", "opencl", "cuda"}; // by DeviceType

} // namespace

const char* name_of(DeviceType type) { return kDeviceNames[static_cast<int>(type)]; }

std::string name_of(Device device) {
  std::string name = name_of(device.type);
  return device.type == DeviceType::cpu ? name : name + "(" + std::to_string(device.index) + ")";
}

Device device_named(std::string_view name, Loc loc) {
  const size_t colon = std::min(name.find(':'), name.size());
  for (size_t k = 0; k < std::size(kDeviceNames); k++) {
    if (name.substr(0, colon) != kDeviceNames[k]) continue;
    Device device{static_cast<DeviceType>(k), 0};
    const char *begin = name.data() + std::min(colon + 1, name.size()),
               *end = name.data() + name.size();
    if (colon == name.size()) return device;
    auto [stop, error] = std::from_chars(begin, end, device.index);
    const bool is_there = device.type != DeviceType::cpu || device.index == 0;
    if (error == std::errc() && stop == end && is_there) return device;
  }
  fail_at(ErrorKind::value,
          "device: the name must be cpu, opencl, cuda, or one with a number such as cuda:1, got " +
              std::string(name),
          loc);
}

bool is_available(Device device) {
  if (device.type == DeviceType::cpu) return device.index == 0;
  try {
    device::Context::of(device, Loc());
    return true;
  } catch (const Error&) {
    return false;
  }
}

DeviceInfo device_info(Device device, Loc loc) {
  if (device.type == DeviceType::cpu) return {.name = "the processor", .driver = "", .threads = 1};
  return device::Context::of(device, loc).backend().info();
}

void synchronize(Device device, Loc loc) {
  if (device.type == DeviceType::cpu) return;
  LocScope scope(loc);
  if (current_session) current_session->flush("synchronize", loc);
  device::Context::of(device, loc).synchronize();
}

DeviceStats device_stats(Device device) {
  if (device.type == DeviceType::cpu || !is_available(device)) return {};
  return device::Context::of(device, Loc()).stats();
}

} // namespace weft
