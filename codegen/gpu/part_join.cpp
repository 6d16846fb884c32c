// What the threads of a block have accumulated becomes one value that all of them know.
#include "codegen/gpu/part_printer.h"

#include "codegen/gpu/scalar_ops.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {

// Each warp joins the sums of its threads in halves, then every thread joins those of the warps in
// order. The shape depends on the number of threads, which the kernel fixes, not on whether a
// device shuffles. What the trees hold may still be read when the next loop's sums are joined in
// others.
void PartPrinter::joinThreads(Operation* op, ArrayRef<std::string> sums) {
  const int* tree_key = &kTreeKeys[trees_ % 2];
  Touched tree;
  tree.written.insert(tree_key);
  touch(tree);
  Texts trees = declareTrees(op);
  ++trees_;
  joinWarp(op, sums, trees);
  barrier();
  for (auto [sum, name] : llvm::zip(sums, trees))
    out.line(sum + " = " + name + "[0];");
  if (kernel.threads > kWarp) {
    std::string other = openUnrolled("other", kWarp, kernel.threads, kWarp);
    joinFrom(op, sums, [&](size_t i) { return trees[i] + "[" + other + "]"; });
    out.close();
  }
  since_barrier_.read.insert(tree_key);
}

PartPrinter::Texts PartPrinter::declareTrees(Operation* op) {
  Texts trees;
  int64_t offset = trees_ % 2 == 0 ? 0 : plan.tree_bytes;
  for (Type type : op->getResultTypes()) {
    trees.push_back(names.fresh("tree"));
    std::string element = memoryType(type).str();
    out.line("WEFT_SHARED_POINTER " + element + "* const " + trees.back() +
             " = (WEFT_SHARED_POINTER " + element + "*)((WEFT_SHARED_POINTER weft_u8*)shared + " +
             std::to_string(offset) + ");");
    offset += treeBytes(type, kernel.threads);
  }
  return trees;
}

// Leaves what the threads of warp w have together in the trees at 32 w.
void PartPrinter::joinWarp(Operation* op, ArrayRef<std::string> sums, ArrayRef<std::string> trees) {
  auto store = [&](const std::string& at) {
    for (auto [name, sum] : llvm::zip(trees, sums))
      out.line(name + "[" + at + "] = " + sum + ";");
  };
  auto openHalves = [&] {
    std::string half = names.fresh("half");
    out.open("for (int " + half + " = " + std::to_string(kWarp / 2) + "; " + half + " > 0; " +
             half + " /= 2)");
    return half;
  };
  out.line("#ifdef WEFT_SHUFFLE_DOWN");
  out.line("WEFT_UNROLL");
  std::string half = openHalves();
  joinFrom(op, sums, [&](size_t i) { return "WEFT_SHUFFLE_DOWN(" + sums[i] + ", " + half + ")"; });
  out.close();
  out.open("if (WEFT_THREAD % " + std::to_string(kWarp) + " == 0)");
  store("WEFT_THREAD");
  out.close();
  out.line("#else");
  store("WEFT_THREAD");
  out.line("WEFT_BARRIER();");
  out.open("if (WEFT_THREAD < " + std::to_string(kernel.threads / kWarp) + ")");
  half = openHalves();
  std::string at = names.fresh("at"), first = "(int)WEFT_THREAD * " + std::to_string(kWarp);
  out.open("for (int " + at + " = " + first + "; " + at + " < " + first + " + " + half + "; ++" +
           at + ")");
  for (auto [sum, name] : llvm::zip(sums, trees))
    out.line(sum + " = " + name + "[" + at + "];");
  joinFrom(op, sums, [&](size_t i) { return trees[i] + "[" + at + " + " + half + "]"; });
  store(at);
  for (int depth = 0; depth < 3; ++depth)
    out.close();
  out.line("#endif");
}

// Joins to the sums what `other` names.
void PartPrinter::joinFrom(Operation* op, ArrayRef<std::string> sums,
                           llvm::function_ref<std::string(size_t)> other) {
  Texts values;
  for (auto [i, type] : llvm::enumerate(op->getResultTypes())) {
    values.push_back(names.fresh("v"));
    out.line("const " + valueType(type).str() + " " + values.back() + " = " + other(i) + ";");
  }
  merge(op, sums, values);
}

} // namespace weft::gpu
