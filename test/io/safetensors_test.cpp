// Safetensors: files of the reference library, the map behind tensors, damaged and hostile files.

#include "io_util.h"

#include "weft/compile.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

std::string file_of(const std::string& header, size_t body_bytes) {
  uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header +
         std::string(body_bytes, '\0');
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}";
}

std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets,
                size_t body_bytes) {
  return file_of("{" + entry("a", dtype, shape, offsets) + "}", body_bytes);
}

std::string two(const std::string& first, const std::string& second, size_t body_bytes) {
  return file_of("{" + entry("a", "F32", "[2]", first) + "," + entry("b", "F32", "[2]", second) +
                     "}",
                 body_bytes);
}

// Names of at least `length` letters, and at the end a tensor called `last`, or one that is broken.
std::string many_tensors(int count, size_t length, const std::string& last) {
  std::string text = "{";
  for (int k = 0; k < count; k++) {
    std::string name = "layers." + std::to_string(k);
    name.resize(std::max(length, name.size()), 'x');
    text += entry(name, "F32", "[0]", "[0,0]") + ",";
  }
  return text + (last.empty() ? R"("z":{"dtype":"F32"})" : entry(last, "F32", "[0]", "[0,0]")) +
         "}";
}

// Texts of `length` letters, and at the end a number.
std::string many_texts(int count, size_t length) {
  std::string text = R"({"__metadata__":{)";
  for (int k = 0; k < count; k++)
    text += "\"key" + std::to_string(k) + "\":\"" + std::string(length, 'x') + "\",";
  return text + "\"z\":1}}";
}

struct Hostile {
  const char* what;
  std::string bytes;
  const char* message;
};

std::vector<Hostile> hostile_files() {
  std::string wrapped = one("F32", "[2]", "[0,8]", 8);
  wrapped.replace(0, 8, "\xff\xff\xff\xff\xff\xff\xff\xff");
  const char* form =
      "the header must map names to dtype, shape and data_offsets, got something else";
  const char* inside = "the header must end inside the file";
  const char* apart = "tensors must follow each other without gap or overlap";
  const char* fills = "tensor \"a\" must fill its bytes";
  return {
      {"empty", "", "the file must start with the header's length, got 0 bytes"},
      {"no header", std::string(8, '\0'), R"(the header must start with "{", got "")"},
      {"a header of 2^64 - 1", wrapped, inside},
      {"a header beyond the file", file_of("{}", 0).replace(0, 1, "\x7f"), inside},
      {"a large header", file_of(std::string(17 << 20, ' '), 0),
       "the header must have at most 16777216 bytes, got 17825792"},
      {"spaces in front", file_of("  {}", 0), R"(the header must start with "{", got " ")"},
      {"no JSON", file_of("{nope", 0), "the header must be JSON, got something else at byte 3"},
      {"text behind", file_of("{}x", 0), "the header must be JSON, got something else at byte 3"},
      {"no UTF-8", file_of("{\"\xff\":1}", 0), "the header must be JSON"},
      {"a million brackets", file_of("{\"a\":" + std::string(1000000, '['), 0), form},
      {"a million objects",
       file_of(
           [] {
             std::string text;
             for (int k = 0; k < 1000000; k++)
               text += "{\"a\":";
             return text;
           }(),
           0),
       "must have dtype, shape and data_offsets alone, got \"a\""},
      {"a long name", file_of("{\"" + std::string(15 << 20, 'x') + "\":1}", 0),
       "texts of the header must have at most 1048576 bytes, got more"},
      {"a name twice among many", file_of(many_tensors(99999, 8, "layers.0"), 0),
       "the header must have each key once, got \"layers.0\" twice"},
      {"long names, broken at the end", file_of(many_tensors(99999, 90, ""), 0),
       "must have dtype, shape and data_offsets, got fewer"},
      {"too many tensors", file_of(many_tensors(200000, 0, ""), 0),
       "the header must have at most 100000 tensors and texts, got more"},
      {"long metadata, broken at the end", file_of(many_texts(99999, 140), 0),
       "got something else in its metadata"},
      {"too much metadata", file_of(many_texts(600000, 0), 0),
       "the header must have at most 100000 tensors and texts, got more"},
      {"a number for a tensor", file_of(R"({"a":1})", 0), form},
      {"metadata of numbers", file_of(R"({"__metadata__":{"a":1}})", 0),
       "got something else in its metadata"},
      {"nested metadata", file_of(R"({"__metadata__":{"a":{}}})", 0),
       "got something else in its metadata"},
      {"metadata twice", file_of(R"({"__metadata__":{},"__metadata__":{}})", 0),
       "the header must have each key once, got \"__metadata__\" twice"},
      {"a name twice",
       file_of("{" + entry("a", "F32", "[0]", "[0,0]") + "," + entry("a", "F32", "[0]", "[0,0]") +
                   "}",
               0),
       "the header must have each key once, got \"a\" twice"},
      {"a key twice",
       file_of(R"({"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}})", 0),
       "the header must have each key once, got \"dtype\" twice"},
      {"another key", file_of(R"({"a":{"dtype":"F32","offset":1}})", 0),
       R"(tensor "a" must have dtype, shape and data_offsets alone, got "offset")"},
      {"a missing key", file_of(R"({"a":{"dtype":"F32","shape":[0]}})", 0),
       R"(tensor "a" must have dtype, shape and data_offsets, got fewer)"},
      {"three offsets", one("F32", "[2]", "[0,8,8]", 8), form},
      {"one offset", one("F32", "[2]", "[0]", 8),
       R"(tensor "a" must have two data_offsets, got 1)"},
      {"a negative size", one("F32", "[-2]", "[0,8]", 8), form},
      {"a negative offset", one("F32", "[2]", "[-8,0]", 8), form},
      {"a fraction", one("F32", "[2.0]", "[0,8]", 8), form},
      {"a size beyond 2^63", one("F32", "[9223372036854775808]", "[0,8]", 8),
       "must have sizes below 2^63"},
      {"a size beyond 2^64", one("F32", "[18446744073709551618]", "[0,8]", 8), form},
      {"sizes whose product wraps to 0", one("F32", "[4294967296,4294967296]", "[0,0]", 0), fills},
      {"empty with sizes that wrap", one("F32", "[0,4294967296,4294967296]", "[0,0]", 0), fills},
      {"a terabyte", one("F32", "[274877906944]", "[0,1099511627776]", 8),
       R"(tensors must lie inside the file, got "a" of 1099511627776 bytes from 0 on of 8)"},
      {"offsets that wrap", one("F32", "[2]", "[18446744073709551608,0]", 8), fills},
      {"bytes that are no elements", one("F32", "[2]", "[0,7]", 7), fills},
      {"another element size", one("F64", "[2]", "[0,8]", 8), fills},
      {"overlap", two("[0,8]", "[4,12]", 12), apart},
      {"the same bytes", two("[0,8]", "[0,8]", 8), apart},
      {"a gap", two("[0,8]", "[12,20]", 20), apart},
      {"a gap in front", one("F32", "[2]", "[4,12]", 12), apart},
      {"too few bytes", two("[0,8]", "[8,16]", 15),
       "tensors must lie inside the file, got \"b\" of 8 bytes from 8 on of 15"},
      {"too many bytes", two("[0,8]", "[8,16]", 17),
       "tensors must fill the file, got 16 bytes of 17"},
      {"nine dims", one("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]", 4),
       R"(tensor "a" must have at most 8 dims, got more)"},
      {"another dtype", one("F8_E5M2", "[2]", "[0,2]", 2),
       R"(tensor "a" must have a dtype that Weft has, got "F8_E5M2")"},
      {"a bool of 2", one("BOOL", "[2]", "[0,2]", 1) + "\2",
       "bools must be stored as 0 or 1, got 2 for element 1"},
  };
}

/// Says whether the process maps a file at an address, or anywhere.
bool is_mapped(const std::string& path, const void* at = nullptr) {
  std::string maps = read_file("/proc/self/maps");
  for (size_t begin = 0; begin < maps.size();) {
    size_t end = maps.find('\n', begin);
    std::string line = maps.substr(begin, end - begin);
    begin = end + 1;
    if (line.find(path) == std::string::npos) continue;
    unsigned long first = 0, last = 0;
    REQUIRE(sscanf(line.c_str(), "%lx-%lx", &first, &last) == 2);
    auto address = reinterpret_cast<unsigned long>(at);
    if (!at || (first <= address && address < last)) return true;
  }
  return false;
}

} // namespace

TEST_CASE("a file of the reference library", "[safetensors]") {
  Safetensors file = load_safetensors(fixture("safetensors/all.safetensors"));
  const std::map<std::string, Tensor> expected = {
      {"f32", sample(f32, {2, 3, 4})}, {"f64", sample(f64, {5})},
      {"i64", sample(i64, {2, 3})},    {"bool", sample(boolean, {7})},
      {"bf16", sample(bf16, {3, 2})},  {"zero_dims", sample(f32, {})},
      {"empty", sample(f32, {0, 3})}};
  REQUIRE(file.tensors.size() == expected.size());
  for (const auto& [name, t] : expected) {
    CAPTURE(name);
    CHECK(is_same_data(file.tensors.at(name), t));
  }
  CHECK(file.metadata ==
        std::map<std::string, std::string>{{"format", "np"}, {"note", "\xc3\xa4 \"quoted\" text"}});
  CHECK_THROWS_WITH(load_safetensors(fixture("safetensors/unsupported.safetensors")),
                    Contains("tensor \"c\" must have a dtype that Weft has, got \"U64\""));
}

TEST_CASE("misaligned elements are copied", "[safetensors]") {
  Tensor x = load_safetensors(fixture("safetensors/misaligned.safetensors")).tensors.at("x");
  CHECK(is_same_data(x, sample(f32, {3})));
  CHECK(reinterpret_cast<uintptr_t>(x.data<float>()) % 4 == 0);
  CHECK_FALSE(is_mapped("misaligned.safetensors"));
}

TEST_CASE("tensors of every dtype and layout come back, aligned", "[safetensors]") {
  Folder folder;
  TensorMap tensors;
  for (DType dtype : all_dtypes()) {
    std::string name(name_of(dtype));
    tensors[name] = sample(dtype, {3, 5});
    tensors[name + ".t"] = transpose(sample(dtype, {3, 5}), 0, 1);
    tensors[name + ".0"] = sample(dtype, {});
    tensors[name + ".empty"] = sample(dtype, {2, 0});
  }
  tensors["\xc3\xa4 \"\n"] = ones({1});
  std::map<std::string, std::string> metadata = {{"a", "1"}, {"\n", "\"\xc3\xa4"}};
  save_safetensors(folder / "t.safetensors", tensors, metadata);
  Safetensors back = load_safetensors(folder / "t.safetensors");
  CHECK(back.metadata == metadata);
  REQUIRE(back.tensors.size() == tensors.size());
  for (const auto& [name, t] : tensors) {
    CAPTURE(name);
    CHECK(is_same_data(back.tensors.at(name), t));
  }
  CHECK(is_mapped("t.safetensors", back.tensors.at("f64").data<double>()));
  CHECK(is_mapped("t.safetensors", back.tensors.at("bf16.t").data<BFloat16>()));
  save_safetensors(folder / "none.safetensors", {});
  CHECK(load_safetensors(folder / "none.safetensors").tensors.empty());
}

TEST_CASE("what cannot be written is refused", "[safetensors]") {
  Folder folder;
  std::string path = folder / "t.safetensors";
  CHECK_THROWS_WITH(save_safetensors(path, {{"__metadata__", ones({1})}}),
                    Contains("save_safetensors: names must not be \"__metadata__\""));
  CHECK_THROWS_WITH(save_safetensors(path, {{"\xff", ones({1})}}),
                    Contains("save_safetensors: texts must be UTF-8, got \"\\xff\""));
  CHECK_THROWS_WITH(save_safetensors(path, {{"a", Tensor()}}),
                    Contains("save_safetensors: the tensor \"a\" must be defined, got none"));
  CHECK(folder.names().empty());
}

TEST_CASE("tensors are views of the file's map, and never change the file", "[safetensors]") {
  Folder folder;
  std::string path = folder / "t.safetensors";
  save_safetensors(path, {{"a", sample(f32, {1000})}, {"b", sample(f32, {3, 4})}});
  std::string before = read_file(path);
  TensorMap tensors = load_safetensors(path).tensors;
  Tensor a = tensors.at("a"), b = tensors.at("b");
  CHECK(is_mapped(path, a.data<float>()));
  CHECK(is_mapped(path, b.data<float>()));
  CHECK_FALSE(a.shares_storage(b));
  a.add_(1.0);
  a.requires_grad_();
  sum(a * a).backward();
  b.mutable_data<float>()[0] = 100;
  auto update = compile([&] { b.mul_(2.0); });
  for (int call = 0; call < 3; call++)
    update();
  CHECK(is_same_data(a, sample(f32, {1000}) + 1.0));
  CHECK(is_same_data(a.grad(), a.detach() * 2.0));
  CHECK(b[0][0].item<float>() == 800);
  CHECK(read_file(path) == before);
  CHECK(is_same_data(load_safetensors(path).tensors.at("b"), sample(f32, {3, 4})));
}

TEST_CASE("the map lives as long as its last tensor", "[safetensors]") {
  Folder folder;
  std::string path = folder / "t.safetensors";
  save_safetensors(path, {{"a", sample(f32, {1000})}, {"b", sample(i64, {3})}});
  Tensor view;
  {
    TensorMap tensors = load_safetensors(path).tensors;
    view = slice(tensors.at("a"), 0, 10, 20);
  }
  CHECK(is_mapped(path));
  // The name goes to another file; the tensor stays with the old one.
  save_safetensors(path, {{"a", zeros({1000})}});
  CHECK(is_same_data(view, slice(sample(f32, {1000}), 0, 10, 20)));
  std::filesystem::remove(path);
  CHECK(is_same_data(view, slice(sample(f32, {1000}), 0, 10, 20)));
  view = Tensor();
  CHECK_FALSE(is_mapped(path));
}

TEST_CASE("damaged and hostile files are refused at once", "[safetensors]") {
  Folder folder;
  for (const Hostile& h : hostile_files()) {
    CAPTURE(h.what);
    write_file(folder / "h.safetensors", h.bytes);
    std::string text = refusal_of([&] { load_safetensors(folder / "h.safetensors"); });
    CHECK_THAT(text, StartsWith("load_safetensors: "));
    CHECK_THAT(text, Contains(h.message));
    CHECK(text.size() < 600);
  }
  std::string whole = read_file(fixture("safetensors/all.safetensors"));
  for (size_t bytes = 0; bytes < whole.size(); bytes++) {
    write_file(folder / "h.safetensors", whole.substr(0, bytes));
    CHECK_THROWS_WITH(load_safetensors(folder / "h.safetensors"), StartsWith("load_safetensors: "));
  }
}
