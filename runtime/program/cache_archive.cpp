// The format: a magic number, then for each entry the number of its bytes (u64, little-endian) and
// the bytes. Entries hold hashes of their own.
#include "runtime/program/cache_archive.h"

#include "runtime/core/output_file.h"
#include "runtime/program/host_target.h"

#include <cstring>
#include <fstream>

namespace weft {

namespace {

constexpr char kMagic[8] = {'W', 'e', 'f', 't', 'P', 'r', 'g', 's'};

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw Error(ErrorKind::io, "cache: " + path + " " + what);
}

std::vector<std::string> read_archive(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) refuse(path, std::string("must be readable, got: ") + std::strerror(errno));
  auto left = static_cast<uint64_t>(file.tellg());
  file.seekg(0);
  char magic[sizeof kMagic];
  if (!file.read(magic, sizeof magic) || std::memcmp(magic, kMagic, sizeof magic) != 0)
    refuse(path, "must be an archive of weft-inspect, got another file");
  left -= sizeof magic;
  std::vector<std::string> entries;
  while (left > 0) {
    uint64_t bytes = 0;
    if (left < sizeof bytes || !file.read(reinterpret_cast<char*>(&bytes), sizeof bytes) ||
        bytes > left - sizeof bytes)
      refuse(path, "must be whole, got an entry that is cut off");
    left -= sizeof bytes + bytes;
    std::string& entry = entries.emplace_back(static_cast<size_t>(bytes), '\0');
    if (!file.read(entry.data(), static_cast<std::streamsize>(bytes)))
      refuse(path, "must be whole, got an entry that is cut off");
  }
  return entries;
}

} // namespace

void export_cache(const ProgramStore& store, const std::vector<Hash128>& keys,
                  const std::string& path) {
  OutputFile file("cache", path);
  file.write({kMagic, sizeof kMagic});
  for (const Hash128& key : keys) {
    std::string content = store.bytes_of(key);
    uint64_t bytes = content.size();
    file.write({reinterpret_cast<const char*>(&bytes), sizeof bytes});
    file.write(content);
  }
  file.commit();
}

ImportReport import_cache(ProgramStore& store, const std::string& path) {
  std::vector<std::string> entries = read_archive(path);
  ImportReport report;
  for (size_t k = 0; k < entries.size(); k++) {
    try {
      Program program = ProgramStore::check(entries[k]);
      if (program.device == DeviceType::cpu && program.target != host_target()) report.foreign++;
    } catch (const Error& e) {
      refuse(path, "must hold whole entries, got number " + std::to_string(k) + ": " + e.what());
    }
  }
  for (const std::string& entry : entries)
    store.take(entry);
  report.taken = entries.size();
  return report;
}

} // namespace weft
