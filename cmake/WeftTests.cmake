# weft_test(NAME fast|slow|gpu [LIBS lib...] SOURCES file...): a Catch2 executable, registered as one CTest.
# A `gpu` test that finds no device prints a line "SKIPPED: why", which CTest shows as skipped.
function(weft_test name label)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "LIBS;SOURCES")
  weft_executable(${name} LIBS ${arg_LIBS} weft Catch2::Catch2WithMain SOURCES ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test)
  if(CMAKE_BUILD_TYPE STREQUAL Release AND NOT "weft-ir" IN_LIST arg_LIBS)
    # A third less to compile; what runs long is the library. The precompiled header of weft-ir takes no other flags than its own.
    target_compile_options(${name} PRIVATE -O1)
  endif()
  add_dependencies(${name} weft-gen)
  weft_add_test(${name} ${label} $<TARGET_FILE:${name}>)
endfunction()

# weft_add_test(NAME fast|slow|long|gpu COMMAND...): any command as a CTest. Those that are long run in `make test-slow` alone.
function(weft_add_test name label)
  if(NOT WEFT_BUILD_TESTS)
    return()
  endif()
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_BINARY_DIR}/test)
  set(seconds 600)
  if(WEFT_SANITIZE)
    set(seconds 2400)
  endif()
  if(label STREQUAL long)
    set(seconds 3600)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${seconds}
    ENVIRONMENT "XDG_CACHE_HOME=${PROJECT_BINARY_DIR}/test/home/${name}")
  if(label STREQUAL gpu)
    set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "SKIPPED: ")
  endif()
endfunction()
