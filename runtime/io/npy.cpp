// load_npy, save_npy, load_npz, save_npz.

#include "weft/io.h"

#include "runtime/io/file.h"
#include "runtime/io/in_quotes.h"
#include "runtime/io/json.h"
#include "runtime/io/npz_format.h"
#include "runtime/io/tensor_bytes.h"
#include "runtime/io/zip_writer.h"

#include <fmt/format.h>

#include <algorithm>

namespace weft {

namespace {

/// Makes the tensor that a header describes. Its memory is contiguous in either order.
Tensor make_array(const NpyHeader& header, const Loc& loc) {
  Shape shape(header.shape), in_memory = shape;
  if (header.is_fortran) std::reverse(in_memory.begin(), in_memory.end());
  Tensor t = empty(in_memory, header.dtype, Device::cpu(), loc);
  if (!header.is_fortran) return t;
  Meta meta = make_meta(shape, header.dtype);
  std::reverse_copy(t.impl()->meta.strides, t.impl()->meta.strides + meta.rank, meta.strides);
  meta.finish_strided();
  t.impl()->storage->retain();
  return tensor_over(t.impl()->storage, 0, meta);
}

/// Brings elements as they lay in the file into this machine's form.
void finish_array(const NpyHeader& header, std::span<uint8_t> bytes) {
  if (header.is_big_endian)
    for (size_t item = size_of(header.dtype), k = 0; k < bytes.size(); k += item)
      std::reverse(bytes.data() + k, bytes.data() + k + item);
  if (header.dtype == DType::boolean) check_bools(bytes);
}

std::string printed(const Tensor& t, NpyOptions options) {
  return print_npy(t.dtype(), t.shape(), options.bf16_as_uint16);
}

/// Names become those of an archive's entries, NAME.npy.
void check_name(const std::string& name) {
  constexpr size_t kMost = 60000; // the archive counts a name's bytes in 16 bits
  if (name.empty() || name.size() > kMost)
    throw FormatError(fmt::format("names must have 1 to {} bytes, got {}", kMost, name.size()));
  print_json_text(name); // throws where the name is not UTF-8
}

} // namespace

Tensor load_npy(const std::string& path, NpyOptions options, Loc loc) {
  return in_file("load_npy", path, loc, [&] {
    FileSource file(path);
    std::vector<uint8_t> start(std::min(file.size(), kNpyMostStart));
    file.read(0, start);
    NpyHeader header = parse_npy(start, file.size(), options.bf16_as_uint16);
    Tensor t = make_array(header, loc);
    file.read(header.start, memory_of(t));
    finish_array(header, memory_of(t));
    return t;
  });
}

void save_npy(const std::string& path, const Tensor& t, NpyOptions options, Loc loc) {
  Elements e = elements_of("save_npy", t, "the tensor", loc);
  in_file("save_npy", path, loc, [&] {
    AtomicFile file(path);
    file.write(printed(t, options));
    file.write(e.bytes);
    file.commit();
  });
}

TensorMap load_npz(const std::string& path, NpyOptions options, Loc loc) {
  return in_file("load_npz", path, loc, [&] {
    TensorMap arrays;
    std::vector<std::pair<NpyHeader, Tensor>> read;
    FileSource file(path);
    read_npz(file, options.bf16_as_uint16, [&](const std::string& name, const NpyHeader& header) {
      Tensor t = make_array(header, loc);
      arrays[name] = t;
      read.emplace_back(header, t);
      return memory_of(t);
    });
    for (const auto& [header, t] : read)
      finish_array(header, memory_of(t));
    return arrays;
  });
}

void save_npz(const std::string& path, const TensorMap& tensors, NpyOptions options, Loc loc) {
  in_file("save_npz", path, loc, [&] {
    AtomicFile file(path);
    ZipWriter zip(file);
    for (const auto& [name, t] : tensors) {
      check_name(name);
      Elements e = elements_of("save_npz", t, "the tensor " + in_quotes(name), loc);
      zip.add(name + ".npy", printed(t, options), e.bytes);
    }
    zip.finish();
    file.commit();
  });
}

} // namespace weft
