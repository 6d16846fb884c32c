// Random programs. Each statement is tried on the inputs of the first call: most of those that
// throw are drawn again.

#include "test/fuzz/execute.h"
#include "test/fuzz/op_rows.h"

#include <random>

namespace fuzz {

namespace {

class Generator {
public:
  Generator(unsigned seed, Relation relation, Device device) : relation_(relation), random_(seed) {
    program_.seed = seed;
    program_.device = device;
  }

  Program make() {
    rounds();
    inputs();
    Run run(program_, program_.rounds[0]);
    const int64_t count = 2 + pick(relation_ == Relation::gears ? 14 : 7);
    for (int64_t tries = 0, made = 0; tries < 12 * count && made < count; tries++)
      made += try_statement(run);
    finish();
    return std::move(program_);
  }

private:
  int64_t pick(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  bool one_in(int64_t n) { return pick(n) == 0; }

  // Around the vector lengths, none, one, and more than one chunk.
  int64_t size() {
    static constexpr int64_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 1031};
    return one_in(3) ? sizes[pick(11)] : 2 + pick(4);
  }

  void rounds() {
    Round first;
    first.n = size();
    first.m = first.n > 100 ? 1 + pick(3) : size();
    if (first.m > 100) first.n = 1 + pick(4);
    if (relation_ == Relation::halves) first.n = 2 * (1 + pick(12)), first.m = 1 + pick(17);
    first.seed = 1 + static_cast<unsigned>(pick(1000));
    program_.rounds.assign(relation_ == Relation::gears ? 3 : 1, first);
    if (relation_ != Relation::gears) return;
    for (unsigned k = 0; k < 3; k++)
      program_.rounds[k].seed += k * 100;
    if (one_in(2)) program_.rounds[2].shift = 0.25;
    for (int64_t more = pick(5); more > 1; more--) { // other sizes: a program for any
      Round r = first;
      r.n = size();
      if (r.n > 100 || r.m > 100 || one_in(3)) r.m = 1 + pick(4);
      r.seed += static_cast<unsigned>(pick(1000));
      r.aliasing = static_cast<int>(one_in(2) ? pick(4) : 0);
      r.flags = static_cast<unsigned>(one_in(2) ? pick(16) : 0);
      program_.rounds.push_back(r);
    }
  }

  void inputs() {
    static const char* const shapes[] = {"nm", "nm", "nm", "m", "n1", "1m", "", "n", "mn", "1nm"};
    const int64_t count = 2 + pick(3);
    for (int64_t k = 0; k < count; k++) {
      Input in;
      in.shape = shapes[k == 0 || relation_ == Relation::halves ? 0 : pick(10)];
      in.dtype = one_in(2) ? f32 : static_cast<DType>(pick(kDTypeCount));
      in.fill = static_cast<Fill>(one_in(8) ? pick(5) : pick(2));
      if (!one_in(3)) in.fill = is_floating(in.dtype) && one_in(2) ? Fill::reals : Fill::integers;
      if (one_in(4)) in.layout = static_cast<Layout>(pick(4));
      in.requires_grad = relation_ == Relation::gears && is_floating(in.dtype) && one_in(3);
      if (relation_ == Relation::scaled) in.fill = Fill::reals, in.dtype = one_in(2) ? f32 : f64;
      program_.inputs.push_back(in);
    }
  }

  int value(const Run& run) {
    for (int tries = 0; tries < 50; tries++) {
      const int64_t k = pick(static_cast<int64_t>(program_.value_count()));
      if (run.values[static_cast<size_t>(k)].defined()) return static_cast<int>(k);
    }
    return 0;
  }

  // The statement, behind those that make tensors for it.
  std::vector<Statement> draw(const Run& run) {
    std::vector<Statement> all;
    Statement s;
    const auto tensor = [](int v) {
      Argument a;
      a.kind = Argument::tensor;
      a.values = {v};
      return a;
    };
    const int64_t kind = relation_ == Relation::gears ? pick(21) : 19;
    if (kind == 0) {
      s.kind = Statement::drop;
      s.arguments = {tensor(value(run))};
    } else if (kind == 1) {
      s.kind = Statement::read;
      Argument threshold;
      threshold.kind = Argument::real;
      threshold.scalar = Scalar(static_cast<double>(pick(5)) - 2.0);
      s.arguments = {tensor(value(run)), threshold};
      s.covers = static_cast<int>(pick(4));
    } else if (kind == 2) {
      s.kind = Statement::backward;
      s.arguments = {tensor(value(run))};
    } else if (kind == 20) {
      s.kind = Statement::train;
    } else if (kind < 5) {
      s.kind = Statement::assign;
      s.arguments = {tensor(value(run)), tensor(value(run))};
    } else {
      s.row = static_cast<int>(pick(static_cast<int64_t>(op_rows().size())));
      const OpRow& row = op_rows()[static_cast<size_t>(s.row)];
      if (print_drawn) {
        std::printf("  drawing %s\n", row.name);
        std::fflush(stdout);
      }
      Call call(run.values, row, program_.rounds[0], random_, relation_ != Relation::halves);
      const size_t results = row.call(call).size();
      if (results == 0) throw NoArgument{};
      s.arguments = call.drawn();
      s.result = static_cast<int>(pick(static_cast<int64_t>(results)));
      all = call.fits();
    }
    all.push_back(std::move(s));
    return all;
  }

  bool try_statement(Run& run) {
    const size_t before = program_.statements.size();
    try {
      for (Statement& s : draw(run))
        program_.statements.push_back(std::move(s));
    } catch (const NoArgument&) {
      return false;
    } catch (const Error&) {
      return false; // the arguments do not fit
    }
    // Drawing has run the op; start again from the inputs, so that what it wrote is not there
    // twice.
    run = Run(program_, program_.rounds[0]);
    Watch watch;
    for (size_t k = 0; k < program_.statements.size(); k++)
      run.decide(program_, program_.rounds[0], k);
    if (suits(run, watch)) return true;
    program_.statements.resize(before);
    run = Run(program_, program_.rounds[0]);
    for (size_t k = 0; k < program_.statements.size(); k++)
      run.decide(program_, program_.rounds[0], k);
    return false;
  }

  bool suits(const Run& run, const Watch& watch) {
    const size_t last = program_.statements.size() - 1;
    if (!run.error.empty()) return false;
    if (relation_ == Relation::gears) return run.ran[last] || one_in(10);
    if (!run.ran[last]) return false;
    if (relation_ == Relation::scaled) return true;
    const Tensor& result = run.values[static_cast<size_t>(program_.value_of(last))];
    return watch.only_pointwise && result.shape() == run.values[0].shape();
  }

  void finish() {
    if (relation_ != Relation::gears || program_.statements.empty()) return;
    for (Statement& s : program_.statements)
      if (one_in(5)) s.flag = static_cast<int>(pick(4));
    program_.stops = one_in(8);
    if (one_in(2)) program_.way = static_cast<Way>(pick(program_.device == Device::cpu() ? 10 : 5));
    if (one_in(4))
      program_.split = static_cast<int>(pick(static_cast<int64_t>(program_.statements.size())));
    if (one_in(2))
      program_.loss = static_cast<int>(pick(static_cast<int64_t>(program_.value_count())));
    if (program_.way == Way::frugal) let_go();
  }

  // Of all values but the loss: then the tape alone has them.
  void let_go() {
    const auto inputs = static_cast<int>(program_.inputs.size());
    const auto end = static_cast<int>(program_.value_count());
    if (program_.loss < inputs) program_.loss = end - 1 - static_cast<int>(pick(end - inputs));
    for (int v = inputs; v < end; v++) {
      if (v == program_.loss) continue;
      Statement s;
      s.kind = Statement::drop;
      s.arguments.resize(1);
      s.arguments[0].kind = Argument::tensor;
      s.arguments[0].values = {v};
      program_.statements.push_back(std::move(s));
    }
  }

  Relation relation_;
  std::mt19937 random_;
  Program program_;
};

} // namespace

Program generate(unsigned seed, Relation relation, Device device) {
  return Generator(seed, relation, device).make();
}

} // namespace fuzz
