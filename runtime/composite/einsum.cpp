// einsum: an equation becomes views, sums and products of matrices, two operands at a time.
//
// 1. Letters and the dims of "..." become labels; a repeated letter in an operand takes its
// diagonal.
// 2. Labels that nobody needs any more are summed.
// 3. Of two operands, labels that both have and somebody needs are batches, those that nobody needs
//    are summed by the product, the others are its rows and columns.

#include "runtime/composite/composite.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace weft {

namespace {

using Label = int; // a letter's code; dim k of "...", counted from the last, is kBroadcast + k
using Labels = std::vector<Label>;
constexpr Label kBroadcast = 256;

bool has(const Labels& list, Label l) {
  return std::find(list.begin(), list.end(), l) != list.end();
}

struct Factor {
  Tensor tensor;
  Labels labels; // one a dim
};

struct Parser {
  std::string_view equation;
  const Loc& loc;

  [[noreturn]] void fail(const std::string& what) const {
    composite::refuse("einsum", ErrorKind::value, what + ", got \"" + std::string(equation) + "\"",
                      loc);
  }
  // The labels of a term; those of "..." stand for `wide` dims.
  Labels term(std::string_view text, int wide) const {
    Labels labels;
    bool seen = false;
    for (size_t k = 0; k < text.size(); k++) {
      if (text[k] == ' ') continue;
      if (text.substr(k, 3) == "..." && !seen) {
        for (int d = wide; d-- > 0;)
          labels.push_back(kBroadcast + d);
        seen = true;
        k += 2;
      } else if (std::isalpha(static_cast<unsigned char>(text[k]))) {
        labels.push_back(text[k]);
      } else {
        fail("the equation must be of letters, commas, one ... a term and one ->");
      }
    }
    return labels;
  }
  std::vector<std::string_view> terms(std::string_view text) const {
    std::vector<std::string_view> list;
    for (;;) {
      size_t comma = text.find(',');
      list.push_back(text.substr(0, comma));
      if (comma == std::string_view::npos) return list;
      text.remove_prefix(comma + 1);
    }
  }
};

bool has_dots(std::string_view text) { return text.find("...") != std::string_view::npos; }

Tensor permuted(const Factor& f, const Labels& order) {
  Dims dims;
  for (Label l : order)
    dims.push_back(std::find(f.labels.begin(), f.labels.end(), l) - f.labels.begin());
  return permute(f.tensor, dims);
}

// Positions i, i, of two dims of one size n are elements (n + 1) i of both as one.
void take_diagonals(Factor& f) {
  for (size_t k = 0; k < f.labels.size(); k++) {
    auto again =
        std::find(f.labels.begin() + static_cast<long>(k) + 1, f.labels.end(), f.labels[k]);
    if (again == f.labels.end()) continue;
    Factor moved{f.tensor, f.labels};
    Labels rest;
    Dims order;
    auto other = static_cast<size_t>(again - f.labels.begin());
    for (size_t d = 0; d < f.labels.size(); d++)
      if (d != k && d != other) {
        rest.push_back(f.labels[d]);
        order.push_back(static_cast<int64_t>(d));
      }
    Label label = f.labels[k];
    order.push_back(static_cast<int64_t>(k));
    order.push_back(static_cast<int64_t>(other));
    int64_t n = f.tensor.size(static_cast<int64_t>(k));
    Tensor square = flatten(permute(f.tensor, order), -2, -1);
    f.tensor = n ? slice(square, -1, 0, n * n, n + 1) : square;
    f.labels = rest;
    f.labels.push_back(label);
    return take_diagonals(f);
  }
}

int64_t size_in(const Factor& f, Label l) {
  auto at = std::find(f.labels.begin(), f.labels.end(), l);
  return at == f.labels.end() ? 1 : f.tensor.size(at - f.labels.begin());
}

void sum_unneeded(Factor& f, const Labels& needed, std::optional<DType> dtype) {
  Dims dims;
  Labels rest;
  for (size_t k = 0; k < f.labels.size(); k++) {
    if (has(needed, f.labels[k]))
      rest.push_back(f.labels[k]);
    else
      dims.push_back(static_cast<int64_t>(k));
  }
  if (!dims.empty()) f.tensor = sum(f.tensor, dims, false, dtype);
  f.labels = rest;
}

/// The size of a label in the product of two factors: a dim of size 1 counts as what the other has.
int64_t joint_size(const Factor& a, const Factor& b, Label l) {
  const int64_t size = size_in(a, l);
  return size == 1 ? size_in(b, l) : size;
}

int64_t product_of(const Factor& a, const Factor& b, const Labels& labels) {
  int64_t n = 1;
  for (Label l : labels)
    n *= joint_size(a, b, l);
  return n;
}

// Repeats a dim of size 1 where the other factor has more.
void stretch(Factor& f, const Factor& other) {
  Shape sizes = f.tensor.shape();
  for (int k = 0; k < sizes.size(); k++)
    if (sizes[k] == 1 && has(other.labels, f.labels[static_cast<size_t>(k)]))
      sizes[k] = size_in(other, f.labels[static_cast<size_t>(k)]);
  if (sizes != f.tensor.shape()) f.tensor = expand(f.tensor, sizes);
}

Factor multiply(Factor a, Factor b, const Labels& needed) {
  Labels of_a = needed, of_b = needed;
  of_a.insert(of_a.end(), b.labels.begin(), b.labels.end());
  of_b.insert(of_b.end(), a.labels.begin(), a.labels.end());
  sum_unneeded(a, of_a, a.tensor.dtype());
  sum_unneeded(b, of_b, b.tensor.dtype());
  stretch(a, b);
  stretch(b, a);
  Labels batch, summed, rows, columns;
  for (Label l : a.labels)
    (!has(b.labels, l) ? rows : has(needed, l) ? batch : summed).push_back(l);
  for (Label l : b.labels)
    if (!has(a.labels, l)) columns.push_back(l);
  auto joined = [](Labels list, const Labels& more, const Labels& last) {
    list.insert(list.end(), more.begin(), more.end());
    list.insert(list.end(), last.begin(), last.end());
    return list;
  };
  int64_t groups = product_of(a, b, batch), m = product_of(a, b, rows);
  int64_t n = product_of(a, b, columns), k = product_of(a, b, summed);
  Factor y{{}, joined(batch, rows, columns)};
  Shape sizes;
  for (Label l : y.labels)
    sizes.push_back(joint_size(a, b, l));
  Tensor left = reshape(permuted(a, joined(batch, rows, summed)), {groups, m, k});
  if (rows.empty() && columns.empty()) { // no product of matrices: one of elements and a sum
    Tensor right = reshape(permuted(b, joined(batch, summed, columns)), {groups, m, k});
    y.tensor = sum(left * right, -1, false, left.dtype());
  } else {
    Tensor right = reshape(permuted(b, joined(batch, summed, columns)), {groups, k, n});
    y.tensor = summed.empty() ? left * right : matmul(left, right);
  }
  y.tensor = reshape(y.tensor, sizes);
  return y;
}

struct Equation {
  std::vector<Factor> factors;
  Labels result;
};

Equation parse(const Parser& p, const std::vector<Tensor>& operands) {
  size_t arrow = p.equation.find("->");
  std::string_view left = p.equation.substr(0, arrow);
  std::vector<std::string_view> terms = p.terms(left);
  if (terms.size() != operands.size())
    p.fail("the equation must have as many terms as there are operands, " +
           std::to_string(operands.size()));
  Equation e;
  int widest = 0;
  for (size_t k = 0; k < terms.size(); k++) {
    if (!operands[k].defined()) p.fail("operands must be given");
    int named = static_cast<int>(p.term(terms[k], 0).size());
    int wide = operands[k].rank() - named;
    if (wide < 0 || (wide > 0 && !has_dots(terms[k])))
      composite::refuse("einsum", ErrorKind::shape,
                        "term \"" + std::string(terms[k]) +
                            "\" must have a letter for each dim of " +
                            describe(operands[k].impl()->meta),
                        p.loc);
    e.factors.push_back({operands[k], p.term(terms[k], wide)});
    if (has_dots(terms[k])) widest = std::max(widest, wide);
  }
  if (arrow != std::string_view::npos) {
    e.result = p.term(p.equation.substr(arrow + 2), widest);
    return e;
  }
  for (int d = widest; d-- > 0;)
    e.result.push_back(kBroadcast + d);
  for (Label l = 0; l < kBroadcast; l++) {
    long count = 0;
    for (const Factor& f : e.factors)
      count += std::count(f.labels.begin(), f.labels.end(), l);
    if (count == 1) e.result.push_back(l);
  }
  return e;
}

void check(const Parser& p, const Equation& e) {
  std::map<Label, int64_t> sizes;
  auto require = [&](bool fits, int64_t known, int64_t size) {
    if (fits) return;
    composite::refuse("einsum", ErrorKind::shape,
                      "dims of one letter must be equal, or 1 in other operands, got " +
                          std::to_string(known) + " and " + std::to_string(size) + " in \"" +
                          std::string(p.equation) + "\"",
                      p.loc);
  };
  for (const Factor& f : e.factors)
    for (size_t k = 0; k < f.labels.size(); k++) {
      int64_t size = f.tensor.size(static_cast<int64_t>(k)), first = size_in(f, f.labels[k]);
      require(size == first, first, size);
      int64_t& known = sizes.try_emplace(f.labels[k], size).first->second;
      require(size == known || size == 1 || known == 1, known, size);
      if (known == 1) known = size;
    }
  for (Label l : e.result)
    if (!sizes.count(l) || std::count(e.result.begin(), e.result.end(), l) > 1)
      p.fail("the result's letters must differ and be those of operands");
}

} // namespace

Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands, Loc loc) {
  OpScope scope(loc);
  Parser parser{equation, loc};
  Equation e = parse(parser, operands);
  check(parser, e);
  for (Factor& f : e.factors)
    take_diagonals(f);
  Factor product = e.factors[0];
  for (size_t k = 1; k < e.factors.size(); k++) {
    Labels needed = e.result;
    for (size_t later = k + 1; later < e.factors.size(); later++)
      needed.insert(needed.end(), e.factors[later].labels.begin(), e.factors[later].labels.end());
    product = multiply(std::move(product), e.factors[k], needed);
  }
  sum_unneeded(product, e.result, std::nullopt); // of one operand: as sum does, integers become i64
  return permuted(product, e.result);
}

} // namespace weft
