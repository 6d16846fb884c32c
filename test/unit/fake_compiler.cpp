// A compiler library that answers every segment with the hand-written program. Each call appends a
// byte to the file that WEFT_TEST_COMPILE_LOG names.
#include "program_samples.h"

#include "runtime/program/compiler_abi.h"

#include <chrono>
#include <cstdlib>
#include <thread>

using namespace weft;

namespace {

std::string compile(const weft_compile_request& request) {
  if (const char* log = std::getenv("WEFT_TEST_COMPILE_LOG"))
    std::ofstream(log, std::ios::app) << 'c';
  Segment s = Segment::deserialize({request.segment.data, request.segment.size});
  if (s.ops[0].op == "refused")
    throw Error(ErrorKind::unsupported, "compile: refused is not taken");
  if (s.ops[0].op == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(100));
  Program p = samples::program(s.values[0].meta.numel(), s.generic);
  if (s.ops[0].op == "elsewhere") p.target = "another machine";
  if (s.ops[0].op == "large") p.stages[0].text.assign(4 << 20, 'x');
  p.locations = s.locations;
  return p.serialize();
}

} // namespace

extern "C" {

__attribute__((visibility("default"))) int weft_compile(const weft_compile_request* request,
                                                        weft_bytes* result, void** handle) {
  int rc = WEFT_COMPILE_OK;
  auto text = new std::string;
  try {
    *text = compile(*request);
  } catch (const std::exception& e) {
    *text = e.what();
    rc = WEFT_COMPILE_UNSUPPORTED;
  }
  *handle = text;
  *result = {reinterpret_cast<const uint8_t*>(text->data()), text->size()};
  return rc;
}

__attribute__((visibility("default"))) void weft_compile_release(void* handle) {
  delete static_cast<std::string*>(handle);
}
}
