// The caching allocator behind every storage: size classes, thread-local bins for small blocks.
#pragma once

#include "weft/error.h"
#include "weft/memory.h"

namespace weft {

/// Returns at least `nbytes` bytes aligned to 64; throws out_of_memory with the sizes involved.
void* allocate_bytes(size_t nbytes, const Loc& loc);
/// Throws the error of an op whose result, `what`, does not fit: "add: f32[1024, 1024] of 4.0 MiB
/// must fit in memory, got ...".
[[noreturn]] void refuse_memory(const char* op, const std::string& what, size_t nbytes,
                                const Loc& loc);
/// Takes a block back; `nbytes` is what it was asked for with.
void free_bytes(void* block, size_t nbytes) noexcept;
/// Returns the bytes that a request of `nbytes` takes from the cap.
size_t allocation_size(size_t nbytes);

} // namespace weft
