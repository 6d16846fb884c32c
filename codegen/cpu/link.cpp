// Objects to shared object by lld in process. lld works on files: they live in a private folder
// that goes with the call.
#include "codegen/cpu/emit.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <unistd.h>

LLD_HAS_DRIVER(elf)

namespace weft::cpu {
namespace {

llvm::Error ioError(const llvm::Twine& what, std::error_code code) {
  return llvm::createStringError("link: " + what + ", got " + code.message());
}

/// A folder that only this user enters, removed with its files.
struct PrivateFolder {
  llvm::SmallString<128> path, output;
  std::vector<std::string> inputs;

  llvm::Error create() {
    // Memory, not disk, where there is such a place.
    llvm::SmallString<128> shared("/dev/shm");
    if (access(shared.c_str(), W_OK | X_OK) != 0)
      llvm::sys::path::system_temp_directory(true, shared);
    llvm::sys::path::append(shared, "weft-link-XXXXXX");
    if (!mkdtemp(const_cast<char*>(shared.c_str())))
      return ioError("a folder for temporary files must be creatable",
                     std::error_code(errno, std::generic_category()));
    path = output = shared;
    llvm::sys::path::append(output, "kernels.so");
    return llvm::Error::success();
  }
  llvm::Error add(llvm::StringRef object) {
    inputs.push_back((path + "/kernels" + llvm::Twine(inputs.size()) + ".o").str());
    std::error_code code;
    llvm::raw_fd_ostream file(inputs.back(), code, llvm::sys::fs::CD_CreateNew);
    if (!code) file << object;
    file.close();
    if (!code && !file.has_error()) return llvm::Error::success();
    if (!code) code = file.error();
    file.clear_error();
    return ioError("the temporary object must be writable", code);
  }
  ~PrivateFolder() {
    if (path.empty()) return;
    for (const std::string& input : inputs)
      llvm::sys::fs::remove(input);
    llvm::sys::fs::remove(output);
    llvm::sys::fs::remove(path);
  }
};

} // namespace

llvm::Expected<std::string> linkSharedObject(llvm::ArrayRef<std::string> objects) {
  // lld keeps global state.
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  static bool is_broken = false;
  if (is_broken) return llvm::createStringError("link: lld must not run again after a crash");
  PrivateFolder folder;
  if (llvm::Error error = folder.create()) return error;
  for (const std::string& object : objects)
    if (llvm::Error error = folder.add(object)) return error;
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  std::vector<const char*> arguments = {"ld.lld",
                                        "-shared",
                                        "--no-undefined",
                                        "--threads=1",
                                        "--build-id=none",
                                        "--hash-style=gnu",
                                        "-z",
                                        "noexecstack",
                                        "-z",
                                        "relro",
                                        "-z",
                                        "now",
                                        "--no-rosegment",
                                        "-o",
                                        folder.output.c_str()};
  for (const std::string& input : folder.inputs)
    arguments.push_back(input.c_str());
  lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (!result.canRunAgain) is_broken = true;
  if (result.retCode != 0)
    return llvm::createStringError("link: kernels must link without undefined symbols, got " +
                                   messages);
  auto linked = llvm::MemoryBuffer::getFile(folder.output, false, false);
  if (!linked) return ioError("the shared object must be readable", linked.getError());
  return (*linked)->getBuffer().str();
}

} // namespace weft::cpu
