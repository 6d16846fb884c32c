// Two leaves that look into one storage matter only where one of them is written. Storage identity
// is not enough: two views whose overlap changed must not pass, so relative offsets and strides
// count. Memory from elsewhere may have several storages: it is compared by address.

#include "frontend/alias.h"

#include <unordered_map>

namespace weft {

namespace {

bool is_same_form(const Meta& a, const Meta& b) {
  return a.dtype == b.dtype && a.rank == b.rank && a.same_sizes(b) && a.same_strides(b);
}

enum class Relation : uint8_t { none, same, overlapping };

Relation relation(const TensorImpl& a, const TensorImpl& b) {
  const bool one_storage = a.storage == b.storage;
  if (!one_storage && !a.storage->external && !b.storage->external) return Relation::none;
  // The address of element [0, ..., 0], or its distance from the storage's start.
  auto start = [&](const TensorImpl& t) {
    const int64_t offset = t.offset * static_cast<int64_t>(size_of(t.meta.dtype));
    return one_storage ? offset : reinterpret_cast<int64_t>(t.storage->data) + offset;
  };
  if (start(a) == start(b) && is_same_form(a.meta, b.meta)) return Relation::same;
  const bool meet = a.meta.byte_range(start(a)).overlaps(b.meta.byte_range(start(b)));
  return meet ? Relation::overlapping : Relation::none;
}

TensorImpl& leaf(const Flush& f, size_t i, TensorImpl* const* values) {
  return *values[f.leaves[i].slot];
}

// The earliest leaf with which leaf i shares a written view; -1: none, -2: they overlap otherwise.
int32_t alias_of(const Flush& f, size_t i, TensorImpl* const* values) {
  int32_t same = -1;
  for (size_t j = 0; j < f.leaves.size(); j++) {
    if (j == i || !(f.leaves[i].written || f.leaves[j].written)) continue;
    const Relation r = relation(leaf(f, i, values), leaf(f, j, values));
    if (r == Relation::overlapping) return -2;
    if (r == Relation::same && j < i && same < 0) same = static_cast<int32_t>(j);
  }
  return same;
}

std::atomic<uint32_t> next_mark{1};

// The devices of what a segment reads and makes. Tensors of the CPU without dims, which are only
// read, may join those of a device.
class SegmentDevices {
public:
  void note(const ColdNode& c) {
    for (size_t k = 0; k < c.operands.size(); k++)
      if (c.operands[k] >= 0 && c.new_leaf[k]) note(c.leaf_metas[k], c.in_place && k == 0);
    if (!c.in_place) note(c.meta, true);
  }
  void describe(Flush& f) const {
    f.device = device_;
    f.mixed = several_ || (on_cpu_ && device_ != Device::cpu());
  }

private:
  void note(const Meta& m, bool written) {
    if (m.device == Device::cpu()) {
      on_cpu_ |= m.rank > 0 || written;
      return;
    }
    several_ |= device_ != Device::cpu() && device_ != m.device;
    device_ = m.device;
  }
  Device device_;
  bool on_cpu_ = false, several_ = false;
};

} // namespace

void describe_segment(Flush& f) {
  std::unordered_map<int32_t, int32_t> owner; // slot -> slot of the storage's owner
  std::unordered_map<int32_t, size_t> leaf_at;
  SegmentDevices devices;
  for (ColdNode* c : f.path) {
    for (size_t k = 0; k < c->operands.size(); k++) {
      const int32_t slot = c->operands[k];
      if (slot < 0 || !c->new_leaf[k]) continue;
      leaf_at.emplace(slot, f.leaves.size());
      f.leaves.push_back({slot, c->leaf_metas[k]});
      owner[slot] = slot;
    }
    if (c->in_place) {
      auto written = leaf_at.find(owner.at(c->operands[0]));
      if (written != leaf_at.end()) f.leaves[written->second].written = f.has_written_leaf = true;
    } else {
      const int32_t slot = c->hot->result;
      owner[slot] = c->is_view ? owner.at(c->operands[0]) : slot;
      f.values.push_back({slot, owner[slot], c, c->is_view});
      if (!c->is_view) f.owners.push_back(slot);
    }
    f.op_locations.push_back(c->loc);
    devices.note(*c);
    f.scalar_count += static_cast<int>(c->scalar_kinds.size());
    f.size_count += static_cast<int>(c->sizes.size());
  }
  devices.describe(f);
  std::unordered_map<int32_t, int32_t> position;
  for (size_t k = 0; k < f.owners.size(); k++)
    position[f.owners[k]] = static_cast<int32_t>(k);
  f.owner_uses.resize(f.owners.size());
  f.owner_written.resize(f.owners.size());
  for (const Flush::Value& v : f.values) {
    auto at = position.find(v.owner);
    f.owner_index.push_back(at == position.end() ? -1 : at->second);
    if (at != position.end()) f.owner_uses[static_cast<size_t>(at->second)]++;
  }
  for (const ColdNode* c : f.path)
    if (auto at = c->in_place ? position.find(owner.at(c->operands[0])) : position.end();
        at != position.end())
      f.owner_written[static_cast<size_t>(at->second)] = 1;
}

void describe_aliases(Flush& f, TensorImpl* const* values) {
  if (!f.has_written_leaf) return;
  for (size_t i = 0; i < f.leaves.size(); i++) {
    const int32_t a = alias_of(f, i, values);
    if (a == -2) f.overlapping = true;
    f.leaves[i].same_as = std::max(a, -1);
  }
}

bool same_aliases(const Flush& f, TensorImpl* const* values, uint32_t& mark) {
  // Marks the written storages; where nothing else carries the mark, nothing aliases.
  mark = next_mark.fetch_add(1, std::memory_order_relaxed);
  bool shared = false;
  for (size_t i = 0; i < f.leaves.size(); i++) {
    if (!f.leaves[i].written) continue;
    std::atomic<uint32_t>& scratch = leaf(f, i, values).storage->scratch;
    shared |= scratch.load(std::memory_order_relaxed) == mark;
    scratch.store(mark, std::memory_order_relaxed);
  }
  for (size_t i = 0; i < f.leaves.size(); i++) {
    shared |= f.leaves[i].same_as >= 0;
    const Storage& s = *leaf(f, i, values).storage;
    const bool is_marked = s.scratch.load(std::memory_order_relaxed) == mark;
    // A written storage without the mark has that of another thread, which may have hidden others.
    shared |= s.external || f.leaves[i].written != is_marked;
  }
  if (!shared) return true;
  for (size_t i = 0; i < f.leaves.size(); i++)
    if (alias_of(f, i, values) != f.leaves[i].same_as) return false;
  return true;
}

void find_unwritten(const Flush& f, TensorImpl* const* leaves, Storage** storages) {
  std::vector<const Storage*> written;
  for (size_t k = 0; k < f.leaves.size(); k++)
    if (f.leaves[k].written) written.push_back(leaves[k]->storage);
  std::sort(written.begin(), written.end());
  for (size_t k = 0; k < f.leaves.size(); k++) {
    Storage* s = leaves[k]->storage;
    storages[k] = std::binary_search(written.begin(), written.end(), s) ? nullptr : s;
  }
}

} // namespace weft
