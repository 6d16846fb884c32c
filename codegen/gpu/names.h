// Text of a device source under construction: indented lines, and the C names of values.
#pragma once

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Value.h"

#include "llvm/ADT/DenseMap.h"

#include <memory>
#include <string>
#include <vector>

namespace weft::gpu {

/// Lines, indented by their depth in braces.
class Code {
public:
  void line(const std::string& text) {
    text_ += std::string(size_t(depth_) * 2, ' ') + text + "\n";
  }
  /// Prints "HEAD {" and indents.
  void open(const std::string& head) {
    line(head + " {");
    ++depth_;
  }
  void close() {
    --depth_;
    line("}");
  }
  /// How many braces are open.
  int depth() const { return depth_; }
  void closeTo(int depth) {
    while (depth_ > depth)
      close();
  }
  std::string take() { return std::move(text_); }

private:
  std::string text_;
  int depth_ = 0;
};

/// What values are called in C. Copies share the numbers of fresh names.
class Names {
public:
  std::vector<std::string> sizes; // of the maps' symbols
  bool narrow = false;            // indices are of 32 bits (index_range.h)

  std::string indexType() const { return narrow ? "int" : "weft_i64"; }

  void set(mlir::Value value, std::string name) { names_[value] = std::move(name); }
  std::string get(mlir::Value value) const { return names_.lookup(value); }
  /// A name that nothing else has.
  std::string fresh(llvm::StringRef stem) { return stem.str() + std::to_string((*next_)++); }

  /// Prints an expression of the sizes, or a map at some indices, in 64 bits where an
  /// operand has as many.
  std::string expression(mlir::AffineExpr expr) const;
  std::string expression(mlir::AffineMap map, mlir::ValueRange indices) const;

private:
  llvm::DenseMap<mlir::Value, std::string> names_;
  std::shared_ptr<unsigned> next_ = std::make_shared<unsigned>(0);
};

} // namespace weft::gpu
