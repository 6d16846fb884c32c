// The precompiled header of the library's sources, but for kernels/. Each of them includes what it
// uses all the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "weft/tensor.h"
