# Generated files. Headers land in build/gen/weft/gen and are included as "weft/gen/NAME"; pages land in
# build/gen/docs, from where `make docs` copies them to docs/ and tools/check/generated_docs compares them.

# weft_tblgen(OUT GENERATOR [PUBLIC]): prints a header from ir/ops/ops.td by `weft-tblgen -gen-GENERATOR`.
# PUBLIC: a public header includes it, so it is installed.
function(weft_tblgen out generator)
  cmake_parse_arguments(PARSE_ARGV 2 arg "PUBLIC" "" "")
  weft_run_tablegen(weft-gen weft/gen/${out} weft-tblgen ${PROJECT_SOURCE_DIR}/ir/ops/ops.td -gen-${generator})
  if(arg_PUBLIC)
    install(FILES ${WEFT_GEN_DIR}/weft/gen/${out} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft/gen)
  endif()
endfunction()

# weft_mlir_tablegen(OUT TD GENERATOR [arg...]): prints a header from TD (relative to this folder) by
# `mlir-tblgen -gen-GENERATOR arg...`.
function(weft_mlir_tablegen out td generator)
  weft_run_tablegen(weft-ir-gen weft/gen/${out} ${WEFT_MLIR_TBLGEN} ${CMAKE_CURRENT_SOURCE_DIR}/${td} -gen-${generator} ${ARGN})
endfunction()

# weft_tblgen_page(PAGE GENERATOR) and weft_mlir_tblgen_page(PAGE TD GENERATOR [arg...]): the same for docs/PAGE.
function(weft_tblgen_page page generator)
  weft_run_tablegen(weft-docs docs/${page} weft-tblgen ${PROJECT_SOURCE_DIR}/ir/ops/ops.td -gen-${generator})
endfunction()

function(weft_mlir_tblgen_page page td generator)
  weft_run_tablegen(weft-docs docs/${page} ${WEFT_MLIR_TBLGEN} ${CMAKE_CURRENT_SOURCE_DIR}/${td} -gen-${generator} ${ARGN})
endfunction()

function(weft_run_tablegen group out tool td)
  set(file ${WEFT_GEN_DIR}/${out})
  cmake_path(GET file PARENT_PATH folder)
  # --write-if-changed: what a change of the records leaves as it was is not compiled again.
  add_custom_command(OUTPUT ${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND ${tool} ${ARGN} -I ${PROJECT_SOURCE_DIR} -I ${PROJECT_SOURCE_DIR}/ir/ops -I ${LLVM_INCLUDE_DIRS} --write-if-changed ${td} -d ${file}.d -o ${file}
    DEPENDS ${tool} ${td} DEPFILE ${file}.d COMMENT "Generating ${out}" VERBATIM)
  # A custom target's files must be known in the folder that declares their command: one small target a file.
  string(MAKE_C_IDENTIFIER ${out} name)
  add_custom_target(gen-${name} DEPENDS ${file})
  add_dependencies(${group} gen-${name})
endfunction()
