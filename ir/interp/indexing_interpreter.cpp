// Plain and slow: every element by its indices. Numbers are doubles, so large i64 are not exact.
#include "ir/interp/indexing_interpreter.h"

#include "ir/weft/weft.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;

namespace weft::interp {
namespace {

bool isBefore(double a, double b) { return a < b || (b != b && a == a); }

struct Call {
  Operation* op;
  ValueOf valueOf;
  SizeOf sizeOf;
  Array& y;

  const Array& operand(unsigned k) { return valueOf(op->getOperand(k)); }
  int64_t structure(unsigned k) { return ir::structureOf(op)[k]; }
  int64_t size(unsigned k) { return sizeOf(ir::sizesOf(op)[k]); }

  // Calls f for each line along `dim` of an array with the positions of its elements.
  template <class F> void eachLine(const Array& x, int64_t dim, F f) {
    for (int64_t i = 0; i < x.count(); i++) {
      Index at = unflatten(i, x.shape);
      if (at[dim]) continue;
      std::vector<int64_t> line;
      for (; at[dim] < x.shape[dim]; at[dim]++)
        line.push_back(flatten(at, x.shape));
      f(line);
    }
  }

  bool gather() {
    const Array &x = operand(0), &index = operand(1);
    for (int64_t i = 0; i < index.count(); i++) {
      Index at = unflatten(i, index.shape);
      int64_t& place = at[structure(0)];
      place = get<int64_t>(index, i);
      if (place < 0 || place >= x.shape[structure(0)]) return false;
      copy(x, flatten(at, x.shape), y, i);
    }
    return true;
  }

  bool scatter(llvm::function_ref<double(double, double)> join) {
    const Array &index = operand(1), &src = operand(2);
    y = operand(0);
    for (int64_t i = 0; i < index.count(); i++) {
      Index at = unflatten(i, index.shape);
      int64_t& place = at[structure(0)];
      place = get<int64_t>(index, i);
      if (place < 0 || place >= y.shape[structure(0)]) return false;
      int64_t to = flatten(at, y.shape);
      if (join)
        y.set(to, join(y.at(to), src.at(i)));
      else
        copy(src, i, y, to);
    }
    return true;
  }
  bool scatterFold() {
    switch (structure(1)) {
    case 0:
      return scatter([](double a, double b) { return a * b; });
    case 1:
      return scatter([](double a, double b) { return b > a || b != b ? b : a; });
    default:
      return scatter([](double a, double b) { return b < a || b != b ? b : a; });
    }
  }

  static double fold(int64_t how, double a, double b) {
    if (how < 2) return how ? a * b : a + b;
    double high = std::max(a, b);
    return std::isinf(high) ? high : high + std::log(std::exp(a - high) + std::exp(b - high));
  }
  bool scan() {
    const Array& x = operand(0);
    constexpr double starts[] = {0, 1, -INFINITY};
    eachLine(x, structure(0), [&](std::vector<int64_t> line) {
      if (structure(2)) std::reverse(line.begin(), line.end());
      double all = starts[structure(1)];
      for (int64_t i : line)
        y.set(i, all = fold(structure(1), all, x.at(i)));
    });
    return true;
  }
  bool scanPosition() {
    const Array& x = operand(0);
    eachLine(x, structure(0), [&](const std::vector<int64_t>& line) {
      size_t best = 0;
      for (size_t k = 0; k < line.size(); k++) {
        double v = x.at(line[k]), b = x.at(line[best]);
        if (v != v || (b == b && (structure(1) ? v <= b : v >= b))) best = k;
        put<int64_t>(y, line[k], best);
      }
    });
    return true;
  }
  bool recurrence() {
    const Array &a = operand(0), &b = operand(1);
    eachLine(a, structure(0), [&](std::vector<int64_t> line) {
      if (structure(1)) std::reverse(line.begin(), line.end());
      double s = 0;
      for (size_t k = 0; k < line.size(); k++)
        y.set(line[k], s = k ? a.at(line[k]) * s + b.at(line[k]) : b.at(line[k]));
    });
    return true;
  }

  bool sortPositions() {
    const Array& x = operand(0);
    std::vector<std::vector<int64_t>> orders;
    eachLine(x, structure(0), [&](const std::vector<int64_t>& line) {
      std::vector<int64_t> order(line.size());
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
        double a = x.at(line[i]), b = x.at(line[j]);
        return structure(1) ? isBefore(b, a) : isBefore(a, b);
      });
      orders.push_back(order);
    });
    size_t next = 0;
    eachLine(y, structure(0), [&](const std::vector<int64_t>& line) {
      for (size_t k = 0; k < line.size(); k++)
        put(y, line[k], orders[next][k]);
      next++;
    });
    return true;
  }
  bool nonzeroPositions() {
    const Array& x = operand(0);
    int64_t found = 0, rank = x.shape.size();
    for (int64_t i = 0; i < x.count(); i++) {
      if (x.at(i) == 0) continue;
      if (found == size(0)) return false;
      Index at = unflatten(i, x.shape);
      for (int64_t k = 0; k < rank; k++)
        put(y, found * rank + k, at[k]);
      found++;
    }
    return found == size(0);
  }
  bool searchSorted() {
    const Array &sorted = operand(0), &values = operand(1);
    int64_t length = sorted.shape.back();
    for (int64_t i = 0; i < values.count(); i++) {
      Index at = unflatten(i, values.shape), line(at.begin(), at.end());
      line.erase(line.begin(), line.end() - sorted.shape.size());
      int64_t below = 0;
      for (line.back() = 0; line.back() < length; line.back()++) {
        double e = sorted.at(flatten(line, sorted.shape)), v = values.at(i);
        below += structure(0) ? !isBefore(v, e) : isBefore(e, v);
      }
      put(y, i, below);
    }
    return true;
  }
};

} // namespace

bool runIndexing(Operation* op, ValueOf valueOf, SizeOf sizeOf, Array& y) {
  Call call{op, valueOf, sizeOf, y};
  return llvm::TypeSwitch<Operation*, bool>(op)
      .Case([&](ir::Gather) { return call.gather(); })
      .Case([&](ir::Scatter) { return call.scatter(nullptr); })
      .Case([&](ir::ScatterAdd) { return call.scatter([](double a, double b) { return a + b; }); })
      .Case([&](ir::ScatterFold) { return call.scatterFold(); })
      .Case([&](ir::Scan) { return call.scan(); })
      .Case([&](ir::ScanPosition) { return call.scanPosition(); })
      .Case([&](ir::Recurrence) { return call.recurrence(); })
      .Case([&](ir::SortPositions) { return call.sortPositions(); })
      .Case([&](ir::NonzeroPositions) { return call.nonzeroPositions(); })
      .Case([&](ir::SearchSorted) { return call.searchSorted(); })
      .Default(false);
}

} // namespace weft::interp
