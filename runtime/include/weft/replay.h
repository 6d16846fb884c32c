// What a program that CompileOptions::verify writes (repro.cpp) is made of: ops with everything
// that a record of their calls holds. Other programs call ops by their functions.
#pragma once

#include "weft/tensor.h"

#include <string>
#include <vector>

namespace weft::replay {

/// Calls an op by the name of its record. An undefined operand stands for the next of `numbers`;
/// those that are left are scalar attributes. `structure` and `sizes` are the record's integers in
/// their order. Throws Error (value) where there is no such op or the counts do not fit.
Tensor op(const std::string& name, const std::vector<Tensor>& operands,
          const std::vector<Scalar>& numbers = {}, const std::vector<int64_t>& structure = {},
          const std::vector<int64_t>& sizes = {}, Loc loc = Loc::current());

/// Calls an op's form in place, which writes into operand 0. Arguments and errors as for op().
void in_place(const std::string& name, const std::vector<Tensor>& operands,
              const std::vector<Scalar>& numbers = {}, const std::vector<int64_t>& structure = {},
              const std::vector<int64_t>& sizes = {}, Loc loc = Loc::current());

/// Returns a view of a contiguous tensor's memory; strides and offset are in elements. Throws Error
/// (value) where an element would lie outside.
Tensor view(const Tensor& storage, const Shape& sizes, const std::vector<int64_t>& strides,
            int64_t offset, Loc loc = Loc::current());

} // namespace weft::replay
