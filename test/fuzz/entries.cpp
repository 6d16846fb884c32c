#include "test/fuzz/entries.h"

#include "runtime/core/checked_size.h"
#include "runtime/io/checkpoint_state.h"
#include "runtime/io/format_error.h"
#include "runtime/io/npz_format.h"
#include "runtime/io/safetensors_format.h"
#include "weft/shape.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace weft::fuzz {

namespace {

template <class F> void refused_or(F&& f) {
  try {
    f();
  } catch (const FormatError&) { // the one way to refuse; anything else ends the process
  }
}

void check_header(const NpyHeader& h, uint64_t total) {
  require(h.shape.size() <= kMaxRank, "an array has at most kMaxRank dims");
  require(checked_bytes(h.shape, size_of(h.dtype)) == h.bytes,
          "an array's bytes are those of its shape");
  require(lies_inside(h.start, h.bytes, total), "an array's bytes lie in the file");
}

} // namespace

void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

void fuzz_npy(Bytes bytes) {
  refused_or([&] {
    Bytes start = bytes.first(std::min<size_t>(bytes.size(), kNpyMostStart));
    NpyHeader header = parse_npy(start, bytes.size());
    check_header(header, bytes.size());
    // What was read can be written, and read again.
    std::string again = print_npy(header.dtype, header.shape);
    Bytes text(reinterpret_cast<const uint8_t*>(again.data()), again.size());
    NpyHeader other = parse_npy(text, again.size() + header.bytes);
    require(other.shape == header.shape && other.dtype == header.dtype,
            "a header that is written is read");
  });
}

void fuzz_npz(Bytes bytes) {
  refused_or([&] {
    std::vector<uint8_t> memory;
    read_npz(MemorySource(bytes), false, [&](const std::string&, const NpyHeader& header) {
      check_header(header, header.start + header.bytes);
      memory.assign(header.bytes, 0);
      return std::span<uint8_t>(memory);
    });
  });
}

void fuzz_safetensors(Bytes bytes) {
  refused_or([&] {
    SafetensorsHeader header = parse_safetensors(bytes);
    uint64_t last = 0;
    for (const SafetensorsEntry& e : header.tensors) {
      require(e.shape.size() <= kMaxRank, "a tensor has at most kMaxRank dims");
      require(checked_bytes(e.shape, size_of(e.dtype)) == e.bytes,
              "a tensor's bytes are those of its shape");
      require(lies_inside(e.start, e.bytes, bytes.size()) && e.start >= last,
              "tensors lie apart in the file");
      last = e.start + e.bytes;
    }
    require(header.tensors.empty() || last == bytes.size(), "tensors fill the file");
    // What was read can be written, and read again.
    std::string again = print_safetensors(header);
    uint64_t elements = 0;
    for (const SafetensorsEntry& e : header.tensors)
      elements += e.bytes;
    again.resize(again.size() + elements);
    SafetensorsHeader other =
        parse_safetensors({reinterpret_cast<const uint8_t*>(again.data()), again.size()});
    require(other.tensors.size() == header.tensors.size() && other.metadata == header.metadata,
            "a header that is written is read");
  });
}

void fuzz_checkpoint(Bytes bytes) {
  refused_or([&] {
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    CheckpointState state = parse_checkpoint_state(text);
    CheckpointState again = parse_checkpoint_state(print_checkpoint_state(state));
    require(again.notes == state.notes && again.step == state.step && again.seed == state.seed,
            "a state that is written is read");
  });
}

} // namespace weft::fuzz
