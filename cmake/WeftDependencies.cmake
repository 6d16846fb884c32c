# Finds the packages that tools/setup installs, and describes LLVM, MLIR and lld as one group of static archives.

# LLVM's exported targets name these two whether or not their development packages are installed.
foreach(target zstd::libzstd_shared CURL::libcurl)
  if(NOT TARGET ${target})
    add_library(${target} INTERFACE IMPORTED)
  endif()
endforeach()
find_package(MLIR 22.1 REQUIRED CONFIG PATHS /usr/lib/llvm-22/lib/cmake/mlir)
find_package(Threads REQUIRED)
find_package(HWY REQUIRED CONFIG)
find_package(fmt REQUIRED CONFIG)
find_package(CLI11 REQUIRED CONFIG)
find_package(nlohmann_json REQUIRED CONFIG)
find_package(Catch2 2 REQUIRED CONFIG)

set(WEFT_LLVM_BIN ${LLVM_TOOLS_BINARY_DIR})
set(WEFT_LLVM_LIB ${LLVM_LIBRARY_DIRS})
set(WEFT_MLIR_TBLGEN ${WEFT_LLVM_BIN}/mlir-tblgen)

# gcc looks for a linker named ld.lld on the path or in a -B folder; this one holds LLVM's own.
if(EXISTS ${WEFT_LLVM_BIN}/ld.lld)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/linker)
  file(CREATE_LINK ${WEFT_LLVM_BIN}/ld.lld ${PROJECT_BINARY_DIR}/linker/ld.lld SYMBOLIC)
  add_link_options(-B${PROJECT_BINARY_DIR}/linker -fuse-ld=lld)
endif()

add_library(weft-llvm-headers INTERFACE)
target_include_directories(weft-llvm-headers SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_definitions(weft-llvm-headers INTERFACE ${LLVM_DEFINITIONS_LIST})

# The archives themselves, because MLIR's CMake targets name libLLVM.so. One group: the linker takes only the members it needs.
file(GLOB archives ${WEFT_LLVM_LIB}/libMLIR*.a ${WEFT_LLVM_LIB}/libLLVM*.a)
list(FILTER archives EXCLUDE REGEX "CAPI|Python|Polly|TableGen|MLIRMlir|Test")
list(APPEND archives ${WEFT_LLVM_LIB}/liblldELF.a ${WEFT_LLVM_LIB}/liblldCommon.a)
add_library(weft-llvm INTERFACE)
target_link_libraries(weft-llvm INTERFACE weft-llvm-headers -Wl,--start-group ${archives} -Wl,--end-group z zstd Threads::Threads ${CMAKE_DL_LIBS})
target_link_options(weft-llvm INTERFACE -Wl,--exclude-libs,ALL -Wl,--gc-sections)

add_library(weft-llvm-tablegen INTERFACE)
target_link_libraries(weft-llvm-tablegen INTERFACE weft-llvm-headers ${WEFT_LLVM_LIB}/libLLVMTableGen.a ${WEFT_LLVM_LIB}/libLLVMSupport.a
                      ${WEFT_LLVM_LIB}/libLLVMDemangle.a z zstd Threads::Threads ${CMAKE_DL_LIBS})
