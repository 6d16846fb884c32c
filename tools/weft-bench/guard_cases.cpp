#include "tools/weft-bench/guard_cases.h"

#include "runtime/core/op_info.h"
#include "runtime/core/tensor_impl.h"

#include <fmt/format.h>

#include <algorithm>

namespace weft::bench {

namespace {

using fuzz::Argument;

constexpr int kTries = 80;
constexpr int64_t kLeastElements = 1 << 17, kMostElements = 1 << 23; // that a call reads and makes
constexpr fuzz::Sizing kSizing{.is_large = true, .most_elements = 1 << 21};

// Two tensors of the whole shape, a row and a column of it; most are f32 without gaps.
std::vector<Tensor> draw_values(std::mt19937& random) {
  static const Shape shapes[] = {{512, 1024},     {4096, 64},  {32, 128, 100},
                                 {8, 4, 128, 64}, {1000, 257}, {262144}};
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  const Shape whole = shapes[random() % std::size(shapes)];
  Shape row = {whole[whole.size() - 1]}, column = whole;
  column[column.size() - 1] = 1;
  std::vector<Tensor> values;
  for (const Shape& shape : {row, column, whole, whole}) {
    const DType dtype = one_in(3) ? static_cast<DType>(random() % kDTypeCount) : f32;
    const auto fill = is_floating(dtype) ? fuzz::Fill::reals : fuzz::Fill::integers;
    const auto layout = static_cast<fuzz::Layout>(one_in(4) ? random() % 4 : 0);
    values.push_back(fuzz::arrange(fuzz::make_input(shape, dtype, fill, random()), layout));
  }
  return values;
}

std::string describe(const Argument& a, const std::vector<Tensor>& values) {
  std::vector<std::string> parts;
  for (int v : a.values) {
    const Tensor& t = values[static_cast<size_t>(v)];
    parts.push_back(weft::describe(t.impl()->meta) + (t.is_contiguous() ? "" : " with gaps"));
  }
  for (const fuzz::Size& size : a.dims)
    parts.push_back(fmt::format("{}", size.factor));
  for (int64_t n : a.numbers)
    parts.push_back(a.kind == Argument::dtype ? std::string(name_of(static_cast<DType>(n)))
                                              : fmt::format("{}", n));
  if (a.kind == Argument::number || a.kind == Argument::real)
    parts.push_back(a.scalar.kind == Scalar::Kind::floating ? fmt::format("{}", a.scalar.f)
                                                            : fmt::format("{}", a.scalar.i));
  if (a.kind == Argument::text) parts.push_back("\"" + a.word + "\"");
  const bool is_list = a.kind == Argument::integers || a.kind == Argument::sizes ||
                       a.kind == Argument::tensors || a.kind == Argument::halves;
  const std::string text = fmt::format("{}", fmt::join(parts, ", "));
  return is_list ? "{" + text + "}" : text;
}

std::string describe(const GuardCase& c) {
  std::vector<std::string> parts;
  for (const Argument& a : c.arguments)
    parts.push_back(describe(a, c.values));
  return fmt::format("{}({})", c.row->name, fmt::join(parts, ", "));
}

int64_t elements(const GuardCase& c, const std::vector<Tensor>& results) {
  int64_t count = 0;
  for (const Argument& a : c.arguments)
    for (int v : a.values)
      count += c.values[static_cast<size_t>(v)].numel();
  for (const Tensor& t : results)
    count += t.defined() ? t.numel() : 0;
  return count;
}

} // namespace

std::optional<GuardCase> draw_case(const fuzz::OpRow& row, int number) {
  std::mt19937 random(static_cast<unsigned>(number) * 7919);
  for (const char* c = row.name; *c; c++) // a row's cases do not depend on the others in the table
    random.seed(random() ^ static_cast<unsigned>(*c));
  GuardCase found;
  found.name = fmt::format("{}#{}", row.name, number);
  found.row = &row;
  const std::vector<Tensor> values = draw_values(random);
  for (int k = 0; k < kTries; k++) {
    try {
      fuzz::Call call(values, row, found.round, random, true, kSizing);
      const std::vector<Tensor> results = row.call(call);
      found.arguments = call.drawn();
      found.values = call.values();
      const int64_t count = elements(found, results);
      if (count < kLeastElements || count > kMostElements) continue;
      found.description = describe(found);
      return found;
    } catch (const fuzz::NoArgument&) {
    } catch (const Error&) { // the arguments do not fit
    }
  }
  return {};
}

} // namespace weft::bench
