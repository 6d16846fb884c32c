// The gradients written by hand: of ops whose value is no expression. The op table names them.
#pragma once

namespace weft {

class VjpContext;

void vjp_view(VjpContext& c);
void vjp_permute(VjpContext& c);
void vjp_expand(VjpContext& c);
void vjp_slice(VjpContext& c);
void vjp_concatenate(VjpContext& c);
void vjp_matmul(VjpContext& c);

} // namespace weft
