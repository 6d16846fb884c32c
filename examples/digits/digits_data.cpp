#include "digits_data.h"

#include <fstream>
#include <string_view>

namespace digits {

using namespace weft;

namespace {

constexpr int kPixels = 64;

struct Images {
  std::vector<float> pixels;
  std::vector<int64_t> labels;

  data::TensorDataset dataset(Device device) const {
    auto n = static_cast<int64_t>(labels.size());
    return {tensor(pixels, {n, kPixels}).to(device), tensor(labels, {n}).to(device)};
  }
};

// A line: 64 characters of 0..g for 0..16, a space, the digit.
void add_line(Images& images, const std::string& line, const std::string& place) {
  constexpr std::string_view kLevels = "0123456789abcdefg";
  bool right = line.size() == kPixels + 2 && line[kPixels] == ' ' && line.back() >= '0' &&
               line.back() <= '9';
  for (int k = 0; right && k < kPixels; k++) {
    size_t level = kLevels.find(line[static_cast<size_t>(k)]);
    right = level != std::string_view::npos;
    images.pixels.push_back(static_cast<float>(level) / 16.0f);
  }
  if (!right)
    throw Error(ErrorKind::io,
                "digits: a line must have 64 pixels of 0..g, a space and a digit, got \"" + line +
                    "\" in " + place);
  images.labels.push_back(line.back() - '0');
}

} // namespace

Split load(const std::string& folder, Device device) {
  std::string path = folder + "/digits.txt";
  std::ifstream file(path);
  if (!file)
    throw Error(ErrorKind::io, "digits: the data must be readable, got nothing from " + path);
  Images train, test;
  std::string line;
  for (int k = 0; std::getline(file, line); k++)
    add_line(k % 5 == 4 ? test : train, line, path);
  return {train.dataset(device), test.dataset(device)};
}

} // namespace digits
