// The door of libFuzzer: WEFT_FUZZ_ENTRY is one of entries.h.
#include "test/fuzz/entries.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::fuzz::WEFT_FUZZ_ENTRY({data, size});
  return 0;
}
