// CompileOptions::verify: runs a segment's ops one by one and, on copies of what they read, its
// program, and compares. What the caller gets is what the ops gave.

#include "frontend/session.h"
#include "frontend/verification.h"

#include <fmt/format.h>

namespace weft {

// What a device has written is not looked at.
bool Session::is_verified(const Flush& f, const SegmentProgram& p) const {
  int every = region_.options().verify;
  return every > 0 && f.device == Device::cpu() &&
         p.runs.load(std::memory_order_relaxed) % every == 0;
}

void Session::verify(Flush& f, SegmentProgram& p) {
  const Verification verification(f, {values, scalars_, sizes_}, p,
                                  region_.settings(DeviceType::cpu));
  run_eagerly(&cold(current));
  p.runs.fetch_add(1, std::memory_order_relaxed);
  stats.verified++;
  const std::string difference = verification.difference(*p.program);
  if (difference.empty()) return;
  std::string refusal;
  const std::string folder =
      verification.write_repro(region_.options().repro_folder, difference, refusal);
  throw Error(ErrorKind::internal,
              fmt::format("verify: the program of segment {} must give what its ops give, got: {}; "
                          "{}; {}",
                          f.number, difference, verification.culprit(),
                          folder.empty() ? "no program that shows it could be written: " + refusal
                                         : folder + "/repro.cpp shows it"),
              f.path.back()->loc);
}

} // namespace weft
