// Archives of arrays: files that NumPy wrote, round trips, damaged and hostile archives.

#include "io_util.h"

#include "weft/ops.h"
#include "weft/random.h"

#include <catch2/catch.hpp>
#include <zlib.h>

#include <cstring>

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

template <class T> void put(std::string& bytes, T v) {
  bytes.append(reinterpret_cast<const char*>(&v), sizeof v);
}
template <class T> void set(std::string& bytes, size_t at, T v) {
  std::memcpy(bytes.data() + at, &v, sizeof v);
}

/// A member of an archive, with whatever its line of the directory says.
struct Member {
  std::string name = "a.npy", packed;
  uint16_t flags = 0, method = 0;
  uint32_t crc = 0, packed_bytes = 0, bytes = 0;
  int64_t place = -1; // of its own header; -1: where it is
};

Member stored(const std::string& name, const std::string& content) {
  Member m{name, content};
  m.crc = static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()));
  m.packed_bytes = m.bytes = static_cast<uint32_t>(content.size());
  return m;
}

Member deflated(const std::string& name, const std::string& content) {
  Member m = stored(name, content);
  m.method = 8;
  z_stream z{};
  REQUIRE(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  m.packed.resize(deflateBound(&z, content.size()));
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  z.avail_in = static_cast<uInt>(content.size());
  z.next_out = reinterpret_cast<Bytef*>(m.packed.data());
  z.avail_out = static_cast<uInt>(m.packed.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  m.packed.resize(z.total_out);
  deflateEnd(&z);
  m.packed_bytes = static_cast<uint32_t>(m.packed.size());
  return m;
}

constexpr size_t kEnd = 22; // bytes of the record at the end

std::string archive(const std::vector<Member>& members) {
  std::string bytes, directory;
  auto common = [](std::string& to, const Member& m) {
    put<uint16_t>(to, 20), put(to, m.flags), put(to, m.method), put<uint32_t>(to, 0);
    put(to, m.crc), put(to, m.packed_bytes), put(to, m.bytes);
    put<uint16_t>(to, static_cast<uint16_t>(m.name.size())), put<uint16_t>(to, 0);
  };
  for (const Member& m : members) {
    auto place = m.place < 0 ? static_cast<uint32_t>(bytes.size()) : static_cast<uint32_t>(m.place);
    put<uint32_t>(bytes, 0x04034b50);
    common(bytes, m);
    bytes += m.name + m.packed;
    put<uint32_t>(directory, 0x02014b50), put<uint16_t>(directory, 20);
    common(directory, m);
    put<uint16_t>(directory, 0), put<uint16_t>(directory, 0), put<uint16_t>(directory, 0);
    put<uint32_t>(directory, 0), put<uint32_t>(directory, place);
    directory += m.name;
  }
  auto start = static_cast<uint32_t>(bytes.size());
  auto count = static_cast<uint16_t>(members.size());
  bytes += directory;
  put<uint32_t>(bytes, 0x06054b50), put<uint32_t>(bytes, 0), put(bytes, count), put(bytes, count);
  put(bytes, static_cast<uint32_t>(directory.size())), put(bytes, start), put<uint16_t>(bytes, 0);
  return bytes;
}

template <class T> std::string with(std::string bytes, int64_t at, T v) {
  set(bytes, static_cast<size_t>(at < 0 ? static_cast<int64_t>(bytes.size()) + at : at), v);
  return bytes;
}

template <class F> Member changed(Member m, F change) {
  change(m);
  return m;
}

// Entries with names of `length` letters, the last two with one name.
std::vector<Member> many(int count, size_t length) {
  std::vector<Member> members;
  for (int k = 0; k < count; k++) {
    std::string name = std::to_string(std::min(k, count - 2));
    name.resize(length, 'x');
    members.push_back(stored(name, ""));
  }
  return members;
}

// A directory of the 64-bit form that claims entries.
std::string with_claim(uint64_t entries) {
  std::string bytes;
  put<uint32_t>(bytes, 0x06064b50), put<uint64_t>(bytes, 44), put<uint32_t>(bytes, 0x2d002d);
  put<uint64_t>(bytes, 0), put(bytes, entries), put(bytes, entries);
  put<uint64_t>(bytes, 0), put<uint64_t>(bytes, 0); // bytes of the directory, and its start
  put<uint32_t>(bytes, 0x07064b50), put<uint32_t>(bytes, 0), put<uint64_t>(bytes, 0);
  put<uint32_t>(bytes, 1);
  put<uint32_t>(bytes, 0x06054b50), put<uint32_t>(bytes, 0), put<uint32_t>(bytes, 0xFFFFFFFF);
  put<uint32_t>(bytes, 0xFFFFFFFF), put<uint32_t>(bytes, 0xFFFFFFFF), put<uint16_t>(bytes, 0);
  return bytes;
}

struct Hostile {
  const char* what;
  std::string bytes;
  const char* message;
};

std::vector<Hostile> hostile_archives() {
  std::string array = read_file(fixture("npy/f32.npy"));
  Member a = stored("a.npy", array), b = stored("b.npy", array);
  std::string good = archive({a, b});
  const char* inside = "the directory must lie inside the archive";
  const char* holds =
      "entries must hold what the directory says, got \"a.npy\" with another length or checksum";
  const char* in_front = "entries must lie in front of the directory, got \"a.npy\"";
  const char* can_hold = "entries must have as many bytes as they can hold, got \"a.npy\"";
  std::string junk(1200000, '\x55');
  return {
      {"empty", "", "the archive must have a directory, got 0 bytes"},
      {"text", std::string(100, 'x'), "the archive must end with its directory, got none"},
      {"bytes behind", good + "x", "the archive must end with its directory, got none"},
      {"a directory outside", with<uint32_t>(good, -6, 1000), inside},
      {"a directory that wraps", with<uint32_t>(good, -10, 0xFFFFFFF0), inside},
      {"a 64-bit directory that is not there", with<uint32_t>(good, -6, 0xFFFFFFFF),
       "the 64-bit directory must"},
      {"more entries than bytes", with<uint16_t>(good, -12, 5000),
       "the directory must hold its entries, got 5000 in"},
      {"one entry fewer", with<uint16_t>(good, -12, 1),
       "the directory must end with its entries, got 51 bytes more"},
      {"another mark", with<uint32_t>(good, -static_cast<int64_t>(kEnd) - 51, 7),
       "the directory must hold its entries, got another mark"},
      {"several disks", with<uint16_t>(good, -18, 1),
       "the archive must lie on one disk, got several"},
      {"a name twice", archive({a, a}),
       R"(entries must have names of their own, got "a.npy" twice)"},
      {"many entries, the last two of one name", archive(many(60000, 90)),
       "entries must have names of their own, got"},
      {"too many entries", with_claim(100001),
       "the directory must have at most 100000 entries, got 100001"},
      {"overlapping entries", archive({a, changed(b, [](Member& m) { m.place = 0; })}),
       R"(entries must be what the directory says, got "b.npy")"},
      {"an entry outside", archive({changed(a, [](Member& m) { m.place = 5000; })}), in_front},
      {"a place that wraps", archive({changed(a, [](Member& m) { m.place = 0xFFFFFFF0; })}),
       in_front},
      {"more bytes than there are",
       archive({changed(a, [](Member& m) { m.bytes = m.packed_bytes = 5000; })}), in_front},
      {"stored with another length", archive({changed(a, [](Member& m) { m.bytes--; })}), can_hold},
      {"a deflated gigabyte in nothing",
       archive({changed(deflated("a.npy", array), [](Member& m) { m.bytes = 1u << 30; })}),
       can_hold},
      {"a deflated gigabyte in junk",
       archive(
           {changed(stored("a.npy", junk), [](Member& m) { m.method = 8, m.bytes = 1u << 30; })}),
       "with another length or checksum"},
      {"a wrong checksum", archive({changed(a, [](Member& m) { m.crc++; })}), holds},
      {"a wrong checksum of deflated bytes",
       archive({changed(deflated("a.npy", array), [](Member& m) { m.crc++; })}), holds},
      {"a stream that ends early",
       archive({changed(deflated("a.npy", array),
                        [](Member& m) { m.packed.pop_back(), m.packed_bytes--; })}),
       holds},
      {"a stream that goes on",
       archive({changed(deflated("a.npy", array),
                        [](Member& m) { m.packed += "x", m.packed_bytes++; })}),
       holds},
      {"encrypted", archive({changed(a, [](Member& m) { m.flags = 1; })}),
       R"(entries must not be encrypted, got "a.npy")"},
      {"another method", archive({changed(a, [](Member& m) { m.method = 12; })}),
       R"(entries must be stored or deflated, got method 12 for "a.npy")"},
      {"no array", archive({stored("readme.txt", "hello")}),
       R"(entries must be arrays named NAME.npy, got "readme.txt")"},
      {"no name", archive({stored(".npy", array)}),
       R"(entries must be arrays named NAME.npy, got ".npy")"},
      {"a damaged array", archive({stored("a.npy", array.substr(0, 200))}),
       R"(the elements must fill the rest of the file, f32[2, 3, 4] of 96 bytes, got 72, of entry "a.npy")"},
  };
}

} // namespace

TEST_CASE("archives that NumPy wrote, stored and deflated", "[npz]") {
  for (const char* name : {"npz/stored.npz", "npz/deflated.npz"}) {
    CAPTURE(name);
    TensorMap arrays = load_npz(fixture(name));
    CHECK(is_same_data(arrays.at("weight"), sample(f32, {2, 3})));
    CHECK(is_same_data(arrays.at("count"), sample(i64, {})));
    CHECK(is_same_data(arrays.at("mask"), sample(boolean, {7})));
    CHECK(arrays.size() == (arrays.count("zeros") ? 4u : 3u));
    if (arrays.count("zeros")) CHECK(is_same_data(arrays.at("zeros"), zeros({100, 1000})));
  }
  TensorMap plain = load_npz(fixture("npz/plain.npz"));
  REQUIRE(plain.size() == 1);
  CHECK(is_same_data(plain.at("f32"), sample(f32, {2, 3, 4})));
}

TEST_CASE("archives of every dtype and layout come back", "[npz]") {
  Folder folder;
  TensorMap tensors;
  for (DType dtype : all_dtypes()) {
    std::string name(name_of(dtype));
    tensors[name] = sample(dtype, {3, 5});
    tensors[name + "/t"] = transpose(sample(dtype, {3, 5}), 0, 1);
    tensors[name + "/0"] = sample(dtype, {});
    tensors[name + "/empty"] = sample(dtype, {2, 0});
  }
  tensors["\xc3\xa4 b"] = ones({1});
  save_npz(folder / "t.npz", tensors);
  TensorMap back = load_npz(folder / "t.npz");
  REQUIRE(back.size() == tensors.size());
  for (const auto& [name, t] : tensors) {
    CAPTURE(name);
    CHECK(is_same_data(back.at(name), t));
  }
  save_npz(folder / "u.npz", tensors);
  CHECK(read_file(folder / "t.npz") == read_file(folder / "u.npz"));
  save_npz(folder / "none.npz", {});
  CHECK(load_npz(folder / "none.npz").empty());
  CHECK_THROWS_WITH(save_npz(folder / "t.npz", {{"a", Tensor()}}),
                    Contains("save_npz: the tensor \"a\" must be defined, got none"));
  CHECK_THROWS_WITH(save_npz(folder / "t.npz", {{"", ones({1})}}),
                    Contains("save_npz: names must have 1 to 60000 bytes, got 0"));
  CHECK_THROWS_WITH(save_npz(folder / "t.npz", {{"\xff", ones({1})}}),
                    Contains("save_npz: texts must be UTF-8, got \"\\xff\""));
  CHECK(load_npz(folder / "t.npz").size() == tensors.size());
}

TEST_CASE("a large entry is inflated in parts", "[npz]") {
  Folder folder;
  Tensor t = sample(f64, {300, 1000});
  save_npy(folder / "t.npy", t);
  Tensor noise = normal({300, 1000});
  save_npy(folder / "noise.npy", noise);
  write_file(folder / "t.npz", archive({deflated("t.npy", read_file(folder / "t.npy")),
                                        deflated("noise.npy", read_file(folder / "noise.npy"))}));
  TensorMap back = load_npz(folder / "t.npz");
  CHECK(is_same_data(back.at("t"), t));
  CHECK(is_same_data(back.at("noise"), noise));
}

TEST_CASE("damaged and hostile archives are refused at once", "[npz]") {
  Folder folder;
  for (const Hostile& h : hostile_archives()) {
    CAPTURE(h.what);
    write_file(folder / "h.npz", h.bytes);
    std::string text = refusal_of([&] { load_npz(folder / "h.npz"); });
    CHECK_THAT(text, StartsWith("load_npz: "));
    CHECK_THAT(text, Contains(h.message));
  }
  std::string whole = read_file(fixture("npz/deflated.npz"));
  for (size_t bytes = 0; bytes < whole.size(); bytes++) {
    write_file(folder / "h.npz", whole.substr(0, bytes));
    CHECK_THROWS_WITH(load_npz(folder / "h.npz"), StartsWith("load_npz: the archive must "));
  }
}

TEST_CASE("entries that share bytes are refused", "[npz]") {
  // b's header lies inside the bytes of a, which both directory lines allow.
  Folder folder;
  std::string array = read_file(fixture("npy/f32.npy"));
  std::string inner = archive({stored("b.npy", array)});
  size_t header = 30 + 5;
  Member outer = stored("a.npy", inner.substr(0, header + array.size()));
  Member b = stored("b.npy", array);
  b.place = static_cast<int64_t>(header);
  std::string bytes = archive({outer, b});
  write_file(folder / "h.npz", bytes);
  CHECK_THAT(refusal_of([&] { load_npz(folder / "h.npz"); }),
             Contains("entries must not overlap, got \"a.npy\" and \"b.npy\""));
}
