// What an op says where a kernel finds an element that it does not take. A kernel only reports that
// there is one, and a compiled one later than the call: so the words are kept with the call.
#pragma once

#include "runtime/core/op_call.h"
#include "runtime/core/pointwise_body.h"
#include "runtime/core/routine.h"

#include <vector>

namespace weft {

/// Gives the ops of a composite words of its own: a literal, in which {NAME} stands for the scalar
/// of that name in the op's record. The innermost scope of a thread counts.
class RefusalWords {
public:
  explicit RefusalWords(const char* words) : previous_(current_) { current_ = words; }
  ~RefusalWords() { current_ = previous_; }
  RefusalWords(const RefusalWords&) = delete;
  RefusalWords& operator=(const RefusalWords&) = delete;
  /// Returns the words that count now, or null where the op's own do.
  static const char* current() { return current_; }

private:
  const char* previous_;
  static constinit thread_local const char* current_;
};

/// Throws the error of a call one of whose elements is out of range.
[[noreturn]] void refuse_element(const OpCall& call, const Refused& refused = {});

/// Returns the first element that a pointwise kernel refuses, found by running it again element by
/// element. views[0] is the output, which is not written. Of very large tensors only the first
/// elements are looked at.
Refused first_refused(const OpCall& call, const PointwiseBody& body, std::span<const View> views);

/// All that the words of a refusal need of a call, for kernels that report it after the call.
class KeptCall {
public:
  explicit KeptCall(const OpCall& call);
  [[noreturn]] void refuse() const;

private:
  Op op_;
  std::vector<Scalar> scalars_;
  std::vector<bool> is_number_; // by operand
  Loc loc_;
  const char *words_, *name_; // RefusalWords and OpScope of the call
};

/// Keeps a text for the process's life; equal texts are one. For the reasons why contents of a
/// storage never came to be.
const char* keep_text(const char* text) noexcept;

} // namespace weft
