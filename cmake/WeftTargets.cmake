# The project's libraries. Each folder's CMakeLists.txt adds its own sources to them with weft_sources().

set(WEFT_GEN_DIR ${PROJECT_BINARY_DIR}/gen)

# What every target of ours sees: internal includes from the repository's root, public ones, generated ones.
add_library(weft-includes INTERFACE)
target_include_directories(weft-includes INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/runtime/include ${PROJECT_SOURCE_DIR}/frontend/include ${WEFT_GEN_DIR})

# A precompiled header for all sources of a library: weft_precompile(TARGET HEADER).
function(weft_precompile target header)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL OBJECT_LIBRARY)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  endif()
  target_compile_options(${target} PRIVATE -fpch-preprocess)
  target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/${header})
endfunction()
# Sources of a program, or of parts of programs, take that of an object library: weft_share_precompiled(TARGET LIBRARY). g++ takes a
# precompiled header only for the very flags that it was made with, so that neither has the -fPIE or -fPIC that CMake would add.
function(weft_share_precompiled target library)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fpch-preprocess)
  target_precompile_headers(${target} REUSE_FROM ${library})
endfunction()

# Everything that weft-tblgen and mlir-tblgen print for the targets below.
add_custom_target(weft-gen)
add_custom_target(weft-ir-gen)
add_custom_target(weft-docs ALL)

# The expression language: no LLVM, used by the generator, the compiler, and the runtime for custom ops.
add_library(weft-expr STATIC)
target_link_libraries(weft-expr PUBLIC weft-includes)

# Reads ir/ops/*.td.
add_executable(weft-tblgen)
target_link_libraries(weft-tblgen PRIVATE weft-expr weft-llvm-tablegen)

# libweft: tensors, kernels, autograd, nn, regions, the program executor. No LLVM.
add_library(weft SHARED)
add_library(weft::weft ALIAS weft)
target_include_directories(weft PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/runtime/include> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/frontend/include>
                           $<BUILD_INTERFACE:${WEFT_GEN_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(weft PUBLIC cxx_std_20)
target_link_libraries(weft PUBLIC fmt::fmt PRIVATE $<BUILD_INTERFACE:weft-includes> $<BUILD_INTERFACE:weft-expr> $<BUILD_INTERFACE:nlohmann_json::nlohmann_json> hwy z Threads::Threads ${CMAKE_DL_LIBS})
weft_precompile(weft runtime/pch.h)
# Calls inside the library bind directly, and its thread-locals take one load: both are on the path of every eager op.
target_compile_options(weft PRIVATE -fno-semantic-interposition -ftls-model=initial-exec)
target_link_options(weft PRIVATE -Wl,-Bsymbolic-functions -Wl,--no-undefined)
add_dependencies(weft weft-gen)
set_target_properties(weft PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

# Every source that includes MLIR or LLVM: ir, passes, codegen. One precompiled header for all of them.
add_library(weft-ir OBJECT)
target_link_libraries(weft-ir PUBLIC weft-includes weft-llvm-headers weft-expr fmt::fmt)
# What mlir-tblgen prints is not free of warnings.
target_include_directories(weft-ir SYSTEM PUBLIC ${WEFT_GEN_DIR})
target_compile_options(weft-ir PUBLIC -fvisibility=hidden -fvisibility-inlines-hidden -ffunction-sections -fdata-sections)
# g++ warns about code inside LLVM's headers even when they are system headers, once it is inlined into ours.
target_compile_options(weft-ir PUBLIC -Wno-maybe-uninitialized)
target_compile_options(weft-ir PUBLIC -fPIC -fpch-preprocess -flarge-source-files)
target_precompile_headers(weft-ir PRIVATE ${PROJECT_SOURCE_DIR}/ir/mlir_pch.h)
if(WEFT_SANITIZE MATCHES "address")
  # LLVM's archives are not instrumented, so its allocators must not poison memory on our side of the border only.
  target_compile_options(weft-ir PUBLIC -U__SANITIZE_ADDRESS__)
endif()
add_dependencies(weft-ir weft-gen weft-ir-gen)

# libweft-compiler: loaded by libweft at the first compile that misses the cache.
add_library(weft-compiler SHARED)
target_link_libraries(weft-compiler PRIVATE weft-ir weft-llvm)
target_link_options(weft-compiler PRIVATE -Wl,--no-undefined -Wl,--version-script=${PROJECT_SOURCE_DIR}/codegen/exports.map)
target_compile_options(weft-compiler PRIVATE -fvisibility=hidden)

# The sources of a folder: weft_sources(TARGET file...).
function(weft_sources target)
  target_sources(${target} PRIVATE ${ARGN})
endfunction()

# An executable of ours in build/bin: weft_executable(NAME [LIBS lib...] SOURCES file...).
function(weft_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS;SOURCES")
  add_executable(${name})
  weft_sources(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE weft-includes ${arg_LIBS})
  if("weft-ir" IN_LIST arg_LIBS)
    weft_share_precompiled(${name} weft-ir)
  endif()
endfunction()
