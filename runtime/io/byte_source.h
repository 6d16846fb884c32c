// Bytes that can be read from any place: of a file, or of memory.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace weft {

class ByteSource {
public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  /// Fills `into` with the bytes from `offset` on, all of which must lie inside.
  virtual void read(uint64_t offset, std::span<uint8_t> into) const = 0;
};

class MemorySource : public ByteSource {
public:
  explicit MemorySource(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  uint64_t size() const override { return bytes_.size(); }
  void read(uint64_t offset, std::span<uint8_t> into) const override {
    if (!into.empty()) std::memcpy(into.data(), bytes_.data() + offset, into.size());
  }

private:
  std::span<const uint8_t> bytes_;
};

} // namespace weft
