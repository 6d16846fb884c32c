#include "runtime/device/driver_code.h"

#include "runtime/program/compile_service.h"
#include "runtime/program/program_store.h"

namespace weft::device {

namespace {

// Two kinds of entries in the program cache: a driver's binary as the code of an empty program, and
// for each program in it one without code, whose target says where its kernels are.
std::string place_text(const Hash128& binary, const std::string& prefix) {
  return binary.hex() + prefix;
}

std::string prefix_of(size_t k) { return "p" + std::to_string(k) + "_"; }

} // namespace

Hash128 CodeStore::key_of(const std::string& source) const {
  const DeviceInfo& i = backend_.info();
  return hash_bytes(std::string(backend_.language()) + "\n" + i.name + "\n" + i.driver + "\n" +
                    std::to_string(kProgramVersion) + "\n" + source);
}

void CodeStore::resolve(DriverCode& code, std::shared_ptr<Module> module,
                        const std::string& prefix) {
  std::vector<Kernel*> kernels;
  for (const std::string& name : code.names)
    kernels.push_back(&module->kernel(prefix + name));
  code.module = std::move(module);
  code.kernels = std::move(kernels);
  code.source = {};
}

bool CodeStore::load(DriverCode& code) {
  std::shared_ptr<ProgramStore> store = program_store();
  if (!store) return false;
  std::string note;
  auto place = store->find(key_of(code.source), note);
  if (!place || place->program.target.size() < 32) return false;
  const std::string& text = place->program.target;
  auto key = Hash128::from_hex(text.substr(0, 32));
  if (!key) return false;
  std::shared_ptr<Module> module = modules_[*key].lock();
  if (!module) {
    auto binary = store->find(*key, note);
    if (binary) module = backend_.load(binary->read_code());
    if (!module) return false;
    modules_[*key] = module;
    loads++;
  }
  try {
    resolve(code, std::move(module), text.substr(32));
  } catch (const Error&) {
    return false; // built anew
  }
  return true;
}

void CodeStore::build(const std::vector<std::shared_ptr<DriverCode>>& codes) {
  std::string source;
  Unsaved added;
  for (size_t k = 0; k < codes.size(); k++) {
    std::string after;
    for (const std::string& name : codes[k]->names) {
      source += "#define " + name + " " + prefix_of(k) + name + "\n";
      after += "#undef " + name + "\n";
    }
    source += codes[k]->source + after;
    added.places.emplace_back(key_of(codes[k]->source), prefix_of(k));
  }
  added.key = key_of(source);
  added.module = backend_.build(source);
  builds++;
  for (size_t k = 0; k < codes.size(); k++)
    resolve(*codes[k], added.module, prefix_of(k));
  modules_[added.key] = added.module;
  unsaved_.push_back(std::move(added));
}

void CodeStore::make_ready(const std::vector<std::shared_ptr<DriverCode>>& wanted) {
  std::vector<std::shared_ptr<DriverCode>> missing;
  for (const std::shared_ptr<DriverCode>& code : wanted)
    if (!code->is_ready() && !load(*code)) missing.push_back(code);
  if (!missing.empty()) build(missing);
}

void CodeStore::save(const std::vector<Unsaved>& modules) {
  std::shared_ptr<ProgramStore> store = program_store();
  if (!store || !store->refusal().empty()) return;
  for (const Unsaved& m : modules) {
    Program binary;
    binary.code = m.module->binary();
    if (binary.code.empty()) continue;
    std::string note;
    store->put(m.key, binary, note);
    for (const auto& [key, prefix] : m.places) {
      Program place;
      place.target = place_text(m.key, prefix);
      store->put(key, place, note);
    }
  }
}

} // namespace weft::device
