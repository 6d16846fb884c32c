#include "runtime/program/compile_service.h"

#include "runtime/core/environment.h"
#include "runtime/core/profile.h"
#include "runtime/program/code_image.h"
#include "runtime/program/collection.h"
#include "runtime/program/compiler_library.h"
#include "runtime/program/host_target.h"
#include "runtime/program/program_store.h"
#include "weft/device.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>

namespace weft {

namespace {

constexpr size_t kMostPrograms = 1024; // kept in memory beyond their last use

class Clock {
public:
  double ms() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_)
        .count();
  }

private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// One key's program, made once: whoever holds the mutex makes it, the others wait.
struct Slot {
  std::mutex mutex;
  std::shared_ptr<LoadedProgram> program;
  std::string failure;
};

struct Service {
  std::mutex mutex;
  std::map<Hash128, std::shared_ptr<Slot>> slots;
  std::map<std::string, std::shared_ptr<ProgramStore>> stores; // by path: tests change it
  std::atomic<uint64_t> from_memory{0}, from_disk{0}, compiled{0}, failed{0};

  std::shared_ptr<Slot> slot(const Hash128& key) {
    std::lock_guard lock(mutex);
    if (slots.size() >= kMostPrograms)
      std::erase_if(slots, [](const auto& s) {
        return s.second.use_count() == 1 &&
               (!s.second->program || s.second->program.use_count() == 1);
      });
    std::shared_ptr<Slot>& s = slots[key];
    if (!s) s = std::make_shared<Slot>();
    return s;
  }

  std::shared_ptr<ProgramStore> store() {
    std::string path = cache_path();
    std::lock_guard lock(mutex);
    std::shared_ptr<ProgramStore>& s = stores[path];
    if (!s) s = std::make_shared<ProgramStore>(path, cache_limit());
    return s;
  }
};

Service& service() {
  static Service& s = *new Service; // threads may still compile while the process ends
  return s;
}

/// Leaves of sizes and strides what a size-generic program may depend on: which sizes are 1, and
/// whether elements lie without gaps.
void clear_sizes(Meta& m) {
  for (int k = 0; k < m.rank; k++)
    if (m.sizes[k] != 1) m.sizes[k] = 2;
  if (m.contiguous)
    m.set_contiguous();
  else
    std::fill_n(m.strides, m.rank, 0);
}

/// Leaves of a size-generic segment what its program may depend on.
void clear_sizes(Segment& s) {
  std::vector<int64_t> sizes;
  each_size(s, [&](int64_t size) { sizes.push_back(size); });
  for (SegmentValue& v : s.values)
    clear_sizes(v.meta);
  for (SegmentOp& op : s.ops)
    for (int64_t& size : op.sizes)
      if (size != 1) size = 2;
  if (s.facts.empty()) return;
  size_t next = 0;
  each_size(s, [&](int64_t& size) {
    if (s.facts[next].is_constant()) size = sizes[next];
    next++;
  });
  bool keeps_gaps = true;
  for (int32_t v : s.leaves) {
    Meta& m = s.values[v].meta;
    if (m.contiguous) {
      m.set_contiguous();
      continue;
    }
    Meta read = m; // as the compiler will
    read.finish_strided();
    keeps_gaps &= !read.contiguous;
  }
  if (keeps_gaps) return;
  s.facts.clear();
  clear_sizes(s);
}

/// The form in which a segment is compiled: op k's location is number k, and what code cannot
/// depend on is cleared. So segments that differ in their lines alone share a program, and so do
/// size-generic ones that differ in their sizes.
Segment normal_form(const Segment& segment) {
  Segment s = segment;
  s.locations.clear();
  for (size_t k = 0; k < s.ops.size(); k++) {
    int32_t from = s.ops[k].location;
    bool known = from >= 0 && static_cast<size_t>(from) < segment.locations.size();
    s.locations.push_back(known ? segment.locations[from] : SourceLine{});
    s.ops[k].location = static_cast<int32_t>(k);
  }
  for (SegmentValue& v : s.values)
    v.meta.requires_grad = 0;
  if (s.generic) clear_sizes(s);
  return s;
}

/// Device C is the same for every device of a kind.
std::string target_of(DeviceType device) {
  return device == DeviceType::cpu ? host_target() : name_of(device);
}

std::string options_text(const CompileSettings& settings) {
  std::string text = "target=" + target_of(settings.device) + "\n";
  if (settings.keep_stages) text += "keep_stages=1\n";
  if (!settings.disable.empty()) text += "disable=" + settings.disable + "\n";
  if (!settings.print.empty()) text += "print=" + settings.print + "\n";
  if (settings.device != DeviceType::cpu)
    text += "device=" + target_of(settings.device) + "\n";
  else if (!settings.cpu.empty())
    text += "run_as=" + settings.cpu + "\n";
  if (settings.memory_budget)
    text += "memory_budget=" + std::to_string(settings.memory_budget) + "\n";
  return text;
}

/// Compiles one segment into its slot; all that one call needs, so that steps read as a page.
class Job {
public:
  Job(const Segment& segment, const CompileSettings& settings, CompileReport& out)
      : settings_(settings), out_(out), segment_(normal_form(segment)) {
    collect_into_ = collection_folder();
    if (!collect_into_.empty()) settings_.keep_stages = true;
    if (settings_.disable.empty()) settings_.disable = variable("WEFT_DISABLE_PASSES");
    if (settings_.print.empty()) settings_.print = variable("WEFT_PRINT_PASSES");
    if (settings_.cpu.empty()) settings_.cpu = variable("WEFT_CPU");
    options_ = options_text(settings_);
    library_ = compiler_library_path();
    std::string identity =
        segment_.serialize(false) + options_ + compiler_library_identity(library_);
    identity += "/" + std::to_string(kProgramVersion) + "/" + std::to_string(WEFT_KERNEL_ABI);
    key_ = hash_bytes(identity);
    out_.key = key_.hex();
    add_step("key", 0);
  }

  std::shared_ptr<LoadedProgram> run() {
    double start = clock_.ms();
    std::shared_ptr<Slot> slot = service().slot(key_);
    std::lock_guard lock(slot->mutex);
    add_step("wait", start);
    bool is_new = !slot->program && slot->failure.empty();
    // Printing is a side effect that only the compiler has.
    if (is_new || !settings_.print.empty()) {
      make(*slot);
    } else {
      out_.source = slot->program ? CompileReport::Source::memory : CompileReport::Source::none;
      service().from_memory += slot->program != nullptr;
    }
    out_.failure = slot->failure;
    out_.total_ms = clock_.ms();
    if (profile::is_on()) record_compile();
    if (is_new && !collect_into_.empty()) collect(collect_into_, segment_, slot->program, out_);
    if (!settings_.keep_stages) out_.steps = {};
    return slot->program;
  }

private:
  void make(Slot& slot) {
    bool use_disk = settings_.use_disk_cache && settings_.print.empty() && !cache_is_off();
    std::shared_ptr<ProgramStore> store = use_disk ? service().store() : nullptr;
    if (!settings_.use_disk_cache || cache_is_off()) out_.cache_note = "cache: it is off";
    if (store) out_.cache_note = store->refusal();
    try {
      if (store) slot.program = from_disk(*store);
      if (!slot.program || !settings_.print.empty()) slot.program = from_compiler(store.get());
      slot.failure.clear();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& e) {
      service().failed++;
      slot.failure = e.what();
    }
  }

  void add_step(const char* name, double start) {
    out_.steps.push_back({name, -1, start, clock_.ms() - start});
  }

  /// Calls f as a step.
  template <class F> auto step(const char* name, F f) {
    struct Note {
      Job& job;
      const char* name;
      double start;
      ~Note() { job.add_step(name, start); }
    } note{*this, name, clock_.ms()};
    return f();
  }

  // The compiler's own steps stand between the library's load and what the answer took to come.
  void add_compiler_steps(const Program& program, double start) {
    double began = start + out_.loading_ms, end = began;
    if (out_.loading_ms > 0) out_.steps.push_back({"load library", -1, start, out_.loading_ms});
    for (CompileStep s : program.steps) {
      s.start_ms += began;
      end = std::max(end, s.start_ms + s.ms);
      out_.steps.push_back(s);
    }
    add_step("hand over", end);
  }

  std::shared_ptr<LoadedProgram> map(Program program, const ProgramStore::Entry& e) {
    Clock clock;
    auto loaded = step("load code", [&] {
      if (settings_.device != DeviceType::cpu) {
        program.code = e.read_code();
        return LoadedProgram::load(std::move(program));
      }
      std::shared_ptr<CodeImage> code = e.has_code ? CodeImage::from_file(e.file.get()) : nullptr;
      return LoadedProgram::load(std::move(program), std::move(code));
    });
    out_.mapping_ms += clock.ms();
    return loaded;
  }

  std::shared_ptr<LoadedProgram> from_disk(ProgramStore& store) {
    std::optional<ProgramStore::Entry> e =
        step("read cache", [&] { return store.find(key_, out_.cache_note); });
    if (!e || e->program.target != target_of(settings_.device)) return nullptr;
    try {
      Program program = std::move(e->program);
      auto loaded = map(std::move(program), *e);
      out_.source = CompileReport::Source::disk;
      service().from_disk++;
      return loaded;
    } catch (const Error& error) { // a folder on a file system that forbids mapping code, for one
      out_.cache_note = std::string("cache: its entry must be loadable, got: ") + error.what();
      return nullptr;
    }
  }

  Program compile() {
    Clock clock;
    double start = clock_.ms();
    std::string bytes =
        call_compiler(library_, segment_.serialize(true), options_, out_.loading_ms);
    Program program =
        Program::deserialize({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    add_compiler_steps(program, start);
    program.steps.clear();
    program.locations.clear();
    out_.compiling_ms = clock.ms() - out_.loading_ms;
    if (program.target != target_of(settings_.device))
      throw Error(ErrorKind::internal,
                  "compile: a program must be for this processor, got " + program.target);
    return program;
  }

  std::shared_ptr<LoadedProgram> from_compiler(ProgramStore* store) {
    Program program = compile();
    // What was stored is what is mapped, so that cold and warm code come in the same way and tools
    // find the file behind it; memory serves where the folder does not.
    if (store && store->refusal().empty()) {
      step("write cache", [&] { store->put(key_, program, out_.cache_note); });
      std::string note;
      std::optional<ProgramStore::Entry> e =
          step("read cache", [&] { return store->find(key_, note); });
      if (e)
        if (auto loaded = try_map(*e)) return compiled(loaded);
    }
    Clock mapping;
    auto loaded = step("load code", [&] { return LoadedProgram::load(std::move(program)); });
    out_.mapping_ms += mapping.ms();
    return compiled(loaded);
  }

  std::shared_ptr<LoadedProgram> try_map(ProgramStore::Entry& e) {
    try {
      Program program = std::move(e.program);
      return map(std::move(program), e);
    } catch (const Error& error) {
      out_.cache_note = std::string("cache: its entry must be loadable, got: ") + error.what();
      return nullptr;
    }
  }

  std::shared_ptr<LoadedProgram> compiled(std::shared_ptr<LoadedProgram> program) {
    out_.source = CompileReport::Source::compiler;
    service().compiled++;
    return program;
  }

  void record_compile() const {
    uint64_t end = profile::now();
    uint64_t start = end - static_cast<uint64_t>(out_.total_ms * 1e6);
    profile::Arg args[] = {{"source", name_of(out_.source)},
                           {"ops", static_cast<int64_t>(segment_.ops.size())},
                           {"key", out_.key.c_str()},
                           {"failure", out_.failure.c_str()}};
    const SourceLine* at = segment_.locations.empty() ? nullptr : &segment_.locations.front();
    profile::Place place = at ? profile::Place{at->file.c_str(), at->line} : profile::Place{};
    profile::add({profile::Kind::compile, "compile", place, start, end}, args);
    for (const CompileStep& s : out_.steps) {
      auto at = [&](double ms) { return start + static_cast<uint64_t>(ms * 1e6); };
      profile::Arg kernel{"kernel", s.kernel};
      profile::add(
          {profile::Kind::step, s.name.c_str(), place, at(s.start_ms), at(s.start_ms + s.ms)},
          {&kernel, s.kernel >= 0 ? size_t{1} : size_t{0}});
    }
  }

  Clock clock_;
  CompileSettings settings_;
  CompileReport& out_;
  Segment segment_;
  std::string collect_into_, options_, library_;
  Hash128 key_;
};

/// A missing compiler library is said once a process: without it everything stays eager.
void say_once(const std::string& failure) {
  static std::atomic<bool> said{false};
  if (failure.find("compiler library must be loadable") == std::string::npos || said.exchange(true))
    return;
  std::fprintf(stderr, "weft: %s; compiled regions stay eager\n", failure.c_str());
}

} // namespace

std::shared_ptr<LoadedProgram>
compile_segment(const Segment& segment, const CompileSettings& settings, CompileReport& out) {
  out = CompileReport();
  std::shared_ptr<LoadedProgram> program = Job(segment, settings, out).run();
  if (!program) say_once(out.failure);
  return program;
}

void keep_verdict(const std::string& key, double slower_by) {
  const auto hash = Hash128::from_hex(key);
  if (!hash) return;
  const std::shared_ptr<Slot> slot = service().slot(*hash);
  std::lock_guard lock(slot->mutex);
  if (slot->program) slot->program->set_slower_by(slower_by);
  const std::shared_ptr<ProgramStore> store = program_store();
  if (!store) return;
  std::string why;
  std::optional<ProgramStore::Entry> e = store->look_at(*hash, why);
  if (!e) return;
  e->program.slower_by = slower_by;
  e->program.code = e->read_code();
  if (e->program.code.size() != e->code_bytes) return; // it cannot be read to its end
  store->put(*hash, e->program, why);
}

std::shared_ptr<ProgramStore> program_store() {
  return cache_is_off() ? nullptr : service().store();
}

void forget_programs() {
  std::lock_guard lock(service().mutex);
  service().slots.clear();
  service().stores.clear();
}

CompileCounters compile_counters() {
  Service& s = service();
  return {s.from_memory, s.from_disk, s.compiled, s.failed};
}

const char* name_of(CompileReport::Source source) {
  constexpr const char* names[] = {"none", "memory", "disk", "compiler"};
  return names[static_cast<int>(source)];
}

} // namespace weft
