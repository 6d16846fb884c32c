// Panels that programs keep: copies of what a storage holds, packed for one kernel's loops. They
// belong to the storage and are of one version of it. Any thread may call these functions.
#pragma once

#include "runtime/core/tensor_impl.h"

#include <memory>

namespace weft {

/// Memory of panels, 64-byte aligned; it counts as live.
class Panels {
public:
  /// Throws Error (out of memory).
  explicit Panels(size_t bytes);
  ~Panels();
  Panels(const Panels&) = delete;
  void* data() const { return data_; }

private:
  void* data_;
  size_t bytes_;
};

/// Names what panels hold of a storage.
struct PanelsKey {
  int32_t layout = 0; // from number_of_layout
  int64_t offset = 0; // bytes from the storage's start
  bool operator==(const PanelsKey&) const = default;
};

/// Returns the number of a layout, the same for equal texts.
int32_t number_of_layout(const std::string& layout);

/// What a call finds of its operand.
struct PanelsFound {
  std::shared_ptr<const Panels> panels; // null: there are none
  bool is_wanted = false;               // the caller is to make them: make_panels
  uint32_t version = 0;                 // of the contents
};

/// Returns the panels of what `s` holds now. Wants some where the contents have stayed the same for
/// a few calls, which this counts, and panels have not yet their share of the memory. Of memory
/// that others may write unseen there are none.
PanelsFound find_panels(Storage& s, const PanelsKey& key, size_t bytes);
/// Takes wanted panels; null: there was no memory for them, so that this version has none.
void keep_panels(Storage& s, const PanelsKey& key, uint32_t version,
                 std::shared_ptr<const Panels> panels);
/// Bytes of all panels that are kept.
size_t kept_bytes();
/// Drops the panels of all storages; returns whether there were some.
bool drop_panels() noexcept;

} // namespace weft
