#include "cache_util.h"

#include "runtime/program/cache_archive.h"

using namespace cache_test;
using Catch::Matchers::Contains;

namespace {

ProgramStore open(const Sandbox& box) { return {box.cache, int64_t{1} << 30}; }

std::vector<Hash128> keys_in(const ProgramStore& store) {
  std::vector<Hash128> keys;
  for (const ProgramStore::Listed& e : store.list())
    keys.push_back(e.key);
  return keys;
}

// An archive of three programs, and an empty cache.
std::string exported(const Sandbox& box) {
  for (int n = 1; n <= 3; n++)
    compile_program(n);
  ProgramStore store = open(box);
  std::string file = box.root + "/archive";
  export_cache(store, keys_in(store), file);
  CHECK(store.trim(0) == 3);
  CHECK(box.files().empty());
  return file;
}

} // namespace

TEST_CASE("programs of an archive need no compiler") {
  Sandbox box;
  std::string file = exported(box);
  ProgramStore store = open(box);
  ImportReport report = import_cache(store, file);
  CHECK(report.taken == 3);
  CHECK(report.foreign == 0);
  for (int n = 1; n <= 3; n++)
    CHECK(compile_afresh(n).source == CompileReport::Source::disk);
}

TEST_CASE("an archive that is damaged anywhere is refused, and nothing is taken") {
  Sandbox box;
  std::string file = exported(box), whole = read(file);
  ProgramStore store = open(box);
  for (size_t at = 0; at < whole.size(); at += 1 + whole.size() / 90) {
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    std::ofstream(file, std::ios::binary) << bad;
    CHECK_THROWS_WITH(import_cache(store, file), Contains(file + " must"));
    CHECK(box.files().empty());
  }
  for (size_t n : {size_t{0}, size_t{7}, size_t{12}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, n);
    CHECK_THROWS_WITH(import_cache(store, file), Contains(file + " must"));
  }
  std::string long_entry = whole;
  for (size_t k = 8; k < 16; k++)
    long_entry[k] = '\xff';
  std::ofstream(file, std::ios::binary) << long_entry;
  CHECK_THROWS_WITH(import_cache(store, file), Contains("cut off"));
  CHECK_THROWS_WITH(import_cache(store, box.root + "/none"), Contains("must be readable"));
  CHECK(box.files().empty());
}

TEST_CASE("entries are looked at without a change, and a damaged one is told apart") {
  Sandbox box;
  compile_program(1);
  compile_program(2);
  ProgramStore store = open(box);
  std::vector<Hash128> keys = keys_in(store);
  REQUIRE(keys.size() == 2);
  std::string why;
  for (const Hash128& key : keys) {
    CHECK(store.look_at(key, why));
    CHECK(why.empty());
  }
  forget_programs(); // a mapped file must not change
  fs::resize_file(box.files()[0], 100);
  int bad = 0;
  for (const Hash128& key : keys) {
    if (store.look_at(key, why)) continue;
    bad++;
    CHECK(why == "is damaged");
    CHECK_THROWS_WITH(store.bytes_of(key), Contains("is damaged"));
  }
  CHECK(bad == 1);
  CHECK(box.files().size() == 2);
}

TEST_CASE("trimming removes what was used longest ago") {
  Sandbox box;
  for (int n = 1; n <= 4; n++)
    compile_program(n);
  ProgramStore store = open(box);
  timespec old[2] = {{1000000, 0}, {1000000, 0}};
  fs::path oldest = box.files()[2];
  utimensat(AT_FDCWD, oldest.c_str(), old, 0);
  int64_t held = 0;
  for (const ProgramStore::Listed& e : store.list())
    held += e.bytes;
  CHECK(store.trim(held) == 0);
  CHECK(store.trim(held - 1) == 1);
  CHECK_FALSE(fs::exists(oldest));
  CHECK(store.trim(0) == 3);
}
