// weft-oracle: answers one case of an oracle of another library. Exit 0: answered, 3: not there
// yet, anything else: the call was refused.
#include "tools/common/python_json.h"
#include "tools/weft-oracle/runner.h"
#include "weft/device.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <fstream>
#include <iterator>

int main(int argc, char** argv) {
  CLI::App app(
      "Runs one op case, or one program that mutates and aliases, and writes what it computes.");
  std::string case_file, root, out, mode = "eager";
  app.add_option("--case", case_file, "JSON of the case")->required()->check(CLI::ExistingFile);
  app.add_option("--root", root, "Folder that the case's .npy paths start from")->required();
  app.add_option("--out", out, "Folder for out_K.npy, grad_K.npy or NAME.npy")->required();
  app.add_option("--mode", mode, "eager, compiled, or pure: compiled as a pure function")
      ->check(CLI::IsMember({"eager", "compiled", "pure"}));
  std::string device = "cpu";
  app.add_option("--device", device, "cpu, opencl or cuda");
  CLI11_PARSE(app, argc, argv);
  using namespace weft::tools;
  try {
    std::ifstream file(case_file);
    Json c = parse_python_json({std::istreambuf_iterator<char>(file), {}});
    Runner runner{root, out, mode != "eager", mode == "pure"};
    runner.device = weft::device_named(device);
    const weft::DeviceScope scope(runner.device);
    if (c.at("op") == "program")
      runner.run_program(c);
    else
      runner.run_case(c);
    return 0;
  } catch (const Unsupported& e) {
    fmt::print(stderr, "unsupported: {}\n", e.what());
    return 3;
  } catch (const weft::Error& e) {
    fmt::print(stderr, "{}\n", e.what());
    return e.kind() == weft::ErrorKind::unsupported ? 3 : 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "weft-oracle: {}\n", e.what());
    return 2;
  }
}
