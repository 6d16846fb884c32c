// weft-bench: times workloads, and prints what the library itself costs.
#include "tools/weft-bench/commands.h"
#include "tools/weft-bench/sampling.h"

#include "weft/error.h"
#include "weft/parallel.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <filesystem>

int main(int argc, char** argv) {
  using namespace weft::bench;
  double start = now();
  CLI::App app("Times workloads eagerly and compiled, and prints what the library itself costs.");
  app.require_subcommand(1);
  int threads = 0;
  std::string json, data, mode = "compiled", name;
  RunOptions options;
  auto with_threads = [&](CLI::App* sub) {
    sub->add_option("--threads", threads, "Threads of the kernels; 0: one a core")
        ->check(CLI::Range(0, 1024));
    return sub;
  };
  bool as_json = false;
  auto* list = app.add_subcommand("list", "List the workloads");
  list->add_flag("--json", as_json, "With their expressions and what is to be reached");
  auto with_modes = [&](CLI::App* sub) {
    sub->add_option("names", options.names, "Workloads; none: all");
    sub->add_option("--device", options.device, "Where tensors lie: cpu, opencl, cuda, cuda:1")
        ->capture_default_str();
    sub->add_option(
           "--modes", options.modes,
           "eager, compiled, generic, deterministic, resized, forward; or with a device: eager@cpu")
        ->delimiter(',')
        ->capture_default_str();
    sub->add_option("--json", options.json, "File for the figures");
    return with_threads(sub);
  };
  auto* run = with_modes(app.add_subcommand("run", "Time workloads in several modes, interleaved"));
  run->add_option("--seconds", options.seconds, "Seconds that each workload may take")
      ->capture_default_str();
  auto* memory = with_modes(
      app.add_subcommand("memory", "Print the most memory that a call takes in several modes"));
  EagerOptions eager_options;
  auto* eager = with_threads(app.add_subcommand("eager", "Time eager calls of each kind of op"));
  eager->add_option("filter", eager_options.filter, "Regular expression of kinds and calls");
  eager->add_option("--scales", eager_options.scales, "small (16 elements), large (4M)")
      ->check(CLI::IsMember({"small", "large"}))
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  eager->add_option("--seconds", eager_options.seconds, "Seconds that each call may take")
      ->capture_default_str();
  eager->add_option("--json", eager_options.json, "File for the figures");
  eager->add_flag("--serve", eager_options.serves, "Answer tools/eager_figures");
  auto* overhead =
      with_threads(app.add_subcommand("overhead", "Print the table of measures with its reach"));
  overhead->add_option("--json", json, "File for the figures");
  GuardOptions guarded;
  auto* guard = with_threads(app.add_subcommand(
      "guard", "Find calls that are slower compiled than eager, over all functions and workloads"));
  guard->add_option("names", guarded.names, "Functions and workloads; none: all");
  guard->add_option("--part", guarded.part, "K/N: every Nth case from the Kth on")
      ->capture_default_str();
  guard->add_option("--draws", guarded.draws, "Calls of each function")->capture_default_str();
  guard->add_option("--margin", guarded.margin, "How much slower is no matter")
      ->capture_default_str();
  guard->add_option("--json", guarded.json, "File for the figures");
  auto* worker =
      with_threads(app.add_subcommand("worker", "Answer a driver that compares libraries"));
  worker->add_option("--data", data, "Folder with a folder of .npy files for each workload")
      ->required();
  worker->add_option("--mode", mode, "eager or compiled")->capture_default_str();
  worker->add_option("--device", options.device, "Where tensors lie")->capture_default_str();
  auto* exported = with_threads(
      app.add_subcommand("export", "Write what workers read: parameters, inputs and results"));
  exported->add_option("names", options.names, "Workloads")->required();
  exported->add_option("--data", data, "Folder in which each workload gets a folder")->required();
  auto* probe = with_threads(app.add_subcommand(
      "probe", "Run one compiled workload in this process and print what compiling cost"));
  probe->add_option("name", name, "Workload")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    if (threads) weft::set_num_threads(threads);
    if (*list) return list_command(as_json);
    if (*exported) return export_command(options.names, data);
    if (*run) return run_command(options);
    if (*memory) return memory_command(options);
    if (*guard) return guard_command(guarded);
    if (*eager) return eager_command(eager_options);
    if (*overhead) return overhead_command(std::filesystem::read_symlink("/proc/self/exe"), json);
    if (*probe) return probe_command(name);
    return worker_command(data, mode, options.device, start);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
