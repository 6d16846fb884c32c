// Delta debugging (Zeller and Hildebrandt, TSE 2002): statements go in ever smaller chunks, then
// everything that is left is made simpler, until nothing helps any more.

#include "test/fuzz/program.h"

#include <utility>

namespace fuzz {

namespace {

template <class F> void for_each_reference(Program& p, F f) {
  for (Statement& s : p.statements)
    for (Argument& a : s.arguments)
      for (int& v : a.values)
        f(v);
  if (p.loss >= 0) f(p.loss);
}

// Values behind the removed one move up; who reads it has no argument left.
void remove_value(Program& p, int value) {
  for_each_reference(p, [value](int& v) {
    if (v == value)
      v = -1;
    else if (v > value)
      v--;
  });
}

void remove_statement(Program& p, size_t k) {
  remove_value(p, p.value_of(k));
  for (size_t j = 0; j < k; j++) // of a read before it
    if (Statement& s = p.statements[j]; j + static_cast<size_t>(s.covers) >= k) s.covers--;
  p.statements.erase(p.statements.begin() + static_cast<std::ptrdiff_t>(k));
  if (p.split > static_cast<int>(k)) p.split--;
}

class Shrinker {
public:
  Shrinker(Program program, const std::function<bool(const Program&)>& fails)
      : best_(std::move(program)), fails_(fails) {}

  Program run() {
    for (bool smaller = true; smaller && tries_ < kMostTries;) {
      smaller = chunks();
      smaller |= bypasses();
      smaller |= rounds();
      smaller |= inputs();
      smaller |= arguments();
      smaller |= settings();
    }
    return std::move(best_);
  }

private:
  static constexpr int kMostTries = 3000;

  template <class Change> bool attempt(Change change) {
    if (tries_ >= kMostTries) return false;
    Program p = best_;
    if (!change(p)) return false;
    tries_++;
    if (!fails_(p)) return false;
    best_ = std::move(p);
    return true;
  }

  bool chunks() {
    bool any = false;
    for (size_t size = std::max<size_t>(best_.statements.size() / 2, 1);; size /= 2) {
      for (size_t end = best_.statements.size(); end > 0;) {
        const size_t begin = end - std::min(size, end);
        any |= attempt([&](Program& p) {
          for (size_t k = end; k-- > begin;)
            remove_statement(p, k);
          return true;
        });
        end = std::min(begin, best_.statements.size());
      }
      if (size <= 1) return any;
    }
  }

  // Who reads a statement's result reads one of its arguments instead.
  bool bypasses() {
    bool any = false;
    for (size_t k = best_.statements.size(); k-- > 0;) {
      std::vector<int> arguments;
      for (const Argument& a : best_.statements[k].arguments)
        arguments.insert(arguments.end(), a.values.begin(), a.values.end());
      for (int argument : arguments) {
        const bool smaller = attempt([&](Program& p) {
          const int result = p.value_of(k);
          for_each_reference(p, [&](int& v) {
            if (v == result) v = argument;
          });
          remove_statement(p, k);
          return true;
        });
        any |= smaller;
        if (smaller) break;
      }
    }
    return any;
  }

  bool rounds() {
    bool any = false;
    for (size_t k = best_.rounds.size(); k-- > 0;)
      any |= attempt([k](Program& p) {
        if (p.rounds.size() == 1) return false;
        p.rounds.erase(p.rounds.begin() + static_cast<std::ptrdiff_t>(k));
        return true;
      });
    // All calls at once keep their sizes equal where they are.
    for (int64_t Round::*size : {&Round::n, &Round::m})
      for (int64_t smaller : {1, 2, 3, 4, 8, 9, 16, 17}) {
        any |= attempt([&](Program& p) {
          bool changed = false;
          for (Round& r : p.rounds)
            if (r.*size > smaller) r.*size = smaller, changed = true;
          return changed;
        });
        for (size_t k = 0; k < best_.rounds.size(); k++)
          any |= attempt([&](Program& p) {
            if (p.rounds[k].*size <= smaller) return false;
            p.rounds[k].*size = smaller;
            return true;
          });
      }
    for (size_t k = 0; k < best_.rounds.size(); k++) {
      any |= attempt([k](Program& p) { return std::exchange(p.rounds[k].shift, 0.0) != 0; });
      any |= attempt([k](Program& p) { return std::exchange(p.rounds[k].aliasing, 0) != 0; });
      any |= attempt([k](Program& p) { return std::exchange(p.rounds[k].flags, 0U) != 0; });
      any |= attempt([k](Program& p) { return std::exchange(p.rounds[k].seed, 1U) != 1; });
    }
    return any;
  }

  bool inputs() {
    bool any = false;
    for (size_t k = best_.inputs.size(); k-- > 0;)
      any |= attempt([k](Program& p) {
        if (p.inputs.size() == 1) return false;
        remove_value(p, static_cast<int>(k));
        p.inputs.erase(p.inputs.begin() + static_cast<std::ptrdiff_t>(k));
        return true;
      });
    for (size_t k = 0; k < best_.inputs.size(); k++) {
      auto set = [&](auto Input::*field, auto value) {
        any |=
            attempt([&](Program& p) { return std::exchange(p.inputs[k].*field, value) != value; });
      };
      set(&Input::requires_grad, false);
      set(&Input::layout, Layout::plain);
      set(&Input::dtype, f32);
      if (best_.inputs[k].fill != Fill::ones) set(&Input::fill, Fill::integers);
      set(&Input::fill, Fill::ones);
      for (const char* shape : {"nm", "n", "m", ""})
        if (best_.inputs[k].shape.size() > std::strlen(shape))
          set(&Input::shape, std::string(shape));
    }
    return any;
  }

  // Of a tensor that a statement makes: each as small as it can be, the same in all calls.
  bool sizes(size_t k) {
    bool any = false;
    for (size_t a = 0; a < best_.statements[k].arguments.size(); a++)
      for (size_t d = 0; d < best_.statements[k].arguments[a].dims.size(); d++)
        for (int64_t smaller : {1, 2, 3}) {
          const bool shrunk = attempt([&](Program& p) {
            Size& size = p.statements[k].arguments[a].dims[d];
            if (size.letter == '1' && size.factor <= smaller) return false;
            size = {smaller};
            return true;
          });
          any |= shrunk;
          if (shrunk) break;
        }
    return any;
  }

  bool arguments() {
    bool any = false;
    for (size_t k = 0; k < best_.statements.size(); k++) {
      const size_t count = best_.statements[k].arguments.size();
      for (size_t a = 0; a < count; a++) {
        any |= attempt([&](Program& p) {
          Argument& argument = p.statements[k].arguments[a];
          if (argument.kind != Argument::number && argument.kind != Argument::real) return false;
          if (argument.scalar.to_double() == 1) return false;
          argument.scalar =
              argument.scalar.kind == Scalar::Kind::floating ? Scalar(1.0) : Scalar(1);
          return true;
        });
        any |= attempt([&](Program& p) { // an earlier value, so that fewer statements are needed
          std::vector<int>& values = p.statements[k].arguments[a].values;
          return values.size() == 1 && std::exchange(values[0], 0) != 0;
        });
        any |= attempt([&](Program& p) {
          std::vector<int>& values = p.statements[k].arguments[a].values;
          if (values.size() < 2) return false;
          values.pop_back();
          return true;
        });
      }
      any |= sizes(k);
      any |= attempt([&](Program& p) { return std::exchange(p.statements[k].covers, 0) != 0; });
      any |= attempt([&](Program& p) { return std::exchange(p.statements[k].flag, -1) >= 0; });
    }
    return any;
  }

  bool settings() {
    bool any = false;
    any |= attempt([](Program& p) { return std::exchange(p.split, -1) >= 0; });
    any |= attempt([](Program& p) { return std::exchange(p.way, Way::plain) != Way::plain; });
    any |= attempt([](Program& p) { return std::exchange(p.loss, -1) >= 0; });
    any |= attempt([](Program& p) { return std::exchange(p.stops, false); });
    return any;
  }

  Program best_;
  const std::function<bool(const Program&)>& fails_;
  int tries_ = 0;
};

} // namespace

Program shrink(Program program, const std::function<bool(const Program&)>& fails) {
  return Shrinker(std::move(program), fails).run();
}

} // namespace fuzz
