#include "frontend/verification.h"

#include "frontend/session.h"
#include "runtime/core/number_at.h"
#include "runtime/core/op_info.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

namespace weft {

namespace {

constexpr double kCancelled = 1e-2;

// How far sums in another order may be apart, relative to the largest number; everything else has
// the same bits.
double tolerance_of(DType dtype) {
  switch (dtype) {
  case f64:
    return 1e-11;
  case f32:
    return 1e-4;
  case bf16:
  case f16:
    return 2e-2;
  default:
    return 0;
  }
}

// Units in the last place between two numbers of a type with so many bits of fraction.
double ulps(double a, double b, DType dtype) {
  int digits = dtype == f64 ? 52 : dtype == f32 ? 23 : dtype == f16 ? 10 : 7;
  int exponent = std::ilogb(std::max(std::abs(b), std::numeric_limits<double>::min()));
  return std::abs(a - b) / std::ldexp(1.0, exponent - digits);
}

struct Mismatch {
  size_t element;
  double got, expected;
};

double largest(const char* data, DType dtype, size_t count) {
  double most = 0;
  for (size_t k = 0; k < count; k++)
    if (double x = std::abs(number_at(data, dtype, k)); std::isfinite(x)) most = std::max(most, x);
  return most;
}

// `around` is the size of the numbers that the results were made from: what is left of sums that
// cancel each other is rounding.
std::optional<Mismatch> compare(const char* got, const char* expected, DType dtype, size_t nbytes,
                                double around) {
  if (nbytes == 0 || std::memcmp(got, expected, nbytes) == 0) return std::nullopt;
  size_t count = nbytes / size_of(dtype);
  double scale = std::max(largest(expected, dtype, count), kCancelled * around);
  for (size_t k = 0; k < count; k++) {
    double a = number_at(got, dtype, k), b = number_at(expected, dtype, k);
    bool is_close = a == b || (std::isnan(a) && std::isnan(b)) ||
                    std::abs(a - b) <= tolerance_of(dtype) * scale;
    if (!is_close) return Mismatch{k, a, b};
  }
  return std::nullopt;
}

} // namespace

MemoryCopy::MemoryCopy(size_t nbytes, const Loc& loc)
    : storage_(Storage::allocate(nbytes, Device::cpu(), loc)) {}

MemoryCopy::MemoryCopy(const Storage& of, const Loc& loc) : MemoryCopy(of.nbytes, loc) {
  if (of.nbytes) std::memcpy(storage_->data, of.data, of.nbytes);
}

Verification::Verification(Flush& flush, const Bound& bound, const SegmentProgram& program,
                           const CompileSettings& settings)
    : flush_(flush), bound_(bound), live_(program.live), settings_(settings), taken_(program.taken),
      loc_(flush.path.back()->loc) {
  for (const Flush::Leaf& l : flush.leaves) {
    TensorImpl* t = bound.values[l.slot];
    if (l.written) before_.try_emplace(t->storage, MemoryCopy(*t->storage, loc_));
    leaves_.push_back({t->storage, t->data() - static_cast<char*>(t->storage->data)});
    metas_.push_back(t->meta);
    if (is_floating(t->meta.dtype))
      around_ = std::max(around_, largest(static_cast<char*>(t->storage->data), t->meta.dtype,
                                          t->storage->nbytes / size_of(t->meta.dtype)));
  }
}

bool Verification::is_leaf(const ProgramOutput& o) const {
  return o.value < static_cast<int32_t>(flush_.leaves.size());
}

const Flush::Value& Verification::value_of(const ProgramOutput& o) const {
  return flush_.values[static_cast<size_t>(o.value) - flush_.leaves.size()];
}

std::string Verification::difference(const LoadedProgram& program) const {
  std::map<const Storage*, MemoryCopy> written; // as before the run
  for (const auto& [storage, copy] : before_) {
    auto [own, is_new] = written.try_emplace(storage, storage->nbytes, loc_);
    if (storage->nbytes) std::memcpy(own->second.data(), copy.data(), storage->nbytes);
  }
  std::vector<void*> leaves, outputs;
  std::vector<const Meta*> metas;
  for (size_t k = 0; k < leaves_.size(); k++) {
    const auto& [storage, offset] = leaves_[k];
    auto own = written.find(storage);
    char* base = own != written.end() ? own->second.data() : static_cast<char*>(storage->data);
    leaves.push_back(base + offset);
    metas.push_back(&metas_[k]);
  }
  std::vector<MemoryCopy> results;
  for (const ProgramOutput& o : program.program().outputs)
    if (is_leaf(o)) {
      outputs.push_back(leaves[static_cast<size_t>(o.value)]);
    } else {
      results.emplace_back(result_of(o)->storage->nbytes, loc_);
      outputs.push_back(results.back().data());
    }
  if (std::string refused = run(program, leaves, metas, outputs); !refused.empty()) return refused;
  size_t next = 0;
  for (const ProgramOutput& o : program.program().outputs) {
    const Storage* eager =
        is_leaf(o) ? leaves_[static_cast<size_t>(o.value)].first : result_of(o)->storage;
    const char* got = is_leaf(o) ? written.at(eager).data() : results[next++].data();
    if (auto m =
            compare(got, static_cast<const char*>(eager->data), o.dtype, eager->nbytes, around_))
      return describe(o, m->element, m->got, m->expected);
  }
  return {};
}

std::string Verification::run(const LoadedProgram& program, const std::vector<void*>& leaves,
                              const std::vector<const Meta*>& metas,
                              const std::vector<void*>& outputs) const {
  std::vector<uint64_t> scalars;
  for (int k = 0; k < flush_.scalar_count; k++)
    scalars.push_back(bits_of(bound_.scalars[static_cast<size_t>(k)]));
  RunArguments a;
  a.leaves = leaves;
  a.leaf_metas = metas;
  a.outputs = outputs;
  a.scalars = scalars;
  a.size_attributes = {bound_.sizes.data(), static_cast<size_t>(flush_.size_count)};
  a.op_locations = flush_.op_locations;
  try {
    program.run(a);
  } catch (const Error& e) {
    return std::string("it refuses: ") + e.what();
  }
  return {};
}

std::string Verification::describe(const ProgramOutput& o, size_t element, double got,
                                   double expected) const {
  std::string what;
  if (is_leaf(o)) {
    what = fmt::format("the input {} that it writes", o.value);
  } else {
    const ColdNode& node = *value_of(o).node;
    what = fmt::format("{} (at {})", info(node.op).name, node.place.str());
  }
  std::string inputs;
  for (const Meta& meta : metas_)
    inputs += (inputs.empty() ? "" : ", ") + weft::describe(meta);
  std::string apart = is_floating(o.dtype)
                          ? fmt::format(" ({:.3g} ulp)", ulps(got, expected, o.dtype))
                          : std::string();
  return fmt::format("element {} of {} is {} for {}{}, inputs {}", element, what, got, expected,
                     apart, inputs);
}

} // namespace weft
