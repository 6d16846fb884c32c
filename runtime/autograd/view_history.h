// Histories of views. Tensors that share memory share its past: an op in place on a view is part of
// the history of the tensor it looks into (its root), and of every other view of that. The root
// gets its new history at once, other views when they are used next: each remembers the view ops
// that lead to it and the root's history that it was derived from.
#pragma once

#include "runtime/autograd/tape.h"

namespace weft {

/// Remembers what `call`, a view op that just ran while the tape records, makes `view` look into.
void link_view(const OpCall& call, TensorImpl* view);

/// Lets go of the root; without one a tensor is on its own, as far as the tape knows.
void unlink_view(TensorImpl* view);

/// Gives a view the history that its root has by now.
void refresh_view(TensorImpl* view);

/// Throws where an op in place on a view could not become part of its root's history.
void check_view_in_place(const OpCall& call);

/// Makes the history of a view, which an op in place has just extended, part of its root's.
void extend_root(const OpCall& call, TensorImpl* view);

} // namespace weft
