// Kernel to text, phase by phase: signature, blocks of its parts, bodies.
#include "codegen/gpu/emit.h"

#include "codegen/gpu/index_range.h"
#include "codegen/gpu/part_printer.h"
#include "codegen/gpu/scalar_ops.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::gpu {
namespace {

std::string identifier(StringRef symbol) {
  std::string name;
  for (char c : symbol)
    name += llvm::isAlnum(c) ? c : '_';
  return name.empty() || llvm::isDigit(name[0]) ? "k" + name : name;
}

bool isWritten(ArrayRef<PartOp> phase, Value buffer) {
  bool written = false;
  for (PartOp part : phase)
    part.walk([&](StoreOp store) { written |= store.getMemory() == buffer; });
  return written;
}

class PhasePrinter {
public:
  PhasePrinter(KernelOp kernel, ArrayRef<PartOp> phase, std::string name)
      : kernel(kernel), phase(phase), plan(planPhase(phase)) {
    result.symbol = kernel.getSymName().str();
    names.narrow = hasNarrowIndices(phase);
    result.name = std::move(name);
  }

  DeviceKernel run() {
    printSignature();
    printShared();
    for (const std::string& text : prologue)
      out.line(text);
    if (plan.strided)
      out.open("for (" + names.indexType() + " turn = WEFT_BLOCK; turn < " +
               names.expression(plan.blocks) + "; turn += WEFT_BLOCKS)");
    out.line("const " + names.indexType() + " " +
             std::string(hasSeveralParts() ? "place" : "block") + " = " +
             (plan.strided ? "turn" : "WEFT_BLOCK") + ";");
    for (size_t i = 0; i < plan.parts.size(); ++i)
      printPart(i);
    if (plan.strided) out.close();
    out.close();
    finish();
    return std::move(result);
  }

private:
  void printSignature() {
    std::string arguments;
    int buffers = 0, scalars = 0, sizes = 0;
    for (BlockArgument argument : kernel.getBody().getArguments()) {
      Type type = argument.getType();
      std::string name;
      if (isa<BufferType>(type)) {
        name = "b" + std::to_string(buffers++);
        std::string named = (isWritten(phase, argument) ? "" : "const ") +
                            memoryType(elementType(type)).str() + ", " + name + ")";
        arguments += "WEFT_BUFFER(" + named + ", ";
        prologue.push_back("WEFT_BIND(" + named + ";");
        result.arguments.push_back(ArgumentKind::buffer);
      } else {
        name = type.isIndex() ? "n" + std::to_string(sizes++) : "s" + std::to_string(scalars++);
        result.arguments.push_back(type.isF32()   ? ArgumentKind::f32
                                   : type.isF64() ? ArgumentKind::f64
                                                  : ArgumentKind::i64);
        if (type.isInteger(1)) {
          arguments += "weft_i64 " + name + "_, ";
          prologue.push_back("const bool " + name + " = " + name + "_ != 0;");
        } else {
          arguments += valueType(type).str() + " " + name + ", ";
        }
        if (type.isIndex()) names.sizes.push_back(name);
      }
      names.set(argument, name);
    }
    out.open("WEFT_KERNEL(" + std::to_string(plan.threads) + ") " + result.name + "(" + arguments +
             "WEFT_GLOBAL weft_u32* error, weft_u32 launch, WEFT_GLOBAL weft_u8* scratch)");
    // No early return: not every driver takes barriers behind one.
    prologue.push_back("const bool live = !weft_is_stopped(error, launch);");
  }

  void printShared() {
    auto declare = [&](int64_t bytes) {
      out.line("WEFT_SHARED weft_u64 shared[" + std::to_string((bytes + 7) / 8) + "];");
    };
    if (plan.matrix_bytes > plan.shared_bytes) {
      out.line("#ifdef WEFT_HAS_MMA");
      declare(plan.matrix_bytes);
      out.line("#else");
      declare(plan.shared_bytes);
      out.line("#endif");
    } else if (plan.shared_bytes > 0) {
      declare(plan.shared_bytes);
    }
  }

  bool hasSeveralParts() const { return plan.parts.size() > 1; }

  // Parts share the kernel's blocks: each takes its own and counts them from 0. No variable changes
  // behind a part: PoCL loses it where the part has barriers.
  void printPart(size_t i) {
    const PartPlan& part = plan.parts[i];
    if (hasSeveralParts()) {
      std::string blocks = names.expression(part.blocks);
      out.open(std::string(i ? "else " : "") + "if (place < " + before + blocks + ")");
      out.line("const " + names.indexType() + " block = place - (" + before + "0);");
      before += blocks + " + ";
    }
    PartPrinter(out, names, plan, part).print();
    if (hasSeveralParts()) out.close();
  }

  void finish() {
    auto map = [&](AffineExpr expr) {
      return AffineMap::get(0, unsigned(names.sizes.size()), expr, kernel.getContext());
    };
    result.text = out.take();
    result.threads = plan.threads;
    result.most_blocks = plan.strided ? kMostResident : 0;
    result.blocks = map(plan.blocks);
    result.scratch_bytes = map(plan.scratch_bytes);
  }

  std::string before; // the blocks of the parts so far, as a sum to be continued
  KernelOp kernel;
  ArrayRef<PartOp> phase;
  KernelPlan plan;
  Code out;
  Names names;
  std::vector<std::string> prologue;
  DeviceKernel result;
};

} // namespace

llvm::Expected<std::vector<DeviceKernel>> emitKernel(KernelOp kernel) {
  if (llvm::Error error = checkKernel(kernel)) return error;
  std::vector<DeviceKernel> phases;
  std::string name = identifier(kernel.getSymName());
  for (ArrayRef<PartOp> phase : kernel.getPhases()) {
    std::string number = phases.empty() ? "" : "_phase" + std::to_string(phases.size());
    phases.push_back(PhasePrinter(kernel, phase, name + number).run());
  }
  return phases;
}

std::string sourceOf(ArrayRef<DeviceKernel> kernels, Dialect dialect) {
  std::string text;
  for (const DeviceKernel& kernel : kernels)
    text += "\n" + kernel.text;
  std::string functions = functionsFor(text);
  return headerOf(dialect).str() + (functions.empty() ? "" : "\n" + functions) + text;
}

Launch launchOf(const DeviceKernel& kernel, ArrayRef<int64_t> sizes) {
  Launch launch;
  launch.kernel = kernel.name;
  launch.arguments = kernel.arguments;
  launch.threads = kernel.threads;
  launch.blocks = evaluateSizes(kernel.blocks, sizes).value_or(0);
  if (kernel.most_blocks > 0) launch.blocks = std::min(launch.blocks, kernel.most_blocks);
  launch.scratch_bytes = evaluateSizes(kernel.scratch_bytes, sizes).value_or(0);
  return launch;
}

} // namespace weft::gpu
