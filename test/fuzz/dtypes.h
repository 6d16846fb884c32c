// What a record's texts on dtypes and shapes say of parameters: "floating; target i64", "codes [N,
// K] of i8". A clause that starts the text is about all parameters that no other clause names.
#pragma once

#include "test/fuzz/program.h"

#include <map>
#include <random>
#include <string>

namespace fuzz {

class DTypeText {
public:
  DTypeText(const std::string& dtypes, const std::string& shapes);

  /// Whether a parameter may have the dtype, as far as the text tells.
  bool allows(const std::string& name, DType dtype) const;
  /// One of the dtypes that a parameter may have, i64 every second time where that is one; none
  /// where any will do.
  std::optional<DType> pick(const std::string& name, std::mt19937& random) const;
  /// Whether integers there are positions, classes or counts: none is negative.
  bool counts(const std::string& name) const;

private:
  void read(const std::string& text, bool is_general);
  const std::vector<DType>& of(const std::string& name) const;

  std::map<std::string, std::vector<DType>> named_;
  std::vector<DType> general_; // none: any
  bool counts_ = false;        // of the general ones
};

} // namespace fuzz
