// The UCI optical digits: 1,797 images of 8 by 8 pixels (data/README.md).
#pragma once

#include <weft/weft.h>

#include <string>

namespace digits {

struct Split {
  weft::data::TensorDataset train, test;
};

/// Reads FOLDER/digits.txt. Pixels become f32 in [0, 1], a row of 64 an image; targets are i64.
/// Every fifth image is for testing. Both sets lie on the device. Throws weft::Error for a missing
/// or malformed file.
Split load(const std::string& folder, weft::Device device);

} // namespace digits
