#include "frontend/segment_builder.h"

#include <unordered_map>

namespace weft {

namespace {

class LocationTable {
public:
  explicit LocationTable(Segment& s) : segment_(s) {}
  int32_t number(const TracePlace& p) {
    auto [at, is_new] = known_.emplace(p.str(), static_cast<int32_t>(segment_.locations.size()));
    if (is_new) segment_.locations.push_back({p.file, p.function, p.line});
    return at->second;
  }

private:
  Segment& segment_;
  std::unordered_map<std::string, int32_t> known_;
};

// What nothing may be made of later.
void add_fixed(const Flush& f, const std::vector<uint8_t>& live,
               const std::unordered_map<int32_t, int32_t>& number, Segment& s) {
  for (size_t k = 0; k < f.leaves.size(); k++)
    if (live[f.owners.size() + k]) s.fixed.push_back(number.at(f.leaves[k].slot));
  for (size_t k = 0; k < f.owners.size(); k++)
    if (f.owner_written[k]) s.fixed.push_back(number.at(f.owners[k]));
}

} // namespace

Segment build_segment(const Flush& f, TensorImpl* const* values, const std::vector<int64_t>& sizes,
                      const std::vector<uint8_t>& live, const SizesOf& taken) {
  Segment s;
  s.generic = taken.generic;
  s.facts = taken.facts;
  std::unordered_map<int32_t, int32_t> number; // slot -> value number
  LocationTable locations(s);
  auto add_value = [&](int32_t slot, int32_t owner, bool is_leaf) {
    const auto n = static_cast<int32_t>(s.values.size());
    number[slot] = n;
    SegmentValue v;
    v.meta = values[slot]->meta;
    v.meta.requires_grad = 0;
    v.is_leaf = is_leaf;
    v.base = owner == slot ? n : number.at(owner);
    s.values.push_back(v);
  };
  for (const Flush::Leaf& l : f.leaves) {
    add_value(l.slot, l.slot, true);
    s.leaves.push_back(number.at(l.slot));
  }
  for (const Flush::Value& v : f.values)
    add_value(v.slot, v.owner, false);
  for (size_t i = 0; i < f.leaves.size(); i++)
    if (f.leaves[i].same_as >= 0)
      s.aliases.push_back({static_cast<int32_t>(i), f.leaves[i].same_as});

  for (const ColdNode* c : f.path) {
    SegmentOp op;
    op.op = info(c->op).name;
    op.in_place = c->in_place;
    auto scalar = static_cast<int32_t>(s.scalars.size());
    s.scalars.insert(s.scalars.end(), c->scalar_kinds.begin(), c->scalar_kinds.end());
    const auto scalars_end = static_cast<int32_t>(s.scalars.size());
    for (int32_t slot : c->operands)
      op.operands.push_back(slot < 0 ? -1 - scalar++ : number.at(slot));
    while (scalar < scalars_end)
      op.scalar_attributes.push_back(scalar++);
    op.structure = c->structure;
    op.first_size = c->size_position;
    const auto first_size = sizes.begin() + c->size_position;
    op.sizes.assign(first_size, first_size + static_cast<std::ptrdiff_t>(c->sizes.size()));
    if (!c->in_place) op.result = number.at(c->hot->result);
    op.location = locations.number(c->place);
    s.ops.push_back(std::move(op));
  }
  for (size_t k = 0; k < f.owners.size(); k++)
    if (live[k]) s.outputs.push_back(number.at(f.owners[k]));
  for (size_t k = 0; k < f.owners.size(); k++)
    if (live[k] == kSaved) s.saved.push_back(number.at(f.owners[k]));
  if (!s.saved.empty()) add_fixed(f, live, number, s);
  std::vector<uint8_t> written(f.leaves.size());
  for (size_t i = 0; i < f.leaves.size(); i++) {
    const Flush::Leaf& l = f.leaves[i];
    if (l.written) written[l.same_as < 0 ? i : static_cast<size_t>(l.same_as)] = 1;
  }
  for (size_t i = 0; i < f.leaves.size(); i++)
    if (written[i]) s.outputs.push_back(number.at(f.leaves[i].slot));
  return s;
}

} // namespace weft
