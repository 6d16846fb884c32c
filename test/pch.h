// The precompiled header of tests that include no MLIR. Each of them includes what it uses all the
// same.
#pragma once

#include <catch2/catch.hpp>

#include "weft/weft.h"
