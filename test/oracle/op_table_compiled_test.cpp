// Every case of the op table in every layout, compiled: a region an op, whose second call runs the
// kernels of all cases of that op at once.

#include "test/oracle/op_table.h"

#include "weft/compile.h"

#include <catch2/catch.hpp>

#include <map>
#include <memory>

using namespace weft;
using namespace weft::test;

namespace {

struct CompiledCase {
  const OpCase* table;
  std::unique_ptr<LaidOutCall> call;
  Tensor before; // of an operand that the op writes
  Tensor eager, compiled;
};

std::vector<CompiledCase> cases_of(const std::string& op, Layout layout) {
  std::vector<CompiledCase> cases;
  for (const OpCase& c : op_cases()) {
    if (c.op != op || !c.error.empty()) continue;
    if (op == "view" && layout != Layout::contiguous) continue;
    CompiledCase& added = cases.emplace_back();
    added.table = &c;
    added.call = std::make_unique<LaidOutCall>(c, layout, op == "assign");
    if (op == "assign") added.before = added.call->owned[0].clone();
  }
  return cases;
}

void check_compiled(const std::string& op, Layout layout) {
  std::vector<CompiledCase> cases = cases_of(op, layout);
  if (cases.empty()) return;
  Tensor CompiledCase::*into = &CompiledCase::eager;
  auto run = compile([&] {
    for (CompiledCase& c : cases)
      c.*into = Tensor::adopt(dispatch(c.call->call));
  });
  run();
  for (CompiledCase& c : cases)
    if (c.before.defined()) {
      c.eager = c.eager.clone();
      c.call->owned[0].copy_(c.before);
    }
  into = &CompiledCase::compiled;
  run();
  INFO(op << " layout " << static_cast<int>(layout) << "\n" << run.explain());
  CHECK(run.stats().divergences == 0);
  CHECK(run.stats().eager_segments == 0);
  CHECK(run.stats().ops_followed == static_cast<int64_t>(cases.size()));
  if (info(*find_op(op)).kind != OpKind::view) {
    CHECK(run.stats().programs >= 1);
    CHECK(run.stats().kernels >= 1);
  }
  OpKind kind = info(*find_op(op)).kind;
  for (CompiledCase& c : cases) {
    INFO(c.table->name());
    CHECK(compare(c.compiled, *c.table) == "");
    if (kind != OpKind::reduction && kind != OpKind::structured)
      CHECK(is_bit_equal(c.compiled, c.eager));
  }
}

} // namespace

TEST_CASE("every op compiled gives what the table says, in every layout") {
  for (int k = 0; k < kOpCount; k++)
    for (Layout layout : {Layout::contiguous, Layout::gaps, Layout::permuted})
      check_compiled(info(static_cast<Op>(k)).name, layout);
}
