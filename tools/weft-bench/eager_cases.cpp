#include "tools/weft-bench/eager_cases.h"

#include "weft/weft.h"

#include <fmt/core.h>

#include <regex>

namespace weft::bench {

namespace {

using tools::Json;
using Sizes = std::map<std::string, int64_t>;

double number_of(const std::string& text, const Sizes& sizes) {
  auto it = sizes.find(text);
  return it == sizes.end() ? std::stod(text) : static_cast<double>(it->second);
}

std::string text_of(double number) { return fmt::format("{:g}", number); }

// A text that is a size or a tensor, in place of it; `read` is how it reads in the name of the
// call.
Json resolve_text(const std::string& text, const Sizes& sizes, std::string& read) {
  static const std::regex tensor(R"((\w+)\[([\w,]*)\](?:\.(\w+))?(?:<(\w+))?)");
  std::smatch m;
  if (sizes.contains(text)) {
    read = std::to_string(sizes.at(text));
    return sizes.at(text);
  }
  if (!std::regex_match(text, m, tensor)) {
    read = '"' + text + '"';
    return text;
  }
  Json spec = {{"dtype", m[1].str()}, {"shape", Json::array()}};
  read = m[1].str() + '[';
  const std::string dims = m[2].str();
  static const std::regex comma(",");
  for (auto dim = std::sregex_token_iterator(dims.begin(), dims.end(), comma, -1);
       dim != std::sregex_token_iterator() && dim->length(); ++dim) {
    spec["shape"].push_back(static_cast<int64_t>(number_of(*dim, sizes)));
    read += (spec["shape"].size() > 1 ? ", " : "") + spec["shape"].back().dump();
  }
  read += ']';
  if (m[3].matched) spec["layout"] = m[3].str(), read += '.' + m[3].str();
  if (m[4].matched) spec["below"] = number_of(m[4], sizes);
  return {{"tensor", spec}};
}

Json resolve(const Json& value, const Sizes& sizes, std::string& read) {
  if (value.is_string()) return resolve_text(value.get<std::string>(), sizes, read);
  if (!value.is_array()) {
    read = value.is_number_float() ? text_of(value.get<double>()) : value.dump();
    return value;
  }
  Json list = Json::array();
  for (const Json& e : value) {
    std::string part;
    list.push_back(resolve(e, sizes, part));
    read += (list.size() > 1 ? ", " : "") + part;
  }
  read = '[' + read + ']';
  return list;
}

EagerCase make_case(const std::string& kind, const std::string& scale, const Json& row,
                    const Sizes& sizes) {
  EagerCase c{kind, "", scale, row.at(0), Json::array(), Json::object()};
  std::string list;
  auto add = [&](const std::string& text) { list += (list.empty() ? "" : ", ") + text; };
  for (size_t k = 1; k < row.size(); k++) {
    if (!row[k].is_object()) {
      std::string read;
      c.args.push_back(resolve(row[k], sizes, read));
      add(read);
      continue;
    }
    for (const auto& [key, value] : row[k].items()) {
      std::string read;
      c.kwargs[key] = resolve(value, sizes, read);
      add(key + '=' + (key == "dtype" ? value.get<std::string>() : read));
    }
  }
  c.name = c.op + '(' + list + ')';
  return c;
}

Tensor fill(const Shape& shape, DType dtype, const Json& spec) {
  const double below = spec.value("below", 2.0);
  if (spec.value("layout", "") == "sorted") return linspace(-3.0, 3.0, shape[0], f32).to(dtype);
  if (!is_floating(dtype)) return randint(static_cast<int64_t>(below), shape, i64).to(dtype);
  return (spec.contains("below") ? uniform(shape, 0, below) : normal(shape)).to(dtype);
}

// A tensor whose memory is laid out otherwise than its shape says.
Tensor make_tensor(const Json& spec) {
  Shape shape(spec.at("shape").get<std::vector<int64_t>>());
  const DType dtype = tools::to_dtype(spec.at("dtype"));
  const std::string layout = spec.value("layout", "");
  const int last = shape.size() - 1;
  int swapped[2] = {last - 1, last};
  if (layout == "permuted") swapped[0] = 1, swapped[1] = 2;
  if (layout == "transposed" || layout == "permuted") {
    std::swap(shape[swapped[0]], shape[swapped[1]]);
    return fill(shape, dtype, spec).transpose(swapped[0], swapped[1]);
  }
  if (layout == "strided") {
    shape[last] *= 2;
    return slice(fill(shape, dtype, spec), last, 0, shape[last], 2);
  }
  return fill(shape, dtype, spec);
}

// Replaces each tensor by its number among the inputs.
Json with_inputs(const Json& value, std::vector<Tensor>& inputs) {
  if (value.is_object() && value.contains("tensor")) {
    inputs.push_back(make_tensor(value["tensor"]));
    return {{"t", inputs.size() - 1}};
  }
  if (!value.is_array()) return value;
  Json list = Json::array();
  for (const Json& e : value)
    list.push_back(with_inputs(e, inputs));
  return list;
}

} // namespace

std::vector<EagerCase> eager_cases(const std::vector<std::string>& scales) {
  const auto list = nlohmann::ordered_json::parse(kEagerCases); // keeps the order of the kinds
  std::vector<EagerCase> all;
  for (const auto& [kind, rows] : list.at("kinds").items())
    for (const auto& row : rows)
      for (const std::string& scale : scales)
        all.push_back(make_case(kind, scale, Json::parse(row.dump()),
                                list.at("sizes").at(scale).get<Sizes>()));
  return all;
}

std::unique_ptr<tools::PreparedCall> prepare(const EagerCase& c) {
  std::vector<Tensor> inputs;
  const Json args = with_inputs(c.args, inputs);
  Json kwargs = Json::object();
  for (const auto& [key, value] : c.kwargs.items())
    kwargs[key] = key == "dtype" ? Json{{"dtype", value}} : with_inputs(value, inputs);
  return std::make_unique<tools::PreparedCall>(c.op == "to" ? "cast" : c.op, args, kwargs,
                                               std::move(inputs));
}

} // namespace weft::bench
