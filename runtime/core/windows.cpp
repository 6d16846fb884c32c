#include "runtime/core/windows.h"

namespace weft {

namespace {
constexpr size_t kFields = 4;
}

WindowList WindowList::read(std::span<const int64_t> structure, size_t first) {
  WindowList list;
  for (size_t k = first; k + kFields <= structure.size() && list.count < kMostSpatialDims;
       k += kFields) {
    Window& w = list.dims[list.count++];
    w.stride = structure[k];
    w.begin = structure[k + 1];
    w.end = structure[k + 2];
    w.dilation = structure[k + 3];
  }
  return list;
}

namespace {

// Throws unless each window is one, and products of what it says with sizes cannot overflow.
void check(const OpCall& call, const WindowList& list, bool has_form) {
  auto is_in = [](int64_t v, int64_t least) { return v >= least && v <= kMostOfWindow; };
  for (int k = 0; k < list.count; k++) {
    const Window& w = list.dims[k];
    has_form = has_form && is_in(w.kernel, 1) && is_in(w.stride, 1) && is_in(w.dilation, 1) &&
               is_in(w.begin, 0) && is_in(w.end, -kMostOfWindow);
  }
  if (has_form) return;
  std::string text;
  for (int64_t v : call.structure)
    text += (text.empty() ? "" : ", ") + std::to_string(v);
  fail(call, ErrorKind::value,
       "kernel, stride and dilation must be positive and padding not negative, each at most 2^31, "
       "for 1 to "
       "3 dims, got [" +
           text + "]");
}

} // namespace

WindowList WindowList::read(const OpCall& call, size_t first) {
  WindowList list = read(call.structure, first);
  size_t fields = call.structure.size() < first ? 0 : call.structure.size() - first;
  check(call, list, fields > 0 && fields == static_cast<size_t>(list.count) * kFields);
  return list;
}

WindowList WindowList::read_pooling(std::span<const int64_t> structure) {
  size_t dims = structure.size() / (kFields + 1);
  WindowList list = read(structure, dims);
  for (int k = 0; k < list.count; k++)
    list.dims[k].kernel = structure[static_cast<size_t>(k)];
  return list;
}

WindowList WindowList::read_pooling(const OpCall& call) {
  WindowList list = read_pooling(call.structure);
  check(call, list,
        list.count > 0 && call.structure.size() == static_cast<size_t>(list.count) * (kFields + 1));
  return list;
}

void WindowList::write(std::vector<int64_t>& structure) const {
  for (int k = 0; k < count; k++)
    structure.insert(structure.end(),
                     {dims[k].stride, dims[k].begin, dims[k].end, dims[k].dilation});
}

} // namespace weft
