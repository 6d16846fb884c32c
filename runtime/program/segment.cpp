// Segments as bytes, and the checks that make any accepted bytes safe to index with.
#include "runtime/program/segment.h"

#include "runtime/core/checked_size.h"
#include "runtime/program/bytes.h"

#include <algorithm>

namespace weft {

namespace {

constexpr uint32_t kMagic = 0x67655357; // "WSeg"

void put(ByteWriter& w, const Meta& m) {
  w.put(m.dtype);
  w.put(m.device.type);
  w.put(m.device.index);
  w.put(m.rank);
  w.put(m.requires_grad);
  for (int k = 0; k < m.rank; k++)
    w.put(m.sizes[k]);
  for (int k = 0; k < m.rank; k++)
    w.put(m.strides[k]);
}

Meta get_meta(ByteReader& r) {
  Meta m;
  m.dtype = r.get_enum(DType::u8);
  m.device.type = r.get_enum(DeviceType::cuda);
  m.device.index = r.get<uint8_t>();
  m.rank = r.get<uint8_t>();
  r.check(m.rank <= kMaxRank, "a rank is too large");
  m.requires_grad = r.get_bool();
  for (int k = 0; k < m.rank; k++) {
    m.sizes[k] = r.get<int64_t>();
    r.check(m.sizes[k] >= 0, "a size is negative");
  }
  r.check(checked_bytes({m.sizes, m.rank}, sizeof(double)).has_value(), "sizes overflow");
  for (int k = 0; k < m.rank; k++)
    m.strides[k] = r.get<int64_t>();
  m.finish_strided();
  return m;
}

void put(ByteWriter& w, const SegmentOp& op) {
  w.put_text(op.op);
  w.put(op.in_place);
  w.put_all(op.operands);
  w.put_all(op.structure);
  w.put_all(op.sizes);
  w.put_all(op.scalar_attributes);
  w.put(op.first_size);
  w.put(op.result);
}

SegmentOp get_op(ByteReader& r) {
  SegmentOp op;
  op.op = r.get_text();
  op.in_place = r.get_bool();
  op.operands = r.get_all<int32_t>();
  op.structure = r.get_all<int64_t>();
  op.sizes = r.get_all<int64_t>();
  op.scalar_attributes = r.get_all<int32_t>();
  op.first_size = r.get<int32_t>();
  op.result = r.get<int32_t>();
  return op;
}

bool below(int32_t index, size_t n) { return index >= 0 && static_cast<size_t>(index) < n; }

/// Every value is defined once, before its uses, and every number points at something.
void check_op(const Segment& s, const SegmentOp& op, std::vector<bool>& defined,
              int64_t& sizes_before, const ByteReader& r) {
  for (int32_t v : op.operands)
    if (v >= 0)
      r.check(below(v, defined.size()) && defined[v], "an operand is not defined yet");
    else
      r.check(below(-1 - v, s.scalars.size()), "a scalar operand does not exist");
  for (int32_t k : op.scalar_attributes)
    r.check(below(k, s.scalars.size()), "a scalar attribute does not exist");
  r.check(op.first_size == sizes_before, "size attributes are not in order");
  sizes_before += static_cast<int64_t>(op.sizes.size());
  r.check(op.location >= -1 && op.location < static_cast<int64_t>(s.locations.size()),
          "a location does not exist");
  if (op.in_place) {
    r.check(op.result == -1 && !op.operands.empty() && op.operands[0] >= 0,
            "an in-place op has a result or no tensor to write");
    return;
  }
  r.check(below(op.result, defined.size()) && !defined[op.result], "a result is defined twice");
  defined[op.result] = true;
}

void check(const Segment& s, const ByteReader& r) {
  std::vector<bool> defined(s.values.size());
  for (const SegmentValue& v : s.values)
    r.check(below(v.base, s.values.size()), "a base does not exist");
  for (int32_t v : s.leaves) {
    r.check(below(v, s.values.size()) && s.values[v].is_leaf && !defined[v], "a leaf is not one");
    defined[v] = true;
  }
  int64_t sizes_before = 0;
  for (const SegmentOp& op : s.ops)
    check_op(s, op, defined, sizes_before, r);
  for (int32_t v : s.outputs)
    r.check(below(v, s.values.size()) && defined[v], "an output is not defined");
  for (int32_t v : s.saved)
    r.check(std::find(s.outputs.begin(), s.outputs.end(), v) != s.outputs.end(),
            "a saved value is no output");
  for (int32_t v : s.fixed)
    r.check(below(v, s.values.size()) && defined[v], "a fixed value is not defined");
  size_t sizes = 0;
  each_size(s, [&](int64_t) { sizes++; });
  r.check(s.facts.empty() || (s.generic && s.facts.size() == sizes), "a size has no fact");
  for (size_t k = 0; k < s.facts.size(); k++)
    for (int32_t earlier : {s.facts[k].a, s.facts[k].b})
      r.check(earlier >= -1 && earlier < static_cast<int64_t>(k), "a fact looks ahead");
  for (SegmentAlias a : s.aliases)
    r.check(below(a.leaf, s.leaves.size()) && below(a.same_as, s.leaves.size()),
            "an alias is not a leaf");
}

} // namespace

std::string Segment::serialize(bool with_locations) const {
  ByteWriter w;
  w.put(kMagic);
  w.put(version);
  w.put(generic);
  w.put_count(facts.size());
  for (const SizeFact& f : facts) {
    w.put(f.known);
    w.put(f.factor);
    w.put(f.a);
    w.put(f.b);
  }
  w.put_count(values.size());
  for (const SegmentValue& v : values) {
    put(w, v.meta);
    w.put(v.base);
    w.put(v.is_leaf);
  }
  w.put_count(ops.size());
  for (const SegmentOp& op : ops)
    put(w, op);
  w.put_all(leaves);
  w.put_count(aliases.size());
  for (SegmentAlias a : aliases) {
    w.put(a.leaf);
    w.put(a.same_as);
  }
  w.put_count(scalars.size());
  for (Scalar::Kind k : scalars)
    w.put(k);
  w.put_all(outputs);
  w.put_all(saved);
  w.put_all(fixed);
  w.put(with_locations);
  if (!with_locations) return w.take();
  for (const SegmentOp& op : ops)
    w.put(op.location);
  w.put_count(locations.size());
  for (const SourceLine& l : locations) {
    w.put_text(l.file);
    w.put_text(l.function);
    w.put(l.line);
  }
  return w.take();
}

Segment Segment::deserialize(std::span<const uint8_t> bytes) {
  ByteReader r(bytes, "segment");
  Segment s;
  r.check(r.get<uint32_t>() == kMagic, "they start otherwise");
  s.version = r.get<uint32_t>();
  r.check(s.version == kSegmentVersion, "its version is another");
  s.generic = r.get_bool();
  s.facts.resize(r.get_count(17));
  for (SizeFact& f : s.facts) {
    f.known = r.get_bool();
    f.factor = r.get<int64_t>();
    f.a = r.get<int32_t>();
    f.b = r.get<int32_t>();
  }
  s.values.resize(r.get_count(10));
  for (SegmentValue& v : s.values) {
    v.meta = get_meta(r);
    v.base = r.get<int32_t>();
    v.is_leaf = r.get_bool();
  }
  s.ops.resize(r.get_count(33));
  for (SegmentOp& op : s.ops)
    op = get_op(r);
  s.leaves = r.get_all<int32_t>();
  s.aliases.resize(r.get_count(8));
  for (SegmentAlias& a : s.aliases) {
    a.leaf = r.get<int32_t>();
    a.same_as = r.get<int32_t>();
  }
  s.scalars.resize(r.get_count(1));
  for (Scalar::Kind& k : s.scalars)
    k = r.get_enum(Scalar::Kind::floating);
  s.outputs = r.get_all<int32_t>();
  s.saved = r.get_all<int32_t>();
  s.fixed = r.get_all<int32_t>();
  if (r.get_bool()) {
    for (SegmentOp& op : s.ops)
      op.location = r.get<int32_t>();
    s.locations.resize(r.get_count(20));
    for (SourceLine& l : s.locations) {
      l.file = r.get_text();
      l.function = r.get_text();
      l.line = r.get<uint32_t>();
    }
  }
  r.finish();
  check(s, r);
  return s;
}

} // namespace weft
