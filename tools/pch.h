// The precompiled header of tools that include no MLIR. Each source includes what it uses all the
// same.
#pragma once

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "weft/weft.h"
