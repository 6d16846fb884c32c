// repro.cpp: a segment as a program that runs its ops one by one and compiled, with the inputs of
// the run that went wrong.

#include "frontend/verification.h"
#include "runtime/core/op_info.h"
#include "weft/io.h"

#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include <unistd.h>

namespace weft {

namespace {

namespace fs = std::filesystem;

constexpr const char* kStart = R"(// {}
// Needs weft::weft and, in the folder in which it runs, inputs.npz. Prints the largest difference of
// each result, and exits with 1 where one is beyond rounding.
#include <weft/io.h>
#include <weft/replay.h>
#include <weft/weft.h>

#include <cmath>
#include <cstdio>
#include <limits>

using namespace weft;

/// The leaves of the segment: views of the storages that it read.
std::vector<Tensor> leaves() {{
  TensorMap file = load_npz("inputs.npz");
  return {{
{}  }};
}}

/// Its ops; returns what was live at its end.
std::vector<Tensor> segment(const std::vector<Tensor>& leaf) {{
{}  return {{{}}};
}}
)";

constexpr const char* kEnd = R"(
int main() {
  NoGrad no_grad;
  CompileOptions options;
  options.deterministic = true; // the first call runs the program
  auto compiled = compile(segment, options);
  const std::vector<Tensor> expected = segment(leaves()), got = compiled(leaves());
  bool differs = false;
  for (size_t k = 0; k < expected.size(); k++) {
    const auto a = got[k].to(f64).to_vector<double>(), b = expected[k].to(f64).to_vector<double>();
    double most = 0, scale = 0;
    for (size_t e = 0; e < a.size(); e++) {
      if (a[e] == b[e] || (std::isnan(a[e]) && std::isnan(b[e]))) continue;
      const double apart = std::abs(a[e] - b[e]);
      most = std::isfinite(apart) ? std::max(most, apart) : HUGE_VAL;
    }
    for (double x : b)
      if (std::isfinite(x)) scale = std::max(scale, std::abs(x));
    std::printf("result %zu: largest difference %g, largest number %g\n", k, most, scale);
    differs |= most > 1e-4 * scale;
  }
  return differs;
}
)";

std::string text_of(const Scalar& s) {
  if (s.kind == Scalar::Kind::boolean) return s.i ? "true" : "false";
  if (s.kind == Scalar::Kind::integer)
    return s.i == std::numeric_limits<int64_t>::min() ? "std::numeric_limits<int64_t>::min()"
                                                      : fmt::format("int64_t{{{}}}", s.i);
  if (std::isnan(s.f)) return "std::nan(\"\")";
  if (std::isinf(s.f)) return s.f > 0 ? "HUGE_VAL" : "-HUGE_VAL";
  if (s.f == 0 && std::signbit(s.f)) return "-0.0"; // "-0" would be an integer
  return fmt::format("double({:.17g})", s.f);
}

template <class List, class F> std::string join(const List& list, F text) {
  std::string all;
  for (const auto& entry : list)
    all += (all.empty() ? "" : ", ") + text(entry);
  return all;
}

std::string join_integers(std::span<const int64_t> list) {
  return join(list, [](int64_t n) { return std::to_string(n); });
}

/// The segment's ops as statements; values are named by their slots.
class Statements {
public:
  Statements(const Flush& flush, const Bound& bound) : flush_(flush), bound_(bound) {
    for (size_t k = 0; k < flush.leaves.size(); k++)
      names_[flush.leaves[k].slot] = fmt::format("leaf[{}]", k);
    for (const ColdNode* c : flush.path)
      add(*c);
  }
  const std::string& text() const { return text_; }
  const std::string& name(int32_t slot) const { return names_.at(slot); }

private:
  void add(const ColdNode& c) {
    const std::string operands =
        join(c.operands, [&](int32_t slot) { return slot < 0 ? "Tensor()" : names_.at(slot); });
    const std::string numbers =
        join(bound_.scalars.subspan(static_cast<size_t>(c.scalar_position), c.scalar_kinds.size()),
             text_of);
    const std::span<const int64_t> sizes(bound_.sizes.data() + c.size_position, c.sizes.size());
    std::string result;
    if (!c.in_place) {
      names_[c.hot->result] = fmt::format("v{}", names_.size() - flush_.leaves.size());
      result = fmt::format("Tensor {} = ", names_.at(c.hot->result));
    }
    text_ += fmt::format("  {}replay::{}(\"{}\", {{{}}}, {{{}}}, {{{}}}, {{{}}}); // {}\n", result,
                         c.in_place ? "in_place" : "op", info(c.op).name, operands, numbers,
                         join_integers(c.structure), join_integers(sizes), c.place.str());
  }

  const Flush& flush_;
  const Bound& bound_;
  std::map<int32_t, std::string> names_;
  std::string text_;
};

/// A new folder of this process.
fs::path new_folder(const std::string& parent) {
  static std::atomic<int> count{0};
  const fs::path base = parent.empty() ? fs::temp_directory_path() : fs::path(parent);
  fs::path folder;
  do
    folder = base / fmt::format("weft-repro-{}-{}", getpid(), count++);
  while (!fs::create_directories(folder));
  return folder;
}

} // namespace

// A storage as it was before the segment ran, as a row of elements.
Tensor Verification::storage_before(const Storage& storage, DType dtype) const {
  const auto copy = before_.find(&storage);
  const void* data = copy != before_.end() ? copy->second.data() : storage.data;
  return from_data(data, {static_cast<int64_t>(storage.nbytes / size_of(dtype))}, dtype);
}

std::string Verification::write_repro(const std::string& parent, const std::string& difference,
                                      std::string& refusal) const {
  try {
    TensorMap file;
    std::map<std::pair<const Storage*, DType>, std::string> names;
    std::string views;
    for (size_t k = 0; k < leaves_.size(); k++) {
      const auto& [storage, offset] = leaves_[k];
      const Meta& m = metas_[k];
      auto [name, is_new] =
          names.try_emplace({storage, m.dtype}, fmt::format("storage{}", names.size()));
      if (is_new) file.emplace(name->second, storage_before(*storage, m.dtype));
      const auto rank = static_cast<size_t>(m.rank);
      views +=
          fmt::format("      replay::view(file.at(\"{}\"), {{{}}}, {{{}}}, {}),\n", name->second,
                      join_integers({m.sizes, rank}), join_integers({m.strides, rank}),
                      offset / static_cast<int64_t>(size_of(m.dtype)));
    }
    const Statements statements(flush_, bound_);
    std::string results;
    auto add = [&](int32_t slot) {
      results += (results.empty() ? "" : ", ") + statements.name(slot);
    };
    for (size_t k = 0; k < flush_.owners.size(); k++)
      if (live_[k]) add(flush_.owners[k]);
    for (const Flush::Leaf& l : flush_.leaves)
      if (l.written) add(l.slot);
    const fs::path folder = new_folder(parent);
    save_npz(folder / "inputs.npz", file);
    std::ofstream out(folder / "repro.cpp");
    out << fmt::format(kStart, difference, views, statements.text(), results) << kEnd;
    out.close();
    if (!out) throw std::runtime_error("repro.cpp must be written whole");
    return folder;
  } catch (const std::exception& e) {
    refusal = e.what();
    return {};
  }
}

} // namespace weft
