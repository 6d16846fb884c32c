// Watch: sees every op of an eager run and bounds how far another order of the same sums could move
// each result. What no such order touches must be the same to the bit.
#pragma once

#include "runtime/core/region_hook.h"

#include <random>
#include <unordered_map>
#include <vector>

namespace fuzz {

class Watch final : public weft::RegionSession {
public:
  Watch();
  ~Watch() override;

  weft::TensorImpl* op(const weft::OpCall& call) override;
  void flush(const char*, const weft::Loc&) override {}
  void died(weft::TensorImpl*) noexcept override {}
  void on_failure(std::function<void()>) override {}

  /// Whether each op so far was pointwise.
  bool only_pointwise = true;

  /// Whether another order of sums could change which elements an op refuses: what follows an error
  /// differs then.
  bool is_uncertain = false;

  /// 0: to the bit. Infinite: anything, since a sum decided about a mask or a position.
  double error_of(const weft::Tensor& t) const;

private:
  double error_of(const weft::TensorImpl* t) const;
  bool refuses_something(const weft::OpCall& call) const;
  double spread(const weft::OpCall& call, const std::vector<weft::Tensor>& operands);
  double spread_of_order(const weft::OpCall& call, const weft::TensorImpl* result) const;

  weft::RegionSession* outer_;
  std::unordered_map<const weft::Storage*, double> errors_;
  std::vector<weft::Tensor> held_; // no storage is used twice
};

} // namespace fuzz
