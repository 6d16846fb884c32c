// Reason: why ops do not become one kernel, for a program that reads it and for a person.
#pragma once

#include "llvm/ADT/Twine.h"

#include <string>

namespace weft {

struct Reason {
  const char* code = ""; // words with hyphens: "two-products"
  std::string text;      // after a colon: "two products in one kernel"

  /// Fills it in and returns false, as what fails does.
  bool set(const char* newCode, const llvm::Twine& newText) {
    code = newCode;
    text = newText.str();
    return false;
  }
};

} // namespace weft
