// Times eager calls, by themselves against a copy of the same traffic, or one after another on
// demand of a driver that times another library in between (tools/eager_figures).
#include "tools/weft-bench/commands.h"
#include "tools/weft-bench/eager_cases.h"
#include "tools/weft-bench/limits.h"
#include "tools/weft-bench/modes.h"
#include "tools/weft-bench/sampling.h"

#include "weft/parallel.h"

#include <fmt/core.h>

#include <algorithm>
#include <iostream>
#include <regex>

namespace weft::bench {

namespace {

/// One case with its tensors, ready to be timed.
class EagerCall {
public:
  explicit EagerCall(const EagerCase& c)
      : call_(prepare(c)), timed_([this] { (*call_)(); }, 0.01) {}
  double sample() const { return timed_.sample(); }
  const std::vector<Tensor>& inputs() const { return call_->inputs(); }
  std::vector<Tensor> results() const { return (*call_)(); }

private:
  std::unique_ptr<tools::PreparedCall> call_;
  Timed timed_;
};

double bytes_of(const Tensor& t) {
  return static_cast<double>(t.numel()) * static_cast<double>(size_of(t.dtype()));
}

// What a call reads and writes at least, where each element of an operand is read once.
double traffic(const EagerCall& call) {
  double bytes = 0;
  for (const std::vector<Tensor>& all : {call.inputs(), call.results()})
    for (const Tensor& t : all)
      bytes += bytes_of(t);
  return bytes;
}

Json time_one(const EagerCase& c, double seconds) {
  Json row = {{"kind", c.kind}, {"name", c.name}, {"scale", c.scale}, {"threads", num_threads()}};
  const EagerCall call(c);
  std::vector<std::function<double()>> samplers{[&] { return call.sample(); }};
  constexpr double kLeastBytes = 1 << 20; // below it a copy lies in the caches of a core
  const double bytes = traffic(call);
  if (bytes >= kLeastBytes) samplers.push_back(copy_limit(static_cast<size_t>(bytes)));
  const auto samples = interleave(samplers, seconds, 5);
  row["seconds"] = median(samples[0]);
  row["spread"] = spread(samples[0]);
  std::string text = fmt::format("{:<90}{:>12.3f} us", c.name, median(samples[0]) * 1e6);
  if (samples.size() > 1) {
    row["share_of_copy"] = bootstrap(ratios(samples[1], samples[0])).middle;
    text += fmt::format("{:>8.0f} % of a copy", 100 * row["share_of_copy"].get<double>());
  }
  fmt::print("{}\n", text);
  std::fflush(stdout);
  return row;
}

std::vector<EagerCase> chosen_cases(const EagerOptions& options) {
  std::vector<EagerCase> all = eager_cases(options.scales);
  std::erase_if(all, [pattern = std::regex(options.filter)](const EagerCase& c) {
    return !std::regex_search(c.kind + ' ' + c.name, pattern);
  });
  return all;
}

void say(const Json& answer) { std::cout << answer.dump() << std::endl; }

Json shapes_of(const std::vector<Tensor>& results) {
  Json shapes = Json::array();
  for (const Tensor& t : results) {
    const Shape shape = t.shape();
    shapes.push_back(std::vector<int64_t>(shape.begin(), shape.end()));
  }
  return shapes;
}

// Questions, one JSON object a line: {"prepare": K, "threads": N} and {"sample": true}.
int serve(const std::vector<EagerCase>& cases) {
  Json list = Json::array();
  for (const EagerCase& c : cases)
    list.push_back({{"kind", c.kind},
                    {"name", c.name},
                    {"scale", c.scale},
                    {"op", c.op},
                    {"args", c.args},
                    {"kwargs", c.kwargs}});
  say(list);
  std::unique_ptr<EagerCall> call;
  for (std::string line; std::getline(std::cin, line);) {
    try {
      const Json question = Json::parse(line);
      if (question.contains("prepare")) {
        call.reset();
        set_num_threads(question.at("threads"));
        call = std::make_unique<EagerCall>(cases.at(question["prepare"].get<size_t>()));
        say({{"shapes", shapes_of(call->results())}});
      } else {
        if (!call) throw Error(ErrorKind::value, "eager: a case must be prepared first, got none");
        say({{"seconds", call->sample()}});
      }
    } catch (const std::exception& e) {
      say({{"error", e.what()}});
    }
  }
  return 0;
}

} // namespace

int eager_command(const EagerOptions& options) {
  const std::vector<EagerCase> cases = chosen_cases(options);
  if (cases.empty())
    throw Error(ErrorKind::value, "eager: the pattern must match a case, got " + options.filter);
  if (options.serves) return serve(cases);
  Json rows = Json::array();
  for (const EagerCase& c : cases)
    rows.push_back(time_one(c, options.seconds));
  write_json(options.json, rows);
  return 0;
}

} // namespace weft::bench
