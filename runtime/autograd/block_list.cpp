#include "runtime/autograd/block_list.h"

#include <atomic>
#include <new>
#include <utility>

namespace weft {

namespace {

// Blocks come in whole cache lines; what is longer goes to the heap.
constexpr size_t kStep = 64, kClasses = 16;
constexpr std::align_val_t kAlign{kStep};
constexpr uint32_t kMostFree = 4096; // blocks of a class

struct FreeBlocks {
  struct Block {
    Block* next;
  };
  Block* heads[kClasses] = {};
  uint32_t counts[kClasses] = {};
  ~FreeBlocks();
};

// Null before the thread's first node and again while the thread ends.
constinit thread_local FreeBlocks* blocks = nullptr;
constinit thread_local bool blocks_ended = false;

FreeBlocks::~FreeBlocks() {
  blocks = nullptr;
  blocks_ended = true;
  for (Block*& head : heads)
    while (head)
      ::operator delete(std::exchange(head, head->next), kAlign);
}

[[gnu::noinline]] FreeBlocks* make_blocks() {
  if (blocks_ended) return nullptr;
  thread_local FreeBlocks owner;
  return blocks = &owner;
}

FreeBlocks* local_blocks() { return blocks ? blocks : make_blocks(); }

// A slab's memory comes in chunks, aligned to their size; the head of one counts its blocks and the
// slab. What would fill most of a chunk comes from the free lists.
constexpr size_t kChunk = size_t{32} << 10;
constexpr std::align_val_t kChunkAlign{kChunk};
constexpr uint8_t kInChunk = kClasses + 1;
using ChunkCount = std::atomic<uint32_t>;

void release_chunk(void* chunk) {
  if (static_cast<ChunkCount*>(chunk)->fetch_sub(1, std::memory_order_acq_rel) == 1)
    ::operator delete(chunk, kChunkAlign);
}

void* chunk_of(void* block) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(block) & ~(kChunk - 1));
}

} // namespace

BlockSlab::~BlockSlab() {
  if (chunk_) release_chunk(chunk_);
}

void* BlockSlab::take(size_t bytes, uint8_t& size_class) {
  bytes = (bytes + kStep - 1) / kStep * kStep;
  if (bytes > kChunk / 8) return take_block(bytes, size_class);
  if (!chunk_ || used_ + bytes > kChunk) {
    void* fresh = ::operator new(kChunk, kChunkAlign);
    if (chunk_) release_chunk(chunk_);
    chunk_ = static_cast<char*>(fresh);
    new (chunk_) ChunkCount(1);
    used_ = kStep;
  }
  reinterpret_cast<ChunkCount*>(chunk_)->fetch_add(1, std::memory_order_relaxed);
  size_class = kInChunk;
  return chunk_ + std::exchange(used_, used_ + bytes);
}

void* take_block(size_t bytes, uint8_t& size_class) {
  size_t c = (bytes - 1) / kStep;
  if (c >= kClasses) {
    size_class = kClasses;
    return ::operator new(bytes, kAlign);
  }
  size_class = static_cast<uint8_t>(c);
  FreeBlocks* list = local_blocks();
  if (!list || !list->heads[c]) return ::operator new((c + 1) * kStep, kAlign);
  list->counts[c]--;
  char* next = reinterpret_cast<char*>(list->heads[c]->next);
  for (size_t line = 0; next && line <= c;
       line++) // a whole step of the tape passes until it is needed
    __builtin_prefetch(next + line * kStep, 1);
  return std::exchange(list->heads[c], list->heads[c]->next);
}

void give_block(void* p, uint8_t size_class) {
  if (size_class == kInChunk) return release_chunk(chunk_of(p));
  FreeBlocks* list = size_class < kClasses ? local_blocks() : nullptr;
  if (!list || list->counts[size_class] == kMostFree) return ::operator delete(p, kAlign);
  list->heads[size_class] = new (p) FreeBlocks::Block{list->heads[size_class]};
  list->counts[size_class]++;
}

} // namespace weft
