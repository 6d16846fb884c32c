#include "test/fuzz/execute.h"

#include "test/fuzz/op_rows.h"

namespace fuzz {

namespace {

// Names of functions in place end with an underscore.
bool writes(const Statement& s) {
  return std::string(op_rows()[static_cast<size_t>(s.row)].name).back() == '_';
}

} // namespace

Shape shape_of(const Input& input, const Round& round) {
  Shape s;
  for (char c : input.shape)
    s.push_back(c == 'n' ? round.n : c == 'm' ? round.m : 1);
  return s;
}

Run::Run(const Program& program, const Round& round, const Change& change)
    : ran(program.statements.size()) {
  for (size_t k = 0; k < program.inputs.size(); k++) {
    const Input& in = program.inputs[k];
    Tensor t = arrange(
        make_input(shape_of(in, round), in.dtype, in.fill, round.seed + static_cast<unsigned>(k)),
        in.layout);
    const bool overlaps = k == 1 && overlap(values[0], t, round.aliasing);
    if (change) t = change(t);
    if (in.requires_grad && !overlaps) t = t.detach().requires_grad_();
    values.push_back(std::move(t));
  }
  values.resize(program.value_count());
  manual_seed(round.seed);
}

// A statement has one value: what gives several is left out.
static Tensor only(std::vector<Tensor> results) {
  if (results.size() != 1) throw NoArgument{};
  return results.front();
}

void Run::execute(const Program& program, const Round& round, size_t k) {
  const Statement& s = program.statements[k];
  const auto value = [&](size_t argument) -> Tensor& {
    const int number = s.arguments[argument].values[0];
    if (number < 0 || !values[static_cast<size_t>(number)].defined()) throw NoArgument{};
    return values[static_cast<size_t>(number)];
  };
  Tensor& result = values[static_cast<size_t>(program.value_of(k))];
  switch (s.kind) {
  case Statement::call:
    result =
        only(op_rows()[static_cast<size_t>(s.row)].call(Call(values, s.arguments, round.shift)));
    return;
  case Statement::assign:
    value(0).copy_(value(1));
    return;
  case Statement::drop:
    value(0) = {};
    return;
  case Statement::read:
    (void)value(0).to_vector<double>();
    return;
  case Statement::backward:
    sum(value(0)).backward({}, true);
    return;
  }
}

bool Run::requires_grad(int value) const {
  return value >= 0 && values[static_cast<size_t>(value)].requires_grad();
}

void Run::decide(const Program& program, const Round& round, size_t k) {
  ran[k] = 0;
  if (!error.empty()) return;
  if (covered_ > 0) {
    covered_--;
    return;
  }
  const Statement& s = program.statements[k];
  if (s.flag >= 0 && (round.flags >> s.flag & 1)) return;
  const uint64_t counter = default_generator().counter();
  try {
    if (s.kind == Statement::backward && !requires_grad(s.arguments[0].values[0])) return;
    execute(program, round, k);
    ran[k] = 1;
    const Tensor& result = values[static_cast<size_t>(program.value_of(k))];
    if (s.kind == Statement::call && !writes(s) && result.defined() &&
        result.numel() > kMostElements) {
      values[static_cast<size_t>(program.value_of(k))] = {};
      ran[k] = 0;
    }
    if (s.kind == Statement::read) {
      const std::vector<double> v =
          values[static_cast<size_t>(s.arguments[0].values[0])].to_vector<double>();
      if (v.empty() || !(v[0] > s.arguments[1].scalar.f)) covered_ = s.covers;
    }
  } catch (const NoArgument&) {
  } catch (const Error& e) {
    if (program.stops || s.kind == Statement::backward) {
      error = e.what();
      ran[k] = 1;
    }
  }
  if (!ran[k]) default_generator().set_counter(counter);
}

void Run::follow(const Program& program, const Round& round, size_t from, size_t to,
                 const std::vector<uint8_t>& decided) {
  for (size_t k = from; k < to; k++)
    if (decided[k]) execute(program, round, k);
}

} // namespace fuzz
