// A program as C++: repro_support.h, the statements, and a main that compares.

#include "test/fuzz/execute.h"
#include "test/fuzz/op_rows.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

namespace fuzz {

namespace {

constexpr const char* kFills[] = {"integers", "reals", "specials", "zeros", "ones"};
constexpr const char* kLayouts[] = {"plain", "transposed", "spaced", "shifted"};
constexpr const char* kReduces[] = {"none", "mean", "sum", "batchmean"};
constexpr const char* kWays[] = {"plain",  "generic", "specialised", "deterministic", "background",
                                 "nested", "threads", "evicted",     "pure",          "frugal"};
constexpr const char* kElements[] = {"any", "unit", "index", "wrapped"};

std::string dtype_name(int64_t t) {
  const auto dtype = static_cast<DType>(t);
  return dtype == boolean ? "boolean" : std::string(name_of(dtype));
}

class Printer {
public:
  Printer(const Program& program, Relation relation) : program_(program), relation_(relation) {
    for (const Round& round : program.rounds) { // which statements run in which call
      Run run(program, round);
      for (size_t k = 0; k < program.statements.size(); k++)
        run.decide(program, round, k);
      ran_.push_back(run.ran);
    }
  }

  std::string print(const std::string& what) {
    text_ = "// " + what + "\n// Found by fuzz-programs, seed " + std::to_string(program_.seed) +
            ", in the way \"" + kWays[static_cast<int>(program_.way)] +
            "\", and shrunk. Exits with 1 where the two runs differ.\n" + support() + "\n";
    text_ += "using namespace fuzz;\n\n";
    text_ += fmt::format("const Device kDevice = Device::{}();\n\n", name_of(program_.device.type));
    values();
    inputs();
    const size_t n = program_.statements.size();
    const size_t at = program_.split < 0 ? n : static_cast<size_t>(program_.split);
    part("first_part", 0, at);
    part("second_part", at, n);
    main_function();
    return text_;
  }

private:
  static std::string support() {
    std::ifstream file(WEFT_FUZZ_SUPPORT);
    std::stringstream text;
    text << file.rdbuf();
    std::string s = text.str();
    return s.substr(s.find("#include"));
  }

  std::string name(int value) const {
    const auto inputs = static_cast<int>(program_.inputs.size());
    return value < inputs ? fmt::format("v.x{}", value) : fmt::format("v.v{}", value - inputs);
  }

  void values() {
    std::vector<std::string> names;
    for (size_t k = 0; k < program_.value_count(); k++)
      names.push_back(name(static_cast<int>(k)).substr(2));
    text_ += fmt::format("struct Values {{\n  Tensor {};\n}};\n\n", fmt::join(names, ", "));
    for (std::string& n : names)
      n = "&Values::" + n;
    text_ += fmt::format("Tensor Values::*const kAll[] = {{{}}};\n\n", fmt::join(names, ", "));
    text_ += "const Round kRounds[] = {\n";
    for (const Round& r : program_.rounds)
      text_ += fmt::format("    {{{}, {}, {}, {}, {}, {}}},\n", r.n, r.m, r.seed, r.shift,
                           r.aliasing, r.flags);
    text_ += "};\n\n";
  }

  void inputs() {
    text_ +=
        "Values make_inputs(const Round& r, Tensor (*change)(const Tensor&), Device device) {\n"
        "  const DeviceScope scope(device);\n  Values v;\n";
    for (size_t k = 0; k < program_.inputs.size(); k++) {
      const Input& in = program_.inputs[k];
      std::vector<std::string> dims;
      for (char c : in.shape)
        dims.push_back(c == '1' ? "1" : fmt::format("r.{}", c));
      const std::string x = name(static_cast<int>(k));
      text_ += fmt::format("  {} = make_input(Shape{{{}}}, {}, Fill::{}, r.seed + {});\n", x,
                           fmt::join(dims, ", "), dtype_name(static_cast<int64_t>(in.dtype)),
                           kFills[static_cast<int>(in.fill)], k);
      text_ +=
          fmt::format("  {0} = arrange((change ? change({0}) : {0}).to(device), Layout::{1});\n", x,
                      kLayouts[static_cast<int>(in.layout)]);
      if (k == 1)
        text_ += "  [[maybe_unused]] const bool overlaps = overlap(v.x0, v.x1, r.aliasing);\n";
      if (in.requires_grad)
        text_ += fmt::format("  {0}{1} = {1}.detach().requires_grad_();\n",
                             k == 1 ? "if (!overlaps) " : "", x);
    }
    text_ += "  manual_seed(r.seed);\n  return v;\n}\n\n";
  }

  std::string argument(const Argument& a) const {
    switch (a.kind) {
    case Argument::tensor:
      return name(a.values[0]);
    case Argument::tensors: {
      std::vector<std::string> list;
      for (int v : a.values)
        list.push_back(name(v));
      return fmt::format("{{{}}}", fmt::join(list, ", "));
    }
    case Argument::number:
    case Argument::real:
      if (a.scalar.kind == Scalar::Kind::boolean) return a.scalar.i ? "true" : "false";
      if (a.scalar.kind == Scalar::Kind::integer) return std::to_string(a.scalar.i);
      return fmt::format("({} + r.shift)", a.scalar.f);
    case Argument::integer:
      return std::to_string(a.numbers[0]);
    case Argument::flag:
      return a.numbers[0] ? "true" : "false";
    case Argument::integers:
      return fmt::format("{{{}}}", fmt::join(a.numbers, ", "));
    case Argument::sizes:
      return sizes(a.dims);
    case Argument::halves: {
      std::vector<double> list;
      for (int64_t half : a.numbers)
        list.push_back(static_cast<double>(half) * 0.5);
      return fmt::format("std::vector<double>{{{}}}", fmt::join(list, ", "));
    }
    case Argument::text:
      return fmt::format("\"{}\"", a.word);
    case Argument::dtype:
      return dtype_name(a.numbers[0]);
    case Argument::reduce:
      return std::string("Reduce::") + kReduces[a.numbers[0]];
    case Argument::absent:
      return "{}";
    }
    return {};
  }

  static std::string sizes(const Sizes& dims) {
    std::vector<std::string> list;
    for (const Size& size : dims)
      list.push_back(size.letter == '1' ? std::to_string(size.factor)
                     : size.factor == 1 ? fmt::format("r.{}", size.letter)
                                        : fmt::format("{} * r.{}", size.factor, size.letter));
    return fmt::format("{{{}}}", fmt::join(list, ", "));
  }

  std::string fit(const Statement& s) const {
    const std::vector<int64_t>& rest = s.arguments[2].numbers;
    return fmt::format("fit({}, {}, {}, Elements::{}, {})", name(s.arguments[0].values[0]),
                       sizes(s.arguments[1].dims), dtype_name(rest[0]),
                       kElements[static_cast<size_t>(rest[1])], rest[2]);
  }

  std::string call(const Statement& s) const {
    std::vector<std::string> list;
    for (const Argument& a : s.arguments)
      list.push_back(argument(a));
    const OpRow& row = op_rows()[static_cast<size_t>(s.row)];
    if (row.writes()) {
      const std::string self = list[0];
      list.erase(list.begin());
      return fmt::format("{}.{}({})", self, row.name, fmt::join(list, ", "));
    }
    const std::string text = fmt::format("weft::{}({})", row.name, fmt::join(list, ", "));
    if (row.answers()) return fmt::format("placed(tensor({}))", text);
    if (row.returns != std::string_view("Tensor"))
      return fmt::format("nth({}, {})", text, s.result);
    return s.takes_numbers_alone() ? fmt::format("placed({})", text) : text;
  }

  std::string statement(size_t k) const {
    const Statement& s = program_.statements[k];
    const auto value = [&](size_t a) { return name(s.arguments[a].values[0]); };
    switch (s.kind) {
    case Statement::call:
      return fmt::format("{} = {};", name(program_.value_of(k)), call(s));
    case Statement::fit:
      return fmt::format("{} = {};", name(program_.value_of(k)), fit(s));
    case Statement::assign:
      return fmt::format("{}.copy_({});", value(0), value(1));
    case Statement::drop:
      return fmt::format("{} = {{}};", value(0));
    case Statement::read:
      return fmt::format("(void){}.to_vector<double>();", value(0));
    case Statement::backward:
      return fmt::format("sum({}).backward({{}}, true);", value(0));
    case Statement::train: {
      std::vector<std::string> steps;
      for (size_t input = 0; input < program_.inputs.size(); input++)
        steps.push_back(fmt::format("train({});", name(static_cast<int>(input))));
      return fmt::format("{{ {} }}", fmt::join(steps, " "));
    }
    }
    return {};
  }

  void part(const char* function, size_t from, size_t to) {
    text_ += fmt::format("void {}([[maybe_unused]] Values& v, [[maybe_unused]] const Round& r) {{\n"
                         "  [[maybe_unused]] const auto call = &r - kRounds;\n",
                         function);
    for (size_t k = from; k < to; k++) {
      std::vector<std::string> calls;
      for (size_t r = 0; r < ran_.size(); r++)
        if (ran_[r][k]) calls.push_back(fmt::format("call == {}", r));
      if (calls.empty()) continue;
      const std::string guard =
          calls.size() == ran_.size() ? "" : fmt::format("if ({}) ", fmt::join(calls, " || "));
      text_ += "  " + guard + statement(k) + "\n";
    }
    text_ += "}\n\n";
  }

  void main_function() {
    switch (relation_) {
    case Relation::gears:
      return gears();
    case Relation::halves:
      return halves();
    case Relation::scaled:
      return scaled();
    }
  }

  /// The functions that main calls, as `ways` makes them (ways.cpp).
  std::string functions() const {
    switch (program_.way) {
    case Way::plain:
    case Way::evicted: // in the process that found it: run this without a cache
      return "  auto first = compile(first_part);\n  auto second = compile(second_part);\n";
    case Way::generic:
      return with_options("options.sizes = CompileOptions::Sizes::generic;");
    case Way::specialised:
      return with_options("options.sizes = CompileOptions::Sizes::specialise;");
    case Way::deterministic:
      return with_options("options.deterministic = true;");
    case Way::background:
      return with_options("options.background = true;");
    case Way::threads: // both call what main calls
      return "  auto first = compile(first_part);\n  auto second = compile(second_part);\n";
    case Way::nested:
      return "  auto inner_first = compile(first_part);\n"
             "  auto inner_second = compile(second_part);\n"
             "  auto first = compile([&](Values& v, const Round& r) {\n"
             "    inner_first(v, r);\n    inner_second(v, r);\n  });\n"
             "  auto second = [](Values&, const Round&) {};\n";
    case Way::pure:
      return pure();
    case Way::frugal:
      return with_options("options.memory_budget = 1;");
    }
    return {};
  }

  static std::string with_options(const std::string& line) {
    return "  CompileOptions options;\n  " + line +
           "\n  auto first = compile(first_part, options);\n"
           "  auto second = compile(second_part, options);\n";
  }

  std::string pure() const {
    return fmt::format(R"(  CompileOptions options;
  options.pure = true;
  auto whole = compile(
      [](const std::vector<Tensor>& inputs, size_t round) {{
        Values v;
        for (size_t k = 0; k < inputs.size(); k++)
          v.*kAll[k] = inputs[k];
        first_part(v, kRounds[round]);
        second_part(v, kRounds[round]);
        std::vector<Tensor> all;
        for (const auto member : kAll)
          all.push_back(v.*member);
        return all;
      }},
      options);
  auto first = [&](Values& v, const Round& r) {{
    std::vector<Tensor> inputs;
    for (size_t k = 0; k < {}; k++)
      inputs.push_back(v.*kAll[k]);
    const std::vector<Tensor> all = whole(inputs, static_cast<size_t>(&r - kRounds));
    for (size_t k = 0; k < std::size(kAll); k++)
      v.*kAll[k] = all[k];
  }};
  auto second = [](Values&, const Round&) {{}};
)",
                       program_.inputs.size());
  }

  // What one call of a round is compared by.
  std::string turn() const {
    const bool in_threads = program_.way == Way::threads;
    return fmt::format(R"(    Values want = make_inputs(r, nullptr, Device::cpu());
    const std::string want_error = run(want, r, first_part, second_part);
    const auto check = [&] {{
      const DeviceScope scope(kDevice);
      Values got = make_inputs(r, nullptr, kDevice);
      const std::string got_error = run(got, r, first, second);
      if (want_error != got_error)
        std::printf("call %d: error \"%s\" for \"%s\"\n", int(&r - kRounds), got_error.c_str(),
                    want_error.c_str()), differences++;
      for (size_t k = 0; k < std::size(kAll); k++) {{
        const Tensor &a = want.*kAll[k], &b = got.*kAll[k];
        std::string text = difference(a, b);
        if (text.empty() && a.defined()) text = difference(a.grad(), b.grad());
        if (text.empty()) continue;
        std::printf("call %d, value %zu %s\n", int(&r - kRounds), k, text.c_str());
        differences++;
      }}
    }};
    for (int turn = 0; turn < {}; turn++) {{
      {}check();{}{}
    }}
)",
                       program_.way == Way::pure         ? 5
                       : program_.way == Way::background ? 3
                                                         : 1,
                       in_threads ? "std::thread other(check);\n      " : "",
                       in_threads ? "\n      other.join();" : "",
                       program_.way == Way::background ? "\n      wait_for_compiles();" : "");
  }

  void gears() {
    const std::string loss = program_.loss < 0
                                 ? ""
                                 : fmt::format("    if ({0}.defined() && {0}.requires_grad()) "
                                               "sum({0}).backward();\n",
                                               name(program_.loss));
    text_ += fmt::format(R"(template <class First, class Second>
std::string run(Values& v, const Round& r, First&& first, Second&& second) {{
  try {{
    first(v, r);
    second(v, r);
{}    synchronize(kDevice);
  }} catch (const Error& e) {{
    return e.what();
  }}
  return {{}};
}}

int main() {{
{}  std::atomic<int> differences{{0}};
  for (const Round& r : kRounds) {{
{}  }}
  return differences != 0;
}}
)",
                         loss, functions(), turn());
  }

  static constexpr const char* kCompiledRun =
      R"(Values compiled_run(Tensor (*change)(const Tensor&)) {
  auto body = compile(first_part);
  const DeviceScope scope(kDevice);
  Values v;
  for (int k = 0; k < 3; k++) {
    v = make_inputs(kRounds[0], change, kDevice);
    body(v, kRounds[0]);
  }
  return v;
}

Tensor on_cpu(const Tensor& t) { return t.detach().to(Device::cpu()); }

int report(size_t k, const std::string& text) {
  if (!text.empty()) std::printf("value %zu %s\n", k, text.c_str());
  return !text.empty();
}

)";

  void halves() {
    text_ += kCompiledRun;
    text_ += R"(Tensor upper(const Tensor& t) { return slice(t, 0, 0, t.size(0) / 2); }
Tensor lower(const Tensor& t) { return slice(t, 0, t.size(0) / 2); }

int main() {
  Values eager = make_inputs(kRounds[0], nullptr, Device::cpu());
  first_part(eager, kRounds[0]);
  const Values whole = compiled_run(nullptr), a = compiled_run(upper), b = compiled_run(lower);
  int differences = 0;
  for (size_t k = 0; k < std::size(kAll); k++) {
    if (!(eager.*kAll[k]).defined()) continue;
    differences += report(k, difference(eager.*kAll[k], whole.*kAll[k]));
    const Tensor joined = concatenate({on_cpu(a.*kAll[k]), on_cpu(b.*kAll[k])}, 0);
    differences += report(k, difference(eager.*kAll[k], joined));
  }
  return differences != 0;
}
)";
  }

  void scaled() {
    text_ += kCompiledRun;
    text_ += R"(Tensor by_4(const Tensor& t) {
  return t.dtype() == boolean ? t : (t.detach() * 4.0).to(t.dtype());
}

int main() {
  Values eager = make_inputs(kRounds[0], nullptr, Device::cpu());
  Values eager_scaled = make_inputs(kRounds[0], by_4, Device::cpu());
  first_part(eager, kRounds[0]);
  first_part(eager_scaled, kRounds[0]);
  const Values plain = compiled_run(nullptr), scaled = compiled_run(by_4);
  int differences = 0;
  for (size_t k = 0; k < std::size(kAll); k++) {
    const Tensor &a = eager.*kAll[k], &b = eager_scaled.*kAll[k];
    if (!a.defined() || !b.defined()) continue;
    const Tensor p = on_cpu(plain.*kAll[k]);
    if (difference(by_4(a), b).empty())
      differences += report(k, difference(by_4(p), scaled.*kAll[k]));
    else if (difference(a, b).empty())
      differences += report(k, difference(p, scaled.*kAll[k]));
  }
  return differences != 0;
}
)";
  }

  const Program& program_;
  Relation relation_;
  std::vector<std::vector<uint8_t>> ran_;
  std::string text_;
};

} // namespace

std::string print(const Program& program, Relation relation, const std::string& what) {
  return Printer(program, relation).print(what);
}

} // namespace fuzz
