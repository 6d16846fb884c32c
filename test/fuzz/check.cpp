// Eager against compiled code, and relations between two compiled runs.

#include "test/fuzz/ways.h"

#include <optional>
#include <thread>

namespace fuzz {

namespace {

std::string name_of_value(const Program& program, size_t k) {
  return k < program.inputs.size() ? "x" + std::to_string(k)
                                   : "v" + std::to_string(k - program.inputs.size());
}

/// A tensor's gradient, or why it has none to show: a view of views of a base that was written has
/// a limit.
struct Gradient {
  Tensor value;
  std::string error;
};
Gradient gradient_of(const Tensor& t) {
  try {
    return {t.defined() ? t.grad() : Tensor(), ""};
  } catch (const Error& e) {
    return {{}, e.what()};
  }
}

/// The eager run of a round, and how far each tensor may be off.
struct Reference {
  Run run;
  std::vector<double> errors, gradient_errors;
  std::vector<Gradient> gradients;

  Reference(const Program& program, const Round& round) : run(program, round) {
    Watch watch;
    for (size_t k = 0; k < program.statements.size(); k++)
      run.decide(program, round, k);
    if (run.error.empty()) finish(program);
    for (const Tensor& t : run.values) {
      errors.push_back(watch.error_of(t));
      gradients.push_back(gradient_of(t));
      gradient_errors.push_back(watch.error_of(gradients.back().value));
    }
    is_uncertain = watch.is_uncertain;
  }

  void finish(const Program& program) {
    const Tensor& loss =
        program.loss < 0 ? Tensor() : run.values[static_cast<size_t>(program.loss)];
    has_loss = loss.defined() && gradient_of(loss).error.empty() && loss.requires_grad();
    if (!has_loss) return;
    try {
      sum(loss).backward();
    } catch (const Error& e) {
      run.error = e.what();
    }
  }

  bool has_loss = false, is_uncertain = false;
};

// Says whether two errors are one. A device tells that an element was refused, not which one.
bool is_same_error(const std::string& want, const std::string& got) {
  if (want == got) return true;
  for (const std::string unnamed : {", got one that is not", ", got one that is"}) {
    const size_t at = got.find(unnamed + " (at ");
    if (at == std::string::npos || want.compare(0, at, got, 0, at) != 0) continue;
    const size_t place = want.find(" (at ", at);
    return want.compare(at, 6, ", got ") == 0 && place != std::string::npos &&
           want.substr(place) == got.substr(at + unnamed.size());
  }
  return false;
}

Finding compare(const Program& program, int round, const Reference& want, const Run& got,
                Counts& counts) {
  const std::string where = " of call " + std::to_string(round) + ": ";
  if (!is_same_error(want.run.error, got.error))
    return {"error" + where + "got \"" + got.error + "\" for \"" + want.run.error + "\"", round};
  for (size_t k = 0; k < want.run.values.size(); k++) {
    const auto look = [&](const Tensor& a, const Tensor& b, double error,
                          const char* what) -> Finding {
      if (error > 1e30) {
        counts.skipped++;
        return {};
      }
      if (a.defined()) (error > 0 ? counts.within : counts.exact)++;
      const std::string text = difference(a, b, 8 * error);
      if (text.empty()) return {};
      return {what + name_of_value(program, k) + where + text, round};
    };
    const Tensor& b = got.values[k];
    if (!want.run.error.empty()) {
      if (k >= program.inputs.size()) break; // how far it came may differ
      // A pure function that throws returns no variables, those that it let go of included.
      if (program.way == Way::pure && !want.run.values[k].defined()) continue;
    }
    const Gradient &wanted = want.gradients[k], given = gradient_of(b);
    if (wanted.error != given.error)
      return {"gradient of " + name_of_value(program, k) + where + "got \"" + given.error +
                  "\" for \"" + wanted.error + "\"",
              round};
    if (!wanted.error.empty()) {
      counts.skipped++;
      continue;
    }
    if (Finding f = look(want.run.values[k], b, want.errors[k], "value ")) return f;
    if (Finding f = look(wanted.value, given.value, want.gradient_errors[k], "gradient of "))
      return f;
  }
  return {};
}

/// Runs a round as the eager run decided, to its end or its error.
Run run_as(const Program& program, const Round& round, const Reference& want, Body& body) {
  Run got(program, round, {}, program.device);
  const DeviceScope scope(program.device);
  try {
    body.run(got, round, want.run.ran);
    if (want.has_loss) sum(got.values[static_cast<size_t>(program.loss)]).backward();
    synchronize(program.device); // which throws what an op of the device has refused
  } catch (const Error& e) {
    got.error = e.what();
  }
  return got;
}

Finding check_run(const Program& program, size_t r, const Reference& want, const Run& got,
                  Counts& counts) {
  if (want.is_uncertain || is_refused_as_pure(program, got)) {
    counts.skipped += static_cast<int64_t>(want.run.values.size());
    return {};
  }
  try {
    return compare(program, static_cast<int>(r), want, got, counts);
  } catch (const Error& e) {
    return {"reading a result of call " + std::to_string(r) + ": " + e.what(), static_cast<int>(r)};
  }
}

Finding check_call(const Program& program, size_t r, const Reference& want, Body& body,
                   Counts& counts) {
  const Round& round = program.rounds[r];
  if (program.way != Way::threads)
    return check_run(program, r, want, run_as(program, round, want, body), counts);
  std::optional<Run> theirs;
  std::thread other([&] { theirs.emplace(run_as(program, round, want, body)); });
  const Run mine = run_as(program, round, want, body);
  other.join();
  if (Finding f = check_run(program, r, want, mine, counts)) return f;
  return check_run(program, r, want, *theirs, counts);
}

Finding check_gears(const Program& program, Counts& counts) {
  Body compiled(program, Gear::compiled), eager(program, Gear::eager);
  for (size_t r = 0; r < program.rounds.size(); r++) {
    const Reference want(program, program.rounds[r]);
    for (uint8_t ran : want.run.ran)
      counts.statements += ran;
    // Eager ops of a device have kernels of their own; those of the CPU are the reference.
    if (r == 0 && program.device != Device::cpu())
      if (Finding f = check_call(program, r, want, eager, counts)) return f;
    for (int turn = 0; turn < compiled.turns(); turn++)
      if (Finding f = check_call(program, r, want, compiled, counts)) return f;
  }
  return {};
}

/// Compiled runs of one round with changed inputs, by the decisions of an eager one. The third call
/// of a compiled function runs the program that the second one compiled.
Run compiled_run(const Program& program, const Run& eager, const Run::Change& change) {
  auto body = [&](Run& run) {
    run.follow(program, program.rounds[0], 0, program.statements.size(), eager.ran);
  };
  auto fast = compile(body);
  const DeviceScope scope(program.device);
  std::optional<Run> run;
  for (int k = 0; k < 3; k++) {
    run.emplace(program, program.rounds[0], change, program.device);
    fast(*run);
  }
  return std::move(*run);
}

Run eager_run(const Program& program, const Run::Change& change) {
  Run run(program, program.rounds[0], change);
  for (size_t k = 0; k < program.statements.size(); k++)
    run.decide(program, program.rounds[0], k);
  return run;
}

/// An eager run, and how far each of its tensors may be off.
std::pair<Run, std::vector<double>> watched_run(const Program& program, const Run::Change& change) {
  Run run(program, program.rounds[0], change);
  Watch watch;
  for (size_t k = 0; k < program.statements.size(); k++)
    run.decide(program, program.rounds[0], k);
  std::vector<double> errors;
  for (const Tensor& t : run.values)
    errors.push_back(watch.error_of(t));
  return {std::move(run), std::move(errors)};
}

Tensor on_cpu(const Tensor& t) { return t.detach().to(Device::cpu()); }

Tensor scaled_by_4(const Tensor& t) {
  return t.dtype() == boolean ? t : (t.detach() * 4.0).to(t.dtype());
}

Finding same(const Program& program, size_t k, const char* what, const Tensor& want,
             const Tensor& got, Counts& counts, double error = 0) {
  if (error > 1e30) {
    counts.skipped++;
    return {};
  }
  (error > 0 ? counts.within : counts.exact)++;
  const std::string text = difference(want, got, 8 * error);
  if (text.empty()) return {};
  return {what + name_of_value(program, k) + ": " + text, 0};
}

Finding check_halves(const Program& program, Counts& counts) {
  const Run eager = eager_run(program, {});
  const int64_t half = program.rounds[0].n / 2;
  const Run::Change upper = [=](const Tensor& t) { return slice(t, 0, 0, half); };
  const Run::Change lower = [=](const Tensor& t) { return slice(t, 0, half); };
  // What takes whole inputs alone, a power of a square matrix for one, has no halves.
  for (const Run::Change& change : {upper, lower})
    if (!eager_run(program, change).error.empty()) return {};
  const Run whole = compiled_run(program, eager, {});
  const Run first = compiled_run(program, eager, upper),
            second = compiled_run(program, eager, lower);
  for (size_t k = 0; k < eager.values.size(); k++) {
    if (!eager.values[k].defined()) continue;
    if (Finding f = same(program, k, "whole, value ", eager.values[k], whole.values[k], counts))
      return f;
    const Tensor joined = concatenate({on_cpu(first.values[k]), on_cpu(second.values[k])}, 0);
    if (Finding f = same(program, k, "halves, value ", eager.values[k], joined, counts)) return f;
  }
  return {};
}

Finding check_scaled(const Program& program, Counts& counts) {
  const Run::Change scale = [](const Tensor& t) { return t * 4.0; };
  const Run eager = eager_run(program, {});
  const auto [eager_scaled, errors] = watched_run(program, scale);
  if (eager.ran != eager_scaled.ran) return {};
  const Run plain = compiled_run(program, eager, {}), scaled = compiled_run(program, eager, scale);
  for (size_t k = 0; k < eager.values.size(); k++) {
    const Tensor &a = eager.values[k], &b = eager_scaled.values[k];
    if (!a.defined() || !b.defined()) continue;
    const bool stays = difference(a, b).empty(), grows = difference(scaled_by_4(a), b).empty();
    if (stays || grows) {
      const Tensor want = grows ? scaled_by_4(on_cpu(plain.values[k])) : plain.values[k];
      // Sums of the two runs may have rounded apart, each as far as its own bound.
      if (Finding f =
              same(program, k, "scaled, value ", want, scaled.values[k], counts, 2 * errors[k]))
        return f;
    } else {
      counts.skipped++;
    }
  }
  return {};
}

} // namespace

Finding check(const Program& program, Relation relation, Counts& counts) {
  try {
    switch (relation) {
    case Relation::gears:
      return check_gears(program, counts);
    case Relation::halves:
      return check_halves(program, counts);
    case Relation::scaled:
      return check_scaled(program, counts);
    }
  } catch (const std::exception& e) {
    return {std::string("exception: ") + e.what(), -1};
  }
  return {};
}

} // namespace fuzz
