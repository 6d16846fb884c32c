// weft-bench: times workloads, and prints what the library itself costs.
#include "tools/weft-bench/commands.h"
#include "tools/weft-bench/sampling.h"

#include "weft/error.h"
#include "weft/parallel.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <filesystem>

namespace weft::bench {

namespace {

/// The command line: its commands, and what their options set.
class CommandLine {
public:
  CommandLine() {
    app.require_subcommand(1);
    add_workloads();
    add_eager();
    add_overhead();
    add_guard();
    add_drivers();
  }

  /// Runs the command that was parsed; the process began at `start`.
  int run(double start) {
    if (threads_) set_num_threads(threads_);
    if (*list_) return list_command(as_json_);
    if (*export_) return export_command(options_.names, data_);
    if (*run_) return run_command(options_);
    if (*memory_) return memory_command(options_);
    if (*guard_) return guard_command(guard_options_);
    if (*eager_) return eager_command(eager_options_);
    if (*overhead_) return overhead_command(std::filesystem::read_symlink("/proc/self/exe"), json_);
    if (*probe_) return probe_command(name_);
    return worker_command(data_, mode_, options_.device, start);
  }

  CLI::App app{"Times workloads eagerly and compiled, and prints what the library itself costs."};

private:
  CLI::App* add_command(const char* name, const char* about) {
    CLI::App* sub = app.add_subcommand(name, about);
    sub->add_option("--threads", threads_, "Threads of the kernels; 0: one a core")
        ->check(CLI::Range(0, 1024));
    return sub;
  }

  CLI::App* add_command_of_modes(const char* name, const char* about) {
    CLI::App* sub = add_command(name, about);
    sub->add_option("names", options_.names, "Workloads; none: all");
    sub->add_option("--device", options_.device, "Where tensors lie: cpu, opencl, cuda, cuda:1")
        ->capture_default_str();
    sub->add_option(
           "--modes", options_.modes,
           "eager, compiled, generic, deterministic, resized, forward; or with a device: eager@cpu")
        ->delimiter(',')
        ->capture_default_str();
    sub->add_option("--json", options_.json, "File for the figures");
    return sub;
  }

  void add_workloads() {
    list_ = app.add_subcommand("list", "List the workloads");
    list_->add_flag("--json", as_json_, "With their expressions and what is to be reached");
    run_ = add_command_of_modes("run", "Time workloads in several modes, interleaved");
    run_->add_option("--seconds", options_.seconds, "Seconds that each workload may take")
        ->capture_default_str();
    memory_ =
        add_command_of_modes("memory", "Print the most memory that a call takes in several modes");
  }

  void add_eager() {
    eager_ = add_command("eager", "Time eager calls of each kind of op");
    eager_->add_option("filter", eager_options_.filter, "Regular expression of kinds and calls");
    eager_->add_option("--scales", eager_options_.scales, "small (16 elements), large (4M)")
        ->check(CLI::IsMember({"small", "large"}))
        ->delimiter(',')
        ->allow_extra_args(false)
        ->capture_default_str();
    eager_->add_option("--seconds", eager_options_.seconds, "Seconds that each call may take")
        ->capture_default_str();
    eager_->add_option("--json", eager_options_.json, "File for the figures");
    eager_->add_flag("--serve", eager_options_.serves, "Answer tools/eager_figures");
  }

  void add_overhead() {
    overhead_ = add_command("overhead", "Print the table of measures with its reach");
    overhead_->add_option("--json", json_, "File for the figures");
    probe_ = add_command("probe",
                         "Run one compiled workload in this process and print what compiling cost");
    probe_->add_option("name", name_, "Workload")->required();
  }

  void add_guard() {
    guard_ = add_command(
        "guard",
        "Find calls that are slower compiled than eager, over all functions and workloads");
    guard_->add_option("names", guard_options_.names, "Functions and workloads; none: all");
    guard_->add_option("--part", guard_options_.part, "K/N: every Nth case from the Kth on")
        ->capture_default_str();
    guard_->add_option("--draws", guard_options_.draws, "Calls of each function")
        ->capture_default_str();
    guard_->add_option("--margin", guard_options_.margin, "How much slower is no matter")
        ->capture_default_str();
    guard_->add_option("--json", guard_options_.json, "File for the figures");
  }

  void add_drivers() {
    CLI::App* worker = add_command("worker", "Answer a driver that compares libraries");
    worker->add_option("--data", data_, "Folder with a folder of .npy files for each workload")
        ->required();
    worker->add_option("--mode", mode_, "eager or compiled")->capture_default_str();
    worker->add_option("--device", options_.device, "Where tensors lie")->capture_default_str();
    export_ = add_command("export", "Write what workers read: parameters, inputs and results");
    export_->add_option("names", options_.names, "Workloads")->required();
    export_->add_option("--data", data_, "Folder in which each workload gets a folder")->required();
  }

  CLI::App *list_ = nullptr, *run_ = nullptr, *memory_ = nullptr, *eager_ = nullptr,
           *overhead_ = nullptr, *probe_ = nullptr, *guard_ = nullptr, *export_ = nullptr;
  int threads_ = 0;
  bool as_json_ = false;
  std::string json_, data_, mode_ = "compiled", name_;
  RunOptions options_;
  EagerOptions eager_options_;
  GuardOptions guard_options_;
};

} // namespace

} // namespace weft::bench

int main(int argc, char** argv) {
  const double start = weft::bench::now();
  weft::bench::CommandLine line;
  CLI11_PARSE(line.app, argc, argv);
  try {
    return line.run(start);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
