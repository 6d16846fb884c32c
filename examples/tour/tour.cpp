// The program of docs/how_it_works.md: one expression in both gears. Each argument names a part to
// run; the page shows the functions below and what they print.
#include <weft/weft.h>

#include <fmt/format.h>

#include <cstring>

using namespace weft;

namespace {

Tensor scores(const Tensor& x, const Tensor& w, const Tensor& b) {
  Tensor y = x * w + b;
  return softmax(y, 1);
}

/// x [rows, columns], w and b [columns]: the same numbers in every run.
struct Inputs {
  explicit Inputs(int64_t rows = 64, int64_t columns = 100) {
    manual_seed(1);
    x = randn({rows, columns}), w = randn({columns}), b = randn({columns});
  }
  Tensor x, w, b;
};

void eager() {
  Inputs in;
  in.w.requires_grad_();
  Tensor p = scores(in.x, in.w, in.b);
  fmt::print("p is a {}x{} matrix, its first number is {:.3f}\n\n", p.size(0), p.size(1),
             p.to_vector<float>()[0]);
  fmt::print("{}", print_graph(p));
}

void error() {
  Inputs in;
  try {
    scores(in.x, in.w.slice(0, 0, 7), in.b);
  } catch (const Error& e) {
    fmt::print("{}\n", e.what());
  }
}

void compiled() {
  Inputs in;
  auto fast = compile(scores, {.name = "scores"});
  Tensor eager = scores(in.x, in.w, in.b), p;
  for (int call = 0; call < 4; call++)
    p = fast(in.x, in.w, in.b);
  fmt::print("compiled equals eager: {}\n\n", (p - eager).abs().max().item<float>() < 1e-6f);
  fmt::print("{}", fast.explain());
}

void flush() {
  Inputs in;
  auto confident = compile(
      [&](const Tensor& x) {
        Tensor p = scores(x, in.w, in.b);
        float best = p.max().item<float>(); // the host reads a value
        return best > 0.5f ? p * 2 : p;     // and decides
      },
      {.name = "confident"});
  for (int call = 0; call < 6; call++)
    confident(call % 2 ? in.x : in.x * 0.01f);
  fmt::print("{}", confident.explain());
}

void diverge() {
  Inputs in;
  bool squash = false;
  auto region = compile(
      [&](const Tensor& x) {
        Tensor y = x * in.w;
        if (squash) y = tanh(y); // a decision of the host that no tensor shows
        return y + in.b;
      },
      {.name = "region"});
  for (int call = 0; call < 8; call++) {
    squash = call >= 4;
    region(in.x);
  }
  fmt::print("{}", region.explain());
}

void sizes() {
  auto fast = compile(scores, {.name = "scores"});
  for (int64_t rows : {64, 64, 32, 7, 64}) {
    Inputs in(rows);
    fast(in.x, in.w, in.b);
  }
  fmt::print("{}", fast.explain());
}

void pointer() {
  Tensor t = full({4}, 1.0);
  auto region = compile([](const Tensor& t) {
    const float* kept = t.data<float>();
    t.add_(1);
    float through_pointer = *kept;    // may be read before the addition ran
    float value = t.data<float>()[0]; // asks the library: always right
    fmt::print("through the pointer {}, value {}\n", through_pointer, value);
  });
  for (int call = 0; call < 3; call++)
    region(t);
}

void pure() {
  NoGrad no_grad;
  int bodies = 0;
  auto fast = compile(
      [&](const Tensor& x, const Tensor& w, const Tensor& b) {
        bodies++;
        return scores(x, w, b);
      },
      {.name = "scores", .pure = true});
  for (int call = 0; call < 1000; call++) {
    Inputs in;
    fast(in.x, in.w, in.b);
  }
  fmt::print("{} calls ran the body {} times\n", fast.stats().calls, bodies);
}

void refused() {
  Inputs in;
  auto fast = compile(
      [&](const Tensor& x) {
        Tensor p = scores(x, in.w, in.b);
        return p.max().item<float>() > 0.5f ? p * 2 : p; // no pure function can see this
      },
      {.pure = true});
  try {
    fast(in.x);
  } catch (const Error& e) {
    fmt::print("{}\n", e.what());
  }
}

void deterministic() {
  Inputs in;
  auto fast = compile(scores, {.name = "scores", .deterministic = true});
  for (int call = 0; call < 3; call++)
    fast(in.x, in.w, in.b);
  fmt::print("{}", fast.explain());
}

struct Part {
  const char* name;
  void (*run)();
};

constexpr Part kParts[] = {{"eager", eager},       {"error", error},
                           {"compiled", compiled}, {"flush", flush},
                           {"diverge", diverge},   {"sizes", sizes},
                           {"pointer", pointer},   {"pure", pure},
                           {"refused", refused},   {"deterministic", deterministic}};

} // namespace

int main(int argc, char** argv) try {
  for (const Part& part : kParts)
    if (argc == 2 && !std::strcmp(argv[1], part.name)) return part.run(), 0;
  std::string names;
  for (const Part& part : kParts)
    names += (names.empty() ? "" : " | ") + std::string(part.name);
  fmt::print(stderr, "usage: tour {}\n", names);
  return 2;
} catch (const std::exception& e) {
  fmt::print(stderr, "{}\n", e.what());
  return 1;
}
