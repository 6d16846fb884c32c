#include "test/oracle/op_table.h"
#include "test/oracle/dtype_named.h"

#include "weft/ops.h"

#include <cmath>
#include <fstream>
#include <sstream>

namespace weft::test {

namespace {

double to_number(const std::string& word) { return std::strtod(word.c_str(), nullptr); }

Tensor read_tensor(std::istream& in, const std::string& dtype_name) {
  std::string shape_text, word;
  in >> shape_text;
  Shape shape;
  std::istringstream sizes(shape_text.substr(1, shape_text.size() - 2));
  while (std::getline(sizes, word, ','))
    shape.push_back(std::stoll(word));
  DType dtype = dtype_named(dtype_name);
  std::vector<double> numbers;
  std::vector<int64_t> integers;
  while (in >> word) {
    if (dtype == i64)
      integers.push_back(std::stoll(word));
    else
      numbers.push_back(to_number(word));
  }
  return dtype == i64 ? tensor(integers, shape) : tensor(numbers, shape).to(dtype);
}

std::vector<int64_t> read_integers(std::istream& in) {
  std::vector<int64_t> v;
  int64_t value;
  while (in >> value)
    v.push_back(value);
  return v;
}

Scalar read_scalar(std::istream& in) {
  std::string kind, word;
  in >> kind >> word;
  if (kind == "f") return Scalar(to_number(word));
  if (kind == "i") return Scalar(static_cast<int64_t>(std::stoll(word)));
  return Scalar(word == "1");
}

std::vector<OpCase> read_cases() {
  std::ifstream file(WEFT_TEST_OPS);
  if (!file) throw std::runtime_error(std::string("cannot read ") + WEFT_TEST_OPS);
  std::vector<OpCase> cases;
  std::string text;
  for (int line = 1; std::getline(file, text); line++) {
    std::istringstream in(text);
    std::string key, word;
    in >> key;
    if (key == "case") {
      OpCase& c = cases.emplace_back();
      c.line = line;
      in >> c.op >> word >> c.kind >> c.rtol >> c.atol;
      c.dtype = dtype_named(word);
    } else if (key == "operand") {
      in >> word;
      cases.back().operands.push_back(word == "number" ? Tensor() : read_tensor(in, word));
    } else if (key == "scalar") {
      cases.back().scalars.push_back(read_scalar(in));
    } else if (key == "structure") {
      cases.back().structure = read_integers(in);
    } else if (key == "sizes") {
      cases.back().sizes = read_integers(in);
    } else if (key == "result") {
      in >> word;
      cases.back().result = read_tensor(in, word);
    } else if (key == "error") {
      in >> cases.back().error;
    }
  }
  return cases;
}

const char* error_name(ErrorKind k) {
  const char* names[] = {"shape",         "dtype",       "index", "value",   "autograd",
                         "out_of_memory", "unsupported", "io",    "internal"};
  return names[static_cast<int>(k)];
}

bool is_close(double got, double wanted, const OpCase& c) {
  if (std::isnan(wanted)) return std::isnan(got);
  if (got == wanted) return c.rtol != 0 || wanted != 0 || std::signbit(got) == std::signbit(wanted);
  return std::abs(got - wanted) <= c.atol + c.rtol * std::abs(wanted);
}

} // namespace

std::string OpCase::name() const {
  return op + " " + std::string(name_of(dtype)) + " " + kind + " (ops.txt:" + std::to_string(line) +
         ")";
}

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> cases = read_cases();
  return cases;
}

std::optional<Op> find_op(const std::string& name) {
  for (int k = 0; k < kOpCount; k++)
    if (info(static_cast<Op>(k)).name == name) return static_cast<Op>(k);
  return std::nullopt;
}

Tensor laid_out(const Tensor& t, Layout layout) {
  if (!t.defined() || layout == Layout::contiguous) return t;
  if (layout == Layout::gaps) { // every second element of a larger tensor, from its second on
    Shape sizes = t.shape();
    if (sizes.empty())
      sizes.push_back(3);
    else
      sizes[sizes.size() - 1] = 2 * sizes[sizes.size() - 1] + 1;
    Tensor room = zeros(sizes, t.dtype());
    Tensor view =
        t.rank() ? room.slice(-1, 1, std::numeric_limits<int64_t>::max(), 2) : room.select(0, 1);
    view.copy_(t);
    return view;
  }
  Shape reversed;
  Dims order;
  for (int k = t.rank() - 1; k >= 0; k--) {
    reversed.push_back(t.shape()[k]);
    order.push_back(k);
  }
  Tensor view = zeros(reversed, t.dtype()).permute(order);
  view.copy_(t);
  return view;
}

bool is_bit_equal(const Tensor& a, const Tensor& b) {
  Tensor x = a.contiguous(), y = b.contiguous();
  // A NaN is a NaN: its bits are no result.
  if (is_floating(a.dtype())) {
    std::vector<double> u = x.to_vector<double>(), v = y.to_vector<double>();
    for (size_t k = 0; k < u.size(); k++)
      if (!(u[k] == v[k] && std::signbit(u[k]) == std::signbit(v[k])) &&
          !(std::isnan(u[k]) && std::isnan(v[k])))
        return false;
    return true;
  }
  return x.to_vector<int64_t>() == y.to_vector<int64_t>();
}

std::string compare(const Tensor& got, const OpCase& c) {
  std::ostringstream out;
  if (got.dtype() != c.result.dtype() || got.shape() != c.result.shape()) {
    out << "wanted " << describe(c.result.impl()->meta) << ", got " << describe(got.impl()->meta);
    return out.str();
  }
  if (!is_floating(got.dtype())) {
    if (got.to_vector<int64_t>() == c.result.to_vector<int64_t>()) return "";
    out << "wanted " << c.result << ", got " << got;
    return out.str();
  }
  std::vector<double> a = got.to_vector<double>(), b = c.result.to_vector<double>();
  out.precision(17);
  for (size_t k = 0; k < a.size(); k++)
    if (!is_close(a[k], b[k], c)) {
      out << "element " << k << ": wanted " << b[k] << ", got " << a[k];
      return out.str();
    }
  return "";
}

LaidOutCall::LaidOutCall(const OpCase& c, Layout layout, bool in_place) {
  for (const Tensor& t : c.operands) {
    owned.push_back(laid_out(t, layout));
    if (in_place && owned.size() == 1 && layout == Layout::contiguous) owned[0] = owned[0].clone();
    operands.push_back(owned.back().impl());
  }
  call.op = *find_op(c.op);
  call.in_place = in_place;
  call.operands = operands;
  call.scalars = c.scalars;
  call.structure = c.structure;
  call.sizes = c.sizes;
  call.loc = &loc;
}

std::string check_case(const OpCase& c, Layout layout, bool in_place, const Gear& gear) {
  LaidOutCall laid_out(c, layout, in_place);
  try {
    Tensor got = gear(laid_out.call);
    if (!c.error.empty()) return "wanted an error, got " + got.str();
    return compare(got, c);
  } catch (const Error& e) {
    if (c.error == error_name(e.kind())) return "";
    return std::string("error of kind ") + error_name(e.kind()) + ": " + e.what();
  }
}

} // namespace weft::test
