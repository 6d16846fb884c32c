// Device C on its way to kernels that a driver can launch: from the cache where the driver's binary
// is there, else compiled, several programs as one source. Compiling is what takes time: so it
// happens when launches can wait no longer, for all that is missing at once.
#pragma once

#include "runtime/device/backend.h"
#include "runtime/program/hash.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::device {

/// The kernels of one program on one device.
struct DriverCode {
  std::string source;
  std::vector<std::string> names; // of its kernels
  std::vector<std::string> ops;   // that each computes, for messages
  std::vector<Kernel*> kernels;   // in the same order, once it is ready
  std::shared_ptr<Module> module; // keeps them
  bool is_ready() const { return !kernels.empty(); }
};

/// All code of one device. Not safe for concurrent calls, but for save().
class CodeStore {
public:
  explicit CodeStore(Backend& backend) : backend_(backend) {}

  /// Makes programs ready. Throws Error (internal) with the driver's log.
  void make_ready(const std::vector<std::shared_ptr<DriverCode>>& wanted);

  /// Modules whose binaries the cache does not hold yet; the caller saves them once they ran, since
  /// some drivers finish their code at the first launch.
  struct Unsaved {
    std::shared_ptr<Module> module;
    Hash128 key;                                         // of the binary
    std::vector<std::pair<Hash128, std::string>> places; // a program's key, its kernels' prefix
  };
  std::vector<Unsaved> take_unsaved() { return std::move(unsaved_); }
  bool has_unsaved() const { return !unsaved_.empty(); }
  static void save(const std::vector<Unsaved>& modules);

  int64_t builds = 0, loads = 0; // so far

private:
  Hash128 key_of(const std::string& source) const;
  bool load(DriverCode& code);
  void build(const std::vector<std::shared_ptr<DriverCode>>& codes);
  static void resolve(DriverCode& code, std::shared_ptr<Module> module, const std::string& prefix);

  Backend& backend_;
  std::map<Hash128, std::weak_ptr<Module>> modules_; // by key of the binary
  std::vector<Unsaved> unsaved_;
};

} // namespace weft::device
