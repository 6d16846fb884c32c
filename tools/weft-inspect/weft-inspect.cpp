// weft-inspect: runs a program and shows what it compiled, stage by stage; looks after the cache.
#include "tools/weft-inspect/cache.h"
#include "tools/weft-inspect/compile_time.h"
#include "tools/weft-inspect/cost.h"
#include "tools/weft-inspect/cross_compile.h"
#include "tools/weft-inspect/page.h"
#include "tools/weft-inspect/report.h"

#include "runtime/core/output_file.h"
#include "weft/error.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using weft::Collected;
using weft::tools::counted;

/// Runs the command with collection on; returns its exit status as a shell would.
int run(const std::string& folder, std::vector<std::string> command) {
  std::error_code ignored;
  for (const auto& old : fs::directory_iterator(folder, ignored))
    if (const fs::path kind = old.path().extension();
        kind == ".collected" || kind == ".times" || kind == ".calls")
      fs::remove(old.path(), ignored);
  std::vector<char*> arguments;
  for (std::string& word : command)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = fork();
  if (child == 0) {
    setenv("WEFT_COLLECT", fs::absolute(folder).c_str(), 1);
    execvp(arguments[0], arguments.data());
    fmt::print(stderr, "weft-inspect: {} must be a program, got: {}\n", arguments[0],
               std::strerror(errno));
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) < 0)
    throw weft::Error(weft::ErrorKind::io,
                      std::string("weft-inspect: a process must start, got: ") +
                          std::strerror(errno));
  std::vector<Collected> all;
  if (fs::is_directory(folder, ignored)) all = weft::read_collection(folder);
  size_t kernels = 0;
  for (const Collected& c : all)
    kernels += c.program.kernels.size();
  fmt::print(stderr, "weft-inspect: {} with {} in {}; next: weft-inspect list{}\n",
             counted(all.size(), "program"), counted(kernels, "kernel"), folder,
             folder == weft::tools::kDefaultFolder ? "" : " --from " + folder);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// `weft-inspect cache ...`.
struct CacheCommand {
  explicit CacheCommand(CLI::App& app)
      : cache(app.add_subcommand("cache", "Look after the program cache")) {
    cache->require_subcommand(1);
    list = cache->add_subcommand("list", "List the entries, those used last first");
    list->add_flag("--json", as_json, "Print one JSON array");
    explain = cache->add_subcommand("explain", "Tell what an entry holds");
    explain->add_option("key", keys, "The beginning of its key")->required()->expected(1);
    verify = cache->add_subcommand("verify", "Check every entry; exit 1 where one is damaged");
    verify->add_flag("--remove", removes, "Remove what is damaged");
    trim = cache->add_subcommand("trim", "Remove what was used longest ago");
    trim->add_option("--to", mib, "MiB that may stay")->capture_default_str();
    to_file = cache->add_subcommand("export", "Write entries to a file, for `import` elsewhere");
    to_file->add_option("file", file, "The file to write")->required();
    to_file->add_option("keys", keys, "Beginnings of their keys; all entries where none is given");
    from_file = cache->add_subcommand(
        "import", "Take the entries of a file; code in it will be run, so it must be trusted");
    from_file->add_option("file", file, "The file to read")->required();
  }

  int run() {
    bool is_good = true;
    if (*list) fmt::print("{}", weft::tools::cache_list(as_json));
    if (*explain) fmt::print("{}", weft::tools::cache_explain(keys.at(0)));
    if (*verify) fmt::print("{}", weft::tools::cache_verify(removes, is_good));
    if (*trim) fmt::print("{}", weft::tools::cache_trim(mib << 20));
    if (*to_file) fmt::print("{}", weft::tools::cache_export(file, keys));
    if (*from_file) fmt::print("{}", weft::tools::cache_import(file));
    return is_good ? 0 : 1;
  }

  CLI::App *cache, *list, *explain, *verify, *trim, *to_file, *from_file;
  bool as_json = false, removes = false;
  int64_t mib = 0;
  std::string file;
  std::vector<std::string> keys;
};

/// The commands that look into a folder that `weft-inspect run` collected in.
struct CollectionCommands {
  explicit CollectionCommands(CLI::App& app) : app(app) {
    list = add("list", "List the kernels");
    list->add_flag("--times", with_times, "Show what each kernel took, a run of its program");
    list->add_flag("--json", as_json, "Print one JSON array");
    add_show();
    explain = add("explain", "Tell how calls went: segments, why they ended, divergences; and what "
                             "each program does, what it cost and from which lines it comes");
    time = add("time", "Tell where the time of each compilation went");
    time->add_flag("--json", as_json, "Print one JSON array");
    cost =
        add("cost", "Count what programs that ran cost: launches, bytes moved, registers spilled");
    cost->add_flag("--json", as_json, "Print one JSON array");
    add_cpu(cost);
    html = add("html", "Write one page that shows graphs, kernels, memory and times in a browser");
    html->add_option("-o,--output", file, "The file to write")->capture_default_str();
  }

  void run() {
    using namespace weft::tools;
    std::vector<Collected> all = weft::read_collection(folder);
    if (!cpu.empty()) compile_for(all, cpu);
    if (*list) fmt::print("{}", as_json ? list_json(all) : list_text(all, with_times));
    if (*show) fmt::print("{}", weft::tools::show(all, kernel, stage));
    if (*explain) fmt::print("{}", weft::tools::explain(all, weft::read_calls(folder)));
    if (*time) fmt::print("{}", as_json ? time_json(all) : time_text(all));
    if (*cost) fmt::print("{}", as_json ? cost_json(all) : cost_text(all));
    if (!*html) return;
    weft::OutputFile to("weft-inspect", file);
    to.write(page(all));
    to.commit();
  }

  CLI::App* add(const char* name, const char* about) {
    CLI::App* sub = app.add_subcommand(name, about);
    sub->add_option("--from", folder, "Folder that `run` collected in")->capture_default_str();
    return sub;
  }
  void add_cpu(CLI::App* sub) {
    sub->add_option("--cpu", cpu, "Compile anew for a processor, as LLVM names it: x86-64-v3");
  }
  void add_show() {
    show = add("show", "Print one kernel, or a whole program, at a stage");
    show->add_option("kernel", kernel,
                     "PROGRAM.KERNEL as in `list`, a kernel's symbol, or a program's number")
        ->required();
    show->add_option("--stage", stage, "weft, fused, loom, llvm, asm, device or source")
        ->capture_default_str();
    add_cpu(show);
  }

  CLI::App& app;
  CLI::App *list, *show, *explain, *time, *cost, *html;
  bool as_json = false, with_times = false;
  std::string folder = weft::tools::kDefaultFolder, kernel, cpu, stage = "loom", file = "weft.html";
};

/// `weft-inspect run ...`.
struct RunCommand {
  explicit RunCommand(CLI::App& app)
      : command(app.add_subcommand(
            "run",
            "Run a program and collect what it compiles: run [--into DIR] -- PROGRAM ARGS")) {
    command->add_option("--into", folder, "Folder to collect in; what it held is replaced")
        ->capture_default_str();
    command->add_option("program", words, "The program and its arguments")->required();
    command->positionals_at_end();
  }

  CLI::App* command;
  std::string folder = weft::tools::kDefaultFolder;
  std::vector<std::string> words;
};

} // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Shows what a program compiled: its kernels at every stage, and where they come from.");
  app.require_subcommand(1);
  RunCommand run_command(app);
  CollectionCommands collection(app);
  CacheCommand cache(app);
  CLI11_PARSE(app, argc, argv);
  try {
    if (*cache.cache) return cache.run();
    if (*run_command.command) return run(run_command.folder, run_command.words);
    collection.run();
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
