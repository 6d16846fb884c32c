// The fuzzer's parts: what it generates, bounds of sums, shrinking, repros that compile.

#include "test/fuzz/execute.h"
#include "test/fuzz/op_rows.h"
#include "test/fuzz/shapes.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

using namespace fuzz;

namespace {

bool calls(const Program& program, int row) {
  for (const Statement& s : program.statements)
    if (s.kind == Statement::call && s.row == row) return true;
  return false;
}

} // namespace

TEST_CASE("a seed is a program", "[fuzz]") {
  for (Relation relation : {Relation::gears, Relation::halves, Relation::scaled}) {
    const std::string text = print(generate(5, relation, Device::cpu()), relation, "what");
    CHECK(text == print(generate(5, relation, Device::cpu()), relation, "what"));
    CHECK(text != print(generate(6, relation, Device::cpu()), relation, "what"));
  }
}

// Nothing is excluded by name. What 2,000 programs may miss needs a rare coincidence: fold takes
// columns whose number follows from output_size, kernel_size and stride, quantize a block that
// divides the last dim. A hundred thousand programs have them all.
TEST_CASE("programs call the functions of the op table", "[fuzz]") {
  std::set<int> called;
  for (unsigned seed = 1; seed < 2000; seed++)
    for (const Statement& s : generate(seed, Relation::gears, Device::cpu()).statements)
      if (s.kind == Statement::call) called.insert(s.row);
  std::string missing;
  for (size_t k = 0; k < op_rows().size(); k++)
    if (!called.count(static_cast<int>(k))) missing += std::string(" ") + op_rows()[k].name;
  INFO("not called:" << missing);
  CHECK(called.size() >= op_rows().size() * 99 / 100);
}

TEST_CASE("shapes are those that a record tells", "[fuzz]") {
  std::mt19937 random(3);
  const Round round{3, 4};
  for (int k = 0; k < 50; k++) {
    const ShapeText conv("x [N, C, sizes...], weight [O, C / groups, kernel...] and bias [O] give "
                         "[N, O, places...]",
                         "", round, random);
    const Sizes x = *conv.of("x"), weight = *conv.of("weight"), bias = *conv.of("bias");
    CHECK(x.size() == weight.size());
    CHECK(x.size() == static_cast<size_t>(2 + conv.spatial_dims()));
    CHECK(x[1].in(round) == weight[1].in(round) * *conv.factor("groups"));
    CHECK(bias[0].in(round) == weight[0].in(round));
    CHECK_FALSE(conv.of("give"));
    const ShapeText cell("x [N, I] and two hx [N, H] with w_ih [3 H, I], b_ih and b_hh [3 H] give "
                         "two of [N, H]",
                         "", round, random);
    CHECK((*cell.of("w_ih"))[0].in(round) == 3 * (*cell.of("hx"))[1].in(round));
    CHECK((*cell.of("b_ih"))[0].in(round) == (*cell.of("b_hh"))[0].in(round));
    CHECK_FALSE(cell.only_broadcasts());
    CHECK(
        ShapeText("operands broadcast to the result's shape", "", round, random).only_broadcasts());
    const ShapeText product("[K, M] by [M] gives [K], to which x broadcasts", "", round, random);
    CHECK((*product.of("a", 0))[1].in(round) == (*product.of("b", 1))[0].in(round));
    CHECK((*product.of("x", 2))[0].in(round) == (*product.of("a", 0))[0].in(round));
    const ShapeText scatter("that of x; index [n], and source is like x with n along the dim", "",
                            round, random);
    CHECK(scatter.likeness("source")->size.in(round) == (*scatter.of("index"))[0].in(round));
    CHECK_FALSE(scatter.likeness("index"));
  }
}

TEST_CASE("dtypes are those that a record tells", "[fuzz]") {
  std::mt19937 random(3);
  const DTypeText loss("floating; integer targets and lengths", "");
  CHECK(loss.allows("x", bf16));
  CHECK_FALSE(loss.allows("x", i64));
  CHECK(loss.counts("lengths"));
  CHECK_FALSE(loss.counts("x"));
  CHECK_FALSE(loss.allows("targets", f32));
  for (int k = 0; k < 20; k++)
    CHECK(is_integer(*loss.pick("targets", random)));
  const DTypeText codes("all but bool", "x [..., K], codes [N, K] of i8, and floating scales [N]");
  CHECK_FALSE(codes.pick("x", random));
  CHECK(codes.pick("codes", random) == i8);
  CHECK_FALSE(codes.allows("scales", i8));
  CHECK(DTypeText("integers that are not negative; weights f32", "").counts("x"));
  CHECK(DTypeText("f32 f64; integers are converted to f32", "").allows("x", i8));
  CHECK_FALSE(DTypeText("f32 f64, one for x and q", "").allows("q", i64));
}

TEST_CASE("a tensor is made to fit from the elements of another one", "[fuzz]") {
  const Tensor t = tensor({5, -3, 7});
  CHECK(fit(t, {2, 2}, f32, Elements::any, 1).to_vector<double>() ==
        std::vector<double>{5, -3, 7, 5});
  CHECK(fit(t, {3}, i64, Elements::index, 4).to_vector<double>() == std::vector<double>{1, 1, 3});
  CHECK(fit(t, {3}, i64, Elements::wrapped, 4).to_vector<double>() == std::vector<double>{1, 1, 3});
  CHECK(fit(t, {0, 2}, f16, Elements::any, 1).shape() == Shape{0, 2});
  CHECK(fit(zeros({0}), {2}, f64, Elements::unit, 1).to_vector<double>() ==
        std::vector<double>{0, 0});
}

TEST_CASE("sums have bounds, sums of small integers have one value", "[fuzz]") {
  const Tensor integers = make_input({40}, f32, Fill::integers, 1);
  const Tensor reals = make_input({40}, f32, Fill::reals, 1);
  Watch watch;
  CHECK(watch.error_of(sum(integers)) < 1e-290);
  CHECK(watch.error_of(sum(integers) < 1e9) == 0);
  CHECK(watch.error_of(tanh(reals)) == 0);
  const Tensor total = sum(reals);
  CHECK(watch.error_of(total) > 0);
  CHECK(watch.error_of(total) < 1e-3);
  const Tensor later = exp(total * 0.01) + integers;
  CHECK(watch.error_of(later) > 0);
  CHECK(watch.error_of(later) < 1e-2);
  CHECK(watch.error_of(total.view({1, 1})) == watch.error_of(total));
  CHECK(std::isinf(watch.error_of(integers < total)));
  CHECK(watch.error_of(max(reals)) == 0);
  CHECK(watch.error_of(max(zeros({3}))) > 0); // the sign of 0
  CHECK(watch.error_of(prod(reals)) > 0);
  CHECK(watch.error_of(prod(reals)) < 1e-3 * std::abs(prod(reals).item<double>()));
  CHECK(std::isinf(watch.error_of(prod(full({200}, 10.0)))));
  CHECK_FALSE(watch.is_uncertain);
  (void)checked_range(total, total.item<double>(), 100);
  CHECK(watch.is_uncertain);
  const Tensor written = integers.clone();
  written.add_(total);
  CHECK(watch.error_of(written) > 0);
}

TEST_CASE("a difference is to the bit unless it has a bound", "[fuzz]") {
  const Tensor a = tensor({1.0f, 0.0f}), b = tensor({1.0f, -0.0f}), c = tensor({1.0001f, 0.0f});
  CHECK(difference(a, a).empty());
  CHECK(difference(a, b) == "element 1 is -0 for 0 (within 0)");
  CHECK_FALSE(difference(a, c).empty());
  CHECK(difference(a, c, 1e-3).empty());
  CHECK_FALSE(difference(a, a.to(f64)).empty());
  CHECK_FALSE(difference(a, Tensor()).empty());
}

TEST_CASE("a finding shrinks to the statement that it is about", "[fuzz]") {
  int shrunk = 0;
  for (unsigned seed = 1; seed < 1000 && shrunk < 5; seed++) {
    const Program program = generate(seed, Relation::gears, Device::cpu());
    const int row = row_named("tanh");
    if (!calls(program, row)) continue;
    // As if tanh were wrong on f32 tensors of more than one element.
    const auto fails = [&](const Program& p) {
      for (const Round& round : p.rounds) {
        Run run(p, round);
        for (size_t k = 0; k < p.statements.size(); k++) {
          run.decide(p, round, k);
          const Tensor& result = run.values[static_cast<size_t>(p.value_of(k))];
          if (run.ran[k] && p.statements[k].row == row && result.defined() &&
              result.dtype() == f32 && result.numel() > 1)
            return true;
        }
      }
      return false;
    };
    if (!fails(program)) continue;
    const Program small = shrink(program, fails);
    INFO(print(small, Relation::gears, "tanh"));
    CHECK(fails(small));
    CHECK(small.statements.size() <= 2);
    CHECK(small.rounds.size() == 1);
    CHECK(small.inputs.size() == 1);
    shrunk++;
  }
  CHECK(shrunk > 3);
}

TEST_CASE("programs that have been printed compile", "[fuzz]") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "weft-fuzz-print";
  std::filesystem::create_directories(folder);
  unsigned seed = 20;
  for (Relation relation : {Relation::gears, Relation::gears, Relation::halves, Relation::scaled}) {
    const std::string path = (folder / ("repro_" + std::to_string(seed) + ".cpp")).string();
    std::ofstream(path) << print(generate(seed, relation, Device::cpu()), relation, "what");
    INFO(path);
    CHECK(std::system((std::string(WEFT_FUZZ_COMPILE) + " " + path).c_str()) == 0);
    seed++;
  }
  std::filesystem::remove_all(folder);
}
