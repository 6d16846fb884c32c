#include "runtime/program/launch_panels.h"

#include "runtime/core/parallel.h"

namespace weft {

// Null where there is no memory.
std::shared_ptr<const Panels> LaunchPanels::make(const One& one, size_t number, size_t of,
                                                 void* const* buffers, const int64_t* numbers) {
  std::shared_ptr<const Panels> panels;
  try {
    panels = std::make_shared<const Panels>(one.bytes);
  } catch (const Error&) {
    return nullptr;
  }
  std::vector<void*> to(of);
  to[number] = panels->data();
  parallel_for(one.count, 1, [&](int64_t begin, int64_t end) {
    weft_kernel_context context{WEFT_KERNEL_ABI, nullptr, nullptr, to.data()};
    one.pack(&context, buffers, numbers, begin, end);
  });
  return panels;
}

void LaunchPanels::Held::find(const LaunchPanels& of, std::span<Storage* const> storages,
                              void* const* buffers, const int64_t* numbers) {
  const size_t count = storages.empty() ? 0 : of.all_.size();
  panels_.assign(count, nullptr);
  data_.assign(count, nullptr);
  for (size_t k = 0; k < count; k++) {
    const One& one = of.all_[k];
    Storage* s = storages[static_cast<size_t>(one.leaf)];
    if (!s) continue;
    const PanelsKey key{one.layout,
                        static_cast<char*>(buffers[one.buffer]) - static_cast<char*>(s->data)};
    PanelsFound found = find_panels(*s, key, one.bytes);
    if (found.is_wanted) {
      found.panels = make(one, k, count, buffers, numbers);
      keep_panels(*s, key, found.version, found.panels);
    }
    panels_[k] = std::move(found.panels);
    data_[k] = panels_[k] ? panels_[k]->data() : nullptr;
  }
}

} // namespace weft
