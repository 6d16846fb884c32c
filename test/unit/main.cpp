// One main for every Catch2 executable. Exit code 77 is CTest's "skipped".
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
