// Threads, runs and registers of a row: see row.h.
#include "codegen/gpu/row.h"

#include <set>

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

constexpr int kUsual = 256, kMost = 1024; // threads of a block
constexpr int64_t kLongTurn = 4;          // runs of a turn where a thread has more than one turn

// 32-bit registers of a thread for elements of rows: a block of more than 256 threads leaves it 64
// in all.
int64_t mostWords(int threads) { return threads <= kUsual ? 64 : 32; }

bool isInPart(Operation* loop, const PartPlan& plan) { return loop->getParentOp() == plan.part; }

// Registers for one element of everything that the part's wide loops access, each thing once.
int64_t wordsOfElement(const PartPlan& plan) {
  std::set<std::vector<const void*>> seen;
  int64_t words = 0;
  auto add = [&](auto access, Value index) {
    std::vector<const void*> key{access.getMemory().getAsOpaquePointer(),
                                 access.getMap().getAsOpaquePointer()};
    for (Value other : access.getIndices())
      key.push_back(other == index ? nullptr : other.getAsOpaquePointer());
    if (!seen.insert(std::move(key)).second) return;
    words += (elementBytes(elementType(access.getMemory().getType())) + 3) / 4;
  };
  for (auto& [loop, wide] : plan.wide_loops) {
    if (!isInPart(loop, plan)) continue;
    for (const WideLoad& load : wide.loads)
      add(load.op, wide.index);
    for (StoreOp store : wide.stores)
      if (isa<LocalType>(store.getMemory().getType())) add(store, wide.index);
  }
  return words;
}

int64_t longestRow(const PartPlan& plan) {
  int64_t longest = 0;
  for (auto& [loop, wide] : plan.wide_loops)
    if (isInPart(loop, plan))
      longest = std::max(longest, axisOf(loop)->getConstantExtent().value_or(0));
  return longest;
}

int64_t runsOf(int64_t extent, int threads) {
  return (extent + int64_t(threads) * kRun - 1) / (int64_t(threads) * kRun);
}

bool fits(const PartPlan& plan, int threads) {
  return wordsOfElement(plan) * kRun * runsOf(longestRow(plan), threads) <= mostWords(threads);
}

bool isAtIteration(AffineMap map, ValueRange indices, const WideBody& wide) {
  return indices.size() == 1 && indices[0] == wide.index && map.isIdentity();
}

} // namespace

void findWideLoops(PartPlan& plan) {
  PartOp part = plan.part;
  part.walk([&](Operation* op) {
    if (!runsAlongThreads(op, plan)) return;
    Block& body = op->getRegion(0).front();
    if (auto wide = findWide(body, body.getArgument(0), axisOf(op)->getExtent().getResult(0)))
      plan.wide_loops[op] = *wide;
  });
}

int threadsToKeepRow(const PartPlan& plan) {
  if (longestRow(plan) == 0 || fits(plan, kUsual)) return 0;
  for (int threads = 2 * kUsual; threads <= kMost; threads *= 2)
    if (fits(plan, threads)) return threads;
  return 0;
}

void chooseRuns(PartPlan& plan, int threads) {
  bool fit = fits(plan, threads);
  for (auto& [loop, wide] : plan.wide_loops) {
    auto extent = axisOf(loop)->getConstantExtent();
    wide.once = fit && extent && isInPart(loop, plan);
    int64_t all = extent ? runsOf(*extent, threads) : kLongTurn;
    int64_t most = wide.once ? all : wide.loads.size() > 2 ? 1 : kLongTurn;
    wide.runs = int(std::clamp<int64_t>(all, 1, most));
  }
  auto inRegisters = [&](auto access) {
    auto local = access.getMemory().template getDefiningOp<LocalOp>();
    return local && isKept(local, plan);
  };
  for (auto& [loop, wide] : plan.wide_loops) {
    llvm::erase_if(wide.loads, [&](WideLoad& load) { return inRegisters(load.op); });
    llvm::erase_if(wide.stores, inRegisters);
  }
}

bool isKept(LocalOp local, const PartPlan& plan) {
  auto inPlace = [&](auto access) {
    auto wide = plan.wide_loops.find(access->getParentOp());
    return wide != plan.wide_loops.end() && wide->second.once &&
           isAtIteration(access.getMap(), access.getIndices(), wide->second);
  };
  return llvm::all_of(local->getUsers(), [&](Operation* user) {
    if (auto load = dyn_cast<LoadOp>(user)) return !load.getWithin() && inPlace(load);
    auto store = dyn_cast<StoreOp>(user);
    return store && inPlace(store);
  });
}

} // namespace weft::gpu
