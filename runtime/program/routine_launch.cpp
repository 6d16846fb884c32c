#include "runtime/program/routine_launch.h"

#include "runtime/core/op_info.h"

#include <bit>

namespace weft {

namespace {

Meta meta_of(const ProgramView& v, const int64_t* values) {
  Meta m;
  m.dtype = v.dtype;
  m.rank = static_cast<uint8_t>(v.sizes.size());
  for (size_t k = 0; k < v.sizes.size(); k++) {
    m.sizes[k] = values[v.sizes[k]];
    m.strides[k] = values[v.strides[k]];
  }
  m.finish_strided();
  return m;
}

Scalar scalar_of(Scalar::Kind kind, int64_t bits) {
  switch (kind) {
  case Scalar::Kind::floating:
    return Scalar(std::bit_cast<double>(bits));
  case Scalar::Kind::boolean:
    return Scalar(bits != 0);
  case Scalar::Kind::integer:
    break;
  }
  return Scalar(bits);
}

} // namespace

Routine find_routine(const ProgramRoutine& called) {
  for (const OpInfo& op : kOps)
    if (called.op == op.name && op.routine) return op.routine;
  throw Error(ErrorKind::io, "program: it must call ops that there are, got " + called.op);
}

bool call_routine(Routine routine, const ProgramRoutine& called, const int64_t* values,
                  void* const* buffers, const int64_t* arguments, const Loc& loc) {
  size_t n = called.views.size();
  std::vector<Meta> metas(n);
  std::vector<View> views(n);
  for (size_t k = 0; k < n; k++) {
    const ProgramView& v = called.views[k];
    metas[k] = meta_of(v, values);
    views[k] = {static_cast<char*>(buffers[k]) +
                    values[v.offset] * static_cast<int64_t>(size_of(v.dtype)),
                &metas[k]};
  }
  std::vector<int64_t> sizes;
  for (int32_t e : called.sizes)
    sizes.push_back(values[e]);
  std::vector<Scalar> scalars;
  for (size_t k = 0; k < called.scalars.size(); k++)
    scalars.push_back(scalar_of(called.scalars[k], arguments[k]));
  return routine({{views.data(), n - 1}, views.back(), called.structure, sizes, scalars, &loc});
}

} // namespace weft
