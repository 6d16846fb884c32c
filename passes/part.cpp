// 1. The space: the product's result, else what reductions read, else the largest output; axes are
//    cut until every shape fits.
// 2. Folded axes: the same for every reduction.
// 3. From the outputs down, each value at the indices where it is read: reductions and products at
//    their own point only. What is not a member is memory.
#include "passes/part.h"

#include "ir/weft/index_math.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace weft {

using ir::Exprs;

std::optional<ReduceView> asReduce(Operation* op) {
  ReduceView r;
  if (auto partial = dyn_cast<ir::PartialReduceOp>(op)) {
    r.record = ir::findRecord(partial.getRecord());
    r.operand = partial.getX();
    r.dims.assign(partial.getDims().begin(), partial.getDims().end());
    r.finishes = false;
    return r;
  }
  if (auto finish = dyn_cast<ir::FinishReduceOp>(op)) {
    r.record = ir::findRecord(finish.getRecord());
    r.operand = finish.getX();
    r.dims.assign(finish.getDims().begin(), finish.getDims().end());
    r.starts = false;
    r.count = finish.getCount().getResult(0);
    return r;
  }
  r.record = ir::recordOf(op);
  if (!r.record || r.record->kind != ir::RecordKind::reduction) return std::nullopt;
  r.operand = op->getOperand(0);
  ArrayRef<int64_t> dims = ir::structureOf(op).drop_front();
  r.dims.assign(dims.begin(), dims.end());
  r.count = getAffineConstantExpr(1, op->getContext());
  Exprs shape = ir::shapeOf(r.operand);
  for (int64_t dim : r.dims)
    r.count = r.count * shape[dim];
  r.count = ir::canonical(r.count);
  return r;
}

bool isTransparent(Operation* op) { return isa<ir::ViewOp, ir::ScalarOp, ir::NumberOp>(op); }

bool isElementwise(Operation* op) {
  if (isa<ir::SliceUpdateOp, ir::Concatenate>(op) || isGather(op)) return true;
  const ir::Record* record = ir::recordOf(op);
  return record &&
         (record->kind == ir::RecordKind::pointwise || record->kind == ir::RecordKind::source);
}

bool isRoutine(Operation* op) {
  const ir::Record* record = ir::recordOf(op);
  return isa<ir::TilesOp>(op) || (record && record->isRoutine) || !whyCalled(op).empty();
}

bool isGather(Operation* op) { return isa<ir::Gather>(op) && !isRoutine(op); }

unsigned weightOf(Operation* op) {
  if (const ir::Record* record = ir::recordOf(op)) return record->weight;
  return 4;
}

bool isDear(Operation* op) {
  constexpr unsigned kDearWeight = 8;
  if (weightOf(op) >= kDearWeight) return true;
  const ir::Record* record = ir::recordOf(op);
  if (!record || record->kind != ir::RecordKind::pointwise) return false;
  return llvm::any_of(record->graph(ir::Form::value).nodes, [](const expr::Node& n) {
    using expr::Primitive;
    constexpr Primitive slow[] = {Primitive::div, Primitive::sqrt, Primitive::floordiv,
                                  Primitive::fmod};
    return n.is_primitive() && llvm::is_contained(slow, n.primitive());
  });
}

Exprs operandIndices(Operation* op, unsigned k, ArrayRef<AffineExpr> indices, unsigned first) {
  MLIRContext* context = op->getContext();
  if (auto view = dyn_cast<ir::ViewOp>(op)) return Exprs(view.sourceIndices(indices));
  if (isProduct(op)) return factorOf(op, k, indices, first).indices;
  if (auto reduce = asReduce(op)) {
    int64_t rank = cast<RankedTensorType>(reduce->operand.getType()).getRank();
    bool keepdim = static_cast<int64_t>(indices.size()) == rank;
    Exprs result;
    size_t kept = 0;
    for (int64_t dim = 0; dim < rank; dim++) {
      bool isReduced = llvm::is_contained(reduce->dims, dim);
      result.push_back(isReduced ? getAffineDimExpr(first++, context) : indices[kept]);
      kept += !isReduced || keepdim;
    }
    return result;
  }
  if (auto update = dyn_cast<ir::SliceUpdateOp>(op)) {
    Exprs result(indices);
    AffineExpr start = update.getPlace().getResult(0), step = update.getPlace().getResult(1);
    if (k == 1) result[update.getDim()] = (result[update.getDim()] - start).floorDiv(step);
    return result;
  }
  if (isa<ir::Concatenate>(op)) {
    Exprs result(indices);
    int64_t dim = ir::structureOf(op)[0];
    for (unsigned before = 0; before < k; before++)
      result[dim] = result[dim] - ir::shapeOf(op->getOperand(before))[dim];
    return result;
  }
  return ir::broadcastIndices(indices, op->getOperand(k).getType());
}

Exprs Part::ranges() const {
  Exprs r = extents;
  if (inner) r.push_back(inner);
  for (const PartIndex& index : foundIndices) {
    if (r.size() == extents.size())
      r.push_back(getAffineConstantExpr(1, index.extent.getContext())); // no product
    r.push_back(index.extent);
  }
  return r;
}

PartIndex Part::indexBehindViews(Operation* gather, ArrayRef<AffineExpr> indices) const {
  Exprs all = ranges(), at(indices);
  PartIndex found{gather, gather->getOperand(1), {}, {}};
  while (auto view = dyn_cast_or_null<ir::ViewOp>(found.value.getDefiningOp())) {
    at = Exprs(view.sourceIndices(at));
    found.value = view->getOperand(0);
  }
  for (AffineExpr e : at)
    found.at.push_back(ir::canonical(e, all));
  found.extent = ir::canonical(ir::shapeOf(gather->getOperand(0))[ir::structureOf(gather)[0]]);
  return found;
}

std::optional<unsigned> Part::foundIndexOf(Operation* gather, ArrayRef<AffineExpr> indices) const {
  PartIndex wanted = indexBehindViews(gather, indices);
  for (auto [k, index] : llvm::enumerate(foundIndices))
    if (index.value == wanted.value && index.at == wanted.at && index.extent == wanted.extent)
      return k;
  return std::nullopt;
}

Exprs Part::indicesIn(Operation* op, unsigned k, ArrayRef<AffineExpr> indices) const {
  if (!isGather(op) || k == 1) return operandIndices(op, k, indices, extents.size());
  Exprs result(indices);
  result[ir::structureOf(op)[0]] =
      getAffineDimExpr(firstFoundDim() + *foundIndexOf(op, indices), op->getContext());
  return result;
}

// The indices of a tensor whose sizes, but for those of 1, are the axes' in order.
static std::optional<Exprs> matchDims(ArrayRef<AffineExpr> shape, ArrayRef<AffineExpr> axes,
                                      ArrayRef<AffineExpr> sizes) {
  Exprs indices;
  size_t next = 0;
  for (AffineExpr size : shape)
    if (auto c = dyn_cast<AffineConstantExpr>(size); c && c.getValue() == 1)
      indices.push_back(getAffineConstantExpr(0, size.getContext()));
    else if (next < sizes.size() && ir::canonical(size) == sizes[next])
      indices.push_back(axes[next++]);
    else
      return std::nullopt;
  return next == sizes.size() ? std::optional(indices) : std::nullopt;
}

std::optional<Exprs> Part::indicesOf(Type tensor) const {
  MLIRContext* context = tensor.getContext();
  Exprs shape = ir::shapeOf(tensor);
  AffineExpr count = ir::countOf(shape, context);
  bool isEmpty = count == getAffineConstantExpr(0, context); // as many elements as anything empty
  for (bool points : {false, true}) {
    Exprs axes, sizes;
    for (size_t k = 0; k < extents.size(); k++)
      if (!points || !reduced[k]) {
        axes.push_back(getAffineDimExpr(k, context));
        sizes.push_back(extents[k]);
      }
    if (auto direct = matchDims(shape, axes, sizes)) return direct;
    if (isEmpty || ir::countOf(sizes, context) != count) continue;
    Exprs indices = ir::delinearise(ir::linearise(axes, sizes, context), shape, extents);
    bool whole = true;
    for (AffineExpr e : indices)
      e.walk([&](AffineExpr x) {
        whole &= x.getKind() != AffineExprKind::FloorDiv && x.getKind() != AffineExprKind::Mod;
      });
    if (whole) return indices;
  }
  return std::nullopt;
}

// Values at indices under a condition that a kernel computes or reads.
static constexpr unsigned kMostElements = 4000;

struct PartBuilder {
  PartBuilder(Part& part, Reason& why, MLIRContext* context)
      : part(part), why(why), context(context) {}
  Part& part;
  Reason& why;
  MLIRContext* context;
  // Elements are computed once for each condition under which they are read.
  llvm::DenseSet<std::tuple<Value, AffineMap, unsigned>> seen;
  llvm::DenseMap<Operation*, unsigned> visits;
  // The condition under which the value at hand is read, 0 where there is none. It is an operand of
  // an op at its indices, and the condition under which that is read.
  unsigned condition = 0;
  llvm::DenseMap<std::tuple<OpOperand*, AffineMap, unsigned>, unsigned> conditions;

  static std::string name(Operation* op) { return op->getName().stripDialect().str(); }

  bool findSpace() {
    Exprs space;
    AffineExpr most;
    auto take = [&](const Exprs& shape) {
      space.clear();
      for (AffineExpr e : shape)
        if (e != getAffineConstantExpr(1, context)) space.push_back(ir::canonical(e));
      most = ir::countOf(shape, context);
    };
    for (Operation* op : part.ops) {
      if (!isProduct(op)) continue;
      if (part.product) return why.set("two-products", "two products in one kernel");
      part.product = op;
      part.inner = innerSizeOf(op);
      take(pointsOf(op));
    }
    for (Operation* op : part.ops)
      if (auto reduce = asReduce(op)) {
        if (part.product) return why.set("reduction-and-product", "a reduction and a product");
        if (!most) take(ir::shapeOf(reduce->operand));
      }
    for (Value output : part.outputs)
      if (!part.product && !most)
        take(ir::shapeOf(output));
      else if (!part.product && !hasReduce() &&
               isLarger(ir::countOf(ir::shapeOf(output), context), most))
        take(ir::shapeOf(output));
    auto refine = [&](Value v) {
      Exprs shape = ir::shapeOf(v);
      SmallVector<AffineExpr> finer;
      if (ir::countOf(shape, context) == most && ir::commonRefinement(space, shape, finer))
        space.assign(finer.begin(), finer.end());
    };
    for (Operation* op : part.ops) {
      if (auto reduce = asReduce(op)) refine(reduce->operand);
      refine(op->getResult(0));
    }
    part.extents = space;
    part.reduced.resize(space.size());
    if (part.product) findColumns();
    return true;
  }
  // The columns of the product are its result's last dims; where they have one element, the last
  // axis.
  void findColumns() {
    Exprs shape = ir::shapeOf(part.product->getResult(0));
    unsigned dims = std::min<unsigned>(columnDimsOf(part.product), shape.size());
    AffineExpr wanted = ir::countOf(ArrayRef(shape).take_back(dims), context);
    AffineExpr count = getAffineConstantExpr(1, context);
    part.firstColumn = part.extents.size();
    do {
      if (part.firstColumn == 0) break;
      count = ir::canonical(count * part.extents[--part.firstColumn]);
    } while (wanted != getAffineConstantExpr(1, context) && count != wanted);
  }
  bool hasReduce() const {
    return llvm::any_of(part.ops, [](Operation* op) { return asReduce(op).has_value(); });
  }
  static bool isLarger(AffineExpr a, AffineExpr b) {
    auto x = dyn_cast<AffineConstantExpr>(a), y = dyn_cast<AffineConstantExpr>(b);
    return x && y ? x.getValue() > y.getValue() : !x && y;
  }

  bool findFolded() {
    bool isFirst = true;
    for (Operation* op : part.ops) {
      auto reduce = asReduce(op);
      if (!reduce) continue;
      auto indices = part.indicesOf(reduce->operand.getType());
      if (!indices)
        return why.set("other-space",
                       name(op) + " reads another number of elements than the kernel's space has");
      llvm::SmallBitVector folded(part.extents.size());
      for (int64_t dim : reduce->dims)
        for (size_t axis = 0; axis < part.extents.size(); axis++)
          if ((*indices)[dim].isFunctionOfDim(axis)) folded.set(axis);
      if (!isFirst && folded != part.reduced)
        return why.set("other-axes", name(op) + " folds other axes than the reduction before it");
      isFirst = false;
      part.reduced = folded;
    }
    return true;
  }

  unsigned findLevel(Operation* op) {
    auto [it, isNew] = part.level.try_emplace(op, 0);
    if (!isNew) return it->second;
    unsigned level = 0;
    for (Value operand : op->getOperands())
      if (Operation* from = operand.getDefiningOp(); part.contains(from))
        level = std::max(level, findLevel(from));
    level += asReduce(op).has_value();
    part.level[op] = level;
    return level;
  }

  Exprs canonical(ArrayRef<AffineExpr> indices) {
    Exprs ranges = part.ranges(), r;
    for (AffineExpr e : indices)
      r.push_back(ir::canonical(e, ranges));
    return r;
  }

  bool visitReduce(Operation* op, const ReduceView& reduce, ArrayRef<AffineExpr> indices) {
    auto own = part.indicesOf(op->getResult(0).getType());
    // A reduction over all elements has the empty index everywhere.
    if (!own || canonical(*own) != Exprs(indices))
      return why.set("read-elsewhere", name(op) + " is read at points other than its own");
    return visit(reduce.operand, *part.indicesOf(reduce.operand.getType()));
  }

  bool visitProduct(Operation* op, ArrayRef<AffineExpr> indices) {
    auto own = part.indicesOf(op->getResult(0).getType());
    if (!own || canonical(*own) != Exprs(indices))
      return why.set("read-elsewhere", "the product is read at points other than its own");
    for (unsigned k = 0; k < op->getNumOperands(); k++) {
      Value factor = op->getOperand(k);
      Factor own = factorOf(op, k, indices, part.extents.size());
      Exprs at = canonical(own.indices);
      while (Operation* before = factor.getDefiningOp()) {
        if (auto view = dyn_cast<ir::ViewOp>(before))
          at = canonical(view.sourceIndices(at));
        else if (!part.contains(before) || !isLoadedBefore(before))
          break;
        factor = before->getOperand(0);
      }
      if (part.contains(factor.getDefiningOp()))
        return why.set("computed-factor", "a factor of the product is computed in the kernel");
      part.accesses.push_back({factor, at, true, canonical(own.within)});
    }
    return true;
  }

  // The element of the index, then that of what is gathered, at the place that it names.
  bool visitGather(Operation* op, ArrayRef<AffineExpr> indices) {
    if (condition) return why.set("conditional", name(op) + " is read under a condition");
    PartIndex index = part.indexBehindViews(op, indices);
    if (!part.foundIndexOf(op, indices)) part.foundIndices.push_back(index);
    return visit(index.value, index.at) && visit(op->getOperand(0), part.indicesIn(op, 0, indices));
  }
  // The key of indices: as many dims as they have.
  AffineMap keyOf(ArrayRef<AffineExpr> indices) {
    unsigned dims = 0;
    for (AffineExpr e : indices)
      e.walk([&](AffineExpr x) {
        if (auto d = dyn_cast<AffineDimExpr>(x)) dims = std::max(dims, d.getPosition() + 1);
      });
    return AffineMap::get(dims, ir::countSymbols(indices), indices, context);
  }

  bool visit(Value v, ArrayRef<AffineExpr> raw) {
    Exprs indices = canonical(raw);
    if (!seen.insert({v, keyOf(indices), condition}).second) return true;
    if (seen.size() > kMostElements) return why.set("too-large", "the kernel would be too large");
    Operation* op = v.getDefiningOp();
    if (!part.contains(op)) {
      part.accesses.push_back({v, indices, false, {}});
      return true;
    }
    if (ir::isNumber(v)) return true;
    if (isProduct(op)) return visitProduct(op, indices);
    if (auto reduce = asReduce(op)) return visitReduce(op, *reduce, indices);
    if (isRoutine(op)) {
      StringRef reason = whyCalled(op);
      return why.set("routine", name(op) + " runs a kernel of its own" +
                                    (reason.empty() ? "" : ", as ") + reason);
    }
    if (!isElementwise(op) && !isTransparent(op))
      return why.set("no-elements", name(op) + " has no elements that a kernel can compute");
    auto varies = part.varies.try_emplace(op, part.extents.size()).first;
    for (unsigned axis = 0; axis < part.extents.size(); axis++)
      if (llvm::any_of(indices, [&](AffineExpr e) { return e.isFunctionOfDim(axis); }))
        varies->second.set(axis);
    if (isGather(op)) return visitGather(op, indices);
    if (++visits[op] > 2 && weightOf(op) > 8)
      return why.set("recomputed", name(op) + " would be computed at more than two places");
    if (const ir::Record* record = ir::recordOf(op);
        record && record->kind == ir::RecordKind::source)
      part.positions.push_back(
          canonical({ir::linearise(indices, ir::shapeOf(v), context)}).front());
    for (unsigned k = 0; k < op->getNumOperands(); k++) {
      Exprs at = operandIndices(op, k, indices, part.extents.size());
      const unsigned outer = condition;
      if (isa<ir::SliceUpdateOp, ir::Concatenate>(op)) {
        llvm::append_range(part.positions, canonical(at));
        auto key = std::tuple(&op->getOpOperand(k), keyOf(indices), outer);
        condition = conditions.try_emplace(key, conditions.size() + 1).first->second;
      }
      bool fits = visit(op->getOperand(k), at);
      condition = outer;
      if (!fits) return false;
    }
    return true;
  }

  bool run() {
    if (!findSpace() || !findFolded()) return false;
    for (Operation* op : part.ops)
      findLevel(op);
    for (Value output : part.outputs) {
      auto indices = part.indicesOf(output.getType());
      if (!indices)
        return why.set("other-space",
                       name(output.getDefiningOp()) +
                           " has another number of elements than the kernel's space or points");
      if (!visit(output, *indices)) return false;
    }
    for (Operation* op : part.ops)
      if (asReduce(op) && !visit(op->getResult(0), *part.indicesOf(op->getResult(0).getType())))
        return false;
    return true;
  }
};

std::optional<Part> Part::analyse(ArrayRef<Value> outputs, ArrayRef<Operation*> ops, Reason& why) {
  Part part;
  part.outputs.assign(outputs.begin(), outputs.end());
  for (Operation* op : ops)
    if (!isTransparent(op)) {
      if (!isLoadedBefore(op)) part.ops.push_back(op); // nothing computes such a cast
      part.members.insert(op);
    }
  MLIRContext* context = outputs.empty() ? nullptr : outputs.front().getContext();
  if (!context) return std::nullopt;
  if (PartBuilder(part, why, context).run()) return part;
  return std::nullopt;
}

} // namespace weft
