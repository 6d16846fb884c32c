// load_safetensors, save_safetensors.

#include "runtime/io/safetensors.h"

#include "runtime/io/file.h"
#include "runtime/io/in_quotes.h"
#include "runtime/io/safetensors_format.h"
#include "runtime/io/tensor_bytes.h"

namespace weft {

namespace {

/// Each tensor's storage holds the map.
struct MapOwner : MemoryOwner {
  explicit MapOwner(std::shared_ptr<MappedFile> map) : map(std::move(map)) {}
  std::shared_ptr<MappedFile> map;
};

Tensor map_tensor(const std::shared_ptr<MappedFile>& map, const SafetensorsEntry& e,
                  const Loc& loc) {
  std::span<uint8_t> bytes = map->bytes().subspan(e.start, e.bytes);
  if (e.dtype == DType::boolean) check_bools(bytes);
  Shape shape(e.shape);
  bool is_aligned = reinterpret_cast<uintptr_t>(bytes.data()) % size_of(e.dtype) == 0;
  if (bytes.empty() || !is_aligned) return from_data(bytes.data(), shape, e.dtype, loc);
  Storage* storage = Storage::make();
  storage->data = bytes.data();
  storage->nbytes = bytes.size();
  storage->owner = new MapOwner(map);
  return tensor_over(storage, 0, make_meta(shape, e.dtype));
}

} // namespace

Safetensors map_safetensors(const std::string& path, const Loc& loc) {
  auto map = std::make_shared<MappedFile>(path);
  SafetensorsHeader header = parse_safetensors(map->bytes());
  Safetensors r;
  for (const SafetensorsEntry& e : header.tensors)
    r.tensors[e.name] = map_tensor(map, e, loc);
  r.metadata = std::move(header.metadata);
  return r;
}

void write_safetensors(const char* op, const std::string& path, const TensorMap& tensors,
                       std::map<std::string, std::string> metadata, const Loc& loc) {
  SafetensorsHeader header;
  header.metadata = std::move(metadata);
  for (const auto& [name, t] : tensors) {
    if (!t.defined()) elements_of(op, t, "the tensor " + in_quotes(name), loc);
    Shape shape = t.shape();
    header.tensors.push_back({name, t.dtype(), {shape.begin(), shape.end()}});
  }
  AtomicFile file(path);
  file.write(print_safetensors(header));
  for (const SafetensorsEntry& e : header.tensors)
    file.write(elements_of(op, tensors.at(e.name), "the tensor", loc).bytes);
  file.commit();
}

Safetensors load_safetensors(const std::string& path, Loc loc) {
  return in_file("load_safetensors", path, loc, [&] { return map_safetensors(path, loc); });
}

void save_safetensors(const std::string& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata, Loc loc) {
  in_file("save_safetensors", path, loc,
          [&] { write_safetensors("save_safetensors", path, tensors, metadata, loc); });
}

} // namespace weft
