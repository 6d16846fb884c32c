#include "codegen/segment_values.h"

#include "ir/weft/index_math.h"
#include "ir/weft/weft.h"
#include "weft/error.h"

using namespace mlir;

namespace weft {

using ir::Exprs;

SegmentValues::SegmentValues(const Segment& segment, MLIRContext* context)
    : segment(segment), context(context) {
  define_values();
  infer_shapes();
  number_symbols();
}

void SegmentValues::fail(size_t op, const std::string& message) const {
  throw Error(ErrorKind::unsupported, "compile: " + segment.ops[op].op + ": " + message);
}

void SegmentValues::require(bool ok, const char* message) {
  if (!ok)
    throw Error(ErrorKind::internal,
                std::string("compile: the segment is inconsistent: ") + message);
}

AffineExpr SegmentValues::constant(int64_t v) const { return getAffineConstantExpr(v, context); }

void SegmentValues::define_values() {
  size_t n = segment.values.size();
  defining_op.assign(n, -1);
  shapes.resize(n);
  owner.resize(n);
  layouts.resize(segment.leaves.size());
  for (size_t v = 0; v < n; v++) {
    require(segment.values[v].base >= 0 && segment.values[v].base < static_cast<int32_t>(n),
            "a base is out of range");
    owner[v] = segment.values[v].base;
  }
  for (size_t k = 0; k < segment.leaves.size(); k++)
    leaf_position[segment.leaves[k]] = k;
  for (const SegmentAlias& alias : segment.aliases)
    same_leaf[segment.leaves[alias.leaf]] = segment.leaves[alias.same_as];
  for (int32_t& v : owner)
    v = resolve_alias(v);
  for (size_t k = 0; k < segment.ops.size(); k++) {
    const SegmentOp& op = segment.ops[k];
    records.push_back(ir::findRecord(op.op));
    if (!records.back()) fail(k, "the compiler does not know this op");
    for (int32_t v : op.operands)
      require(v < static_cast<int32_t>(n) && -1 - v < static_cast<int32_t>(segment.scalars.size()),
              "an operand is out of range");
    if (op.result >= 0) defining_op[op.result] = k;
  }
}
int32_t SegmentValues::resolve_alias(int32_t v) const {
  auto it = same_leaf.find(v);
  return it == same_leaf.end() ? v : resolve_alias(it->second);
}

AffineExpr SegmentValues::new_symbol(ProgramSymbol::Kind kind, int32_t index, int32_t dim) {
  symbols.push_back({kind, index, dim});
  meanings.push_back({});
  return getAffineSymbolExpr(symbols.size() - 1, context);
}

// The next number in the order of each_size. That a size is 1 is structure; that a stride is 0 or
// 1 is not.
AffineExpr SegmentValues::next_size(ProgramSymbol::Kind kind, int32_t index, int32_t dim,
                                    int64_t recorded) {
  SizeFact fact = segment.facts.empty() ? SizeFact() : segment.facts[sizes.size()];
  bool is_structure = recorded == 1 && kind != ProgramSymbol::Kind::leaf_stride;
  AffineExpr size;
  if (!segment.generic || is_structure) {
    size = constant(recorded);
  } else if (fact.known) {
    size = constant(fact.factor);
    for (int32_t earlier : {fact.a, fact.b})
      if (earlier >= 0) size = size * sizes[earlier];
    size = ir::canonical(size);
  } else {
    size = new_symbol(kind, index, dim);
  }
  sizes.push_back(size);
  return size;
}

// What is known of a symbol replaces it.
AffineExpr SegmentValues::resolved(AffineExpr e) const {
  if (!segment.generic) return e;
  AffineExpr r = e;
  for (bool changed = true; changed;) {
    changed = false;
    SmallVector<AffineExpr> replacements;
    for (size_t s = 0; s < symbols.size(); s++) {
      replacements.push_back(meanings[s] ? meanings[s] : getAffineSymbolExpr(s, context));
      changed |= meanings[s] && r.isFunctionOfSymbol(s);
    }
    if (changed) r = r.replaceSymbols(replacements);
  }
  return ir::canonical(r);
}

bool SegmentValues::make_equal(AffineExpr a, AffineExpr b) {
  a = resolved(a), b = resolved(b);
  if (a == b) return true;
  if (!segment.generic || (isa<AffineConstantExpr>(a) && isa<AffineConstantExpr>(b))) return false;
  auto bind = [&](AffineExpr symbol, AffineExpr meaning) {
    auto s = dyn_cast<AffineSymbolExpr>(symbol);
    if (!s || meaning.isFunctionOfSymbol(s.getPosition())) return false;
    meanings[s.getPosition()] = meaning;
    return true;
  };
  // The symbol seen last gives way: leaves' sizes come before attributes of later ops.
  auto position = [](AffineExpr e) {
    auto s = dyn_cast<AffineSymbolExpr>(e);
    return s ? static_cast<int>(s.getPosition()) : -1;
  };
  if (position(a) > position(b)) std::swap(a, b);
  bind(b, a) || bind(a, b);
  return true; // the runtime has checked the rule for these sizes, whatever their form
}

void SegmentValues::infer_shapes() {
  for (size_t k = 0; k < segment.leaves.size(); k++)
    infer_leaf(k);
  op_sizes.resize(segment.ops.size());
  for (size_t k = 0; k < segment.ops.size(); k++)
    infer_op(k);
}

void SegmentValues::infer_leaf(size_t k) {
  int32_t v = segment.leaves[k];
  const Meta& meta = segment.values[v].meta;
  for (int dim = 0; dim < meta.rank; dim++)
    shapes[v].push_back(next_size(ProgramSymbol::Kind::leaf_size, k, dim, meta.sizes[dim]));
  auto same = same_leaf.find(v);
  if (same != same_leaf.end())
    for (auto [a, b] : llvm::zip_equal(shapes[v], shapes[same->second]))
      make_equal(b, a);
  if (meta.contiguous) return;
  AffineExpr offset = constant(0);
  for (int dim = 0; dim < meta.rank; dim++) {
    AffineExpr stride = next_size(ProgramSymbol::Kind::leaf_stride, static_cast<int32_t>(k), dim,
                                  meta.strides[dim]);
    if (meta.sizes[dim] != 1) offset = offset + getAffineDimExpr(dim, context) * stride;
  }
  layouts[k] = offset;
}

void SegmentValues::infer_op(size_t k) {
  const SegmentOp& op = segment.ops[k];
  for (size_t a = 0; a < op.sizes.size(); a++)
    op_sizes[k].push_back(
        next_size(ProgramSymbol::Kind::attribute, op.first_size + a, 0, op.sizes[a]));
  ir::ShapeCall call{records[k], {}, op.structure, op_sizes[k], context};
  for (int32_t v : op.operands)
    call.operands.push_back(v < 0 ? Exprs() : shapes[v]);
  for (size_t a = 0; a < op.scalar_attributes.size(); a++)
    call.operands.push_back({});
  if (op.in_place) call.operands.resize(std::max(call.operands.size(), size_t(1)));
  std::string why;
  auto shape = ir::inferShape(
      call, [&](AffineExpr a, AffineExpr b) { return make_equal(a, b); }, why);
  if (!shape) fail(k, why);
  if (op.result < 0) return;
  shapes[op.result] = *shape;
  // Which sizes are 1 is structure, also of sizes that a rule computes: there others broadcast.
  const Meta& meta = segment.values[op.result].meta;
  for (int dim = 0; dim < meta.rank; dim++)
    if (meta.sizes[dim] == 1) shapes[op.result][dim] = constant(1);
}

// Symbols that remain get the numbers of the function's index arguments.
void SegmentValues::number_symbols() {
  if (!segment.generic) return;
  std::vector<bool> used(symbols.size());
  auto settle = [&](AffineExpr& e) {
    e = resolved(e);
    e.walk([&](AffineExpr x) {
      if (auto s = dyn_cast<AffineSymbolExpr>(x)) used[s.getPosition()] = true;
    });
  };
  auto each = [&](auto visit) {
    for (Exprs& shape : shapes)
      for (AffineExpr& e : shape)
        visit(e);
    for (Exprs& sizes : op_sizes)
      for (AffineExpr& e : sizes)
        visit(e);
    for (AffineExpr& e : layouts)
      if (e) visit(e);
  };
  each(settle);
  SmallVector<AffineExpr> renumbered;
  std::vector<ProgramSymbol> kept;
  for (size_t s = 0; s < symbols.size(); s++) {
    renumbered.push_back(getAffineSymbolExpr(kept.size(), context));
    if (used[s]) kept.push_back(symbols[s]);
  }
  each([&](AffineExpr& e) { e = e.replaceSymbols(renumbered); });
  symbols = kept;
}

} // namespace weft
