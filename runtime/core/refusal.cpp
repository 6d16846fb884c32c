#include "runtime/core/refusal.h"

#include "runtime/core/op_info.h"

#include <mutex>
#include <set>

namespace weft {

namespace {

/// Calls f(name, value as text) for each scalar attribute of a call.
template <class F> void each_scalar(const OpCall& call, F f) {
  const char* const* names = info(call.op).scalar_names;
  size_t first = 0; // numbers among the operands come first
  for (const TensorImpl* t : call.operands)
    first += t == nullptr;
  for (size_t k = 0; names && names[k] && first + k < call.scalars.size(); k++) {
    const Scalar& s = call.scalars[first + k];
    f(std::string(names[k]),
      s.kind == Scalar::Kind::floating ? std::to_string(s.f) : std::to_string(s.i));
  }
}

} // namespace

constinit thread_local const char* RefusalWords::current_ = nullptr;

void refuse_element(const OpCall& call) {
  if (const char* words = RefusalWords::current()) {
    std::string text = words;
    each_scalar(call, [&](const std::string& name, const std::string& value) {
      std::string place = "{" + name + "}";
      for (size_t at = text.find(place); at != std::string::npos; at = text.find(place))
        text.replace(at, place.size(), value);
    });
    throw Error(ErrorKind::index, text, call.location());
  }
  std::string limits;
  each_scalar(call, [&](const std::string& name, const std::string& value) {
    limits += (limits.empty() ? " for " : ", ") + name + " " + value;
  });
  fail(call, ErrorKind::index, "every element must be in range, got one that is not" + limits);
}

KeptCall::KeptCall(const OpCall& call)
    : op_(call.op), scalars_(call.scalars.begin(), call.scalars.end()), loc_(call.location()),
      words_(RefusalWords::current()) {
  for (const TensorImpl* t : call.operands)
    is_number_.push_back(!t);
}

void KeptCall::refuse() const {
  TensorImpl any; // words ask only which operands are tensors
  std::vector<TensorImpl*> operands;
  for (bool number : is_number_)
    operands.push_back(number ? nullptr : &any);
  OpCall call;
  call.op = op_;
  call.operands = operands;
  call.scalars = scalars_;
  call.loc = &loc_;
  const LocOverride line(loc_);
  const RefusalWords words(words_);
  refuse_element(call);
}

const char* keep_text(const char* text) noexcept {
  static std::mutex mutex;
  static std::set<std::string>* texts = new std::set<std::string>; // outlives every storage
  try {
    std::lock_guard lock(mutex);
    return texts->insert(text).first->c_str();
  } catch (...) {
    return "an op failed";
  }
}

} // namespace weft
