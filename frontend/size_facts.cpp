// A size is looked at as the column of its values over all vectors that were seen.
// 1. One value throughout: a constant.
// 2. The column of an earlier size: equal to it.
// 3. Of computed sizes: a constant times the column of an earlier size, or times the product of
// two.
// 4. Else a size of its own.
// Columns of size 0 say nothing of products. Two sizes may be equal by chance; then a later vector
// does not fit, and the next program assumes less.
#include "frontend/size_facts.h"

namespace weft {

namespace {

class Columns {
public:
  Columns(const std::vector<std::vector<int64_t>>& seen, const std::vector<bool>& is_given)
      : seen_(seen), is_given_(is_given) {}

  std::vector<SizeFact> facts() {
    for (size_t k = 0; k < seen_[0].size(); k++)
      facts_.push_back(fact_of(k));
    return std::move(facts_);
  }

private:
  SizeFact fact_of(size_t k) {
    if (auto same = quotient(k, {})) return {true, *same};
    SizeFact best; // of several, as where all columns double, that of the smallest factor
    auto consider = [&](std::initializer_list<size_t> of, size_t a, int32_t b) {
      auto factor = quotient(k, of);
      if (factor && (*factor == 1 || !is_given_[k]) && (!best.known || *factor < best.factor))
        best = {true, *factor, static_cast<int32_t>(a), b};
    };
    for (size_t a : own_)
      consider({a}, a, -1);
    const size_t pairs = best.known || is_given_[k] ? 0 : own_.size();
    for (size_t x = 0; x < pairs; x++)
      for (size_t y = x; y < pairs; y++)
        consider({own_[x], own_[y]}, own_[x], static_cast<int32_t>(own_[y]));
    if (!best.known && own_.size() < kMostOwn) own_.push_back(k);
    return best;
  }

  // The number that column k is the product of columns times, if it is one.
  std::optional<int64_t> quotient(size_t k, std::initializer_list<size_t> of) const {
    std::optional<int64_t> factor;
    for (const std::vector<int64_t>& sizes : seen_) {
      int64_t product = 1;
      for (size_t column : of)
        if (__builtin_mul_overflow(product, sizes[column], &product)) return std::nullopt;
      if (product <= 0 || sizes[k] % product) return std::nullopt;
      if (factor && *factor != sizes[k] / product) return std::nullopt;
      factor = sizes[k] / product;
    }
    const bool is_none = *factor == 0 && of.size() > 0;
    return is_none ? std::nullopt : factor;
  }

  static constexpr size_t kMostOwn = 16; // that others are compared with
  const std::vector<std::vector<int64_t>>& seen_;
  const std::vector<bool>& is_given_;
  std::vector<SizeFact> facts_;
  std::vector<size_t> own_;
};

} // namespace

std::vector<SizeFact> common_facts(const std::vector<std::vector<int64_t>>& seen,
                                   const std::vector<bool>& is_given) {
  return Columns(seen, is_given).facts();
}

bool hold(const std::vector<SizeFact>& facts, const std::vector<int64_t>& sizes) {
  for (size_t k = 0; k < facts.size(); k++) {
    const SizeFact& f = facts[k];
    int64_t expected = f.factor;
    for (int32_t earlier : {f.a, f.b})
      if (earlier >= 0 &&
          __builtin_mul_overflow(expected, sizes[static_cast<size_t>(earlier)], &expected))
        return false;
    if (f.known && expected != sizes[k]) return false;
  }
  return true;
}

const char* words_of(const SizesOf& taken) {
  if (!taken.generic) return "these sizes";
  for (const SizeFact& f : taken.facts)
    if (f.known) return "sizes like these";
  return "any sizes";
}

} // namespace weft
