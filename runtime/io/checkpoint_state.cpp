#include "runtime/io/checkpoint_state.h"

#include "runtime/io/format_error.h"
#include "runtime/io/in_quotes.h"
#include "runtime/io/json.h"

#include <fmt/format.h>

namespace weft {

namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;
constexpr const char* kWhat = "the checkpoint's state";

[[noreturn]] void refuse(const std::string& must, const std::string& got) {
  throw FormatError(fmt::format("{} must {}, got {}", kWhat, must, got));
}

const Json& member(const Json& object, const char* key) {
  auto it = object.find(key);
  if (it == object.end()) refuse(fmt::format("have {}", key), "none");
  return *it;
}

/// Reads a number that is not negative.
template <class T> T number(const Json& object, const char* key) {
  const Json& v = member(object, key);
  if (!v.is_number_unsigned() || v.get<uint64_t>() > uint64_t{std::numeric_limits<T>::max()})
    refuse(fmt::format("have a whole number {}", key), in_quotes(v.dump()));
  return v.get<T>();
}

} // namespace

std::string print_checkpoint_state(const CheckpointState& state) {
  const std::pair<const char*, int64_t> counts[] = {
      {"step", state.step}, {"epoch", state.epoch}, {"batch", state.batch}};
  Json json = {{"version", kVersion}, {"seed", state.seed}, {"counter", state.counter}};
  for (const auto& [key, value] : counts) {
    if (value < 0) refuse(fmt::format("have a {} from 0 on", key), std::to_string(value));
    json[key] = value;
  }
  json["notes"] = Json::object();
  for (const auto& [key, value] : state.notes) {
    print_json_text(key), print_json_text(value); // throws where a text is not UTF-8
    json["notes"][key] = value;
  }
  std::string text = json.dump();
  if (text.size() > kMostJsonBytes)
    refuse(fmt::format("have at most {} bytes", kMostJsonBytes), std::to_string(text.size()));
  return text;
}

CheckpointState parse_checkpoint_state(std::string_view text) {
  Json json = parse_json(text, kWhat);
  if (!json.is_object()) refuse("be a JSON object", in_quotes(text));
  if (auto version = number<int>(json, "version"); version != kVersion)
    throw FormatError(fmt::format("{} must have version {}, got {}", kWhat, kVersion, version),
                      FormatError::Kind::unsupported);
  CheckpointState state;
  state.step = number<int64_t>(json, "step");
  state.epoch = number<int64_t>(json, "epoch");
  state.batch = number<int64_t>(json, "batch");
  state.seed = number<uint64_t>(json, "seed");
  state.counter = number<uint64_t>(json, "counter");
  const Json& notes = member(json, "notes");
  if (!notes.is_object()) refuse("have notes", in_quotes(notes.dump()));
  for (const auto& [key, value] : notes.items()) {
    if (!value.is_string()) refuse("have texts as notes", in_quotes(value.dump()));
    state.notes[key] = value.get<std::string>();
  }
  return state;
}

} // namespace weft
