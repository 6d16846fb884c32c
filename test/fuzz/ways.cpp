#include "test/fuzz/ways.h"

#include "runtime/program/compile_service.h"
#include "runtime/program/program_store.h"

namespace fuzz {

CompileOptions options_of(Way way) {
  CompileOptions options;
  options.deterministic = way == Way::deterministic;
  options.background = way == Way::background;
  options.pure = way == Way::pure;
  options.memory_budget = way == Way::frugal; // bytes
  if (way == Way::generic) options.sizes = CompileOptions::Sizes::generic;
  if (way == Way::specialised) options.sizes = CompileOptions::Sizes::specialise;
  return options;
}

Body::Body(const Program& program, Gear gear) : program_(program), gear_(gear) { make_parts(); }

Body::Part Body::part(size_t from, size_t to) const {
  Part body = [this, from, to](Run& run, const Round& round, const std::vector<uint8_t>& decided) {
    run.follow(program_, round, from, to, decided);
  };
  return gear_ == Gear::compiled ? Part(compile(body, options_of(program_.way))) : body;
}

void Body::make_parts() {
  parts_.clear();
  if (is(Way::pure)) return make_pure();
  const size_t n = program_.statements.size();
  const size_t at = program_.split < 0 ? n : std::min(n, static_cast<size_t>(program_.split));
  parts_.push_back(part(0, at));
  if (program_.split >= 0) parts_.push_back(part(at, n));
  if (!is(Way::nested)) return;
  const auto all = [parts = std::move(parts_)](Run& run, const Round& round,
                                               const std::vector<uint8_t>& decided) {
    for (const Part& each : parts)
      each(run, round, decided);
  };
  parts_ = {Part(compile(all))};
}

// What differs from round to round is an argument: the round's number.
void Body::make_pure() {
  auto body = [this](const std::vector<Tensor>& inputs, size_t round,
                     const std::vector<uint8_t>& decided) {
    Run run(inputs, program_);
    run.follow(program_, program_.rounds[round], 0, program_.statements.size(), decided);
    return run.values;
  };
  auto pure = compile(body, options_of(Way::pure));
  parts_ = {[this, pure](Run& run, const Round& round,
                         const std::vector<uint8_t>& decided) mutable {
    const auto first = run.values.begin();
    const std::vector<Tensor> inputs(first,
                                     first + static_cast<std::ptrdiff_t>(program_.inputs.size()));
    run.values = pure(inputs, static_cast<size_t>(&round - program_.rounds.data()), decided);
  }};
}

void Body::run(Run& run, const Round& round, const std::vector<uint8_t>& decided) {
  if (is(Way::evicted) && ++runs_ % 2 == 0) {
    forget_programs();
    if (runs_ % 4 == 0)
      if (const auto store = program_store()) store->trim(0);
    make_parts();
  }
  for (const Part& each : parts_)
    each(run, round, decided);
  if (is(Way::background)) wait_for_compiles();
}

bool is_refused_as_pure(const Program& program, const Run& run) {
  return program.way == Way::pure &&
         run.error.find("a pure function must not") != std::string::npos;
}

} // namespace fuzz
