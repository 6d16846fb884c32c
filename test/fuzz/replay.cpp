// Calls the readers with every file of a corpus, with what is left when it is cut short anywhere,
// and with each of its bytes changed: fuzz-replay FOLDER..., where FOLDER/npy holds the corpus of
// that reader.
#include "test/fuzz/entries.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace fs = std::filesystem;
using namespace weft::fuzz;

namespace {

struct Reader {
  const char* name;
  void (*call)(Bytes);
};
constexpr Reader kReaders[] = {{"npy", fuzz_npy},
                               {"npz", fuzz_npz},
                               {"safetensors", fuzz_safetensors},
                               {"checkpoint", fuzz_checkpoint}};
constexpr size_t kMostChanged = 4096; // a longer file is read as it is

/// A copy whose memory ends where the bytes do, so that the sanitizer sees one byte too far.
void call(const Reader& reader, Bytes bytes) {
  std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  reader.call(exact);
}

size_t replay(const Reader& reader, const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text((std::istreambuf_iterator<char>(file)), {});
  std::vector<uint8_t> bytes(text.begin(), text.end());
  call(reader, bytes);
  if (bytes.size() > kMostChanged) return 1;
  for (size_t k = 0; k < bytes.size(); k++) {
    call(reader, Bytes(bytes).first(k));
    for (uint8_t change : {0x01, 0x80, 0xFF}) {
      bytes[k] ^= change;
      call(reader, bytes);
      bytes[k] ^= change;
    }
  }
  return 1 + 4 * bytes.size();
}

} // namespace

int main(int argc, char** argv) {
  int status = 0;
  for (const Reader& reader : kReaders) {
    size_t files = 0, calls = 0;
    for (int k = 1; k < argc; k++) {
      fs::path folder = fs::path(argv[k]) / reader.name;
      if (!fs::is_directory(folder)) continue;
      for (const auto& entry : fs::directory_iterator(folder)) {
        calls += replay(reader, entry.path());
        files++;
      }
    }
    std::printf("%s: %zu files, %zu calls\n", reader.name, files, calls);
    if (files == 0) {
      std::fprintf(stderr, "fuzz-replay: there must be a corpus for %s, got none\n", reader.name);
      status = 1;
    }
  }
  return status;
}
