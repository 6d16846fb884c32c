// Ops with a kernel of their own: the op's routine, called on views of the operands.

#include "runtime/core/execute.h"
#include "runtime/core/refusal.h"

namespace weft {

void execute_structured(const OpCall& call, TensorImpl& result) {
  constexpr size_t kFew = 8; // more only where an op takes any number of operands
  View few[kFew];
  std::vector<View> many;
  View* views = few;
  if (call.operands.size() > kFew) {
    many.resize(call.operands.size());
    views = many.data();
  }
  size_t count = 0;
  for (const TensorImpl* t : call.operands)
    if (t) views[count++] = t->view();
  RoutineCall routine{{views, count}, result.view(), call.structure,
                      call.sizes,     call.scalars,  call.loc};
  Refused refused;
  routine.refused = &refused;
  if (!info(call.op).routine(routine)) refuse_element(call, refused);
}

} // namespace weft
