// What the tests of files share: folders, bytes, sample tensors, and refusals under limits.
#pragma once

#include "weft/io.h"

#include <functional>
#include <string>
#include <vector>

namespace weft::test {

/// A folder of one test, removed at its end.
struct Folder {
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return path + "/" + name; }
  /// Names of the files in it, sorted.
  std::vector<std::string> names() const;
  std::string path;
};

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

/// A path below test/io/data.
std::string fixture(const std::string& name);

/// Every dtype there is.
std::vector<DType> all_dtypes();

/// A tensor with the values of make_fixtures.py.
Tensor sample(DType dtype, const Shape& shape);

/// Says whether two tensors have the same dtype, shape and bits.
bool is_same_data(const Tensor& a, const Tensor& b);

/// Calls f in a process of its own that has 64 MiB more than this one and a second, and returns the
/// message of the weft::Error that it must throw.
std::string refusal_of(const std::function<void()>& f);

/// Calls f in a process of its own and returns its wait status. f returns the exit code.
int status_of(const std::function<int()>& f);

} // namespace weft::test
