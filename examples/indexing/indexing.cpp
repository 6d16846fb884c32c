// The program of docs/indexing.md: every form of x[{...}], read and written.
#include <weft/weft.h>

#include <fmt/format.h>

using namespace weft;

/// Prints an expression and its value, on one line.
void show(const char* text, const Tensor& value) {
  std::string line;
  for (char c : value.str())
    if (c != '\n' && !(c == ' ' && line.ends_with(' '))) line += c;
  fmt::print("{:<40} {}\n", text, line);
}
#define SHOW(...) show(#__VA_ARGS__, __VA_ARGS__)

void read() {
  Tensor x = arange(12).reshape({3, 4});
  SHOW(x);
  SHOW(x[{1}]);                        // a position: the dim vanishes
  SHOW(x[{-1, 2}]);                    // from the end
  SHOW(x[{Slice(1), Slice(0, 4, 2)}]); // 1: and 0:4:2
  SHOW(x[{0, Slice({}, {}, -1)}]);     // backwards: a copy
  SHOW(x[{ellipsis, -1}]);             // as many whole dims as are left
  SHOW(x[{Slice(), newaxis, 0}]);      // a new dim of size 1
}

void gathered() {
  Tensor x = arange(12).reshape({3, 4}), rows = tensor({2, 0}), columns = tensor({1, 3});
  SHOW(x[{rows}]);
  SHOW(x[{rows, columns}]);              // pairs: x[2, 1] and x[0, 3]
  SHOW(x[{rows.unsqueeze(1), columns}]); // index tensors broadcast: a block
  SHOW(x[{Slice(), columns}]);
  SHOW(x[{x > 8}]);         // a mask: how many there are, the host reads
  SHOW(where(x > 8, x, 0)); // the same without asking how many
}

void write() {
  Tensor x = zeros({2, 4}, i64), row = x[{0}]; // a view
  x[{Slice(), Slice(0, 2)}] = 1;
  x[{1, -1}] = 7;
  x[{0}] += tensor({10, 20, 30, 40});
  SHOW(x);
  SHOW(row);
  x[{x > 20}] = 0;
  x[{1, Slice({}, {}, -2)}] = tensor({3, 1}); // the last position first
  SHOW(x);
  x.index_put_({tensor({1, 1}), tensor({2, 2})}, tensor({5, 6}),
               true); // adds where a place is named twice
  SHOW(x);
}

void refused() {
  Tensor x = arange(12).reshape({3, 4});
  for (auto use : {+[](const Tensor& t) { SHOW(t[{3}]); },
                   +[](const Tensor& t) {
                     SHOW(t[{0, 0, 0}]);
                   },
                   +[](const Tensor& t) {
                     SHOW(t[{tensor({0, 5})}]);
                   }})
    try {
      use(x);
    } catch (const Error& e) {
      fmt::print("{}\n", e.what());
    }
}

int main() {
  for (auto part : {read, gathered, write, refused}) {
    part();
    fmt::print("\n");
  }
}
