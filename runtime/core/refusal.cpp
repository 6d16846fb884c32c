#include "runtime/core/refusal.h"

#include "runtime/core/number_range.h"
#include "runtime/core/op_info.h"
#include "runtime/core/op_scope.h"

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
    f(std::string(names[k]), number_text(call.scalars[first + k]));
  }
}

std::string after(const char* words, const std::string& text) {
  return text.empty() ? text : words + text;
}

} // namespace

constinit thread_local const char* RefusalWords::current_ = nullptr;

void refuse_element(const OpCall& call, const Refused& refused) {
  if (const char* words = RefusalWords::current()) {
    std::string text = OpScope::named(words);
    each_scalar(call, [&](const std::string& name, const std::string& value) {
      std::string place = "{" + name + "}";
      for (size_t at = text.find(place); at != std::string::npos; at = text.find(place))
        text.replace(at, place.size(), value);
    });
    // The place is one in an operand that the user need not know.
    const size_t got = text.rfind(", got one that");
    if (!refused.value.empty() && got != std::string::npos)
      text = text.substr(0, got) + ", got " + refused.value + after(" for ", refused.bound);
    throw Error(ErrorKind::index, text, call.location());
  }
  const std::string found = refused.value + after(" at ", refused.place);
  const char* const* scalars = info(call.op).scalar_names;
  if (info(call.op).kind == OpKind::pointwise && (!scalars || !scalars[0])) // it has no limits
    fail(call, ErrorKind::index,
         "integers must not be divided by 0, got " + (found.empty() ? "some that are" : found));
  std::string limits;
  each_scalar(call, [&](const std::string& name, const std::string& value) {
    limits += (limits.empty() ? " for " : ", ") + name + " " + value;
  });
  fail(call, ErrorKind::index,
       "every element must be in range, got " + (found.empty() ? "one that is not" : found) +
           limits + after(" for ", refused.bound));
}

KeptCall::KeptCall(const OpCall& call)
    : op_(call.op), scalars_(call.scalars.begin(), call.scalars.end()), loc_(call.location()),
      words_(RefusalWords::current()), name_(OpScope::current()) {
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
  const OpOverride name(name_);
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
