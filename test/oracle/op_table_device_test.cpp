// The op table on a device: in each case and layout what the table says, and for what moves or
// computes elements one by one the CPU's bits. The fast test runs a sample in which every op meets
// every dtype that it computes in and every layout, and every two of the others meet somewhere; the
// slow one runs all.

#include "test/oracle/op_table.h"
#include "test/unit/device_util.h"

#include <catch2/catch.hpp>

#include <array>
#include <set>

using namespace weft;
using namespace weft::test;

namespace {

struct Pick {
  const OpCase* table;
  Layout layout;
};

std::vector<Pick> all_picks() {
  std::vector<Pick> picks;
  for (const OpCase& c : op_cases())
    for (Layout layout : {Layout::contiguous, Layout::gaps, Layout::permuted})
      if (layout == Layout::contiguous || c.op != "view" || !c.error.empty())
        picks.push_back({&c, layout});
  return picks;
}

using Pair = std::array<std::string, 2>;

std::array<Pair, 6> pairs_of(const Pick& p) {
  std::string op = "op " + p.table->op, dtype = "dtype " + std::string(name_of(p.table->dtype));
  // Narrow dtypes differ in how they are loaded and stored, which is the same in every op.
  std::string computed = "computed in " + std::string(name_of(compute_dtype(p.table->dtype)));
  std::string kind = "kind " + p.table->kind;
  std::string layout = "layout " + std::to_string(static_cast<int>(p.layout));
  return {Pair{op, computed}, Pair{op, layout},   Pair{dtype, layout},
          Pair{dtype, kind},  Pair{kind, layout}, Pair{kind, "error " + p.table->error}};
}

// Greedy, in rounds: first what adds several pairs, in the end what adds one. The same in each run.
std::vector<Pick> pairwise_sample() {
  std::set<Pair> seen;
  std::vector<Pick> sample, all = all_picks();
  for (int least : {3, 2, 1})
    for (const Pick& p : all) {
      int added = 0;
      for (const Pair& pair : pairs_of(p))
        added += !seen.count(pair);
      if (added < least) continue;
      for (const Pair& pair : pairs_of(p))
        seen.insert(pair);
      sample.push_back(p);
    }
  return sample;
}

OpCase on_device(const OpCase& c, Device device) {
  OpCase moved = c;
  for (Tensor& t : moved.operands)
    if (t.defined()) t = t.to(device);
  return moved;
}

struct Run {
  Pick pick;
  OpCase there;
  std::unique_ptr<LaidOutCall> call;
  Tensor got;
  std::string error; // kind and message
};

bool writes(const OpCase& c) { return c.op == "assign"; }

// Enqueues all before anything is read: so the driver compiles all programs at once. Calls that
// are refused come later, one by one: what is enqueued behind one is lost.
std::vector<Run> enqueue(const std::vector<Pick>& picks, Device device) {
  DeviceScope scope(device); // of the layouts' gaps
  std::vector<Run> runs;
  for (const Pick& p : picks) {
    Run& r = runs.emplace_back();
    r.pick = p;
    r.there = on_device(*p.table, device);
    r.call = std::make_unique<LaidOutCall>(r.there, p.layout, writes(*p.table));
    r.call->call.device = device;
    r.call->call.loc = &r.call->loc;
    if (!p.table->error.empty()) continue;
    try {
      r.got = Tensor::adopt(dispatch(r.call->call));
    } catch (const Error& e) {
      r.error = e.what();
    }
  }
  return runs;
}

void check(const std::vector<Pick>& picks) {
  Device device = test_device();
  for (Run& r : enqueue(picks, device)) {
    const OpCase& c = *r.pick.table;
    INFO(c.name() << " layout " << static_cast<int>(r.pick.layout));
    CHECK(r.error == "");
    if (!c.error.empty()) {
      // Refused where the call is made, or, by a kernel, where the host waits.
      Gear again = [&](const OpCall& call) {
        OpCall there = call;
        there.device = device;
        Tensor t = Tensor::adopt(dispatch(there));
        synchronize(device);
        return t;
      };
      CHECK(check_case(r.there, r.pick.layout, writes(c), again) == "");
      continue;
    }
    CHECK(r.got.device() == device);
    CHECK(compare(r.got, c) == "");
    OpKind kind = info(*find_op(c.op)).kind;
    if (kind == OpKind::reduction || kind == OpKind::structured) continue;
    LaidOutCall here(c, r.pick.layout, writes(c));
    CHECK(is_bit_equal(r.got.to(Device::cpu()), Tensor::adopt(dispatch(here.call))));
  }
}

} // namespace

TEST_CASE("a pairwise sample of the op table holds on a device") {
  std::vector<Pick> sample = pairwise_sample();
  CHECK(sample.size() > 200);
  check(sample);
  // What has no kernel for devices is an op that has no lowering.
  for (const auto& [what, count] : device_stats(test_device()).cpu_ops_by_name) {
    INFO(what << ", " << count << " times on the CPU");
    auto op = find_op(what.substr(0, what.find_first_of(": ")));
    REQUIRE(op);
    CHECK(info(*op).kind == OpKind::structured);
  }
}

TEST_CASE("the whole op table holds on a device", "[.whole]") { check(all_picks()); }
