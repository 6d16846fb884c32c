#include "test/fuzz/execute.h"

#include "test/fuzz/op_rows.h"

namespace fuzz {

namespace {

const OpRow& row_of(const Statement& s) { return op_rows()[static_cast<size_t>(s.row)]; }

Shape shape_of(const Sizes& sizes, const Round& round) {
  Shape s;
  for (const Size& size : sizes)
    s.push_back(size.in(round));
  return s;
}

// Beyond what is compared, nothing is made.
Tensor fitted(const Tensor& t, const Statement& s, const Round& round) {
  const Shape shape = shape_of(s.arguments[1].dims, round);
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  if (count > kMostElements) throw NoArgument{};
  const std::vector<int64_t>& rest = s.arguments[2].numbers;
  return fit(t, shape, static_cast<DType>(rest[0]), static_cast<Elements>(rest[1]), rest[2]);
}

} // namespace

Shape shape_of(const Input& input, const Round& round) {
  Shape s;
  for (char c : input.shape)
    s.push_back(c == 'n' ? round.n : c == 'm' ? round.m : 1);
  return s;
}

Run::Run(const Program& program, const Round& round, const Change& change, Device device)
    : ran(program.statements.size()) {
  const DeviceScope scope(device); // of what arrange() makes
  for (size_t k = 0; k < program.inputs.size(); k++) {
    const Input& in = program.inputs[k];
    Tensor t =
        make_input(shape_of(in, round), in.dtype, in.fill, round.seed + static_cast<unsigned>(k));
    t = arrange((change ? change(t) : t).to(device), in.layout);
    const bool overlaps = k == 1 && overlap(values[0], t, round.aliasing);
    if (in.requires_grad && !overlaps) t = t.detach().requires_grad_();
    values.push_back(std::move(t));
  }
  values.resize(program.value_count());
  manual_seed(round.seed);
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
    result = row_of(s).call(Call(values, s.arguments, round)).at(static_cast<size_t>(s.result));
    if (s.takes_numbers_alone() || row_of(s).answers()) result = placed(result);
    return;
  case Statement::fit:
    result = fitted(value(0), s, round);
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
  case Statement::train:
    for (size_t input = 0; input < program.inputs.size(); input++)
      train(values[input]);
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
    if (s.kind == Statement::call && !row_of(s).writes() && result.defined() &&
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
  } catch (const std::out_of_range&) { // there are fewer results than in the first call
  } catch (const Error& e) {
    if (program.stops || s.kind == Statement::backward || s.kind == Statement::train) {
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
