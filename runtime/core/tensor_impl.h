// Storage and TensorImpl: the objects behind Tensor handles.
#pragma once

#include "runtime/view.h"
#include "weft/tensor.h"

#include <atomic>

namespace weft {

class Recipe;
struct KeptPanels;
class RegionSession;
struct GradNode;
struct AutogradState;
struct ViewLink;

/// Keeps memory alive that is not the allocator's, such as a file's map; deleted with its storage.
struct MemoryOwner {
  virtual ~MemoryOwner() = default;
};

/// Memory that one or more tensors view. `data` is null while its contents are deferred; on a
/// device it is an address there, which the host does not read.
struct Storage {
  std::atomic<uint32_t> refs{1};
  std::atomic<uint32_t> version{0};
  void* data = nullptr;
  size_t nbytes = 0;
  Device device{};
  bool external = false;            // other storages may look into the same memory
  const char* poison = nullptr;     // why the contents never came to be; reading throws it
  std::atomic<uint32_t> scratch{0}; // a session's mark while it checks aliasing of mutated storages
  std::atomic<KeptPanels*> panels{nullptr}; // what programs keep of the contents (kept_panels.h)
  uint64_t born = 0; // on a device: the number of the launch that made its first contents, or 0
  MemoryOwner* owner = nullptr;     // of memory from elsewhere; null: the allocator's
  Recipe* recipe = nullptr;         // makes the contents, which were not kept (autograd/recipe.h)
  int32_t recipe_step = -1;         // of the recipe, which makes them
  std::atomic<uint32_t> readers{0}; // recipes that will read the contents as they are
  bool exposed = false;             // somebody may write by an address: versions do not tell

  static Storage* make(); // no memory yet
  static Storage* allocate(size_t nbytes, Device device,
                           const Loc& loc); // from the caching allocator
  void retain() { refs.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    // A sole owner needs no atomic update: nobody else has a reference to copy.
    if (refs.load(std::memory_order_acquire) == 1 ||
        refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
      destroy();
  }

private:
  void destroy();
};

/// Gives the recipes that read a storage a copy of it. Throws Error (out of memory).
void copy_for_readers(Storage& s);

void drop_kept(Storage& s) noexcept;
/// Drops the panels that programs keep of the contents.
inline void forget_panels(Storage& s) noexcept {
  if (s.panels.load(std::memory_order_relaxed)) [[unlikely]]
    drop_kept(s);
}

/// To be called before the contents of a storage change.
inline void before_write(Storage& s) {
  forget_panels(s);
  if (s.readers.load(std::memory_order_relaxed)) [[unlikely]]
    copy_for_readers(s);
}

/// A view of a storage plus its place in the tape.
/// References are counted in two halves of one word: user handles (low) and saved values of the
/// tape (high); the object lives while either is not zero. A region reads the halves apart, since
/// what only the tape holds may be recomputed.
struct alignas(64) TensorImpl {
  static constexpr uint64_t kUser = 1, kTape = uint64_t{1} << 32;
  std::atomic<uint64_t> refs{kUser};
  RegionSession* session = nullptr; // not null while the value is deferred or being recorded there
  int32_t slot = -1;                // the value's number in that session, or, where there is none,
                                    // the step of its storage's recipe that makes it
  bool is_leaf = true;
  bool is_view = false;  // made by a view op: it shares its storage with another tensor
  bool detached = false; // a view that is a tensor of its own to the tape
  Storage* storage = nullptr;
  int64_t offset = 0;                // of element [0, ..., 0] from the storage's start, in elements
  AutogradState* autograd = nullptr; // grad, tape node, hooks; made when first needed
  Meta meta;
  ViewLink* link = nullptr; // of a view: to what it looks into, for the tape

  static TensorImpl* make(); // from a thread-local free list
  void retain() { refs.fetch_add(kUser, std::memory_order_relaxed); }
  void release() {
    uint64_t before = refs.load(std::memory_order_acquire), after;
    if (before == kUser) return destroy(); // the only reference: nobody else can add one
    do {
      // The last handle's reference becomes one of the tape while the history is dropped.
      after = before - kUser;
      if (static_cast<uint32_t>(after) == 0 && after != 0) after += kTape;
    } while (!refs.compare_exchange_weak(before, after, std::memory_order_acq_rel));
    if (static_cast<uint32_t>(after) == 0) last_handle_gone(after);
  }
  void retain_tape() { refs.fetch_add(kTape, std::memory_order_relaxed); }
  void release_tape() {
    if (refs.fetch_sub(kTape, std::memory_order_acq_rel) == kTape) destroy();
  }
  uint32_t user_refs() const { return static_cast<uint32_t>(refs.load(std::memory_order_acquire)); }
  uint32_t tape_refs() const {
    return static_cast<uint32_t>(refs.load(std::memory_order_acquire) >> 32);
  }
  char* data() const {
    return static_cast<char*>(storage->data) + offset * static_cast<int64_t>(size_of(meta.dtype));
  }
  View view() const { return {data(), &meta}; }
  /// Drops tape node, gradient and hooks.
  void clear_autograd();

private:
  void destroy();
  /// Frees the object, or, where the tape still holds its value, only its history: a node may hold
  /// its own result, and would keep itself alive.
  void last_handle_gone(uint64_t refs_left);
};

/// Makes sure the value exists: flushes the region that defers it. Throws where the contents are
/// poisoned, or pending in another thread's region.
void materialize(TensorImpl* t, const char* reason, const Loc& loc);

} // namespace weft
