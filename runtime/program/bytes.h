// Little-endian reading and writing of flat structures. The reader believes no count: nothing is
// allocated that the bytes left could not fill.
#pragma once

#include "weft/error.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace weft {

static_assert(std::endian::native == std::endian::little,
              "numbers are stored as they lie in memory");

class ByteWriter {
public:
  template <class T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>) void put(T v) {
    bytes_.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  void put_count(size_t n) { put(static_cast<uint32_t>(n)); }
  void put_text(const std::string& s) {
    put(static_cast<uint64_t>(s.size()));
    bytes_ += s;
  }
  template <class T> void put_all(const std::vector<T>& v) {
    put_count(v.size());
    for (const T& e : v)
      put(e);
  }
  std::string take() { return std::move(bytes_); }

private:
  std::string bytes_;
};

class ByteReader {
public:
  /// `what` names the structure in messages.
  ByteReader(std::span<const uint8_t> bytes, const char* what) : left_(bytes), what_(what) {}

  template <class T>
  requires std::is_arithmetic_v<T> T get() {
    T v;
    std::memcpy(&v, take(sizeof v).data(), sizeof v);
    return v;
  }
  bool get_bool() {
    uint8_t v = get<uint8_t>();
    if (v > 1) broken("a flag is neither 0 nor 1");
    return v;
  }
  /// Reads an enumerator no greater than `last`.
  template <class E> E get_enum(E last) {
    uint8_t v = get<uint8_t>();
    if (v > static_cast<uint8_t>(last)) broken("an enumerator is unknown");
    return static_cast<E>(v);
  }
  /// Reads a count of elements of at least `least_bytes` each.
  size_t get_count(size_t least_bytes) {
    size_t n = get<uint32_t>();
    if (n > left_.size() / least_bytes) broken("a count exceeds the bytes left");
    return n;
  }
  std::string get_text() {
    uint64_t n = get<uint64_t>();
    if (n > left_.size()) broken("a text exceeds the bytes left");
    std::span<const uint8_t> s = take(static_cast<size_t>(n));
    return {reinterpret_cast<const char*>(s.data()), s.size()};
  }
  template <class T> std::vector<T> get_all() {
    std::vector<T> v(get_count(sizeof(T)));
    for (T& e : v)
      e = get<T>();
    return v;
  }
  void finish() {
    if (!left_.empty()) broken("bytes follow its end");
  }
  [[noreturn]] void broken(const char* why) const {
    throw Error(ErrorKind::io, std::string(what_) + ": bytes must be a whole one, " + why);
  }
  void check(bool ok, const char* why) const {
    if (!ok) broken(why);
  }

private:
  std::span<const uint8_t> take(size_t n) {
    if (n > left_.size()) broken("they end early");
    std::span<const uint8_t> s = left_.first(n);
    left_ = left_.subspan(n);
    return s;
  }
  std::span<const uint8_t> left_;
  const char* what_;
};

} // namespace weft
