// Every case of the op table in every layout, eagerly.

#include "test/oracle/op_table.h"

#include <catch2/catch.hpp>

#include <set>

using namespace weft;
using namespace weft::test;

namespace {

struct NamedGear {
  const char* name;
  Gear run;
};

const NamedGear kGears[] = {
    {"eager", [](const OpCall& call) { return Tensor::adopt(dispatch(call)); }},
};

bool always_in_place(const OpCase& c) { return c.op == "assign"; }

// An op that may write its result into operand 0, for operands that fit it.
bool can_run_in_place(const OpCase& c) {
  const OpInfo& i = info(*find_op(c.op));
  return i.kind == OpKind::pointwise && i.result == OpResult::same && !i.bool_operands &&
         c.error.empty() && !c.operands.empty() && c.operands[0].defined() &&
         c.operands[0].shape() == c.result.shape() && c.operands[0].dtype() == c.result.dtype();
}

// A view cannot be had of every layout: then the op refuses, which is right.
bool needs_contiguous(const OpCase& c) { return c.op == "view" && c.error.empty(); }

} // namespace

TEST_CASE("every op gives what the table says, in every layout") {
  for (const NamedGear& gear : kGears)
    for (const OpCase& c : op_cases())
      for (Layout layout : {Layout::contiguous, Layout::gaps, Layout::permuted}) {
        if (layout != Layout::contiguous && needs_contiguous(c)) continue;
        INFO(gear.name << " " << c.name() << " layout " << static_cast<int>(layout));
        CHECK(check_case(c, layout, always_in_place(c), gear.run) == "");
      }
}

TEST_CASE("ops in place give the same and write into operand 0") {
  for (const NamedGear& gear : kGears)
    for (const OpCase& c : op_cases())
      for (Layout layout : {Layout::contiguous, Layout::gaps, Layout::permuted}) {
        if (!can_run_in_place(c)) continue;
        INFO(gear.name << " " << c.name() << " layout " << static_cast<int>(layout));
        Gear checked = [&](const OpCall& call) {
          uint32_t before = call.operands[0]->storage->version;
          Tensor r = gear.run(call);
          CHECK(r.impl() == call.operands[0]);
          CHECK(r.version() == before + 1);
          return r;
        };
        CHECK(check_case(c, layout, true, checked) == "");
      }
}

namespace {

// The dtypes that an op computes in: what others are converted to, before.
bool allows(const OpInfo& i, DType t) {
  if (i.kind == OpKind::view) return true;
  switch (i.domain) {
  case OpDomain::any:
    return true;
  case OpDomain::number:
  case OpDomain::widened:
    return t != boolean;
  case OpDomain::floating:
  case OpDomain::floating_only:
    return is_floating(t);
  case OpDomain::integral:
    return !is_floating(t);
  case OpDomain::integer:
    return t == i64;
  case OpDomain::boolean:
    return t == boolean;
  }
  return false;
}

} // namespace

// What structured ops and sources take, their records say in words.
TEST_CASE("elementwise ops, reductions and views have a row for each dtype of their record") {
  std::set<std::pair<std::string, DType>> seen;
  for (const OpCase& c : op_cases())
    if (c.error.empty()) seen.emplace(c.op, c.dtype);
  for (int k = 0; k < kOpCount; k++) {
    const OpInfo& i = info(static_cast<Op>(k));
    if (i.kind == OpKind::structured || i.kind == OpKind::source) continue;
    for (int d = 0; d < kDTypeCount; d++) {
      const auto dtype = static_cast<DType>(d);
      INFO(i.name << " " << name_of(dtype));
      CHECK((seen.count({i.name, dtype}) == 1 || !allows(i, dtype)));
    }
  }
}

TEST_CASE("every op has a row in the table") {
  std::set<std::string> seen;
  for (const OpCase& c : op_cases())
    seen.insert(c.op);
  for (int k = 0; k < kOpCount; k++) {
    INFO(info(static_cast<Op>(k)).name);
    CHECK(seen.count(info(static_cast<Op>(k)).name) == 1);
  }
}
