// A row of the op test table, which weft-tblgen prints from the records.
#pragma once

#include "weft/gen/op_enum.inc"

struct OpTestRow {
  const char* name;
  weft::Op op;
  const char* operands; // a letter each: N for a number, B for a mask
  int scalars;          // number of scalar attributes
  const char* domain;   // of weft::OpDomain
  const char* result;   // of weft::OpResult
  int low, high;        // samples are drawn from this interval
  bool differentiable, in_place;
};
