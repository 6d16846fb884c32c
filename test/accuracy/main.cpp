// accuracy: how exact the unary ops of the records are, over every number of f16 and bf16 and over
// f32, as a table in Markdown. Fails where a result is worse than its limit, where NaN, infinities
// and zeros are not those of the reference, or where compiled kernels or those of another
// instruction set give other bits.
#include "kernels/kernel_table.h"
#include "test/accuracy/sweep.h"
#include "weft/compile.h"
#include "weft/parallel.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace weft::test {

namespace {

constexpr DType kDTypes[] = {f16, bf16, f32};

struct Options {
  int64_t stride = 1;
  int threads = static_cast<int>(std::thread::hardware_concurrency());
  std::vector<std::string> ops;
};

// The f32 result rounded: half a unit, and what is left of the f32 error.
double limit_of(const UnaryOp& op, DType dtype) {
  return dtype == f32 ? op.reference->limit : 0.51;
}

std::string number(int64_t n) {
  if (n >= int64_t{1} << 32) return "all";
  return n < 1000000 ? fmt::format("{}", n)
                     : fmt::format("{:.3g} M", static_cast<double>(n) * 1e-6);
}

struct Report {
  bool failed = false;

  void fail(const std::string& text) {
    failed = true;
    fmt::print(stderr, "{}\n", text);
  }
  void check(const UnaryOp& op, DType dtype, const Tally& t) {
    if (t.wrong)
      fail(fmt::format("{} {}: {} special results differ; {}({:.9g}) must be {}, got {}", op.name,
                       name_of(dtype), t.wrong, op.name, t.first_wrong.at, t.first_wrong.want,
                       t.first_wrong.got));
    if (t.ulps > limit_of(op, dtype))
      fail(fmt::format("{} {}: errors must be at most {} ulp, got {:.3f}; {}({:.9g}) must be "
                       "{:.12g}, got {:.9g}",
                       op.name, name_of(dtype), limit_of(op, dtype), t.ulps, op.name, t.worst.at,
                       t.worst.want, t.worst.got));
  }
};

void print_table(const Options& options, const std::vector<UnaryOp>& ops, Report& report) {
  fmt::print(
      "| op | f16 | bf16 | f32 | numbers of f32 | not the nearest | largest error at | against "
      "|\n|---|---|---|---|---|---|---|---|\n");
  set_num_threads(1); // an op a thread
  for (const UnaryOp& op : ops) {
    std::string row = "| " + op.name;
    Tally last;
    for (DType dtype : kDTypes) {
      last = sweep(op, dtype, options.stride, dtype == f32 ? options.threads : 1);
      report.check(op, dtype, last);
      row += op.is_mask     ? (last.misrounded ? " | differs" : " | exact")
             : dtype == f32 ? fmt::format(" | {:.2f}", last.ulps)
                            : fmt::format(" | {:.2f}, {}", last.ulps, last.misrounded);
    }
    fmt::print("{} | {} | {:.2g} % | {} | {} |\n", row, number(last.inputs),
               100.0 * static_cast<double>(last.misrounded) / static_cast<double>(last.inputs),
               last.ulps > 0 && !op.is_mask ? fmt::format("{:.9g}", last.worst.at) : "",
               op.reference->value ? "libm" : "itself in f64");
    std::fflush(stdout);
  }
  set_num_threads(0);
}

// All ops of a dtype in one region, whose second call runs its kernels.
void check_compiled(const std::vector<UnaryOp>& ops, Report& report) {
  for (DType dtype : kDTypes) {
    const Tensor x = spread(dtype);
    std::vector<Tensor> results(ops.size());
    auto run = compile([&] {
      for (size_t k = 0; k < ops.size(); k++)
        results[k] = ops[k](x);
    });
    run();
    const std::vector<Tensor> eager = results;
    run();
    if (run.stats().programs == 0 || run.stats().eager_segments)
      report.fail(fmt::format("{}: nothing was compiled", name_of(dtype)));
    for (size_t k = 0; k < ops.size(); k++)
      if (!has_same_bits(eager[k], results[k]))
        report.fail(fmt::format("{} {}: compiled bits differ", ops[k].name, name_of(dtype)));
  }
}

void check_targets(const std::vector<UnaryOp>& ops, Report& report) {
  std::vector<std::string> targets;
  for (const char* const* n = kernels::kernel_targets(); *n; n++)
    targets.push_back(*n);
  for (DType dtype : kDTypes) {
    const Tensor x = spread(dtype);
    std::vector<Tensor> best;
    for (const UnaryOp& op : ops)
      best.push_back(op(x));
    for (const std::string& target : targets) {
      kernels::use_kernel_target(target.c_str());
      for (size_t k = 0; k < ops.size(); k++)
        if (!has_same_bits(best[k], ops[k](x)))
          report.fail(fmt::format("{} {}: bits differ on {}", ops[k].name, name_of(dtype), target));
    }
    kernels::use_kernel_target(nullptr);
  }
}

int run(const Options& options) {
  std::vector<UnaryOp> ops = unary_ops();
  if (!options.ops.empty())
    std::erase_if(ops, [&](const UnaryOp& op) {
      return std::ranges::find(options.ops, op.name) == options.ops.end();
    });
  Report report;
  print_table(options, ops, report);
  check_compiled(ops, report);
  check_targets(ops, report);
  return report.failed;
}

} // namespace

} // namespace weft::test

int main(int argc, char** argv) {
  weft::test::Options options;
  CLI::App app(
      "Errors of unary ops over all numbers of f16, bf16 and f32, in units of the last place");
  app.add_option("--stride", options.stride, "take every Nth number of f32 (1: all)")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads, "threads that share the numbers of f32 (all cores)")
      ->check(CLI::PositiveNumber);
  app.add_option("ops", options.ops, "ops by name (all)");
  CLI11_PARSE(app, argc, argv);
  return weft::test::run(options);
}
