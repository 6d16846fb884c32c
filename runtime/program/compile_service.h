// The way from a segment to a program that can run: memory, then disk, then the compiler library.
#pragma once

#include "runtime/program/executor.h"

namespace weft {

/// What a caller may ask of the compiler. Everything here is part of the cache's key. Where
/// `disable` or `print` is empty, WEFT_DISABLE_PASSES or WEFT_PRINT_PASSES counts; "all" prints
/// after each pass.
struct CompileSettings {
  bool keep_stages = false;            // keep every stage as text; WEFT_COLLECT sets it too
  std::string disable = {};            // names of passes to leave out, separated by commas
  std::string print = {};              // names of passes after which the IR is printed to stderr
  bool use_disk_cache = true;          // false: neither read nor write it
  DeviceType device = DeviceType::cpu; // what the program is to run on
  int64_t memory_budget = 0;           // bytes of workspace; 0: none
  // A processor as LLVM names it, whose code runs here, to compile for; empty: this one. WEFT_CPU
  // sets it.
  std::string cpu = {};
};

/// Where a program came from and what it cost.
struct CompileReport {
  enum class Source : uint8_t { none, memory, disk, compiler };
  Source source = Source::none;
  double total_ms = 0;   // of the whole call
  double loading_ms = 0; // the compiler library, where this call was the first to need it
  double compiling_ms = 0;
  double mapping_ms = 0;  // code into the process
  std::string key;        // 32 hexadecimal digits
  std::string failure;    // why there is no program: one line
  std::string cache_note; // why the disk cache is not used: one line, empty where it is
  // Where programs are collected or profiled: what the call did, in order, and nothing twice.
  std::vector<CompileStep> steps;
};

/// Returns the segment's program, or null with `out.failure` set where the compiler library is
/// missing, or does not take this segment: the caller stays eager. Calls for one segment from
/// several threads compile it once. Throws only std::bad_alloc.
std::shared_ptr<LoadedProgram> compile_segment(const Segment& segment,
                                               const CompileSettings& settings, CompileReport& out);

/// Notes that the program of a key took so many times as long as its ops one by one, for this
/// process and, in the entry of its key, for later ones.
void keep_verdict(const std::string& key, double slower_by);

/// Returns the cache on disk, or null where it is off.
std::shared_ptr<class ProgramStore> program_store();

/// Drops the programs that memory keeps for later calls of compile_segment.
void forget_programs();

/// Counters of this process, for tests and explain().
struct CompileCounters {
  uint64_t from_memory = 0, from_disk = 0, compiled = 0, failed = 0;
};
CompileCounters compile_counters();

const char* name_of(CompileReport::Source source);

} // namespace weft
