// The page is data as JSON and the scripts of page/ that draw it. Texts of the user reach the page
// as JSON only, and the scripts set them as text, so nothing in them is markup.
#include "tools/weft-inspect/page.h"

#include "runtime/program/size_expression.h"
#include "tools/weft-inspect/page_assets.h"
#include "tools/weft-inspect/report.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <set>

namespace weft::tools {

namespace {

using Json = nlohmann::json;

constexpr uint32_t kContext = 3; // lines of source around those that hold ops

Json text_of(const Segment& s) {
  Json ops = Json::array();
  for (const SegmentOp& op : s.ops) {
    std::string attributes;
    for (int64_t v : op.structure)
      attributes += (attributes.empty() ? "" : ", ") + std::to_string(v);
    Json row = {{"name", op.op + (op.in_place ? "_" : "")},
                {"operands", op.operands},
                {"result", op.result},
                {"writes", op.in_place},
                {"attributes", attributes}};
    bool known = op.location >= 0 && static_cast<size_t>(op.location) < s.locations.size();
    if (known && s.locations[op.location].line) {
      const SourceLine& l = s.locations[op.location];
      row["at"] = {{"file", l.file}, {"line", l.line}, {"function", l.function}};
    }
    ops.push_back(row);
  }
  return ops;
}

Json values_of(const Segment& s) {
  std::set<int32_t> outputs(s.outputs.begin(), s.outputs.end());
  Json values = Json::array();
  for (size_t k = 0; k < s.values.size(); k++)
    values.push_back({{"text", describe(s, static_cast<int32_t>(k))},
                      {"base", s.values[k].base},
                      {"leaf", s.values[k].is_leaf},
                      {"output", outputs.count(static_cast<int32_t>(k)) > 0}});
  return values;
}

/// Lines of each file that hold ops, with those around them.
Json sources_of(const Segment& s) {
  std::map<std::string, std::set<uint32_t>> wanted;
  for (const SegmentOp& op : s.ops) {
    if (op.location < 0 || static_cast<size_t>(op.location) >= s.locations.size()) continue;
    const SourceLine& l = s.locations[op.location];
    for (uint32_t k = l.line > kContext ? l.line - kContext : 1; l.line && k <= l.line + kContext;
         k++)
      wanted[l.file].insert(k);
  }
  Json files = Json::array();
  for (const auto& [name, lines] : wanted) {
    std::ifstream file(name);
    std::string text;
    Json rows = Json::array();
    for (uint32_t k = 1; k <= *lines.rbegin() && std::getline(file, text); k++)
      if (lines.count(k)) rows.push_back({k, text});
    files.push_back({{"file", name}, {"lines", rows}});
  }
  return files;
}

/// Values of the program's expressions, where they depend on no size of a call.
std::vector<int64_t> values_of(const Program& p) {
  if (!p.symbols.empty()) return {};
  std::vector<int64_t> values(p.exprs.size());
  evaluate_expressions(p.exprs, {}, values.data());
  return values;
}

class ProgramData {
public:
  explicit ProgramData(const Collected& c) : c_(c), p_(c.program), values_(values_of(c.program)) {}

  Json run() const {
    const CompileReport& r = c_.report;
    return {{"process", c_.process},
            {"from", name_of(r.source)},
            {"ms", r.total_ms},
            {"failure", r.failure},
            {"note", r.cache_note},
            {"generic", c_.segment.generic},
            {"runs", c_.times.runs},
            {"ops", text_of(c_.segment)},
            {"values", values_of(c_.segment)},
            {"sources", sources_of(c_.segment)},
            {"kernels", kernels()},
            {"launches", launches()},
            {"buffers", buffers()},
            {"arena", number(p_.arena_bytes)},
            {"stages", stages(-1)},
            {"remarks", remarks()},
            {"steps", steps()}};
  }

private:
  Json number(int32_t e) const {
    if (e < 0 || values_.empty()) return nullptr;
    return values_[static_cast<size_t>(e)];
  }

  Json stages(int32_t kernel) const {
    Json list = Json::array();
    for (const ProgramStage& s : p_.stages)
      if (s.kernel == kernel)
        list.push_back({{"name", s.stage}, {"text", s.text}, {"ops", s.line_ops}});
    return list;
  }

  Json kernels() const {
    Json list = Json::array();
    for (size_t k = 0; k < p_.kernels.size(); k++)
      list.push_back({{"symbol", p_.kernels[k].symbol},
                      {"summary", p_.kernels[k].summary},
                      {"routine", p_.kernels[k].routine.has_value()},
                      {"ops", ops_of(p_, k)},
                      {"stages", stages(static_cast<int32_t>(k))}});
    return list;
  }

  Json launches() const {
    Json list = Json::array();
    for (size_t k = 0; k < p_.launches.size(); k++) {
      const ProgramLaunch& l = p_.launches[k];
      Json row = {{"kernel", l.kernel}, {"ops", l.ops}, {"buffers", l.buffers}, {"us", nullptr}};
      if (c_.times.runs && k < c_.times.nanoseconds.size())
        row["us"] = 1e-3 * static_cast<double>(c_.times.nanoseconds[k]) /
                    static_cast<double>(c_.times.runs);
      for (const ProgramPhase& phase : l.phases)
        row["phases"].push_back({{"chunks", number(phase.chunks)},
                                 {"bytes", number(phase.bytes)},
                                 {"flops", number(phase.flops)}});
      list.push_back(row);
    }
    return list;
  }

  Json buffers() const {
    constexpr const char* kinds[] = {"leaf", "output", "temporary"};
    Json list = Json::array();
    for (const ProgramBuffer& b : p_.buffers)
      list.push_back({{"kind", kinds[static_cast<int>(b.kind)]},
                      {"index", b.index},
                      {"offset", number(b.offset)},
                      {"host", b.host},
                      {"bytes", number(b.bytes)}});
    return list;
  }

  Json remarks() const {
    Json list = Json::array();
    for (const ProgramRemark& m : p_.remarks)
      list.push_back({{"words", words_of(m.kind)},
                      {"op", m.op},
                      {"at", m.position},
                      {"other", m.other},
                      {"other_at", m.other_position},
                      {"reason", m.reason},
                      {"text", m.text}});
    return list;
  }

  Json steps() const {
    Json list = Json::array();
    for (const CompileStep& s : c_.report.steps)
      list.push_back({{"name", s.name}, {"kernel", s.kernel}, {"start", s.start_ms}, {"ms", s.ms}});
    return list;
  }

  const Collected& c_;
  const Program& p_;
  std::vector<int64_t> values_;
};

/// JSON that a script element may hold: no "</script>" ends it early.
std::string embedded(const Json& data) {
  std::string text = data.dump(-1, ' ', true, Json::error_handler_t::replace), safe;
  for (char c : text)
    if (c == '<' || c == '>' || c == '&')
      safe += fmt::format("\\u{:04x}", static_cast<int>(c));
    else
      safe += c;
  return safe;
}

} // namespace

std::string page(const std::vector<Collected>& all) {
  Json data = Json::array();
  for (const Collected& c : all)
    data.push_back(ProgramData(c).run());
  std::string html = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                     "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                     "<title>Weft programs</title>\n<style>\n";
  html += kPageStyle;
  html += "</style>\n</head>\n<body>\n<script type=\"application/json\" id=\"data\">";
  html += embedded(data);
  html += "</script>\n<script>\n\"use strict\";\n";
  html += kPageScript;
  html += "</script>\n</body>\n</html>\n";
  return html;
}

} // namespace weft::tools
