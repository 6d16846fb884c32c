// A random program on the public API: data that can be generated, run, shrunk and printed as C++.
#pragma once

#include "test/fuzz/repro_support.h"

#include <functional>

namespace fuzz {

/// A size that a call of the program may change: a factor, times n or m of its round.
struct Size {
  int64_t factor = 1;
  char letter = '1';
  int64_t in(const Round& r) const {
    return factor * (letter == 'n' ? r.n : letter == 'm' ? r.m : 1);
  }
};
using Sizes = std::vector<Size>;

/// An argument of a call. Values are numbered: inputs first, then the statements' results.
struct Argument {
  enum Kind {
    absent,
    tensor,
    tensors,
    number,
    integer,
    flag,
    real,
    integers,
    sizes,
    halves, // a list of numbers, each times 1/2
    dtype,
    reduce,
    text
  };
  Kind kind = absent;           // absent: the function's default
  std::vector<int> values;      // of tensor, tensors
  std::vector<int64_t> numbers; // of integer, flag, integers, halves, dtype, reduce
  Sizes dims;                   // of sizes
  Scalar scalar;                // of number, real
  std::string word;             // of text
};

struct Statement {
  /// call: a function of the op table; fit: a as a tensor of other sizes, dtype and range, for a
  /// call behind it (repro_support.h); assign: a.copy_(b); drop: lets go of a value; read: the host
  /// reads a, and where its first element is not above a threshold the next statements are left
  /// out; backward: of the sum of a; train: a step of descent of every input with a gradient.
  enum Kind { call, fit, assign, drop, read, backward, train };
  Kind kind = call;
  int row = -1;                    // of call
  std::vector<Argument> arguments; // by position
  int result = 0;                  // of call: which of its results is kept
  int covers = 0;                  // of read: statements that hang on it
  int flag = -1;                   // left out in calls that have this flag

  bool takes_numbers_alone() const {
    for (const Argument& a : arguments)
      if (!a.values.empty()) return false;
    return true;
  }
};

struct Input {
  std::string shape; // letters n, m, 1: one a dim
  DType dtype = f32;
  Fill fill = Fill::reals;
  Layout layout = Layout::plain;
  bool requires_grad = false;
};

/// How a program's statements become compiled functions. The options (CompileOptions) of the same
/// names; nested: a function that calls the compiled parts is compiled as well; threads: two
/// threads are in the function at once; evicted: the caches of programs are emptied and functions
/// compiled anew; pure: one pure function of the inputs, called several times in each round;
/// frugal: values go before the backward pass, and nothing is worth its memory.
enum class Way {
  plain,
  generic,
  specialised,
  deterministic,
  background,
  nested,
  threads,
  evicted,
  pure,
  frugal
};

struct Program {
  unsigned seed = 0;
  std::vector<Input> inputs;
  std::vector<Statement> statements;
  std::vector<Round> rounds;
  Way way = Way::plain;
  int split = -1;     // statements from here on are a compiled function of their own
  int loss = -1;      // value whose sum's backward pass runs after the compiled functions
  bool stops = false; // an error ends the call; else the statement is left out
  Device device;

  int value_of(size_t statement) const { return static_cast<int>(inputs.size() + statement); }
  size_t value_count() const { return inputs.size() + statements.size(); }
};

/// Which relation a program is checked by.
enum class Relation {
  gears,  // eager code and compiled functions
  halves, // f of two halves, one after the other, and f of the whole
  scaled, // f of inputs times a power of two, and f times that
};

/// Whether generate() says which function it is about to try, in case that crashes.
inline bool print_drawn = false;

/// Makes the program of a seed; the same seed makes the same one.
Program generate(unsigned seed, Relation relation, Device device);

/// What went wrong; empty where nothing did.
struct Finding {
  std::string what; // "value 7 of call 2: element 3 is ..."
  int round = -1;   // -1: an exception ended the check
  explicit operator bool() const { return !what.empty(); }
};

/// How many tensors were compared, and how.
struct Counts {
  int64_t exact = 0, within = 0, skipped = 0, statements = 0;
};

/// Runs a program both ways and compares all that lives.
Finding check(const Program& program, Relation relation, Counts& counts);

/// Returns a smaller program that `fails` still holds for.
Program shrink(Program program, const std::function<bool(const Program&)>& fails);

/// Prints a program that includes weft/weft.h alone, runs both ways and exits with 1 where they
/// differ.
std::string print(const Program& program, Relation relation, const std::string& what);

} // namespace fuzz
