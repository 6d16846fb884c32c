// The readers of files as fuzzers call them: any bytes are either taken or refused with
// FormatError. libFuzzer calls one of them (libfuzzer.cpp); the tests call all of them over the
// corpus (replay.cpp).
#pragma once

#include <cstdint>
#include <span>

namespace weft::fuzz {

using Bytes = std::span<const uint8_t>;

void fuzz_npy(Bytes bytes);
void fuzz_npz(Bytes bytes);
void fuzz_safetensors(Bytes bytes);
void fuzz_checkpoint(Bytes bytes);

/// Stops the process with a message unless `ok`: what a reader took must hold.
void require(bool ok, const char* what);

} // namespace weft::fuzz
