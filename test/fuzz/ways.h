// A program's statements as functions: eager ones, or compiled in the way that the program names.
#pragma once

#include "test/fuzz/execute.h"

namespace fuzz {

enum class Gear { eager, compiled };

CompileOptions options_of(Way way);

/// The statements as one function, or two where the program is split.
class Body {
public:
  Body(const Program& program, Gear gear);

  /// Runs those statements that another run has decided on. Throws what they throw.
  void run(Run& run, const Round& round, const std::vector<uint8_t>& decided);
  /// How often each round is to run.
  int turns() const { return is(Way::pure) ? 5 : is(Way::background) ? 3 : 1; }

private:
  using Part = std::function<void(Run&, const Round&, const std::vector<uint8_t>&)>;
  bool is(Way way) const { return gear_ == Gear::compiled && program_.way == way; }
  void make_parts();
  void make_pure();
  Part part(size_t from, size_t to) const;

  const Program& program_;
  Gear gear_;
  std::vector<Part> parts_;
  int runs_ = 0;
};

/// Says whether a run ended because a pure function must not do what the program does.
bool is_refused_as_pure(const Program& program, const Run& run);

} // namespace fuzz
