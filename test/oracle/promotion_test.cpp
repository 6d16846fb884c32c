// The dtype of every result against PyTorch's, for pairs of dtypes, 0-d tensors and numbers: the
// table data/promotion.txt, eagerly and compiled.

#include "test/oracle/dtype_named.h"
#include "tools/common/call.h"
#include "weft/compile.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

using namespace weft;
using tools::Json;

namespace {

/// One call, and the dtype of its result: "-" where PyTorch refuses it.
struct Cell {
  std::string op, name, want;
  Json arguments;
  std::vector<Tensor> inputs;

  Tensor run() const {
    std::vector<Tensor> operands = inputs;
    if (op.ends_with('_')) operands.at(0) = operands.at(0).clone();
    return tools::call_op(op, arguments, Json::object(), operands).at(0);
  }
};

// What Weft answers and PyTorch refuses: heaviside of tensors one of which has no dims, hypot of
// integers, shifts and medians of bool, floats less bool (as in NumPy).
const std::set<std::string> kTakesMore = {
    "bitwise_left_shift", "heaviside", "hypot", "median", "sub", "sub_"};

// What Weft answers otherwise: bool to the power of a bool number is refused, as it is for tensors.
bool differs(const Cell& cell) { return cell.op.starts_with("pow") && cell.want == "bool"; }

bool is_form(const std::string& word) {
  return word == "tensor" || word == "0d" || word == "number";
}

// The argument that stands for an operand; a tensor is added to the inputs.
Json operand(const std::string& form, const std::string& dtype, std::vector<Tensor>& inputs) {
  if (form == "number") return dtype == "bool" ? Json(true) : dtype == "int" ? Json(3) : Json(2.5);
  inputs.push_back(ones(form == "tensor" ? Shape{2} : Shape{}, test::dtype_named(dtype)));
  return {{"t", inputs.size() - 1}};
}

Json with_operands(const Json& pattern, const std::map<std::string, Json>& operands) {
  if (pattern.is_string()) return operands.at(pattern);
  if (!pattern.is_array()) return pattern;
  Json all = Json::array();
  for (const Json& part : pattern)
    all.push_back(with_operands(part, operands));
  return all;
}

/// Reads the table: the calls of each op.
class Table {
public:
  Table() {
    std::ifstream file(WEFT_TEST_PROMOTION);
    std::string line, word;
    while (std::getline(file, line)) {
      std::vector<std::string> words;
      for (std::istringstream in(line); in >> word;)
        words.push_back(word);
      if (words.at(0) == "dtypes")
        dtypes_ = {words.begin() + 1, words.end()};
      else if (words[0] == "call")
        patterns_[words.at(1)] = Json::parse(words.at(2));
      else if (words[0] != "#")
        add(words);
    }
  }
  std::map<std::string, std::vector<Cell>> ops;

private:
  void add(const std::vector<std::string>& words) {
    const std::string &op = words[0], &first = words.at(1);
    if (!is_form(words.at(2))) {
      for (size_t k = 0; k < dtypes_.size(); k++)
        add(op, {first}, {dtypes_[k]}, words.at(2 + k));
      return;
    }
    const std::vector<std::string> numbers = {"bool", "int", "double"};
    const std::vector<std::string>& others = words[2] == "number" ? numbers : dtypes_;
    for (size_t k = 0; k < others.size(); k++)
      add(op, {first, words[2]}, {words.at(3), others[k]}, words.at(4 + k));
  }
  void add(const std::string& op, const std::vector<std::string>& forms,
           const std::vector<std::string>& dtypes, const std::string& want) {
    Cell cell{op, op, want, {}, {}};
    std::map<std::string, Json> operands;
    Json pattern = Json::array();
    for (size_t k = 0; k < forms.size(); k++) {
      const std::string letter(1, static_cast<char>('A' + k));
      operands[letter] = operand(forms[k], dtypes[k], cell.inputs);
      pattern.push_back(letter);
      cell.name += " " + forms[k] + " " + dtypes[k];
    }
    if (auto it = patterns_.find(op); it != patterns_.end()) pattern = it->second;
    if (pattern.dump().find('C') != std::string::npos)
      operands["C"] = operand("tensor", "bool", cell.inputs);
    cell.arguments = with_operands(pattern, operands);
    ops[op].push_back(std::move(cell));
  }

  std::vector<std::string> dtypes_;
  std::map<std::string, Json> patterns_;
};

const Table& table() {
  static const Table all;
  return all;
}

bool is_answered(const Cell& cell) { return cell.want != "-" && !differs(cell); }

std::string outcome(const Cell& cell) {
  try {
    return std::string(name_of(cell.run().dtype()));
  } catch (const Error&) {
    return "-";
  }
}

// Every `step`th call of an op in one region, whose second call runs its kernels.
void check_compiled(const std::string& op, size_t step) {
  std::vector<const Cell*> cells;
  for (const Cell& cell : table().ops.at(op))
    if (is_answered(cell)) cells.push_back(&cell);
  std::vector<Tensor> results(cells.size());
  auto run = compile([&] {
    for (size_t k = 0; k < cells.size(); k += step)
      results[k] = cells[k]->run();
  });
  run();
  const std::vector<Tensor> eager = results;
  run();
  INFO(run.explain());
  CHECK(run.stats().divergences == 0);
  CHECK(run.stats().eager_segments == 0);
  for (size_t k = 0; k < cells.size(); k += step) {
    INFO(cells[k]->name);
    CHECK(name_of(results[k].dtype()) == cells[k]->want);
    CHECK(allclose(results[k].to(f64), eager[k].to(f64), 0, 0, true));
  }
}

} // namespace

TEST_CASE("results have the dtypes that PyTorch gives them", "[promotion]") {
  CHECK(table().ops.size() >= 80);
  for (const auto& [op, cells] : table().ops)
    for (const Cell& cell : cells) {
      INFO(cell.name);
      if (cell.want == "-" && kTakesMore.contains(op)) continue;
      CHECK((outcome(cell) == cell.want) != differs(cell));
    }
}

// 7 has no divisor in common with the 10 dtypes and the 3 kinds of numbers.
TEST_CASE("some compiled results have the dtypes that PyTorch gives them", "[promotion]") {
  for (const auto& [op, cells] : table().ops)
    check_compiled(op, cells.size() > 20 ? 7 : 1);
}

TEST_CASE("all compiled results have the dtypes that PyTorch gives them", "[.whole]") {
  for (const auto& [op, cells] : table().ops)
    check_compiled(op, 1);
}
