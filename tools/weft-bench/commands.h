// weft-bench's subcommands.
#pragma once

#include <string>
#include <vector>

namespace weft::bench {

/// Prints the workloads, as JSON with what other libraries need to run the same.
int list_command(bool as_json);

/// Writes parameters, inputs and the eager result of workloads below a folder, as worker_command
/// reads them.
int export_command(const std::vector<std::string>& names, const std::string& data);

struct RunOptions {
  std::vector<std::string> names;                         // empty: all
  std::vector<std::string> modes = {"eager", "compiled"}; // each may end in "@DEVICE"
  std::string device = "cpu";                             // where the others run
  double seconds = 1;                                     // a workload
  std::string json;                                       // file to write, empty: none
};
/// Times workloads in several modes against each other and against the machine's limit.
int run_command(const RunOptions& options);

/// Prints the most bytes of tensors that a call of each workload has live at once, in each mode.
int memory_command(const RunOptions& options);

struct GuardOptions {
  std::vector<std::string> names; // functions and workloads; empty: all
  std::string part = "1/1";       // K/N: every Nth case from the Kth on
  int draws = 2;                  // calls of each function
  double margin = 0.03;           // how much slower is no matter
  std::string json;               // file to write, empty: none
};
/// Compares calls of every function of the op table and the workloads, eager and compiled. Returns
/// 1 where one is slower compiled.
int guard_command(const GuardOptions& options);

struct EagerOptions {
  std::string filter;                                   // a regular expression of "kind name"
  std::vector<std::string> scales = {"small", "large"}; // 16 and 4M elements
  double seconds = 0.2;                                 // a case
  std::string json;                                     // file to write, empty: none
  bool serves = false;                                  // answers a driver on standard input
};
/// Times eager calls of each kind of op.
int eager_command(const EagerOptions& options);

/// Prints the table of measures. `self` is the path of this executable: rows about fresh processes
/// start it again.
int overhead_command(const std::string& self, const std::string& json);

/// Answers requests on standard input, one JSON object a line, until {"c": "quit"}.
int worker_command(const std::string& data, const std::string& mode, const std::string& device,
                   double start);

/// Runs one compiled workload a few times in this process and prints what compiling cost, as JSON.
int probe_command(const std::string& name);

} // namespace weft::bench
