// NumPy's arrays: files that NumPy wrote, round trips, damaged and hostile files.

#include "io_util.h"

#include "weft/compile.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

/// A file of version 1 (or 2) with a header's text and a body.
std::string npy(const std::string& header, size_t body_bytes, int version = 1) {
  std::string text = header + "\n";
  std::string r = std::string("\x93NUMPY") + static_cast<char>(version) + '\0';
  for (int k = 0; k < (version == 1 ? 2 : 4); k++)
    r += static_cast<char>(text.size() >> 8 * k);
  return r + text + std::string(body_bytes, '\0');
}

std::string dictionary(const std::string& descr, const std::string& shape,
                       const std::string& order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

struct Hostile {
  const char* what;
  std::string bytes;
  const char* message;
};

std::vector<Hostile> hostile_files() {
  std::string wide = npy(dictionary("<f4", "(2,)"), 8, 2);
  wide.replace(8, 4, "\xff\xff\xff\xff");
  const char* form = "the header must be a dictionary of descr, fortran_order and shape, got";
  const char* large = "the sizes must have less than 2^62 bytes";
  const char* fill = "the elements must fill the rest of the file";
  return {
      {"empty", "", R"(the file must start with "\x93NUMPY", got "")"},
      {"text", "hello, world", R"(the file must start with "\x93NUMPY", got "hello,")"},
      {"magic alone", "\x93NUMPY", "the format's version must be 1, 2 or 3, got 0"},
      {"version 4", npy("", 0, 4), "the format's version must be 1, 2 or 3, got 4"},
      {"no length", npy("", 0).substr(0, 9), "the header must end inside the file"},
      {"a header of 4 GiB", wide, "the header must end inside the file, got 4294967307 bytes of"},
      {"a long header", npy(std::string(70000, ' '), 0, 2),
       "the header must have at most 65535 bytes, got 70001"},
      {"no dictionary", npy("[1, 2]", 0), form},
      {"an open dictionary", npy("{'descr': '<f4', ", 0), form},
      {"a missing key", npy("{'descr': '<f4', 'shape': (2,)}", 8), form},
      {"a key twice",
       npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8), form},
      {"another key", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", 8),
       form},
      {"text behind", npy(dictionary("<f4", "(2,)") + " x", 8), form},
      {"an open text", npy("{'descr': '<f4, }", 0), form},
      {"another order", npy(dictionary("<f4", "(2,)", "None"), 8), form},
      {"no byte order", npy(dictionary("f4", "(2,)"), 8), form},
      {"a size that is no number", npy(dictionary("<f4", "(x,)"), 8), form},
      {"a negative size", npy(dictionary("<f4", "(2, -2)"), 16), form},
      {"a size beyond 2^64", npy(dictionary("<f4", "(18446744073709551618,)"), 8), large},
      {"a size beyond 2^63", npy(dictionary("<f4", "(9223372036854775808,)"), 8), large},
      {"sizes whose product wraps to 0", npy(dictionary("<f4", "(4294967296, 4294967296, 4)"), 0),
       large},
      {"empty with sizes that wrap", npy(dictionary("<f4", "(0, 4294967296, 4294967296)"), 0),
       large},
      {"bytes beyond 2^62", npy(dictionary("<f8", "(1152921504606846976,)"), 8), large},
      {"a terabyte", npy(dictionary("<f4", "(274877906944,)"), 8), fill},
      {"too few elements", npy(dictionary("<f4", "(2,)"), 7), fill},
      {"too many elements", npy(dictionary("<f4", "(2,)"), 9), fill},
      {"nine dims", npy(dictionary("<f4", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 4),
       "the array must have at most 8 dims, got more"},
      {"complex", npy(dictionary("<c8", "(2,)"), 16),
       R"(the dtype must be one that Weft has, got "<c8")"},
      {"uint16", npy(dictionary("<u2", "(2,)"), 4),
       R"(the dtype must be one that Weft has, got "<u2")"},
      {"objects", npy(dictionary("|O", "(2,)"), 16),
       R"(the dtype must be one that Weft has, got "|O")"},
      {"a bool of 2", npy(dictionary("|b1", "(2,)"), 1) + "\2",
       "bools must be stored as 0 or 1, got 2 for element 1"},
  };
}

} // namespace

TEST_CASE("arrays that NumPy wrote", "[npy]") {
  struct Row {
    const char* name;
    DType dtype;
    Shape shape;
  };
  for (const Row& row :
       {Row{"f32", f32, {2, 3, 4}}, Row{"f64", f64, {5}}, Row{"i64", i64, {2, 3}},
        Row{"bool", boolean, {7}}, Row{"bf16", bf16, {3, 2}}, Row{"zero_dims", f32, {}},
        Row{"empty", f32, {0, 3}}, Row{"fortran", f32, {2, 3}}, Row{"big_endian", f32, {2, 3}},
        Row{"version2", f32, {2, 3}}, Row{"version3", f32, {2, 3}}}) {
    CAPTURE(row.name);
    Tensor t = load_npy(fixture("npy/" + std::string(row.name) + ".npy"));
    CHECK(t.dtype() == row.dtype);
    CHECK(is_same_data(t, sample(row.dtype, row.shape)));
  }
  CHECK(load_npy(fixture("npy/fortran.npy")).strides() == Shape{1, 2});
  CHECK_THROWS_WITH(load_npy(fixture("npy/complex.npy")), Contains("got \"<c8\""));
  CHECK_THROWS_WITH(load_npy(fixture("npy/structured.npy")),
                    Contains("the elements must be plain numbers, got a structured dtype"));
}

TEST_CASE("a contiguous array is written as NumPy writes it", "[npy]") {
  Folder folder;
  for (const char* name : {"f32", "f64", "i64", "bool", "bf16", "zero_dims", "empty"}) {
    CAPTURE(name);
    std::string source = fixture("npy/" + std::string(name) + ".npy");
    save_npy(folder / "t.npy", load_npy(source));
    CHECK(read_file(folder / "t.npy") == read_file(source));
  }
}

TEST_CASE("arrays of every dtype and layout come back", "[npy]") {
  Folder folder;
  for (DType dtype : all_dtypes()) {
    CAPTURE(name_of(dtype));
    Tensor base = sample(dtype, {4, 6});
    for (const Tensor& t :
         {base, transpose(base, 0, 1), slice(base, 1, 1, 6, 2), base[2][3], slice(base, 0, 0, 0),
          expand(slice(base, 0, 0, 1), {4, 6}), sample(dtype, {1, 1, 2, 1, 1, 1, 1, 2})}) {
      save_npy(folder / "t.npy", t);
      Tensor back = load_npy(folder / "t.npy");
      CHECK(back.is_contiguous());
      CHECK(is_same_data(back, t));
    }
  }
  CHECK(folder.names() == std::vector<std::string>{"t.npy"});
}

TEST_CASE("bf16 as uint16, for programs without ml_dtypes", "[npy]") {
  Folder folder;
  NpyOptions options{.bf16_as_uint16 = true};
  save_npy(folder / "t.npy", sample(bf16, {5}), options);
  CHECK_THAT(read_file(folder / "t.npy"), Contains("'descr': '<u2'"));
  CHECK(is_same_data(load_npy(folder / "t.npy", options), sample(bf16, {5})));
  CHECK_THROWS_WITH(load_npy(folder / "t.npy"), Contains("got \"<u2\""));
}

TEST_CASE("arrays are saved in a compiled region and loaded as constants of it", "[npy]") {
  Folder folder;
  Tensor x = sample(f32, {3, 2});
  save_npy(folder / "scale.npy", x);
  auto f = compile([&](const Tensor& a) {
    Tensor y = a * load_npy(folder / "scale.npy");
    save_npy(folder / "y.npy", transpose(y, 0, 1));
    return y + 1.0;
  });
  for (int call = 0; call < 3; call++) {
    CHECK(is_same_data(f(x), x * x + 1.0));
    CHECK(is_same_data(load_npy(folder / "y.npy"), transpose(x * x, 0, 1)));
  }
}

TEST_CASE("damaged and hostile arrays are refused at once", "[npy]") {
  Folder folder;
  for (const Hostile& h : hostile_files()) {
    CAPTURE(h.what);
    write_file(folder / "h.npy", h.bytes);
    std::string text = refusal_of([&] { load_npy(folder / "h.npy"); });
    CHECK_THAT(text, StartsWith("load_npy: "));
    CHECK_THAT(text, Contains(h.message));
    CHECK_THAT(text, Contains("/h.npy\" (at "));
  }
  std::string whole = read_file(fixture("npy/f32.npy"));
  for (size_t bytes = 0; bytes < whole.size(); bytes++) {
    write_file(folder / "h.npy", whole.substr(0, bytes));
    CHECK_THROWS_WITH(load_npy(folder / "h.npy"), StartsWith("load_npy: the "));
  }
}

TEST_CASE("what is no plain file is refused, and does not hang", "[npy]") {
  Folder folder;
  CHECK_THROWS_WITH(
      load_npy(folder / "none.npy"),
      Contains("load_npy: the file must be readable, got: No such file or directory, in \""));
  CHECK_THROWS_WITH(load_npy(folder.path),
                    Contains("load_npy: the file must be a plain one, got a folder"));
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(load_npy(folder / "pipe"),
                    Contains("the file must be a plain one, got a pipe"));
  CHECK_THROWS_WITH(load_npy("/dev/zero"), Contains("the file must be a plain one, got a device"));
  CHECK_THROWS_WITH(save_npy(folder.path, ones({2})),
                    Contains("save_npy: the file must be a plain one, got a folder"));
  CHECK_THROWS_WITH(
      save_npy(folder / "none/t.npy", ones({2})),
      Contains("save_npy: the file must be writable, got: No such file or directory"));
  CHECK_THROWS_WITH(save_npy(folder / "t.npy", Tensor()),
                    Contains("save_npy: the tensor must be defined, got none"));
}

TEST_CASE("errors of files name the caller's line", "[npy]") {
  unsigned line = 0;
  try {
    line = __LINE__ + 1;
    load_npy("/nowhere/t.npy");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::io);
    CHECK_THAT(e.what(), EndsWith("npy_test.cpp:" + std::to_string(line) + ")"));
  }
  CHECK(line > 0);
}
