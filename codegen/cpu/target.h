// The CPU that kernels are emitted for.
#pragma once

#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <string>

namespace weft::cpu {

struct CpuTarget {
  std::string triple, cpu, features; // as LLVM spells them
  int vector_bits = 128;             // width of one vector register

  /// Describes the processor this process runs on.
  static CpuTarget host();

  /// Describes a processor by its LLVM name ("x86-64-v3", "znver4", ...), or says that there is
  /// none of that name. An empty triple stands for this process's.
  static llvm::Expected<CpuTarget> named(const std::string& cpu, std::string triple = {});

  /// Does the same for a processor whose code runs on this one; says what is missing else.
  static llvm::Expected<CpuTarget> runnable(const std::string& cpu);

  bool isX86() const;
  /// Says whether masks of lanes are vectors of their elements' width: on x86 before AVX-512.
  bool masksAreVectors() const;
  bool has(llvm::StringRef feature) const;

  /// Creates the machine that emits objects: position-independent, no contraction of a*b+c.
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine() const;
};

} // namespace weft::cpu
