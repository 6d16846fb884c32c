// Objects behind handles come from free lists of the thread that frees them: making and dropping a
// tensor takes no lock. A list that grows too long goes back to the heap.

#include "runtime/core/tensor_impl.h"

#include "runtime/autograd/recipe.h"
#include "runtime/autograd/view_history.h"
#include "runtime/core/allocator.h"
#include "runtime/core/fail_at.h"
#include "runtime/core/region_hook.h"
#include "runtime/device/execute.h"

#include <memory>
#include <new>

namespace weft {

namespace {

template <class T> void* heap_take() {
  return ::operator new (sizeof(T), std::align_val_t{alignof(T)});
}
template <class T> void heap_put(void* p) { ::operator delete (p, std::align_val_t{alignof(T)}); }

template <class T> class FreeList {
public:
  void* take() {
    if (!head_) return heap_take<T>();
    Node* n = head_;
    head_ = n->next;
    count_--;
    return n;
  }
  void put(void* p) {
    if (count_ == kMost) return heap_put<T>(p);
    head_ = new (p) Node{head_};
    count_++;
  }
  void clear() {
    while (head_) {
      Node* n = head_;
      head_ = n->next;
      heap_put<T>(n);
    }
    count_ = 0;
  }

private:
  struct Node {
    Node* next;
  };
  static constexpr uint32_t kMost = 4096;
  Node* head_ = nullptr;
  uint32_t count_ = 0;
};

struct FreeLists {
  FreeList<TensorImpl> tensors;
  FreeList<Storage> storages;
  ~FreeLists();
};

// Null before the thread's first tensor and again while the thread ends.
constinit thread_local FreeLists* lists = nullptr;
constinit thread_local bool lists_ended = false;

FreeLists::~FreeLists() {
  lists = nullptr;
  lists_ended = true;
  tensors.clear();
  storages.clear();
}

[[gnu::noinline]] FreeLists* make_lists() {
  if (lists_ended) return nullptr;
  thread_local FreeLists owner;
  return lists = &owner;
}

FreeLists* local_lists() { return lists ? lists : make_lists(); }

} // namespace

Storage* Storage::make() {
  FreeLists* l = local_lists();
  return new (l ? l->storages.take() : heap_take<Storage>()) Storage;
}

[[gnu::noinline]] static Storage* allocate_there(size_t nbytes, Device device, const Loc& loc) {
  std::unique_ptr<Storage, void (*)(Storage*)> s(Storage::make(), [](Storage* p) { p->release(); });
  device::allocate(s.get(), nbytes, device, loc);
  return s.release();
}

Storage* Storage::allocate(size_t nbytes, Device device, const Loc& loc) {
  if (device.type != DeviceType::cpu) [[unlikely]]
    return allocate_there(nbytes, device, loc);
  void* data = allocate_bytes(nbytes, loc);
  Storage* s = make();
  s->data = data;
  s->nbytes = nbytes;
  return s;
}

void Storage::destroy() {
  forget_panels(*this);
  if (recipe) [[unlikely]]
    recipe->forget(recipe_step);
  if (owner) {
    if (device.type != DeviceType::cpu) device::let_go(*this);
    delete owner;
  } else if (data && device.type != DeviceType::cpu)
    device::free(this);
  else if (data)
    free_bytes(data, nbytes);
  if (FreeLists* l = local_lists())
    l->storages.put(this);
  else
    heap_put<Storage>(this);
}

TensorImpl* TensorImpl::make() {
  FreeLists* l = local_lists();
  void* p = l ? l->tensors.take() : heap_take<TensorImpl>();
  return new (p) TensorImpl;
}

void TensorImpl::destroy() {
  if (session) session->died(this);
  if (is_view) unlink_view(this);
  if (autograd) clear_autograd();
  if (storage) storage->release();
  if (FreeLists* l = local_lists())
    l->tensors.put(this);
  else
    heap_put<TensorImpl>(this);
}

namespace detail {
void retain(TensorImpl* t) { t->retain(); }
void release(TensorImpl* t) { t->release(); }
} // namespace detail

constinit thread_local RegionSession* current_session __attribute__((tls_model("initial-exec"))) =
    nullptr;

void materialize(TensorImpl* t, const char* reason, const Loc& loc) {
  if (t->session && t->session != current_session)
    fail_at(ErrorKind::value,
            std::string(reason) +
                ": the value must not be pending in another thread's compiled region",
            loc);
  // Also where the tensor itself has data: writes to it may be pending.
  if (current_session) current_session->flush(reason, loc);
  if (t->storage && t->storage->poison)
    fail_at(ErrorKind::value, std::string(reason) + ": " + t->storage->poison, loc);
}

} // namespace weft
