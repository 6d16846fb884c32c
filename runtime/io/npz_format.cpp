#include "runtime/io/npz_format.h"

#include "runtime/io/format_error.h"
#include "runtime/io/in_quotes.h"

namespace weft {

namespace {

constexpr std::string_view kEnding = ".npy";
constexpr uint64_t kFewBytes = uint64_t{1} << 20, kHonestRatio = 4;

/// Says whether an entry claims so much that it is read once to see that it is true.
bool claims_much(const ZipEntry& e) {
  return e.bytes > kFewBytes && e.bytes / kHonestRatio > e.packed_bytes;
}

NpyHeader read_header(const ByteSource& source, const ZipEntry& e, bool bf16_as_uint16) {
  std::vector<uint8_t> start(std::min(e.bytes, kNpyMostStart));
  ZipEntryReader(source, e).read(start);
  try {
    return parse_npy(start, e.bytes, bf16_as_uint16);
  } catch (const FormatError& error) {
    throw FormatError(std::string(error.what()) + ", of entry " + in_quotes(e.name), error.kind);
  }
}

} // namespace

void read_npz(const ByteSource& source, bool bf16_as_uint16, const NpzSink& sink) {
  for (const ZipEntry& e : read_zip(source)) {
    if (!e.name.ends_with(kEnding) || e.name.size() == kEnding.size())
      throw FormatError("entries must be arrays named NAME.npy, got " + in_quotes(e.name));
    NpyHeader header = read_header(source, e, bf16_as_uint16);
    if (claims_much(e)) check_zip_entry(source, e);
    ZipEntryReader reader(source, e);
    std::vector<uint8_t> start(header.start);
    reader.read(start);
    reader.read(sink(e.name.substr(0, e.name.size() - kEnding.size()), header));
    reader.finish();
  }
}

} // namespace weft
