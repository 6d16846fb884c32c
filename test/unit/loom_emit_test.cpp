// The emitter's door: refusals, what an object holds, and that schedules and threads do not change
// results.
#include "test/unit/loom_harness.h"

#include "codegen/cpu/emit.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Object/ELFObjectFile.h"

#include <catch2/catch.hpp>
#include <random>

using namespace weft;
using namespace weft::test;

namespace {

struct Parsed {
  mlir::DialectRegistry registry;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;

  explicit Parsed(const char* text) {
    registry.insert<loom::LoomDialect, mlir::arith::ArithDialect, mlir::math::MathDialect>();
    context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
    module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
  }
};

std::string refusal(const char* text, const std::string& cpu) {
  Parsed parsed(text);
  auto target = cpu::CpuTarget::named(cpu);
  if (!target) return toString(target.takeError());
  auto emitted = cpu::emitKernels(*parsed.module, *target);
  return emitted ? "" : toString(emitted.takeError());
}

const char* kTwoKernels =
    R"(loom.kernel @first(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %n: index) {
    loom.part [#loom.axis<"i", affine_map<()[s0] -> (s0)>, lanes, chunk = 512>] {
    ^bb0(%i: index):
      %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      %w = arith.addf %v, %v : f32
      loom.store %w, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    }
  }
  loom.kernel @second(%y: !loom.buffer<f64>) {
    loom.part [#loom.axis<"i", 10>] {
    ^bb0(%i: index):
      %c = arith.constant 2.0 : f64
      loom.store %c, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f64>
    }
  })";

} // namespace

TEST_CASE("what the emitter cannot map is refused with the kernel's name", "[loom]") {
  const char* exponential = R"(loom.kernel @k(%y: !loom.buffer<f32>) {
    loom.part [] {
      %c = arith.constant 2.0 : f32
      %e = math.exp %c : f32
      loom.store %e, %y[affine_map<() -> (0)>]() : !loom.buffer<f32>
    }
  })";
  REQUIRE(refusal(exponential, "native") ==
          "loom.kernel @k: ops must have a row in the CPU emitter's table, got math.exp");
  REQUIRE(refusal(kTwoKernels, "x86-64") ==
          "loom.kernel @first: the processor must have fused multiply-add, got x86-64");
  REQUIRE(refusal(kTwoKernels, "no-such-cpu") ==
          "cpu target: must be a processor that LLVM knows, got 'no-such-cpu'");
}

TEST_CASE("one object holds every kernel, without undefined symbols", "[loom]") {
  Parsed parsed(kTwoKernels);
  auto emitted = cpu::emitKernels(*parsed.module, cpu::CpuTarget::host(), {true, true});
  REQUIRE(bool(emitted));
  REQUIRE(emitted->kernels.size() == 2);
  CHECK(emitted->kernels[0].llvm_text.find("define void @first(") != std::string::npos);
  CHECK(emitted->kernels[1].asm_text.find("second:") == 0);
  CHECK(*loom::evaluateSizes(emitted->kernels[0].chunks, {1025}) == 3);
  CHECK(*loom::evaluateSizes(emitted->kernels[0].bytes, {1000}) == 8000);
  CHECK(*loom::evaluateSizes(emitted->kernels[1].chunks, {}) == 1);
  auto object = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(emitted->objects[0], "kernels.o"));
  REQUIRE(bool(object));
  for (const llvm::object::SymbolRef& symbol : (*object)->symbols())
    CHECK((llvm::cantFail(symbol.getFlags()) & llvm::object::SymbolRef::SF_Undefined) == 0);
  auto linked = cpu::linkSharedObject(emitted->objects);
  REQUIRE(bool(linked));
  CHECK(linked->substr(0, 4) == "\x7f"
                                "ELF");
}

TEST_CASE("parts that differ in their buffers alone share a function", "[loom]") {
  Parsed parsed(
      R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %z: !loom.buffer<f32>) {
    loom.part [#loom.axis<"i", 64>] {
    ^bb0(%i: index):
      %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      loom.store %v, %y[affine_map<(i) -> (63 - i)>](%i) : !loom.buffer<f32>
    }
    loom.part [#loom.axis<"i", 64>] {
    ^bb0(%i: index):
      %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      loom.store %v, %z[affine_map<(i) -> (63 - i)>](%i) : !loom.buffer<f32>
    }
  })");
  auto emitted = cpu::emitKernels(*parsed.module, cpu::CpuTarget::host(), {true, true});
  REQUIRE(bool(emitted));
  CHECK(emitted->kernels[0].llvm_text.find("@k.part0(") != std::string::npos);
  CHECK(emitted->kernels[0].llvm_text.find("@k.part1(") == std::string::npos);
}

TEST_CASE("a large module becomes several objects, which share functions", "[loom]") {
  std::string text;
  for (int k = 0; k < 12; k++) {
    const std::string rows = std::to_string(96 + 8 * k); // other kernels, the same tiles
    text += "loom.kernel @k" + std::to_string(k) +
            R"((%a: !loom.buffer<f32>, %b: !loom.buffer<f32>, %c: !loom.buffer<f32>) {
    loom.part [#loom.axis<"m", )" +
            rows + R"(>, #loom.axis<"n", 256>] {
    ^bb0(%m: index, %n: index):
      %s = loom.dot <"k", 64> {
      ^bb0(%k: index):
        %x = loom.load %a[affine_map<(m, k) -> (m * 64 + k)>](%m, %k) : !loom.buffer<f32>
        %y = loom.load %b[affine_map<(k, n) -> (k * 256 + n)>](%k, %n) : !loom.buffer<f32>
        loom.yield %x, %y : f32, f32
      } : f32
      loom.store %s, %c[affine_map<(m, n) -> (m * 256 + n)>](%m, %n) : !loom.buffer<f32>
    }
  }
)";
  }
  std::vector<std::string> first;
  for (int turn = 0; turn < 2; turn++) { // the same code, however threads take turns
    Parsed parsed(text.c_str());
    REQUIRE(parsed.module);
    auto emitted = cpu::emitKernels(*parsed.module, cpu::CpuTarget::host());
    REQUIRE(bool(emitted));
    CHECK(emitted->objects.size() > 1);
    if (turn == 0) first = emitted->objects;
    CHECK(emitted->objects == first);
    CHECK(bool(cpu::linkSharedObject(emitted->objects)));
  }
}

TEST_CASE("the listing of a kernel holds all of its parts", "[loom]") {
  Parsed parsed(R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"i", 64>] {
    ^bb0(%i: index):
      %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      loom.store %v, %y[affine_map<(i) -> (63 - i)>](%i) : !loom.buffer<f32>
    }
    loom.barrier
    loom.part [] {
      %v = loom.load %y[affine_map<() -> (0)>]() : !loom.buffer<f32>
      loom.store %v, %x[affine_map<() -> (0)>]() : !loom.buffer<f32>
    }
  })");
  auto emitted = cpu::emitKernels(*parsed.module, cpu::CpuTarget::host(), {true, true});
  REQUIRE(bool(emitted));
  for (const char* symbol : {"k:", "k.part0:", "k.part1:"})
    CHECK(emitted->kernels[0].asm_text.find(symbol) != std::string::npos);
}

TEST_CASE("an exponent that lies within the limits is not limited again", "[loom]") {
  // As exp does it, and with a limit that is too far, a factor that is no NaN where the exponent
  // is.
  auto compares = [](const char* low, const char* factor) {
    std::string text = R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
      loom.part [#loom.axis<"i", 64, lanes>] {
      ^bb0(%i: index):
        %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
        %low = arith.constant )" +
                       std::string(low) + R"( : f32
        %is_low = arith.cmpf olt, %v, %low : f32
        %a = arith.select %is_low, %low, %v : f32
        %high = arith.constant 89.0 : f32
        %is_high = arith.cmpf ogt, %a, %high : f32
        %c = arith.select %is_high, %high, %a : f32
        %log2e = arith.constant 1.4426950408889634 : f32
        %shift = arith.constant 12582912.0 : f32
        %m = math.fma %c, %log2e, %shift : f32
        %n = arith.subf %m, %shift : f32
        %ln2 = arith.constant -0.6931 : f32
        %one = arith.constant 1.0 : f32
        %r = math.fma %n, %ln2, %c : f32
        %p = math.fma %r, %r, %one : f32
        %s = loom.scale2 )" +
                       factor + R"(, %n : f32
        loom.store %s, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      }
    })";
    Parsed parsed(text.c_str());
    REQUIRE(parsed.module);
    auto target = llvm::cantFail(cpu::CpuTarget::named("znver4"));
    auto emitted = cpu::emitKernels(*parsed.module, target, {true, true});
    REQUIRE(bool(emitted));
    const std::string& made = emitted->kernels[0].llvm_text;
    int count = 0;
    for (size_t at = 0; (at = made.find("fcmp", at)) != std::string::npos; at++)
      count++;
    return count;
  };
  const int exp = compares("-104.0", "%p");
  CHECK(compares("-1040.0", "%p") == 2 * exp);
  CHECK(compares("-104.0", "%one") == 2 * exp);
}

TEST_CASE("sums of many rows that lie one behind the other fetch ahead", "[loom]") {
  auto fetches = [](const char* rows, const char* step) {
    std::string text = R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
      loom.part [#loom.axis<"r", )" +
                       std::string(rows) + R"(>] {
      ^bb0(%r: index):
        %zero = arith.constant 0.0 : f32
        %s = loom.loop <"c", 1024, lanes> init(%zero : f32) {
        ^bb0(%c: index):
          %v = loom.load %x[affine_map<(r, c) -> (r * )" +
                       step + R"( + c)>](%r, %c) : !loom.buffer<f32>
          loom.yield %v : f32
        } combine {
        ^bb0(%a: f32, %b: f32):
          %z = arith.addf %a, %b : f32
          loom.yield %z : f32
        }
        loom.store %s, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
      }
    })";
    Parsed parsed(text.c_str());
    REQUIRE(parsed.module);
    auto emitted = cpu::emitKernels(*parsed.module, cpu::CpuTarget::host(), {true, true});
    REQUIRE(bool(emitted));
    return emitted->kernels[0].llvm_text.find("@llvm.prefetch") != std::string::npos;
  };
  CHECK(fetches("4096", "1024"));
  CHECK_FALSE(fetches("64", "1024"));   // found in the second-level cache
  CHECK_FALSE(fetches("4096", "2048")); // what lies behind a row is not the next one
}

TEST_CASE("a condition that all lanes share is a branch around the load", "[loom]") {
  Parsed parsed(R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"i", 4>, #loom.axis<"j", 64, lanes>] {
    ^bb0(%i: index, %j: index):
      %row = arith.index_cast %i : index to i64
      %two = arith.constant 2 : i64
      %second = arith.cmpi sge, %row, %two : i64
      %zero = arith.constant 0.0 : f32
      %v = loom.load %x[affine_map<(i, j) -> (i * 64 + j - 128)>](%i, %j) if %second else %zero : f32 from : !loom.buffer<f32>
      loom.store %v, %y[affine_map<(i, j) -> (i * 64 + j)>](%i, %j) : !loom.buffer<f32>
    }
  })");
  REQUIRE(parsed.module);
  auto emitted = cpu::emitKernels(*parsed.module, cpu::CpuTarget::host(), {true, true});
  REQUIRE(bool(emitted));
  CHECK(emitted->kernels[0].llvm_text.find("llvm.masked.load") == std::string::npos);
}

TEST_CASE("where all lanes choose alike, one of the chosen loads runs", "[loom]") {
  Parsed parsed(
      R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %z: !loom.buffer<f32>) {
    loom.part [#loom.axis<"i", 4>, #loom.axis<"j", 64, lanes>] {
    ^bb0(%i: index, %j: index):
      %row = arith.index_cast %i : index to i64
      %two = arith.constant 2 : i64
      %first = arith.cmpi slt, %row, %two : i64
      %a = loom.load %x[affine_map<(i, j) -> (i * 64 + j)>](%i, %j) : !loom.buffer<f32>
      %b = loom.load %y[affine_map<(i, j) -> (i * 64 + j)>](%i, %j) : !loom.buffer<f32>
      %v = arith.select %first, %a, %b : f32
      loom.store %v, %z[affine_map<(i, j) -> (i * 64 + j)>](%i, %j) : !loom.buffer<f32>
    }
  })");
  REQUIRE(parsed.module);
  auto emitted = cpu::emitKernels(*parsed.module, cpu::CpuTarget::host(), {true, true});
  REQUIRE(bool(emitted));
  CHECK(emitted->kernels[0].llvm_text.find("select <") == std::string::npos);
}

TEST_CASE("choices that are rarely made share one branch, which counts as no work", "[loom]") {
  Parsed parsed(
      R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %z: !loom.buffer<f32>) {
    loom.part [#loom.axis<"i", 64, lanes>] {
    ^bb0(%i: index):
      %far = arith.constant 100.0 : f32
      %v = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      %c = arith.cmpf ogt, %v, %far : f32
      %root = math.sqrt %v : f32
      %a = arith.mulf %root, %v : f32
      %p = loom.rarely %c, %a, %v : f32
      %b = arith.divf %v, %root : f32
      %q = loom.rarely %c, %b, %p : f32
      loom.store %p, %y[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
      loom.store %q, %z[affine_map<(i) -> (i)>](%i) : !loom.buffer<f32>
    }
  })");
  REQUIRE(parsed.module);
  auto emitted = cpu::emitKernels(*parsed.module, cpu::CpuTarget::host(), {true, true});
  REQUIRE(bool(emitted));
  const std::string& text = emitted->kernels[0].llvm_text;
  const size_t branch = text.find("!prof"), root = text.find("@llvm.sqrt");
  REQUIRE(branch != std::string::npos);
  CHECK(text.find("!prof", branch + 1) == std::string::npos);
  CHECK(branch < root);
  CHECK(text.find("@llvm.sqrt", root + 1) == std::string::npos);
  CHECK(loom::evaluateSizes(emitted->kernels[0].flops, {}) == 2 * 64); // the choices themselves
}

TEST_CASE("a product whose sizes are arguments runs in tiles", "[loom]") {
  Parsed parsed(
      R"(loom.kernel @k(%a: !loom.buffer<f32>, %b: !loom.buffer<f32>, %c: !loom.buffer<f32>, %m: index, %k: index, %n: index) {
    loom.part [#loom.axis<"i", affine_map<()[m] -> (m)>, chunk = 1>, #loom.axis<"j", affine_map<()[m, k, n] -> (n)>, lanes, chunk = 256>] {
    ^bb0(%i: index, %j: index):
      %sum = loom.dot <"l", affine_map<()[m, k] -> (k)>> {
      ^bb0(%l: index):
        %x = loom.load %a[affine_map<(i, l)[m, k] -> (i * k + l)>](%i, %l) : !loom.buffer<f32>
        %y = loom.load %b[affine_map<(j, l)[m, k, n] -> (j + l * n)>](%j, %l) : !loom.buffer<f32>
        loom.yield %x, %y : f32, f32
      } : f32
      loom.store %sum, %c[affine_map<(i, j)[m, k, n] -> (i * n + j)>](%i, %j) : !loom.buffer<f32>
    }
  })");
  REQUIRE(parsed.module);
  auto target = cpu::CpuTarget::named("x86-64-v4");
  REQUIRE(bool(target));
  auto emitted = cpu::emitKernels(*parsed.module, *target, {true, true});
  REQUIRE(bool(emitted));
  CHECK(emitted->kernels[0].llvm_text.find("weft.dot.tile") != std::string::npos);
}

TEST_CASE("an object with undefined symbols is not linked", "[loom]") {
  auto linked = cpu::linkSharedObject(std::string("not an object"));
  REQUIRE(!linked);
  CHECK(toString(linked.takeError()).find("link: kernels must link without undefined symbols") ==
        0);
}

TEST_CASE("the way chunks are handed out changes no bit", "[loom]") {
  const char* text = R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>) {
    loom.part [#loom.axis<"r", 97>] {
    ^bb0(%r: index):
      %zero = arith.constant 0.0 : f32
      %s = loom.loop <"c", 3001> init(%zero : f32) {
      ^bb0(%c: index):
        %v = loom.load %x[affine_map<(r, c) -> (r * 3001 + c)>](%r, %c) : !loom.buffer<f32>
        loom.yield %v : f32
      } combine {
      ^bb0(%a: f32, %b: f32):
        %z = arith.addf %a, %b : f32
        loom.yield %z : f32
      }
      loom.store %s, %y[affine_map<(r) -> (r)>](%r) : !loom.buffer<f32>
    }
  })";
  LoomRun run{text, {{"f32", 97 * 3001, 0, false}, {"f32", 97}}, {}, {}, 1e-4};
  run.pieces = 1;
  LoomOutcome whole = runBoth(run);
  REQUIRE(whole.difference == "");
  REQUIRE(whole.chunks > 4);
  run.pieces = whole.chunks;
  REQUIRE(runBoth(run).emitted == whole.emitted);
}

TEST_CASE("any schedule computes the same", "[loom]") {
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<f32>, %y: !loom.buffer<f32>, %z: !loom.buffer<f64>) {
    loom.part [#loom.axis<"r", 21 R>, #loom.axis<"c", 75 C>] {
    ^bb0(%r: index, %c: index):
      %zero = arith.constant 0.0 : f32
      %s, %n = loom.loop <"k", 38 K> init(%zero, %zero : f32, f32) {
      ^bb0(%k: index):
        %v = loom.load %x[affine_map<(r, c, k) -> (r * 2850 + k * 75 + c)>](%r, %c, %k) : !loom.buffer<f32>
        %w = loom.load %x[affine_map<(r, k) -> (r * 38 + k)>](%r, %k) : !loom.buffer<f32>
        %p = arith.mulf %v, %w : f32
        loom.yield %p, %w : f32, f32
      } combine {
      ^bb0(%a: f32, %d: f32, %b: f32, %e: f32):
        %t = arith.addf %a, %b : f32
        %u = arith.maximumf %d, %e : f32
        loom.yield %t, %u : f32, f32
      }
      loom.store %s, %y[affine_map<(r, c) -> (r * 75 + c)>](%r, %c) nontemporal : !loom.buffer<f32>
      %m = arith.extf %n : f32 to f64
      loom.store %m, %z[affine_map<(r, c) -> (c * 21 + r)>](%r, %c) : !loom.buffer<f64>
    }
  })";
  std::mt19937 random(7);
  for (int draw = 0; draw < 60; ++draw) {
    auto pick = [&](std::initializer_list<const char*> words) {
      return std::string(*(words.begin() + random() % words.size()));
    };
    std::string scheduled = text;
    int lanes = int(random() % 3);
    for (auto [name, axis] : {std::pair(" R>", 0), std::pair(" C>", 1), std::pair(" K>", 2)}) {
      std::string words = (lanes == axis || axis == 2 ? pick({"", ", lanes"}) : "") +
                          pick({"", "", ", unroll = 2", ", unroll = 3", ", unroll = 4"});
      if (axis != 2)
        words += pick({"", ", chunk = 1", ", chunk = 7", ", chunk = 16", ", chunk = 64"});
      scheduled.replace(scheduled.find(name), 3, words + ">");
    }
    INFO(scheduled);
    LoomRun run{scheduled, {{"f32", 21 * 2850, 0, false}, {"f32", 1575}, {"f64", 1575}},
                {},        {},
                1e-5,      false};
    run.cpu = pick({"native", "x86-64-v3", "x86-64-v4"});
    run.pieces = 1 + int64_t(random() % 4);
    REQUIRE(runBoth(run).difference == "");
  }
}

TEST_CASE("bf16 and i8 are multiplied in groups where the processor has that", "[loom]") {
  auto emitted = [](const std::string& cpu, std::string element, std::string sum) {
    std::string text = "loom.kernel @k(%a: !loom.buffer<" + element + ">, %b: !loom.buffer<" +
                       element + ">, %c: !loom.buffer<" + sum + R"(>) {
      loom.part [#loom.axis<"m", 40>, #loom.axis<"n", 48, lanes>] {
      ^bb0(%m: index, %n: index):
        %d = loom.dot <"k", 64> {
        ^bb0(%k: index):
          %x = loom.load %a[affine_map<(m, k) -> (m * 64 + k)>](%m, %k) : !loom.buffer<)" +
                       element + R"(>
          %y = loom.load %b[affine_map<(k, n) -> (k * 48 + n)>](%k, %n) : !loom.buffer<)" +
                       element + R"(>
          loom.yield %x, %y : )" +
                       sum + ", " + sum + R"(
        } : )" + sum + R"(
        loom.store %d, %c[affine_map<(m, n) -> (m * 48 + n)>](%m, %n) : !loom.buffer<)" +
                       sum + R"(>
      }
    })";
    Parsed parsed(text.c_str());
    REQUIRE(parsed.module);
    auto result =
        cpu::emitKernels(*parsed.module, llvm::cantFail(cpu::CpuTarget::named(cpu)), {true});
    REQUIRE(bool(result));
    return result->kernels[0].llvm_text;
  };
  auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(has(emitted("znver4", "bf16", "f32"), ".g2"));
  CHECK(has(emitted("sapphirerapids", "bf16", "f32"), ".g2"));
  CHECK(has(emitted("icelake-server", "bf16", "f32"), ".g1")); // AVX-512 without BF16
  CHECK(has(emitted("x86-64-v3", "bf16", "f32"), ".g1"));
  CHECK(has(emitted("icelake-server", "i8", "i64"), "weft.dot.tile.i8"));
  CHECK(has(emitted("icelake-server", "i8", "i64"), ".g4"));
  CHECK(has(emitted("skylake-avx512", "i8", "i64"), ".g2")); // without VNNI: pairs of i16
  CHECK(has(emitted("x86-64-v3", "i8", "i64"), ".g2"));
}

TEST_CASE("codes of four bits and their scales take few instructions of a product", "[loom]") {
  auto listing = [](const char* cpu) {
    Parsed parsed(
        R"(loom.kernel @k(%x: !loom.buffer<f32>, %c: !loom.buffer<ui8>, %s: !loom.buffer<f16>, %y: !loom.buffer<f32>) {
      loom.part [#loom.axis<"n", 40>] {
      ^bb0(%n: index):
        %d = loom.dot <"k", 512, lanes, unroll = 4> {
        ^bb0(%k: index):
          %v = loom.load %x[affine_map<(k) -> (k)>](%k) : !loom.buffer<f32>
          %byte = loom.load %c[affine_map<(n, k) -> (n * 256 + (k floordiv 32) * 16 + k mod 16)>](%n, %k) : !loom.buffer<ui8>
          %scale = loom.load %s[affine_map<(n, k) -> (n * 16 + k floordiv 32)>](%n, %k) : !loom.buffer<f16>
          %i = arith.index_cast %k : index to i64
          %c0 = arith.constant 0 : i64
          %c2 = arith.constant 2 : i64
          %c4 = arith.constant 4 : i64
          %c15 = arith.constant 15 : i64
          %c16 = arith.constant 16 : i64
          %half = arith.floordivsi %i, %c16 : i64
          %pair = arith.floordivsi %half, %c2 : i64
          %even = arith.muli %pair, %c2 : i64
          %rest = arith.subi %half, %even : i64
          %is_low = arith.cmpi eq, %rest, %c0 : i64
          %low = arith.andi %byte, %c15 : i64
          %high = arith.shrui %byte, %c4 : i64
          %code = arith.select %is_low, %low, %high : i64
          %number = arith.sitofp %code : i64 to f32
          %least = arith.constant 8.0 : f32
          %centred = arith.subf %number, %least : f32
          %w = arith.mulf %centred, %scale : f32
          loom.yield %v, %w : f32, f32
        } : f32
        loom.store %d, %y[affine_map<(n) -> (n)>](%n) : !loom.buffer<f32>
      }
    })");
    REQUIRE(parsed.module);
    auto result =
        cpu::emitKernels(*parsed.module, llvm::cantFail(cpu::CpuTarget::named(cpu)), {true, true});
    REQUIRE(bool(result));
    // Of each byte and each scale once, not once for each number; of x and y too.
    CHECK(*loom::evaluateSizes(result->kernels[0].bytes, {}) ==
          40 * (256 + 16 * 2) + 512 * 4 + 40 * 4);
    return result->kernels[0].asm_text;
  };
  auto count = [](const std::string& text, const char* part) {
    int found = 0;
    for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at++)
      found++;
    return found;
  };
  // A step of 64 reads bytes twice, looks four vectors up, and multiplies two tables of numbers by
  // a scale that is broadcast on its way; a row's 16 scales are widened at once.
  const std::string v4 = listing("x86-64-v4");
  CHECK(count(v4, "vpmovzxbd") == 2);
  CHECK(count(v4, "vperm") == 4);
  CHECK(count(v4, "vfmadd") == 4);
  CHECK(count(v4, "{1to16}") == 2);
  CHECK(count(v4, "vcvtph2ps") == 1);
  // Without the lookup: two vectors of scales a row, and nothing that converts one scale. A step of
  // 32 still reads bytes twice.
  const std::string v3 = listing("x86-64-v3");
  CHECK(count(v3, "vpmovzxb") == 2);
  CHECK(count(v3, "vcvtdq2ps") == 4);
  CHECK(count(v3, "vcvtph2ps") == 2);
  CHECK(count(v3, "vpinsrw") == 0);
}
